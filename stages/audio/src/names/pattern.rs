//! Patterns that a user writes for own file names: `%Y` and the like match the parts of the time, `{site}` and
//! `{serial}` match names, and `*` matches anything.
//!
//! | in the pattern | in the name |
//! |---|---|
//! | `%Y` `%y` | year in four digits, or in two (from 1969 to 2068) |
//! | `%m` `%b` | month in two digits, or as `Jan` to `Dec` in any case |
//! | `%d` `%H` `%I` `%p` `%M` `%S` | day, hour (24 or 12 with `AM`/`PM`), minute, second |
//! | `%f` | digits of a fraction of a second |
//! | `%z` | offset from UTC: `Z`, `+1000`, `-04:00`, `+10` |
//! | `{site}` `{serial}` | at least one character |
//! | `*` | anything or nothing |
//! | `%%` | `%` |
//!
//! Everything else matches itself. The pattern has to match the whole name without its extension.

use std::fmt::Write as _;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use regex::{Captures, Regex};

use super::facts::{NameFacts, NamePattern, NameTime};
use chorus_clock::reading::{nanoseconds, number, offset_is_unknown, parse_offset, was_set};

/// `%b`.
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// What can stand in a pattern: how it is written, the name of its group, and what it fits.
const PARTS: [(&str, &str, &str); 14] = [
    ("%Y", "year", r"\d{4}"),
    ("%y", "short_year", r"\d{2}"),
    ("%m", "month", r"\d{2}"),
    ("%b", "month_name", r"(?i:[a-z]{3})"),
    ("%d", "day", r"\d{2}"),
    ("%H", "hour", r"\d{2}"),
    ("%I", "hour_of_12", r"\d{1,2}"),
    ("%p", "half", r"(?i:[ap]m)"),
    ("%M", "minute", r"\d{2}"),
    ("%S", "second", r"\d{2}"),
    ("%f", "fraction", r"\d{1,9}"),
    ("%z", "offset", r"[Zz]|[+-]\d{2}(?::?\d{2})?"),
    ("{site}", "site", ".+?"),
    ("{serial}", "serial", ".+?"),
];

/// The groups of parts that tell no time.
const NAMES: [&str; 2] = ["site", "serial"];

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "ingest.name_pattern: `{pattern}`: {found}. Write it like \"{{site}}_%Y%m%d_%H%M%S\" or \"REC %d-%m-%y %H.%M *\": %Y %y %m %b %d %H %I %p %M %S %f %z \
     for the time, {{site}} and {{serial}} for names, * for anything"
)]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub found: String,
}

/// A pattern of names.
#[derive(Debug, Clone)]
pub struct OwnPattern {
    regex: Regex,
    /// Whether it has parts of a time.
    is_timed: bool,
}

impl OwnPattern {
    /// Reads a pattern.
    ///
    /// ```
    /// # use chorus_audio::names::OwnPattern;
    /// let pattern = OwnPattern::new("{site}-%d-%m-%Y-%Hh%M*")?;
    /// let name = pattern.parse("Pond 7-01-03-2020-19h30-left").expect("it fits");
    /// assert_eq!(name.site.as_deref(), Some("Pond 7"));
    /// assert_eq!(name.time.map(|time| time.local.to_string()).as_deref(), Some("2020-03-01T19:30:00"));
    /// # Ok::<(), chorus_audio::names::PatternError>(())
    /// ```
    ///
    /// # Errors
    /// [`PatternError`] when it holds something unknown, something twice, or half of a time.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        let bad = |found: String| PatternError { pattern: pattern.to_owned(), found };
        let (expression, used) = translate(pattern).map_err(bad)?;
        let is_timed = complete(&used).map_err(bad)?;
        let regex = Regex::new(&expression).map_err(|e| bad(e.to_string()))?;
        Ok(Self { regex, is_timed })
    }

    /// What is known by a name without its extension; `None` when the pattern does not match, or matches an impossible time.
    #[must_use]
    pub fn parse(&self, file_stem: &str) -> Option<NameFacts> {
        let parts = self.regex.captures(file_stem)?;
        let time = if self.is_timed { Some(time(&parts)?) } else { None };
        let named = |group: &str| parts.name(group).map(|found| found.as_str().to_owned());
        Some(NameFacts { time, site: named("site"), serial: named("serial") })
    }
}

