//! Moments: dates with a time of day, as tables have them in place of seconds of a recording.
//!
//! A moment with an offset from UTC is an instant. Without one it is local time at the site of its recording, as the recording's start is.
//! Where that start is not known, nobody can say where in the recording a moment lies.
//!
//! Source: ISO 8601, which Camtrap DP's `eventStart` and `eventEnd` and Darwin Core's `eventDate` and `eventTime` follow.

use std::cmp::Ordering;

use chorus_clock::Clock;
use chorus_clock::reading::parse_iso;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::text::seconds;

/// What a message shows of how moments are written.
pub(crate) const EXAMPLE: &str = "2026-03-03T20:00:05";

/// Characters of a date such as 2026-03-03.
const DATE: usize = 10;

/// A date with a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// With an offset from UTC.
    Instant(Timestamp),
    /// In the local time of the recording's site.
    Local(DateTime),
}

impl Moment {
    /// A moment as written: `2026-03-03T20:00:05.5`, with a space in place of the T, and with or without an offset.
    pub(crate) fn read(text: &str) -> Option<Self> {
        reading(text).and_then(Self::of)
    }

    /// `None` outside of the calendar.
    fn of((local, offset): (DateTime, Option<Offset>)) -> Option<Self> {
        match offset {
            Some(offset) => offset.to_timestamp(local).ok().map(Self::Instant),
            None => Some(Self::Local(local)),
        }
    }

    /// Seconds from the start of a recording to this moment. `duration_s` is the recording's length, where that is known.
    ///
    /// # Errors
    /// Why this cannot be said, and what to do: the start is not known as far as it has to be, or the clock shows this time twice.
    fn within(self, clock: Option<&Clock>, duration_s: Option<f64>) -> Result<f64, String> {
        let clock = clock.ok_or(
            "a date with a time of day counts from the recording's start, which is not known; `time_note` in the table `recordings` says why",
        )?;
        let after_s = |instant: Timestamp| instant.as_microsecond().saturating_sub(clock.start_us) as f64 / 1e6;
        let local = match self {
            Self::Instant(instant) if clock.is_utc => return Ok(after_s(instant)),
            Self::Instant(_) => {
                return Err(
                    "the time has an offset from UTC, and the time zone of the recording is not known; set archive.timezone \
                            or the site sheet's"
                        .to_owned(),
                );
            }
            Self::Local(local) => local,
        };
        let shown = clock.zone.to_ambiguous_timestamp(local);
        let outside = |_| format!("`{local}` is outside of the calendar");
        let (earlier_s, later_s) = (after_s(shown.earlier().map_err(outside)?), after_s(shown.later().map_err(outside)?));
        let apart_s = |s: f64| duration_s.map_or(0.0, |duration_s| (-s).max(s - duration_s).max(0.0));
        match apart_s(earlier_s).total_cmp(&apart_s(later_s)) {
            Ordering::Less => Ok(earlier_s),
            Ordering::Greater => Ok(later_s),
            Ordering::Equal if earlier_s == later_s => Ok(earlier_s),
            Ordering::Equal => Err(format!(
                "`{local}` is not one instant, since the clock is put forward or back then; write its offset behind it, such as -03:00"
            )),
        }
    }
}

/// Date, time and offset as written. R and pandas also write `UTC` behind a time.
fn reading(text: &str) -> Option<(DateTime, Option<Offset>)> {
    let text = text.trim();
    let utc = text.strip_suffix("UTC").map(|time| format!("{}Z", time.trim_end()));
    parse_iso(utc.as_deref().unwrap_or(text))
}

/// A time as a table has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Time {
    /// Seconds of the recording.
    Second(f64),
    /// A date with a time of day.
    Moment(Moment),
}

