//! The clock of a recording: when it began, and the zone of its site.

use chorus_tables::{Batch, TableError};
use jiff::tz::{Offset, TimeZone};

/// An instant and the zone to show it in.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// Start of the recording, microseconds since 1970-01-01 UTC.
    pub start_us: i64,
    /// The zone.
    pub zone: TimeZone,
    /// Whether the instant is known, and not only what the recorder's clock showed.
    pub is_utc: bool,
}

impl Clock {
    /// The columns of `recordings` that say when one began.
    pub const COLUMNS: [&str; 4] = ["start_utc", "start_local", "utc_offset_min", "timezone"];

    /// From the recording's start in UTC or by its own clock, its offset from UTC and its zone; `None` where no time is known.
    pub fn new(utc_us: Option<i64>, local_us: Option<i64>, offset_min: Option<i32>, zone: Option<&str>) -> Option<Self> {
        let named = || zone.and_then(|zone| TimeZone::get(zone).ok());
        let fixed = || offset_min.and_then(|minutes| Offset::from_seconds(minutes * 60).ok()).map(TimeZone::fixed);
        match (utc_us, local_us) {
            (Some(start_us), _) => Some(Self { start_us, zone: named().or_else(fixed).unwrap_or(TimeZone::UTC), is_utc: true }),
            // The clock's own reading, as if it were UTC: its nights and hours are right, and nothing else is used of it.
            (None, Some(start_us)) => Some(Self { start_us, zone: TimeZone::UTC, is_utc: false }),
            (None, None) => None,
        }
    }

    /// The clocks of a batch of recordings that holds [`Clock::COLUMNS`].
    ///
    /// # Errors
    /// [`TableError`] where the batch lacks one of them.
    pub fn of(recordings: &Batch) -> Result<Vec<Option<Self>>, TableError> {
        let (utc, local) = (recordings.micros("start_utc")?, recordings.micros("start_local")?);
        let (offsets, zones) = (recordings.i32("utc_offset_min")?, recordings.utf8("timezone")?);
        let times = utc.iter().zip(local).zip(offsets.iter().zip(zones));
        Ok(times.map(|((utc, local), (offset, zone))| Self::new(utc, local, offset, zone)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_better_than_the_offset_and_the_clock_is_better_than_nothing() {
        let zone = |clock: Option<Clock>| clock.map(|clock| (clock.zone, clock.is_utc));
        let new_york = TimeZone::get("America/New_York").unwrap();
        assert_eq!(zone(Clock::new(Some(0), Some(1), Some(-300), Some("America/New_York"))), Some((new_york, true)));
        let five_hours = TimeZone::fixed(Offset::from_seconds(-5 * 3600).unwrap());
        assert_eq!(zone(Clock::new(Some(0), None, Some(-300), Some("Nowhere/At_All"))), Some((five_hours, true)));
        assert_eq!(zone(Clock::new(None, Some(1), None, None)), Some((TimeZone::UTC, false)));
        assert_eq!(Clock::new(None, None, None, Some("UTC")), None);
    }
}
