//! Times in file names, as recorders write them.
//!
//! | recorder | name |
//! |---|---|
//! | Song Meter | `PREFIX_YYYYMMDD_HHMMSS`, `$` for `_`, channels before the date (`_0+1_`), milliseconds behind the time (`_mmm`) |
//! | AudioMoth | `YYYYMMDD_HHMMSS`, a device number of 16 hex digits before it, a `T` behind it when triggered |
//! | AudioMoth, early firmware | 8 hex digits of Unix time |
//! | Swift | `SWIFT01_YYYYMMDD_HHMMSS_-0400`, `S1049_YYYYMMDD_HHMMSS` |
//! | Frontier Labs | `YYYYMMDDTHHMMSS+1000_REC`; `SYYYYMMDDTHHMMSS.fff+1000_EYYYYMMDD…`, start and end, in early firmware without the point |
//! | others | `YYYYMMDDTHHMMSS`; any with `Z`, `+1000` or `_-0400` behind the time |
//!
//! Other names are read by a pattern that the user writes: [`OwnPattern`].

mod facts;
mod pattern;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use chorus_clock::reading::{nanoseconds, number, offset_is_unknown, parse_offset, was_set};
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
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let is_iso = matches!(separator, b'T' | b't');
    if !(is_iso || matches!(separator, b'_' | b'$' | b'-')) || is_digit(bytes[..at].last()) {
        return None;
    }
    let (rest, nanosecond) = fraction(&bytes[at + LEN..], is_iso);
    if is_digit(rest.first()) || is_end(&bytes[..at], is_iso) {
        return None;
    }
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
    // Digits are ASCII, so `at` is a character boundary. Before a start, S is no part of a site's name.
    let before = &stem[..at];
    let has_mark = is_iso && states_end(rest);
    let unmarked = before.strip_suffix(['S', 's']).filter(|site| has_mark && (site.is_empty() || site.ends_with('_')));
    let prefix = prefix(unmarked.unwrap_or(before));
    let is_exact = is_iso || rest.len() < bytes.len() - at - LEN || states_end(rest);
    let behind = offset(rest, is_exact);
    Some(NameTime {
        local,
        offset: match behind {
            Behind::Offset(offset) => Some(offset),
            _ => None,
        },
        offset_unknown: matches!(behind, Behind::Unknown),
        hours_unread: matches!(behind, Behind::Hours),
        pattern: pattern(separator, prefix.as_deref()),
        suspicious: !was_set(local),
        prefix,
        // Digits and a separator are ASCII, so this is a character boundary.
        tail: stem[at + LEN..].to_owned(),
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

/// Splits the fraction of a second off, in nanoseconds: a Song Meter's `_mmm`, which stands at the very end; digits behind a
/// point or a comma; in ISO's format also digits without one, where an offset follows.
fn fraction(rest: &[u8], is_iso: bool) -> (&[u8], i32) {
    let of = |digits: &[u8]| nanoseconds(digits).unwrap_or_default();
    let leading = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match rest {
        [b'_' | b'$', digits @ ..] if digits.len() == 3 && leading(digits) == 3 => (&[], of(digits)),
        [b'.' | b',', text @ ..] => match leading(text) {
            count @ 1..=9 if is_iso || matches!(count, 3 | 6) => (&text[count..], of(&text[..count])),
            _ => (rest, 0),
        },
        _ => match leading(rest) {
            count @ (3 | 6) if is_iso && parse_offset(&rest[count..]).is_some() => (&rest[count..], of(&rest[..count])),
            _ => (rest, 0),
        },
    }
}

/// Whether what stands before a time says that it is the end: names of start and end are `S…_E…`, perhaps with a site before them. Only
/// times in ISO's format have a start that may be anything; elsewhere `S` and a digit have to begin it, since sites may end with `_E`.
fn is_end(before: &[u8], is_iso: bool) -> bool {
    let Some(start) = before.strip_suffix(b"_E").or_else(|| before.strip_suffix(b"_e")) else { return false };
    let has_start = || {
        let mut parts = start.split(|byte| *byte == b'_');
        parts.any(|part| matches!(part, [b'S' | b's', rest @ ..] if rest.len() >= 8 && rest[..8].iter().all(u8::is_ascii_digit)))
    };
    is_iso && matches!(start, [b'S' | b's', ..]) || has_start()
}

/// Whether an end follows a time.
fn states_end(rest: &[u8]) -> bool {
    rest.windows(3).any(|three| matches!(three, [b'_', b'E' | b'e', digit] if digit.is_ascii_digit()))
}

/// What stands behind a time.
enum Behind {
    /// An offset from UTC.
    Offset(Offset),
    /// `-0000`: the offset is not known.
    Unknown,
    /// Two digits with a sign, which may be whole hours or a counter.
    Hours,
    /// Nothing like an offset.
    Other,
}

/// The offset behind a time, perhaps after an underscore. Two digits with a sign are whole hours where the rest of the name is written as
/// no counter is (`is_exact`: in ISO's format, with a fraction of a second, or with the end behind it). Elsewhere they may be a counter,
/// and are not read.
fn offset(rest: &[u8], is_exact: bool) -> Behind {
    let rest = rest.strip_prefix(b"_").unwrap_or(rest);
    let Some((offset, after)) = parse_offset(rest) else { return Behind::Other };
    let written = &rest[..rest.len() - after.len()];
    let is_word = written.len() == "Z".len() && after.first().is_some_and(u8::is_ascii_alphanumeric);
    match written.len() {
        _ if is_word => Behind::Other,
        // The latitude of a place, such as -12.34567.
        3 if after.first() == Some(&b'.') => Behind::Other,
        3 if !is_exact => Behind::Hours,
        _ if offset_is_unknown(written) => Behind::Unknown,
        _ => Behind::Offset(offset),
    }
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
    Some(NameTime {
        local,
        offset: Some(Offset::UTC),
        offset_unknown: false,
        hours_unread: false,
        prefix: None,
        tail: String::new(),
        pattern: NamePattern::UnixHex,
        suspicious: !was_set(local),
    })
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
            ("20200301T190000.25+1000_REC", "2020-03-01T19:00:00.25", Some(600), None, Iso),
            (
                "S20200301T190000.982648+1000_E20200301T191000.967555+1000_-12.34567+78.98102",
                "2020-03-01T19:00:00.982648",
                Some(600),
                None,
                Iso,
            ),
            ("S20200301T190000+1000_E20200301T191000+1000_-12.34567+78.98102", evening, Some(600), None, Iso),
            (
                "S20200301T190000676+1000_E20200301T191000501+1000_-08.0000+000.0000",
                "2020-03-01T19:00:00.676",
                Some(600),
                None,
                Iso,
            ),
            ("S20200301T190000.5+10_E20200301T191000.5+10_-12.34567+78.98102", "2020-03-01T19:00:00.5", Some(600), None, Iso),
            ("20200301T190000-03_REC", evening, Some(-180), None, Iso),
            ("20200301T190000_-12.34567+78.98102", evening, None, None, Iso),
            ("P_20200301_190000.250+10", "2020-03-01T19:00:00.25", Some(600), Some("P"), SongMeter),
            ("20200301T190000+0000_Rec2_-18.2656+144.5564", evening, Some(0), None, Iso),
            ("33901_BigHarbourA1_20200301T190000-0300", evening, Some(-180), Some("33901_BigHarbourA1"), Iso),
            ("P_20200301_190000.250", "2020-03-01T19:00:00.25", None, Some("P"), SongMeter),
            ("S20200301T190000", evening, None, Some("S"), Iso),
            ("BAR7_S20200301T190000+1000_E20200301T191000+1000", evening, Some(600), Some("BAR7"), Iso),
            ("SITE4_E_20200301_190000", evening, None, Some("SITE4_E"), SongMeter),
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
            // The end is no start, and digits that are no fraction make no time.
            "S20201301T190000+1000_E20200301T191000+1000_-12.3+78.9",
            "Sunknown_E20200301T191000+1000",
            "BAR7_S20201301T190000+1000_E20200301T191000+1000_-12.3+78.9",
            "bar7_s20201301t190000+1000_e20200301t191000+1000",
            "S20201301_190000+1000_E20200301_191000+1000",
            "20200301T1900001+1000",
            "20200301T190000676",
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
    fn an_offset_that_is_said_to_be_unknown_is_none() {
        for (stem, is_unknown) in [
            ("P_20200301_190000_-0000", true),
            ("20200301T190000-00:00", true),
            ("20200301T190000+0000", false),
            ("P_20200301_190000-00", false),
        ] {
            let name = parse_start(stem).unwrap();
            assert_eq!((name.offset.is_none(), name.offset_unknown), (is_unknown || stem.ends_with("-00"), is_unknown), "{stem}");
        }
    }

    #[test]
    fn two_digits_that_may_be_hours_or_a_counter_are_told() {
        for (stem, is_told) in [
            ("20200301_190000-02", true),
            ("P_20200301_190000_+10", true),
            ("20200301T190000+10", false),
            ("P_20200301_190000_10", false),
            ("20200301_190000+1000", false),
            ("20200301_190000", false),
        ] {
            assert_eq!(parse_start(stem).unwrap().hours_unread, is_told, "{stem}");
        }
    }

    #[test]
    fn what_stands_behind_the_time_is_kept() {
        for (stem, tail) in [
            ("POND01_20200301_190000_0_3", "_0_3"),
            ("S20200301T190000.5+10", ".5+10"),
            ("20200301_190000T", "T"),
            ("rivi\u{e8}re_20200301_190000 (\u{e9}t\u{e9})", " (\u{e9}t\u{e9})"),
            ("20200301_190000", ""),
            ("5E5C0530", ""),
        ] {
            assert_eq!(parse_start(stem).unwrap().tail, tail, "{stem}");
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
