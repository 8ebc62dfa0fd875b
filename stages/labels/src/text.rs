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
