//! Text of annotation files and lists.

use std::borrow::Cow;

pub(crate) use chorus_archive::{cleaned, column_name, composed};
use chorus_text::{as_typed, western};
use jiff::SignedDuration;

/// Byte order marks of UTF-16, little-endian first.
const UTF16_BOMS: [[u8; 2]; 2] = [[0xFF, 0xFE], [0xFE, 0xFF]];
/// Byte order mark of UTF-8.
pub(crate) const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";
/// Number of names that a message shows.
const MOST_NAMES: usize = 5;

/// Decodes UTF-8, and any other text as Windows-1252, which holds Latin-1 and in which every byte is a character: no input is refused.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(western(bytes)),
    }
}

/// The text of a field, trimmed, and without the apostrophe that keeps a spreadsheet from running it.
pub(crate) fn typed(field: &[u8]) -> String {
    as_typed(decode(field).trim()).trim().to_owned()
}

/// Converts UTF-16 with a byte order mark, such as Excel's "Unicode text", to UTF-8. Other bytes are returned unchanged.
pub(crate) fn utf8(bytes: Vec<u8>) -> Vec<u8> {
    let Some((mark, units)) = bytes.split_first_chunk::<2>().filter(|(mark, _)| UTF16_BOMS.contains(mark)) else { return bytes };
    let unit: fn([u8; 2]) -> u16 = if *mark == UTF16_BOMS[0] { u16::from_le_bytes } else { u16::from_be_bytes };
    let units = units.as_chunks::<2>().0.iter().copied().map(unit);
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.into_bytes()
}

/// Whether a field says that there is no value: an empty one, or what R, pandas and databases write for it.
pub(crate) fn is_missing(text: &str) -> bool {
    matches!(text, "" | "NA" | "N/A" | "NaN" | "nan" | "NULL" | "None")
}

/// As [`composed`], in lower case.
pub(crate) fn folded(name: &str) -> String {
    composed(name).to_lowercase()
}

/// The separator of fields: the most frequent of comma, semicolon and tab in the first line.
pub(crate) fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes.split(|&b| b == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let count = |delimiter: &u8| header.iter().filter(|&b| b == delimiter).count();
    // `max_by_key` takes the last of equal counts.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// A number with a decimal point or comma; `None` where it is not finite.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().replacen(',', ".", 1).parse().ok().filter(|number: &f64| number.is_finite())
}

/// A time as people and programs write it, in seconds: `62.5`, `62,5`, `62.5 s`, `1:02.5`, `00:01:02,5`, `PT1M2.5S`. With colons, only the
/// first part may be 60 or more.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.starts_with('P') {
        return text.parse().ok().map(|length: SignedDuration| length.as_secs_f64());
    }
    let text = text
        .strip_suffix('s')
        .filter(|rest| rest.ends_with([' ', '.']) || rest.ends_with(|c: char| c.is_ascii_digit()))
        .unwrap_or(text);
    let Some((before, last)) = text.rsplit_once(':') else { return number(text) };
    let is_digits = |part: &str| !part.is_empty() && part.len() <= 6 && part.bytes().all(|byte| byte.is_ascii_digit());
    let last_s = number(last).filter(|s| (0.0..60.0).contains(s) && last.trim().starts_with(|c: char| c.is_ascii_digit()))?;
    let parts: Vec<f64> =
        before.split(':').map(|part| is_digits(part).then(|| part.parse().ok()).flatten()).collect::<Option<_>>()?;
    match parts[..] {
        [minutes] => Some(minutes * 60.0 + last_s),
        [hours, minutes] if minutes < 60.0 => Some(hours * 3600.0 + minutes * 60.0 + last_s),
        _ => None,
    }
}

/// The folders and the file name of a Windows or Unix path.
pub(crate) fn parts(path: &str) -> Vec<&str> {
    path.split(['/', '\\']).filter(|part| !part.is_empty() && *part != "." && !part.ends_with(':')).collect()
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    parts(path).last().copied().unwrap_or(path)
}

/// A file's name without its extension. A last part of more than four characters or without a letter is no extension.
pub(crate) fn stem(name: &str) -> &str {
    let is_extension = |e: &str| (1..=4).contains(&e.len()) && e.bytes().any(|b| b.is_ascii_alphabetic());
    name.rsplit_once('.').filter(|(stem, e)| !stem.is_empty() && is_extension(e)).map_or(name, |(stem, _)| stem)
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
    fn paths_of_any_system_come_apart() {
        assert_eq!(parts(r"D:\field\POND01\a.wav"), ["field", "POND01", "a.wav"]);
        assert_eq!(parts("/mnt/./x//a b.wav"), ["mnt", "x", "a b.wav"]);
        for (name, wanted) in
            [("a.wav", "a"), ("a.b.FLAC", "a.b"), ("a.1", "a.1"), ("a.selections", "a.selections"), (".wav", ".wav")]
        {
            assert_eq!(stem(name), wanted);
        }
    }

    #[test]
    fn utf16_becomes_utf8_and_nothing_else_is_touched() {
        let text = "código\tclasse\n🐸\tx\n";
        let units =
            |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| [mark.to_vec(), text.encode_utf16().flat_map(bytes).collect()].concat();
        assert_eq!(utf8(units([0xFF, 0xFE], u16::to_le_bytes)), text.as_bytes());
        assert_eq!(utf8(units([0xFE, 0xFF], u16::to_be_bytes)), text.as_bytes());
        assert_eq!(utf8(b"\xFF\xFE\x00\xD8a\0b".to_vec()), "\u{FFFD}a".as_bytes(), "half a pair, and half a unit at the end");
        for bytes in [&b""[..], b"\xFF", b"a\0b\0", b"\xEF\xBB\xBFa", b"r\xE3\n"] {
            assert_eq!(utf8(bytes.to_vec()), bytes);
        }
    }

    #[test]
    fn accents_are_compared_in_one_form() {
        assert_eq!(
            (composed("Rivie\u{300}re"), folded("RIVIE\u{300}RE")),
            (Cow::from("Rivi\u{e8}re"), "rivi\u{e8}re".to_owned())
        );
        assert!(matches!(composed("POND01 rivi\u{e8}re"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..7).map(|i| i.to_string()).collect();
        assert_eq!((some_of(&names[..2]), some_of(&names)), ("0, 1".into(), "0, 1, 2, 3, 4 and 2 more".into()));
    }
}
