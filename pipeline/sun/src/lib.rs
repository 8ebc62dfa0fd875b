//! When the sun sets and rises at a place, and how much of the moon is lit.
//!
//! The sun by the solar position algorithm of Reda and Andreas (2003, doi:10.1016/j.solener.2003.12.003), in the crate solar-positioning: the
//! centre of the sun at 0.833 degrees below the horizon, which is its upper limb under mean refraction, as almanacs have it, at sea
//! level. Instants are UTC, so the clock's changes do not touch them.

mod moon;

use solar_positioning::{Horizon, Location, SolarEvents, delta_t};

pub use moon::illuminated;

/// The Julian date of 1970-01-01T00:00:00Z.
const JULIAN_1970: f64 = 2_440_587.5;
const US_PER_DAY: f64 = 86_400e6;

/// A place on Earth, degrees, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// North positive.
    pub latitude: f64,
    /// East positive.
    pub longitude: f64,
}

/// What the sun does in a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// When it sets, microseconds since 1970-01-01 UTC, to the second, in order.
    pub sets: Vec<i64>,
    /// When it rises, likewise.
    pub rises: Vec<i64>,
    /// Whether it stays above the horizon all the time.
    pub is_up: bool,
}

/// The events between two instants, microseconds since 1970-01-01 UTC. `year` is the decimal year of the span, such as 2025.5: the
/// difference between the Earth's rotation and atomic clocks depends on it.
///
/// # Errors
/// [`SunError`] where the place is not on Earth or the year is too far away.
pub fn events(start_us: i64, end_us: i64, year: f64, place: Place) -> Result<Events, SunError> {
    let julian = |us: i64| JULIAN_1970 + us as f64 / US_PER_DAY;
    let location = Location { latitude: place.latitude, longitude: place.longitude };
    let found = delta_t::estimate(year).and_then(|delta_t| {
        let (start, end) = (julian(start_us), julian(end_us));
        SolarEvents::new().for_interval_from_julian(start, end, location, delta_t, Horizon::SunriseSunset)
    });
    let found = found.map_err(|error| SunError(error.to_string()))?;
    // The search ends within a millisecond, and refraction varies by far more than a second.
    let instant = |julian: &f64| ((julian - JULIAN_1970) * 86_400.0).round() as i64 * 1_000_000;
    Ok(Events {
        is_up: found.always_above(),
        sets: found.sets.iter().map(instant).collect(),
        rises: found.rises.iter().map(instant).collect(),
    })
}

/// Why the sun's events cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SunError(String);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// 2025-03-20T00:00:00Z.
    const EQUINOX_US: i64 = 1_742_428_800_000_000;
    const HOUR_US: i64 = 3_600_000_000;

    fn day(latitude: f64) -> Events {
        events(EQUINOX_US, EQUINOX_US + 24 * HOUR_US, 2025.2, Place { latitude, longitude: 0.0 }).unwrap()
    }

    #[test]
    fn at_the_equator_an_equinox_has_twelve_hours_of_day_and_refraction() {
        let events = day(0.0);
        let (rise, set) = (events.rises[0] - EQUINOX_US, events.sets[0] - EQUINOX_US);
        assert!((rise - 6 * HOUR_US).abs() < HOUR_US / 4 && (set - rise - 12 * HOUR_US - HOUR_US / 9).abs() < HOUR_US / 60);
        assert_eq!((events.rises.len(), events.sets.len(), events.is_up), (1, 1, false));
    }

    #[test]
    fn a_place_that_is_none_is_refused() {
        assert!(events(0, HOUR_US, 1970.0, Place { latitude: 95.0, longitude: 0.0 }).is_err());
    }
}