/// The pattern as a regular expression, and the parts that stand in it.
fn translate(pattern: &str) -> Result<(String, Vec<&'static str>), String> {
    let (mut expression, mut used, mut rest) = ("^".to_owned(), Vec::new(), pattern);
    while let Some(first) = rest.chars().next() {
        let part = PARTS.iter().find(|(written, _, _)| rest.starts_with(written));
        let taken = match (part, first) {
            (Some((written, group, _)), _) if used.contains(group) => return Err(format!("{written} stands in it twice")),
            (Some((written, group, fits)), _) => {
                used.push(*group);
                // Writing to a String cannot fail.
                let _ = write!(expression, "(?<{group}>{fits})");
                written.len()
            }
            (None, '*') => {
                expression.push_str(".*?");
                1
            }
            (None, '%') if rest.starts_with("%%") => {
                expression.push('%');
                2
            }
            (None, '%') => return Err(format!("{} is not known", rest.chars().take(2).collect::<String>())),
            (None, '{') => {
                let end = rest.find('}').map_or(rest.len(), |end| end + 1);
                return Err(format!("{} is not known", &rest[..end]));
            }
            (None, other) => {
                expression.push_str(&regex::escape(other.encode_utf8(&mut [0; 4])));
                other.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    expression.push('$');
    Ok((expression, used))
}

/// Whether the parts make a time (true) or there are none (false). Half a time is refused, and so is a pattern without any part.
fn complete(used: &[&str]) -> Result<bool, String> {
    let one_of = |groups: &[&str]| groups.iter().any(|group| used.contains(group));
    let needed: [(&str, &[&str]); 4] = [
        ("the year (%Y or %y)", &["year", "short_year"]),
        ("the month (%m or %b)", &["month", "month_name"]),
        ("the day (%d)", &["day"]),
        ("the hour (%H, or %I with %p)", &["hour", "hour_of_12"]),
    ];
    let missing: Vec<&str> = needed.iter().filter(|(_, groups)| !one_of(groups)).map(|(name, _)| *name).collect();
    let of_time = used.iter().filter(|group| !NAMES.contains(group)).count();
    match (of_time, missing.as_slice()) {
        (0, _) if one_of(&NAMES) => Ok(false),
        (0, _) => Err("it tells neither a time nor a site nor a serial number".to_owned()),
        (_, [_, ..]) => Err(format!("{} is missing", missing.join(" and "))),
        (_, []) if one_of(&["hour_of_12"]) != one_of(&["half"]) => Err("%I and %p go together".to_owned()),
        _ => Ok(true),
    }
}

fn time(parts: &Captures<'_>) -> Option<NameTime> {
    let text = |group: &str| parts.name(group).map(|found| found.as_str());
    let part = |group: &str| text(group).and_then(|digits| number(digits.as_bytes()));
    let year = part("year").or_else(|| part("short_year").map(|year| if year < 69 { 2000 + year } else { 1900 + year }))?;
    let named_month =
        || MONTHS.iter().position(|month| text("month_name").is_some_and(|found| found.eq_ignore_ascii_case(month)));
    let month = part("month").or_else(|| named_month().map(|index| index as u32 + 1))?;
    let date = Date::new(year as i16, month as i8, part("day")? as i8).ok()?;
    let fraction = nanoseconds(text("fraction").unwrap_or_default().as_bytes())?;
    let hour = part("hour").or_else(|| hour_of_24(part("hour_of_12")?, text("half")?))?;
    let clock = Time::new(hour as i8, part("minute").unwrap_or(0) as i8, part("second").unwrap_or(0) as i8, fraction).ok()?;
    let offset_unknown = text("offset").is_some_and(|offset| offset_is_unknown(offset.as_bytes()));
    let offset: Option<Offset> = match text("offset").filter(|_| !offset_unknown) {
        Some(offset) => Some(parse_offset(offset.as_bytes())?.0),
        None => None,
    };
    let local: DateTime = date.to_datetime(clock);
    // Behind the last part of the time. The pattern matches the whole name.
    let of_time = PARTS.iter().map(|(_, group, _)| *group).filter(|group| !NAMES.contains(group));
    let end = of_time.filter_map(|group| parts.name(group)).map(|found| found.end()).max().unwrap_or(0);
    Some(NameTime {
        local,
        offset,
        offset_unknown,
        hours_unread: false,
        prefix: None,
        tail: parts[0][end..].to_owned(),
        pattern: NamePattern::Own,
        suspicious: !was_set(local),
    })
}

fn hour_of_24(hour: u32, half: &str) -> Option<u32> {
    let afternoon = half.eq_ignore_ascii_case("pm");
    (1..=12).contains(&hour).then_some(hour % 12 + if afternoon { 12 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Local time and offset in minutes, site and serial.
    fn read(pattern: &str, stem: &str) -> Option<(Option<(String, Option<i32>)>, Option<String>, Option<String>)> {
        let facts = OwnPattern::new(pattern).unwrap().parse(stem)?;
        let time = facts.time.map(|time| (time.local.to_string(), time.offset.map(|offset| offset.seconds() / 60)));
        Some((time, facts.site, facts.serial))
    }

    #[test]
    fn names_of_all_kinds() {
        for (pattern, stem, local, offset, site, serial) in [
            ("{site}_%Y%m%d_%H%M%S", "POND_01_20200301_190005", "2020-03-01T19:00:05", None, Some("POND_01"), None),
            ("REC %d-%m-%y %H.%M *", "REC 01-03-20 19.30 left", "2020-03-01T19:30:00", None, None, None),
            ("%d%b%Y_%I%p_{serial}", "01MAR2020_7pm_A7", "2020-03-01T19:00:00", None, None, Some("A7")),
            ("%Y-%m-%dT%H%M%S.%f%z", "2020-03-01T190005.25-03:30", "2020-03-01T19:00:05.25", Some(-210), None, None),
            ("*%Y%m%d%H%M%z", "x202003011930Z", "2020-03-01T19:30:00", Some(0), None, None),
            ("100%%(%Y).%m.%d+%H", "100%(2020).03.01+19", "2020-03-01T19:00:00", None, None, None),
            ("é{site}é%y%m%d%H", "éRivièreé69123123", "1969-12-31T23:00:00", None, Some("Rivière"), None),
        ] {
            let expected = (Some((local.to_owned(), offset)), site.map(str::to_owned), serial.map(str::to_owned));
            assert_eq!(read(pattern, stem), Some(expected), "{pattern} on {stem}");
        }
        assert_eq!(read("{site}-*", "POND-3"), Some((None, Some("POND".into()), None)));
    }

    #[test]
    fn what_stands_behind_the_last_part_of_the_time_is_kept() {
        for (pattern, stem, tail) in [
            ("REC %d-%m-%y %H.%M *", "REC 01-03-20 19.30 left", " left"),
            ("%H.%M %d-%m-%Y_{site}", "19.30 01-03-2020_Pond", "_Pond"),
            ("{site}_%Y%m%d_%H%M%S", "POND_20200301_190005", ""),
        ] {
            let facts = OwnPattern::new(pattern).unwrap().parse(stem).unwrap();
            assert_eq!(facts.time.unwrap().tail, tail, "{pattern} on {stem}");
        }
    }

    #[test]
    fn names_that_do_not_fit() {
        for (pattern, stem) in [
            ("{site}_%Y%m%d_%H%M%S", "_20200301_190005"),
            ("{site}_%Y%m%d_%H%M%S", "POND_20200301_190005_2"),
            ("{site}_%Y%m%d_%H%M%S", "POND_20201301_190005"),
            ("%d%b%Y_%I%p", "01MAI2020_7pm"),
            ("%d%b%Y_%I%p", "01MAR2020_13pm"),
            ("%Y%m%d%H%z", "2020030119+15"),
        ] {
            assert_eq!(read(pattern, stem), None, "{pattern} on {stem}");
        }
        assert!(OwnPattern::new("%Y%m%d%H").unwrap().parse("1970010100").unwrap().time.unwrap().suspicious);
    }

    #[test]
    fn patterns_that_cannot_be_used_say_why() {
        for (pattern, wanted) in [
            ("", "neither a time nor a site"),
            ("*", "neither a time nor a site"),
            ("%Y%m%d", "the hour (%H, or %I with %p) is missing"),
            ("%H%M", "the year (%Y or %y) and the month (%m or %b) and the day (%d) is missing"),
            ("%Y%m%d%H%Q", "%Q is not known"),
            ("%Y%m%d%H%", "% is not known"),
            ("%Y%Y%m%d%H", "%Y stands in it twice"),
            ("{station}_%Y%m%d%H", "{station} is not known"),
            ("{site", "{site is not known"),
            ("%Y%m%d%I", "%I and %p go together"),
        ] {
            let error = OwnPattern::new(pattern).unwrap_err().to_string();
            assert!(
                error.contains(wanted) && error.contains("ingest.name_pattern") && error.contains("{site}_%Y%m%d_%H%M%S"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_pattern_and_no_name_panics(pattern in any::<String>(), parts in prop::collection::vec(prop::sample::select(PARTS.map(|part| part.0).to_vec()), 0..8), stem in any::<String>()) {
            if let Ok(pattern) = OwnPattern::new(&pattern) {
                let _ = pattern.parse(&stem);
            }
            if let Ok(pattern) = OwnPattern::new(&parts.join("_")) {
                let _ = pattern.parse(&stem);
                let _ = pattern.parse("2020_03_01_19_00_00_Z");
            }
        }

        #[test]
        fn what_is_written_is_read_back(second in 0_i64..3_000_000_000, site in "[A-Za-z][A-Za-z0-9_-]{0,8}") {
            let local = Offset::UTC.to_datetime(jiff::Timestamp::from_second(second).unwrap());
            for format in ["%Y%m%d_%H%M%S", "%d.%m.%y %H-%M-%S", "%b %d, %Y %I%p %M %S"] {
                let stem = format!("{site} {}", local.strftime(format));
                let facts = OwnPattern::new(&format!("{{site}} {format}")).unwrap().parse(&stem).unwrap();
                prop_assert_eq!(facts.time.unwrap().local, local, "{}", stem);
                prop_assert_eq!(facts.site.as_deref(), Some(site.as_str()));
            }
        }
    }
}
