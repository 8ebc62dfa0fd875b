//! Clock readings as recorders write them, in names and in headers, and people in tables: dates, times, offsets from UTC, and clocks that
//! were never set.

use jiff::civil::{Date, DateTime, Time, date};
use jiff::tz::Offset;

/// A clock that shows an earlier year was never set: they start at 1970 (Unix), 1980 (FAT) and the like.
const FIRST_CREDIBLE_YEAR: i16 = 1990;
/// The other day on which clocks start.
const DAWN_OF_CHIPS: Date = date(2000, 1, 1);
/// The largest offset from UTC in use (Kiribati).
const MAX_OFFSET_S: i32 = 14 * 3600;

/// Whether a clock that shows this was set at all.
#[must_use]
pub fn was_set(local: DateTime) -> bool {
    local.year() >= FIRST_CREDIBLE_YEAR && local.date() != DAWN_OF_CHIPS
}

/// Reads an ISO 8601 reading the way recorders write it: `T`, `t` or spaces between date and time, seconds and their fraction
/// optional, `Z`, `+01:00`, `+0100` or `+01` behind it, perhaps after a space. None when it is anything else, or an impossible
/// date. An offset of `-00:00` is none: see [`offset_is_unknown`].
///
/// ```
/// # use chorus_clock::reading::parse_iso;
/// let (local, offset) = parse_iso(" 2022-08-15 21:34:14+0100").expect("a time of an Echo Meter");
/// assert_eq!((local.to_string().as_str(), offset.map(|o| o.seconds())), ("2022-08-15T21:34:14", Some(3600)));
/// ```
#[must_use]
pub fn parse_iso(text: &str) -> Option<(DateTime, Option<Offset>)> {
    let (date, rest) = text.trim().split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date.as_bytes() else { return None };
    let date = Date::new(number(&[y1, y2, y3, y4])? as i16, number(&[m1, m2])? as i8, number(&[d1, d2])? as i8).ok()?;
    let rest = rest.strip_prefix(['T', 't']).unwrap_or(rest).trim_start();
    let end = rest.find(|c: char| !matches!(c, '0'..='9' | ':' | '.' | ',')).unwrap_or(rest.len());
    let (time, offset) = rest.split_at(end);
    let offset = match offset.trim() {
        "" => None,
        offset if offset_is_unknown(offset.as_bytes()) => None,
        offset => Some(parse_offset(offset.as_bytes()).filter(|(_, rest)| rest.is_empty())?.0),
    };
    Some((date.to_datetime(parse_time(time)?), offset))
}

