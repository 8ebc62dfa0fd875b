//! Text as label files hold it.

use std::borrow::Cow;

/// The mark that some editors put before UTF-8 text.
pub(crate) const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// Decodes UTF-8, and what isn't as Latin-1, in which every byte is a character: no input is refused or altered.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// A number as written in any locale; `None` where it isn't finite.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().replacen(',', ".", 1).parse().ok().filter(|number: &f64| number.is_finite())
}

/// A file's name and the folders before it, of a path as Windows or Unix writes it.
pub(crate) fn parts(path: &str) -> Vec<&str> {
    path.split(['/', '\\']).filter(|part| !part.is_empty() && *part != "." && !part.ends_with(':')).collect()
}

/// A file's name without its extension; a last part of more than four characters or of digits only is none.
pub(crate) fn stem(name: &str) -> &str {
    let is_extension = |e: &str| (1..=4).contains(&e.len()) && e.bytes().any(|b| b.is_ascii_alphabetic());
    name.rsplit_once('.').filter(|(stem, e)| !stem.is_empty() && is_extension(e)).map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_any_system_come_apart() {
        assert_eq!(parts(r"D:\field\POND01\a.wav"), ["field", "POND01", "a.wav"]);
        assert_eq!(parts("/mnt/./x//a b.wav"), ["mnt", "x", "a b.wav"]);
        for (name, wanted) in
            [("a.wav", "a"), ("a.b.FLAC", "a.b"), ("a.1", "a.1"), ("a.selections", "a.selections"), (".wav", ".wav")]
        {
            assert_eq!(stem(name), wanted);
        }
    }
}