impl Time {
    /// A time in any notation; `None` where it is none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        seconds(text).map(Self::Second).or_else(|| Moment::read(text).map(Self::Moment))
    }

    /// Seconds of the recording, where the time is written so.
    pub(crate) fn second(self) -> Option<f64> {
        if let Self::Second(second) = self { Some(second) } else { None }
    }

    /// Seconds from this time to a later one; `None` where they are of different kinds, which only the recording can compare.
    pub(crate) fn until_s(self, later: Self) -> Option<f64> {
        match (self, later) {
            (Self::Second(from_s), Self::Second(to_s)) => Some(to_s - from_s),
            (Self::Moment(Moment::Instant(from)), Self::Moment(Moment::Instant(to))) => {
                Some(to.duration_since(from).as_secs_f64())
            }
            (Self::Moment(Moment::Local(from)), Self::Moment(Moment::Local(to))) => Some(to.duration_since(from).as_secs_f64()),
            _ => None,
        }
    }
}

/// When an event ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ends {
    /// At a time.
    At(Time),
    /// So many seconds after its start.
    After(f64),
}

/// The times of an event of which at least one is a date with a time of day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Ends,
}

impl Moments {
    /// `None` where both times are seconds of the recording.
    pub(crate) fn of(start: Time, end: Ends) -> Option<Self> {
        let is_moment = |time: &Time| matches!(time, Time::Moment(_));
        (is_moment(&start) || matches!(&end, Ends::At(end) if is_moment(end))).then_some(Self { start, end })
    }

    /// The two halves of an interval, `START/END` or `START/LENGTH`. An end without an offset has that of the start.
    pub(crate) fn of_interval(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('/')?;
        let (start, end) = (reading(start)?, end.trim());
        let ends = if end.starts_with('P') {
            Ends::After(seconds(end)?)
        } else {
            let (until, offset) = reading(end)?;
            Ends::At(Time::Moment(Moment::of((until, offset.or(start.1)))?))
        };
        Some(Self { start: Time::Moment(Moment::of(start)?), end: ends })
    }

    /// Start and end in seconds of a recording with this clock, `None` where its start is not known, and this length in seconds.
    ///
    /// # Errors
    /// Why they cannot be known, and what to do.
    pub(crate) fn within(self, clock: Option<&Clock>, duration_s: Option<f64>) -> Result<(f64, f64), String> {
        let second = |time: Time| match time {
            Time::Second(second) => Ok(second),
            Time::Moment(moment) => moment.within(clock, duration_s),
        };
        let start_s = second(self.start)?;
        let end_s = match self.end {
            Ends::At(end) => second(end)?,
            Ends::After(length_s) => start_s + length_s,
        };
        Ok((start_s, end_s))
    }
}

