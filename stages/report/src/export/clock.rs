//! When something in a recording happened.

use chorus_score::clock::Clock;
use chorus_score::effort::{end_utc_us, night_hour};
use chorus_tables::{Batch, TableError};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit, ZonedDateTime};

use super::error::ExportError;
use crate::facts::cells::cell;

/// The zone in which what a clock showed is what it showed.
static UTC: TimeZone = TimeZone::UTC;

/// The start of a recording, as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// An instant, in microseconds since 1970-01-01 UTC, and the zone of the site's clock.
    Known {
        /// The instant.
        utc_us: i64,
        /// The zone.
        zone: TimeZone,
    },
    /// What a clock at the site showed, in microseconds since 1970-01-01; its zone is not known.
    Local(i64),
    /// Nothing.
    Unknown,
}

impl Start {
    /// That of each recording of a batch that holds [`Clock::COLUMNS`].
    ///
    /// # Errors
    /// [`TableError`] where the batch lacks one of them.
    pub(crate) fn of(recordings: &Batch) -> Result<Vec<Self>, TableError> {
        Ok(Clock::of(recordings)?.into_iter().map(Self::new).collect())
    }

    /// That of one recording of such a batch.
    ///
    /// # Errors
    /// As [`Start::of`].
    pub(crate) fn of_row(recordings: &Batch, row: usize) -> Result<Self, TableError> {
        let micros = |name| Ok(recordings.micros(name)?.iter().nth(row).flatten());
        let (offset, zone) = (cell(recordings.i32("utc_offset_min")?, row), cell(recordings.utf8("timezone")?, row));
        Ok(Self::new(Clock::new(micros("start_utc")?, micros("start_local")?, offset, zone)))
    }

    fn new(clock: Option<Clock>) -> Self {
        match clock {
            Some(Clock { start_us: utc_us, zone, is_utc: true }) => Self::Known { utc_us, zone },
            Some(Clock { start_us, .. }) => Self::Local(start_us),
            None => Self::Unknown,
        }
    }

    /// The instant so many seconds later, with the offset that the site's clock had then; `None` where no zone is known.
    ///
    /// # Errors
    /// [`ExportError::Time`] outside of the calendar.
    pub fn instant(&self, seconds: f64) -> Result<Option<ZonedDateTime>, ExportError> {
        let Self::Known { utc_us, zone } = self else { return Ok(None) };
        Ok(Timestamp::from_microsecond(end_utc_us(*utc_us, seconds)?).ok().map(|instant| instant.to_zoned_datetime(zone.clone())))
    }

    /// What a clock at the site showed so many seconds later.
    ///
    /// # Errors
    /// [`ExportError::Time`] outside of the calendar.
    pub fn local(&self, seconds: f64) -> Result<Option<DateTime>, ExportError> {
        let Self::Local(local_us) = self else { return Ok(self.instant(seconds)?.map(|instant| instant.datetime())) };
        let instant = Timestamp::from_microsecond(end_utc_us(*local_us, seconds)?).ok();
        Ok(instant.map(|instant| TimeZone::UTC.to_datetime(instant)))
    }

    /// The date on which the night (noon to noon of the local clock) began into which that second fell.
    ///
    /// # Errors
    /// [`ExportError::Time`] outside of the calendar.
    pub fn night(&self, seconds: f64) -> Result<Option<Date>, ExportError> {
        let Some((start_us, zone)) = self.clock() else { return Ok(None) };
        Ok(Some(night_hour(end_utc_us(start_us, seconds)?, zone)?.night))
    }

    /// Microseconds and the zone in which they are shown: without a known zone what the clock showed, as if that were UTC.
    pub(crate) fn clock(&self) -> Option<(i64, &TimeZone)> {
        match self {
            Self::Known { utc_us, zone } => Some((*utc_us, zone)),
            Self::Local(local_us) => Some((*local_us, &UTC)),
            Self::Unknown => None,
        }
    }
}

/// An instant in whole seconds with its offset, such as `2020-03-01T19:00:00-03:00`: the second that it lies in.
pub(crate) fn second(instant: &ZonedDateTime) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The next whole second, so that a span in whole seconds holds all of what it stands for.
pub(super) fn after(instant: &ZonedDateTime) -> ZonedDateTime {
    let up = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    let rounded: Timestamp = instant.timestamp().round(up).unwrap_or(instant.timestamp());
    rounded.to_zoned_datetime(instant.time_zone().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(start: &str, zone: &str) -> Start {
        let utc_us = start.parse::<Timestamp>().unwrap().as_microsecond();
        Start::new(Clock::new(Some(utc_us), None, Some(-180), Some(zone)))
    }

    #[test]
    fn the_offset_is_that_of_the_instant() {
        // Clocks in New York went forward at 07:00 UTC.
        let start = known("2020-03-08T06:59:59.5Z", "America/New_York");
        let at = |seconds: f64| second(&start.instant(seconds).unwrap().unwrap());
        assert_eq!((at(0.0), at(1.0)), ("2020-03-08T01:59:59-05:00".into(), "2020-03-08T03:00:00-04:00".into()));
        assert_eq!(start.local(1.0).unwrap().unwrap().to_string(), "2020-03-08T03:00:00.5");
        assert_eq!(start.night(0.0).unwrap().unwrap().to_string(), "2020-03-07");
        let fixed = Start::new(Clock::new(Some(0), None, Some(-150), Some("Nowhere/At_All")));
        assert_eq!(second(&fixed.instant(0.0).unwrap().unwrap()), "1969-12-31T21:30:00-02:30");
    }

    #[test]
    fn a_clock_without_a_zone_shows_times_and_no_instants() {
        let start = Start::new(Clock::new(None, Some(12 * 3_600_000_000), None, None));
        assert_eq!(start.instant(1.0).unwrap(), None);
        assert_eq!(start.local(60.0).unwrap().unwrap().to_string(), "1970-01-01T12:01:00");
        assert_eq!(start.night(0.0).unwrap().unwrap().to_string(), "1970-01-01");
        let unknown = Start::new(Clock::new(None, None, Some(60), Some("UTC")));
        assert_eq!((unknown.local(0.0).unwrap(), unknown.night(0.0).unwrap()), (None, None));
        assert!(start.local(f64::NAN).is_err());
    }

    #[test]
    fn spans_in_whole_seconds_hold_what_they_stand_for() {
        let zoned = |text: &str| text.parse::<Timestamp>().unwrap().to_zoned_datetime(TimeZone::UTC);
        let at = zoned("2020-03-01T12:00:00.25Z");
        assert_eq!((second(&at), second(&after(&at))), ("2020-03-01T12:00:00+00:00".into(), "2020-03-01T12:00:01+00:00".into()));
        let whole = zoned("2020-03-01T12:00:00Z");
        assert_eq!(second(&after(&whole)), "2020-03-01T12:00:00+00:00");
    }
}
