//! When the sun sets and rises in a night at a place.

use chorus_sun::events;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::error::ScoreError;

pub use chorus_sun::Place;

const NOON: i8 = 12;

/// What the sun does from local noon to local noon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sun {
    /// It sets, or rises, or both.
    Crosses {
        /// The first sunset, microseconds since 1970-01-01 UTC.
        sunset_us: Option<i64>,
        /// The last sunrise, microseconds since 1970-01-01 UTC.
        sunrise_us: Option<i64>,
    },
    /// It stays up: polar day.
    Up,
    /// It stays down: polar night.
    Down,
}

impl Sun {
    /// What it does in the night that begins at noon of this date, by the clock of `zone`.
    ///
    /// # Errors
    /// [`ScoreError::Sun`] where the place is not on Earth or the night not in the calendar.
    pub fn of(night: Date, zone: &TimeZone, place: Place) -> Result<Self, ScoreError> {
        let failed = |detail: String| ScoreError::Sun { night: night.to_string(), detail };
        let noon = |date: Date| zone.to_timestamp(date.at(NOON, 0, 0, 0)).map_err(|e| failed(e.to_string()));
        let (start, end) = (noon(night)?, noon(night.tomorrow().map_err(|e| failed(e.to_string()))?)?);
        let year = f64::from(night.year()) + f64::from(night.day_of_year()) / 365.25;
        let events = events(start.as_microsecond(), end.as_microsecond(), year, place).map_err(|e| failed(e.to_string()))?;
        Ok(match (events.sets.first(), events.rises.last()) {
            (None, None) if events.is_up => Self::Up,
            (None, None) => Self::Down,
            (set, rise) => Self::Crosses { sunset_us: set.copied(), sunrise_us: rise.copied() },
        })
    }

    /// The sunset, microseconds since 1970-01-01 UTC.
    pub fn sunset_us(self) -> Option<i64> {
        if let Self::Crosses { sunset_us, .. } = self { sunset_us } else { None }
    }

    /// The sunrise, microseconds since 1970-01-01 UTC.
    pub fn sunrise_us(self) -> Option<i64> {
        if let Self::Crosses { sunrise_us, .. } = self { sunrise_us } else { None }
    }

    /// As the table `nights` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crosses { .. } => "crosses",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_poles_have_days_and_nights_of_months() {
        let svalbard = Place { latitude: 78.22, longitude: 15.65 };
        let zone = TimeZone::get("Arctic/Longyearbyen").unwrap();
        assert_eq!(Sun::of(date(2025, 6, 21), &zone, svalbard), Ok(Sun::Up));
        assert_eq!(Sun::of(date(2025, 12, 21), &zone, svalbard), Ok(Sun::Down));
        assert_eq!(Sun::of(date(2025, 6, 21), &zone, svalbard).unwrap().sunset_us(), None);
        assert_eq!(Sun::of(date(2025, 3, 21), &zone, svalbard).unwrap().name(), "crosses");
    }

    #[test]
    fn a_place_that_is_none_is_refused() {
        let nowhere = Place { latitude: 95.0, longitude: 0.0 };
        let error = Sun::of(date(2025, 6, 21), &TimeZone::UTC, nowhere).unwrap_err();
        assert!(error.to_string().contains("2025-06-21"), "{error}");
    }

    #[test]
    fn a_night_whose_clock_changes_is_an_hour_longer_or_shorter_and_its_sun_the_same() {
        let paris = Place { latitude: 48.85, longitude: 2.35 };
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let of = |zone: &TimeZone| Sun::of(date(2025, 3, 29), zone, paris).unwrap();
        assert_eq!(of(&zone), of(&TimeZone::UTC));
    }
}
