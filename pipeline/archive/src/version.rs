//! Versions of files.

use std::fmt;

/// What changes when the content of a file may have changed: an opaque text. Compare it for equality only. The texts of local folders are
/// kept as the numbers that they write, because a listing has millions of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// `c`, the number of a file, `-`, its time of change.
    Change { number: u64, changed_ns: i64 },
    /// `m` and a time of modification.
    Modified(i64),
    /// Any text that is none of the others.
    Text(Box<str>),
}

impl Version {
    /// The version of a file by its number (inode) and its time of change, nanoseconds since 1970. Public for callers that remembered both
    /// apart.
    #[must_use]
    pub fn by_change(number: u64, changed_ns: i64) -> Self {
        Self(Form::Change { number, changed_ns })
    }

    /// The version of a file by its time of modification, nanoseconds since 1970.
    #[must_use]
    pub fn by_modification(modified_ns: i64) -> Self {
        Self(Form::Modified(modified_ns))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Change { number, changed_ns } => write!(f, "c{number:x}-{changed_ns:x}"),
            Form::Modified(ns) => write!(f, "m{ns:x}"),
            Form::Text(text) => f.write_str(text),
        }
    }
}

impl From<&str> for Version {
    fn from(text: &str) -> Self {
        Self(numbers(text).unwrap_or_else(|| Form::Text(text.into())))
    }
}

impl From<String> for Version {
    fn from(text: String) -> Self {
        Self(numbers(&text).unwrap_or_else(|| Form::Text(text.into())))
    }
}

/// The numbers of a text, where it is the one that is written for them.
fn numbers(text: &str) -> Option<Form> {
    if let Some(time) = text.strip_prefix('m') {
        return number(time).map(|ns| Form::Modified(ns.cast_signed()));
    }
    let (file, time) = text.strip_prefix('c')?.split_once('-')?;
    Some(Form::Change { number: number(file)?, changed_ns: number(time)?.cast_signed() })
}

/// A number, where these are the digits that are written for it: each text has one form only.
fn number(digits: &str) -> Option<u64> {
    let is_written_so =
        digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) && (digits == "0" || !digits.starts_with('0'));
    u64::from_str_radix(digits, 16).ok().filter(|_| is_written_so)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_its_text() {
        let texts = [
            "",
            "c",
            "m",
            "c-",
            "c1-",
            "c-1",
            "c0-0",
            "c01-2",
            "c1-02",
            "c1-2-3",
            "c+1-2",
            "cA-1",
            "m0",
            "m00",
            "mf",
            "mF",
            "cffffffffffffffff-ffffffffffffffff",
            "c1ffffffffffffffff-1",
            "\"0x8D-etag\"",
            "2020-03-01T00:00:00Z",
        ];
        let versions = texts.map(Version::from);
        for (text, version) in texts.iter().zip(&versions) {
            assert_eq!(version.to_string(), **text);
            assert_eq!(*version, Version::from((*text).to_owned()));
            assert_eq!(versions.iter().filter(|other| *other == version).count(), 1, "{text}");
        }
    }

    #[test]
    fn numbers_come_back_from_their_text() {
        for ns in [0, 1, -1, i64::MIN, i64::MAX, 1_700_000_000_123_456_789] {
            for version in [Version::by_change(7, ns), Version::by_change(u64::MAX, ns), Version::by_modification(ns)] {
                let text = version.to_string();
                assert!(matches!(Version::from(text.as_str()), Version(Form::Change { .. } | Form::Modified(_))), "{text}");
                assert_eq!(Version::from(text), version);
            }
        }
        assert!(size_of::<Version>() <= 24);
    }
}
