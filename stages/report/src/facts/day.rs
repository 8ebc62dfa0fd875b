//! Local days and nights.

use std::fmt;

use jiff::Span;
use jiff::civil::{Date, date};

const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// A local date, as days since 1970-01-01, which is how the tables hold dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(pub(crate) i32);

impl Day {
    /// The date of a local clock reading in microseconds since 1970; `None` where no calendar reaches.
    pub(crate) fn of(local_us: i64) -> Option<Self> {
        let day = Self(i32::try_from(local_us.div_euclid(DAY_US)).ok()?);
        day.date().map(|_| day)
    }

    /// The day of a date.
    pub(crate) fn on(day: Date) -> Option<Self> {
        day.since(date(1970, 1, 1)).ok().map(|span| Self(span.get_days()))
    }

    /// The date; `None` where no calendar reaches.
    pub(crate) fn date(self) -> Option<Date> {
        date(1970, 1, 1).checked_add(Span::new().try_days(self.0).ok()?).ok()
    }

    /// The day so many days later.
    pub(crate) fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date() {
            Some(date) => date.fmt(f),
            None => write!(f, "day {}", self.0),
        }
    }
}

/// The nights that a recording falls into, with the seconds in each. A night runs from noon to noon of the local clock and is
/// named by the date on which it begins. The clock is taken to run on as it stood at the start: a change to or from summer
/// time within a recording moves up to an hour across a noon that it also covers.
pub(crate) fn nights(start_local_us: i64, duration_s: f64) -> Vec<(Day, f64)> {
    let noon_us = DAY_US / 2;
    let mut nights = Vec::new();
    let mut from_us = start_local_us.saturating_sub(noon_us);
    let end_us = from_us.saturating_add((duration_s * 1e6).round() as i64);
    while from_us < end_us {
        let until_us = (from_us.div_euclid(DAY_US) + 1).saturating_mul(DAY_US).min(end_us);
        let Some(night) = Day::of(from_us) else { break };
        nights.push((night, (until_us - from_us) as f64 / 1e6));
        from_us = until_us;
    }
    nights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local_us(text: &str) -> i64 {
        let at: jiff::civil::DateTime = text.parse().unwrap();
        jiff::tz::TimeZone::UTC.to_timestamp(at).unwrap().as_microsecond()
    }

    #[test]
    fn days_read_as_dates_before_and_after_1970() {
        assert_eq!(Day(18_322).to_string(), "2020-03-01");
        assert_eq!(Day(-1).to_string(), "1969-12-31");
        assert_eq!([Day(18_322), Day(-1)].map(|day| Day::on(day.date().unwrap())), [Some(Day(18_322)), Some(Day(-1))]);
        assert_eq!(Day(i32::MAX).to_string(), "day 2147483647");
        assert_eq!(Day::of(local_us("2020-03-01T23:59:59")), Some(Day(18_322)));
        assert_eq!((Day::of(-1), Day::of(i64::MAX)), (Some(Day(-1)), None));
    }

    #[test]
    fn a_night_runs_from_noon_to_noon() {
        let night = |start: &str, duration_s| {
            nights(local_us(start), duration_s).into_iter().map(|(night, s)| (night.to_string(), s)).collect::<Vec<_>>()
        };
        assert_eq!(night("2020-03-02T05:00:00", 60.0), [("2020-03-01".into(), 60.0)]);
        assert_eq!(night("2020-03-02T11:59:00", 180.0), [("2020-03-01".into(), 60.0), ("2020-03-02".into(), 120.0)]);
        assert_eq!(night("2020-03-02T12:00:00", 86_400.0), [("2020-03-02".into(), 86_400.0)]);
        assert!(night("2020-03-02T12:00:00", 0.0).is_empty());
        assert!(nights(i64::MAX - 1, f64::INFINITY).is_empty(), "outside of any calendar");
    }
}
