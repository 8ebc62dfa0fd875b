//! When the sun sets and rises in a night at a place, and how far the clock there is from the sun.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::clock::Clock;
use crate::error::ScoreError;
use crate::sun::{Place, Sun};

const US_PER_HOUR: f64 = 3600e6;

/// The sun of a night at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NightSun {
    /// Whether a recording of this very night names the place, and not another recording of the same site and day.
    pub(super) is_of_night: bool,
    /// Start of the earliest recording that the place is known of, microseconds since 1970-01-01 UTC.
    pub(super) start_us: i64,
    pub(super) place: Place,
    /// Hours by which the clock is ahead of mean solar time at the place.
    pub(super) clock_ahead_h: f64,
    pub(super) sun: Sun,
    /// The sunset as a clock at the site shows it, microseconds since 1970-01-01.
    pub(super) sunset_local_us: Option<i64>,
    /// The sunrise as a clock at the site shows it, microseconds since 1970-01-01.
    pub(super) sunrise_local_us: Option<i64>,
}

impl NightSun {
    /// The sun of a night at a place, by the clock of a recording there.
    pub(super) fn of(night: Date, clock: &Clock, place: Place, is_of_night: bool) -> Result<Self, ScoreError> {
        let sun = Sun::of(night, &clock.zone, place)?;
        let offset_us = |utc_us: i64| {
            let instant = Timestamp::from_microsecond(utc_us).ok()?;
            Some(i64::from(clock.zone.to_offset(instant).seconds()) * 1_000_000)
        };
        let local_us = |utc_us: Option<i64>| Some(utc_us? + offset_us(utc_us?)?);
        let by_clock_h = offset_us(clock.start_us).unwrap_or(0) as f64 / US_PER_HOUR;
        Ok(Self {
            is_of_night,
            start_us: clock.start_us,
            place,
            // Around the date line a clock may be a day ahead, and its noon the same.
            clock_ahead_h: (by_clock_h - place.longitude / 15.0 + 36.0).rem_euclid(24.0) - 12.0,
            sun,
            sunset_local_us: local_us(sun.sunset_us()),
            sunrise_local_us: local_us(sun.sunrise_us()),
        })
    }

    /// Of several for one night, the lowest is the one to use: of the earliest recording that knows its own place.
    pub(super) fn rank(&self) -> (bool, i64) {
        (!self.is_of_night, self.start_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_clock_far_from_the_sun_is_noticed() {
        let start_us = "2025-02-19T21:20:00Z".parse::<Timestamp>().unwrap().as_microsecond();
        let ahead = |zone: &str, longitude| {
            let clock = Clock::new(Some(start_us), None, None, Some(zone)).unwrap();
            let place = Place { latitude: -33.9, longitude };
            NightSun::of(date(2025, 2, 19), &clock, place, true).unwrap().clock_ahead_h
        };
        assert_eq!(ahead("UTC", 150.0), -10.0);
        assert_eq!(ahead("UTC", -75.0), 5.0);
        for (zone, longitude) in
            [("Australia/Sydney", 151.2), ("Asia/Shanghai", 75.0), ("Pacific/Kiritimati", -157.4), ("Pacific/Apia", -171.8)]
        {
            assert!(ahead(zone, longitude).abs() < 4.0, "{zone}");
        }
    }
}