/// Whether this is `-00:00`. RFC 3339 (4.3) means by it that the time is in UTC and the local offset is not known; recorders
/// also write it behind the time of their own clock, which may be local. Only another source can tell.
#[must_use]
pub fn offset_is_unknown(offset: &[u8]) -> bool {
    matches!(offset, b"-00:00" | b"-0000" | b"-00")
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fff`, with a point or a comma.
#[must_use]
pub fn parse_time(text: &str) -> Option<Time> {
    let (clock, fraction) = text.split_once(['.', ',']).map_or((text, ""), |(clock, fraction)| (clock, fraction));
    let (hour, minute, second) = match clock.as_bytes() {
        [h1, h2, b':', m1, m2] if fraction.is_empty() => ([*h1, *h2], [*m1, *m2], [b'0'; 2]),
        [h1, h2, b':', m1, m2, b':', s1, s2] => ([*h1, *h2], [*m1, *m2], [*s1, *s2]),
        _ => return None,
    };
    let part = |digits: &[u8]| number(digits).map(|n| n as i8);
    Time::new(part(&hour)?, part(&minute)?, part(&second)?, nanoseconds(fraction.as_bytes())?).ok()
}

/// The digits behind a decimal point, in nanoseconds; what is finer is cut off.
#[must_use]
pub fn nanoseconds(fraction: &[u8]) -> Option<i32> {
    let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')))
}

/// Reads `Z`, `+10`, `+1000` or `-04:00` at the start of `text`; also returns the rest. `None` for an offset that no zone uses:
/// zones keep to quarters of an hour and to 14 hours, so other digits are a counter or a sample rate.
#[must_use]
pub fn parse_offset(text: &[u8]) -> Option<(Offset, &[u8])> {
    let (sign, digits) = match text {
        [b'Z' | b'z', rest @ ..] => return Some((Offset::UTC, rest)),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes, rest) = match digits {
        [h1, h2, b':', m1, m2, rest @ ..] => (number(&[*h1, *h2])?, number(&[*m1, *m2])?, rest),
        [h1, h2, m1, m2, rest @ ..] if m1.is_ascii_digit() => (number(&[*h1, *h2])?, number(&[*m1, *m2])?, rest),
        [h1, h2, rest @ ..] => (number(&[*h1, *h2])?, 0, rest),
        _ => return None,
    };
    let is_longer = rest.first().is_some_and(u8::is_ascii_digit);
    let offset = from_hours_and_minutes(sign, hours, minutes)?;
    (!is_longer).then_some((offset, rest))
}

/// The offset of so many hours and minutes in one direction, where a zone can have it.
#[must_use]
pub fn from_hours_and_minutes(sign: i32, hours: u32, minutes: u32) -> Option<Offset> {
    let seconds = (hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?) as i32;
    let in_use = minutes < 60 && minutes.is_multiple_of(15) && (0..=MAX_OFFSET_S).contains(&seconds);
    if in_use { Offset::from_seconds(sign * seconds).ok() } else { None }
}

/// The value of at most nine ASCII digits.
#[must_use]
pub fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn iso(text: &str) -> Option<(String, Option<i32>)> {
        parse_iso(text).map(|(local, offset)| (local.to_string(), offset.map(Offset::seconds)))
    }

    #[test]
    fn readings_as_recorders_write_them() {
        for (text, local, offset) in [
            ("2024-09-03T20:26:15+01:00", "2024-09-03T20:26:15", Some(3600)),
            (" 2022-08-15 21:34:14+0100 ", "2022-08-15T21:34:14", Some(3600)),
            ("2014-04-02 22:59:14.000", "2014-04-02T22:59:14", None),
            ("2014-04-02 22:59:14.125-05:00", "2014-04-02T22:59:14.125", Some(-5 * 3600)),
            ("2015-12-31T23:59:59.123456Z", "2015-12-31T23:59:59.123456", Some(0)),
            ("2015-12-31T23:59", "2015-12-31T23:59:00", None),
            ("2015-12-31t23:59:59 +05:45", "2015-12-31T23:59:59", Some(5 * 3600 + 45 * 60)),
            ("2015-12-31T23:59:59-03", "2015-12-31T23:59:59", Some(-3 * 3600)),
            ("2023-02-28 05:00:00,340+10:00", "2023-02-28T05:00:00.34", Some(10 * 3600)),
            ("2016-05-17 16:00:00-00:00", "2016-05-17T16:00:00", None),
            ("2016-05-17 16:00:00+00:00", "2016-05-17T16:00:00", Some(0)),
        ] {
            assert_eq!(iso(text), Some((local.to_owned(), offset)), "{text}");
        }
    }

    #[test]
    fn what_is_no_reading() {
        for text in [
            "",
            "2015-12-31",
            "2015-13-31T00:00:00",
            "2015-12-31T24:00:00",
            "2015-12-31T23:59:59+15:00",
            "2015-12-31T23:59:59 local",
            "15-12-31T23:59:59",
            "2015-12-31T23.59.59",
            "20151231T235959",
            "2015-12-31T23:59:59+01:07",
            "äöüäöü",
            "2015-12-31T23:59.5",
        ] {
            assert_eq!(iso(text), None, "{text}");
        }
    }

    #[test]
    fn clocks_that_were_never_set() {
        for text in ["1970-01-01T00:00:12", "1980-01-01T12:00:00", "2000-01-01T03:04:05", "1989-12-31T23:59:59"] {
            assert!(!was_set(text.parse().unwrap()), "{text}");
        }
        for text in ["1990-01-01T00:00:00", "2000-01-02T00:00:00", "2020-01-01T00:00:00"] {
            assert!(was_set(text.parse().unwrap()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..12), tail in "[0-9:.TZ+ -]{0,30}") {
            let _ = (parse_iso(&text), parse_iso(&format!("2020-03-01{tail}")), parse_offset(&bytes), parse_time(&text), nanoseconds(&bytes));
        }

        #[test]
        fn written_readings_are_read_back(second in 0_i64..4_000_000_000, quarters in -56_i32..=56) {
            let offset = Offset::from_seconds(quarters * 900).unwrap();
            let local = offset.to_datetime(jiff::Timestamp::from_second(second).unwrap());
            let sign = if quarters < 0 { '-' } else { '+' };
            let (hours, minutes) = (quarters.abs() / 4, quarters.abs() % 4 * 15);
            let text = format!("{local}{sign}{hours:02}:{minutes:02}");
            prop_assert_eq!(parse_iso(&text), Some((local, Some(offset))), "{}", text);
        }
    }
}
