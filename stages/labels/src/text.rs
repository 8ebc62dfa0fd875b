//! Text as label files hold it.

use std::borrow::Cow;

/// The mark that some editors put before UTF-8 text.
pub(crate) const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";
/// Names that a message tells before it only counts.
const MOST_NAMES: usize = 5;

/// Decodes UTF-8, and what isn't as Latin-1, in which every byte is a character: no input is refused or altered.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// The first of several names, and how many more there are.
pub(crate) fn some_of(names: &[String]) -> String {
    let shown = names[..names.len().min(MOST_NAMES)].join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..7).map(|i| i.to_string()).collect();
        assert_eq!((some_of(&names[..2]), some_of(&names)), ("0, 1".into(), "0, 1, 2, 3, 4 and 2 more".into()));
    }
}