/// A date, and the time of day that stands in a column of its own, perhaps as an interval; `None` where the first is more than a date.
pub(crate) fn dated(date: &str, time: &str) -> Option<String> {
    let is_date = date.len() == DATE && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_date.then(|| match time.split_once('/') {
        Some((start, end)) => format!("{date}T{}/{date}T{}", start.trim(), end.trim()),
        None => format!("{date}T{time}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(utc: &str, zone: &str) -> Clock {
        let start_us = utc.parse::<Timestamp>().unwrap().as_microsecond();
        Clock::new(Some(start_us), None, None, Some(zone)).unwrap()
    }

    #[test]
    fn a_moment_lies_as_long_after_the_start_as_its_clock_says() {
        let sao_paulo = clock("2026-03-03T23:00:00Z", "America/Sao_Paulo");
        for (text, wanted_s) in [
            ("2026-03-03T20:00:05.5", 5.5),
            ("2026-03-03 20:00:05", 5.0),
            ("2026-03-03 20:01", 60.0),
            ("2026-03-03T23:00:05Z", 5.0),
            ("2026-03-03 23:00:05 UTC", 5.0),
            ("2026-03-03T20:00:05-03:00", 5.0),
            ("2026-03-04T00:00:05+0100", 5.0),
            ("2026-03-03T20:00:05,25", 5.25),
            ("2026-03-03T19:59:58", -2.0),
        ] {
            assert_eq!(Moment::read(text).unwrap().within(Some(&sao_paulo), Some(60.0)), Ok(wanted_s), "{text}");
        }
        for text in ["", "2026-03-03", "20:00:05", "5.5", "20260303", "2026-03-03T25:00:00", "2026-13-03T20:00:00", "dusk UTC"] {
            assert_eq!(Moment::read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_known_of_a_start_is_not_guessed() {
        let (local, instant) = (Moment::read("2026-03-03T20:00:05").unwrap(), Moment::read("2026-03-03T20:00:05Z").unwrap());
        assert!(local.within(None, None).unwrap_err().contains("start, which is not known"));
        let start_us = "2026-03-03T20:00:00Z".parse::<Timestamp>().unwrap().as_microsecond();
        let without_zone = Clock::new(None, Some(start_us), None, None).unwrap();
        assert_eq!(local.within(Some(&without_zone), None), Ok(5.0));
        assert!(instant.within(Some(&without_zone), None).unwrap_err().contains("archive.timezone"));
    }

    #[test]
    fn an_hour_that_the_clock_shows_twice_is_the_one_that_was_recorded() {
        // Clocks in New York were put back at 06:00 UTC.
        let first = clock("2020-11-01T05:00:00Z", "America/New_York");
        let second = clock("2020-11-01T06:00:00Z", "America/New_York");
        let half_past = Moment::read("2020-11-01T01:30:00").unwrap();
        assert_eq!(half_past.within(Some(&first), Some(3600.0)), Ok(1800.0));
        assert_eq!(half_past.within(Some(&second), Some(3600.0)), Ok(1800.0));
        let reason = half_past.within(Some(&first), Some(7200.0)).unwrap_err();
        assert!(reason.contains("write its offset"), "{reason}");
        let with_offset = Moment::read("2020-11-01T01:30:00-05:00").unwrap();
        assert_eq!(with_offset.within(Some(&first), Some(7200.0)), Ok(5400.0));
    }

    #[test]
    fn intervals_and_times_of_day_beside_a_date() {
        let utc = clock("2026-03-03T20:00:00Z", "UTC");
        let of = |text: &str| Moments::of_interval(text)?.within(Some(&utc), Some(60.0)).ok();
        let five_to_eight = Some((5.0, 8.0));
        assert_eq!(of("2026-03-03T20:00:05Z/2026-03-03T20:00:08Z"), five_to_eight);
        assert_eq!(of("2026-03-03T17:00:05-03:00/2026-03-03T17:00:08"), five_to_eight, "the offset of the start");
        assert_eq!(of("2026-03-03T20:00:05 / PT3S"), five_to_eight);
        for text in ["2026-03-03T20:00:05", "2026-03-03T20:00:05/", "2026-03-03/2026-03-04", "1/2", "2026-03-03T20:00:05/P1M"] {
            assert_eq!(of(text), None, "{text}");
        }
        let both = dated("2026-03-03", "20:00:05Z/20:00:08Z").unwrap();
        assert_eq!(of(&both), five_to_eight);
        assert_eq!(dated("2026-03-03", "20:00:05").as_deref(), Some("2026-03-03T20:00:05"));
        assert_eq!(dated("2026-03-03T20:00:05", "20:00:05"), None);
    }

    #[test]
    fn only_times_of_one_kind_have_a_length_of_their_own() {
        let time = |text| Time::read(text).unwrap();
        assert_eq!(time("1:00").until_s(time("PT62.5S")), Some(2.5));
        assert_eq!(time("2026-03-03T20:00:05Z").until_s(time("2026-03-03T17:00:08-03:00")), Some(3.0));
        assert_eq!(time("2026-03-03T20:00:05").until_s(time("2026-03-03 20:00:08")), Some(3.0));
        assert_eq!(time("2026-03-03T20:00:05").until_s(time("8")), None);
    }
}
