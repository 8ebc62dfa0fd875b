//! Times in file names, as recorders write them.
//!
//! | recorder | name |
//! |---|---|
//! | Song Meter | `PREFIX_YYYYMMDD_HHMMSS`, `$` for `_`, channels before the date (`_0+1_`), milliseconds behind the time (`_mmm`) |
//! | AudioMoth | `YYYYMMDD_HHMMSS`, a device number of 16 hex digits before it, a `T` behind it when triggered |
//! | AudioMoth, early firmware | 8 hex digits of Unix time |
//! | Swift | `SWIFT01_YYYYMMDD_HHMMSS_-0400`, `S1049_YYYYMMDD_HHMMSS` |
//! | others | `YYYYMMDDTHHMMSS`; any with `Z`, `+1000` or `_-0400` behind the time |
//!
//! Other names are read by a pattern that the user writes: [`OwnPattern`].

mod facts;
mod pattern;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::clock::{nanoseconds, number, parse_offset, was_set};
pub use facts::{NameFacts, NamePattern, NameTime};
pub use pattern::{OwnPattern, PatternError};

impl From<Option<NameTime>> for NameFacts {
    fn from(time: Option<NameTime>) -> Self {
        let prefix = time.as_ref().and_then(|time| time.prefix.clone());
        let serial = prefix.clone().filter(|prefix| is_device_number(prefix));
        Self { time, site: prefix, serial }
    }
}

/// Reads the time from a file's name without its extension. `None` when it has no time, or an impossible one.
///
/// ```
/// # use chorus_audio::names::{NamePattern, parse_start};
/// let name = parse_start("POND01_20200301_190000").expect("a Song Meter name");
/// assert_eq!(name.local.to_string(), "2020-03-01T19:00:00");
/// assert_eq!((name.prefix.as_deref(), name.pattern), (Some("POND01"), NamePattern::SongMeter));
/// assert_eq!(parse_start("POND01_20201301_190000"), None);
/// ```
#[must_use]
pub fn parse_start(file_stem: &str) -> Option<NameTime> {
    (0..file_stem.len()).find_map(|at| date_time_at(file_stem, at)).or_else(|| unix_hex(file_stem))
}

/// A date and time that begin at byte `at`.
fn date_time_at(stem: &str, at: usize) -> Option<NameTime> {
    /// Bytes of `YYYYMMDD`, a separator, `HHMMSS`.
    const LEN: usize = 15;
    let bytes = stem.as_bytes();
    let text = bytes.get(at..at + LEN)?;
    let (date, separator, time) = (&text[..8], text[8], &text[9..]);
    let digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let part_of_more_digits = digit_at(at + LEN) || (at > 0 && digit_at(at - 1));
    if part_of_more_digits || !matches!(separator, b'_' | b'$' | b'-' | b'T' | b't') {
        return None;
    }
    let (rest, nanosecond) = milliseconds(&bytes[at + LEN..]);
    let local = DateTime::new(
        number(&date[..4])? as i16,
        number(&date[4..6])? as i8,
        number(&date[6..])? as i8,
        number(&time[..2])? as i8,
        number(&time[2..4])? as i8,
        number(&time[4..])? as i8,
        nanosecond,
    )
    .ok()?;
    // Digits are ASCII, so `at` is a character boundary.
    let prefix = prefix(&stem[..at]);
    Some(NameTime {
        local,
        offset: offset(rest),
        pattern: pattern(separator, prefix.as_deref()),
        suspicious: !was_set(local),
        prefix,
    })
}

/// AudioMoths with the option to do so put their 64-bit serial number first.
fn is_device_number(prefix: &str) -> bool {
    prefix.len() == 16 && prefix.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn pattern(separator: u8, prefix: Option<&str>) -> NamePattern {
    match (separator, prefix) {
        (b'T' | b't', _) => NamePattern::Iso,
        (_, Some(prefix)) if !is_device_number(prefix) => NamePattern::SongMeter,
        _ => NamePattern::AudioMoth,
    }
}

/// Splits a Song Meter's `_mmm` off, which stands at the very end.
fn milliseconds(rest: &[u8]) -> (&[u8], i32) {
    match rest {
        [b'_' | b'$', digits @ ..] if digits.len() == 3 => nanoseconds(digits).map_or((rest, 0), |ns| (&[], ns)),
        _ => (rest, 0),
    }
}

/// The offset behind a time, perhaps after an underscore. An offset of whole hours is written with its minutes: two digits are a
/// counter.
fn offset(rest: &[u8]) -> Option<Offset> {
    let rest = rest.strip_prefix(b"_").unwrap_or(rest);
    let (offset, after) = parse_offset(rest)?;
    let written = rest.len() - after.len();
    let is_word = written == "Z".len() && after.first().is_some_and(u8::is_ascii_alphanumeric);
    (!is_word && written != "+10".len()).then_some(offset)
}

/// What stands before the date, without separators and channels.
fn prefix(before: &str) -> Option<String> {
    let before = before.trim_end_matches(['_', '$', '-']);
    let before = match before.rsplit_once('_') {
        Some((prefix, channels)) if is_channels(channels) => prefix,
        None if is_channels(before) => "",
        _ => before,
    };
    (!before.is_empty()).then(|| before.to_owned())
}

/// `0+1`: which inputs of a Song Meter the file holds.
fn is_channels(part: &str) -> bool {
    part.split_once('+')
        .is_some_and(|(left, right)| [left, right].iter().all(|side| side.len() == 1 && side.as_bytes()[0].is_ascii_digit()))
}

/// 8 hex digits, unless they are a date without a time.
fn unix_hex(stem: &str) -> Option<NameTime> {
    let bytes = stem.as_bytes();
    if bytes.len() != 8 || !bytes.iter().all(u8::is_ascii_hexdigit) || is_date(bytes) {
        return None;
    }
    let seconds = i64::from_str_radix(stem, 16).ok()?;
    let local = Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?);
    Some(NameTime { local, offset: Some(Offset::UTC), prefix: None, pattern: NamePattern::UnixHex, suspicious: !was_set(local) })
}

fn is_date(bytes: &[u8]) -> bool {
    let part = |range: std::ops::Range<usize>| number(&bytes[range]);
    match (part(0..4), part(4..6), part(6..8)) {
        (Some(year), Some(month), Some(day)) => DateTime::new(year as i16, month as i8, day as i8, 0, 0, 0, 0).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Local time, offset in minutes, prefix and pattern of a name.
    fn parsed(stem: &str) -> Option<(String, Option<i32>, Option<String>, NamePattern)> {
        let name = parse_start(stem)?;
        Some((name.local.to_string(), name.offset.map(|offset| offset.seconds() / 60), name.prefix, name.pattern))
    }

    #[test]
    fn names_of_recorders() {
        use NamePattern::{AudioMoth, Iso, SongMeter, UnixHex};
        let evening = "2020-03-01T19:00:00";
        for (stem, local, offset, prefix, pattern) in [
            ("POND01_20200301_190000", evening, None, Some("POND01"), SongMeter),
            ("S4A_x-y_20200301_190000", evening, None, Some("S4A_x-y"), SongMeter),
            ("POND01_20200301$190000", evening, None, Some("POND01"), SongMeter),
            ("POND01$20200301$190000", evening, None, Some("POND01"), SongMeter),
            ("POND01_0+1_20200301_190000", evening, None, Some("POND01"), SongMeter),
            ("0+1_20200301_190000", evening, None, None, AudioMoth),
            ("POND01_20200301_190000_250", "2020-03-01T19:00:00.25", None, Some("POND01"), SongMeter),
            ("INCT4_20200301_190000_10_13", evening, None, Some("INCT4"), SongMeter),
            ("20200301_190000", evening, None, None, AudioMoth),
            ("20200301_190000T", evening, None, None, AudioMoth),
            ("24F3190361CBE3FA_20200301_190000", evening, None, Some("24F3190361CBE3FA"), AudioMoth),
            ("5E5C0530", "2020-03-01T18:55:44", Some(0), None, UnixHex),
            ("SWIFT01_20200301_190000_-0400", evening, Some(-240), Some("SWIFT01"), SongMeter),
            ("S1049_20200301_190000", evening, None, Some("S1049"), SongMeter),
            ("20200301_190000Z_clip", evening, Some(0), None, AudioMoth),
            ("20200301T190000+1000_REC", evening, Some(600), None, Iso),
            ("20200301T190000-02:30", evening, Some(-150), None, Iso),
            ("20200301T190000Z", evening, Some(0), None, Iso),
            ("20200301T190000", evening, None, None, Iso),
            ("rivière_20200301_190000", evening, None, Some("rivière"), SongMeter),
            ("99999999_888888_20200301_190000", evening, None, Some("99999999_888888"), SongMeter),
        ] {
            let expected = (local.to_owned(), offset, prefix.map(str::to_owned), pattern);
            assert_eq!(parsed(stem), Some(expected), "{stem}");
        }
    }

    #[test]
    fn names_without_a_possible_time() {
        for stem in [
            "",
            "frog",
            "20200301",
            "POND01_20201301_190000",
            "POND01_20200230_190000",
            "POND01_20200301_250000",
            "POND01_20200301_190060",
            "POND01_20200301_1900001",
            "120200301_190000",
            "POND01_20200301 190000",
            "5E5C053G",
            "é5E5C05",
        ] {
            assert_eq!(parse_start(stem), None, "{stem}");
        }
    }

    #[test]
    fn digits_that_are_no_offset_are_left_alone() {
        for stem in [
            "20200301_190000-9600",
            "20200301_190000_-0407",
            "20200301_190000+10000",
            "20200301_190000-02",
            "20200301_190000Zebra",
        ] {
            assert_eq!(parse_start(stem).unwrap().offset, None, "{stem}");
        }
    }

    #[test]
    fn a_dead_clock_is_flagged() {
        assert!(parse_start("A_19700101_000012").unwrap().suspicious);
        assert!(parse_start("0000000C").unwrap().suspicious);
        assert!(!parse_start("A_19900101_000000").unwrap().suspicious);
    }

    proptest! {
        #[test]
        fn no_string_panics(stem in any::<String>(), tail in "[0-9_$TZ+:-]{0,12}") {
            let _ = parse_start(&stem);
            let _ = parse_start(&format!("{stem}20200301_190000{tail}"));
            let _ = parse_start(&tail);
        }

        #[test]
        fn every_written_time_is_read_back(
            prefix in "[A-Za-z][A-Za-z0-9]{0,8}",
            year in 1990_i16..2100, month in 1_i8..=12, day in 1_i8..=28,
            hour in 0_i8..24, minute in 0_i8..60, second in 0_i8..60,
        ) {
            let stem = format!("{prefix}_{year:04}{month:02}{day:02}_{hour:02}{minute:02}{second:02}");
            let name = parse_start(&stem).unwrap();
            prop_assert_eq!(name.local, DateTime::constant(year, month, day, hour, minute, second, 0));
            prop_assert_eq!(name.prefix, Some(prefix));
        }
    }
}
