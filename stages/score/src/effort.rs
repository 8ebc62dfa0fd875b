//! How long was listened to, by night and local hour.
//!
//! A night runs from local noon to local noon and is named by the date on which it begins: 18:00 on the 1st and 05:00 on
//! the 2nd are both the night of the 1st. An hour is that of the local clock, 0 to 23. When clocks go back an hour
//! occurs twice and can hold 7,200 s of effort; when they go forward one is missing and holds none.
//!
//! Recorded time is split at every change of the local hour, in whole microseconds, so that the parts add up to the
//! whole. A window belongs to the hour in which it starts. Two recorders at one site add up: effort is recorder time.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::error::ScoreError;

const SECONDS_PER_HOUR: i64 = 3600;
const NOON: i8 = 12;

/// A local hour of a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NightHour {
    /// The date on which the night begins, at local noon.
    pub night: Date,
    /// The hour of the local clock, 0 to 23.
    pub hour: i8,
}

/// The night and the local hour of an instant in microseconds since 1970-01-01 UTC.
///
/// # Errors
/// The instant lies outside the calendar.
pub fn night_hour(utc_us: i64, zone: &TimeZone) -> Result<NightHour, ScoreError> {
    let outside = ScoreError::Span { start_utc_us: utc_us, end_utc_us: utc_us };
    let instant = Timestamp::from_microsecond(utc_us).map_err(|_| outside.clone())?;
    let local = zone.to_datetime(instant);
    let date = local.date();
    let night = if local.hour() < NOON { date.yesterday() } else { Ok(date) };
    Ok(NightHour { night: night.map_err(|_| outside)?, hour: local.hour() })
}

/// The parts of a span within one local hour each, in order of time, with their lengths in microseconds, which add up to the span's.
///
/// # Errors
/// The span ends before it starts or lies outside the calendar.
pub fn hours(start_us: i64, end_us: i64, zone: &TimeZone) -> Result<Vec<(NightHour, i64)>, ScoreError> {
    let span = ScoreError::Span { start_utc_us: start_us, end_utc_us: end_us };
    if end_us < start_us || Timestamp::from_microsecond(end_us).is_err() {
        return Err(span);
    }
    let mut parts = Vec::new();
    let mut from_us = start_us;
    while from_us < end_us {
        let until_us = hour_end(from_us, zone).unwrap_or(end_us).min(end_us);
        parts.push((night_hour(from_us, zone)?, until_us - from_us));
        from_us = until_us;
    }
    Ok(parts)
}

/// The first instant after `utc_us` at which the local clock shows a full hour or is put forward or back; `None` beyond
/// the calendar.
fn hour_end(utc_us: i64, zone: &TimeZone) -> Option<i64> {
    let instant = Timestamp::from_microsecond(utc_us).ok()?;
    // The offset may hold odd seconds (local mean time), so the hour is counted on the shifted clock.
    let local_us = utc_us + i64::from(zone.to_offset(instant).seconds()) * 1_000_000;
    let hour_us = SECONDS_PER_HOUR * 1_000_000;
    let full_us = utc_us + hour_us - local_us.rem_euclid(hour_us);
    let full = Timestamp::from_microsecond(full_us).ok()?;
    let change = zone.following(instant).next().map(|change| change.timestamp());
    Some(change.map_or(full, |change| change.min(full)).as_microsecond())
}

/// The end of a recording that starts at `start_utc_us` and lasts `duration_s`, rounded to the microsecond.
///
/// # Errors
/// A duration that is negative or not finite, or an end outside the calendar.
pub fn end_utc_us(start_utc_us: i64, duration_s: f64) -> Result<i64, ScoreError> {
    let end = SignedDuration::try_from_secs_f64(duration_s)
        .ok()
        .filter(|duration| !duration.is_negative())
        .and_then(|_| start_utc_us.checked_add((duration_s * 1e6).round() as i64));
    end.ok_or(ScoreError::Parameter {
        name: "duration_s",
        found: duration_s,
        expected: "0 or more seconds, ending before the year 10000",
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use jiff::civil::{DateTime, date};
    use proptest::prelude::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn utc(local: DateTime, zone: &TimeZone) -> i64 {
        zone.to_timestamp(local).unwrap().as_microsecond()
    }

    /// The microseconds of a span in each hour.
    fn by_hour(start_us: i64, end_us: i64, zone: &TimeZone) -> BTreeMap<NightHour, i64> {
        let mut sums = BTreeMap::new();
        for (at, part_us) in hours(start_us, end_us, zone).unwrap() {
            *sums.entry(at).or_default() += part_us;
        }
        sums
    }

    /// (day of the night, hour, seconds) of a span.
    fn seconds(start: DateTime, duration_s: f64, zone: &TimeZone) -> Vec<(i8, i8, f64)> {
        let start_us = utc(start, zone);
        let parts = by_hour(start_us, end_utc_us(start_us, duration_s).unwrap(), zone);
        parts.iter().map(|(at, us)| (at.night.day(), at.hour, *us as f64 / 1e6)).collect()
    }

    #[test]
    fn a_night_runs_from_noon_to_noon() {
        let zone = zone("America/Sao_Paulo");
        let at = |local| night_hour(utc(local, &zone), &zone).unwrap();
        let night = date(2020, 3, 1);
        assert_eq!(at(night.at(12, 0, 0, 0)), NightHour { night, hour: 12 });
        assert_eq!(at(night.at(23, 59, 59, 0)), NightHour { night, hour: 23 });
        assert_eq!(at(date(2020, 3, 2).at(11, 59, 59, 0)), NightHour { night, hour: 11 });
        assert_eq!(at(night.at(11, 59, 59, 999_999_000)).night, date(2020, 2, 29));
    }

    #[test]
    fn a_recording_is_split_at_hours_and_across_midnight() {
        let zone = zone("America/New_York");
        let parts = seconds(date(2020, 7, 1).at(22, 59, 30, 500_000_000), 7200.25, &zone);
        assert_eq!(parts, [(1, 0, 3570.75), (1, 22, 29.5), (1, 23, 3600.0)]);
    }

    #[test]
    fn a_recording_over_noon_belongs_to_two_nights() {
        let zone = zone("Asia/Kathmandu");
        let parts = seconds(date(2020, 7, 2).at(11, 30, 0, 0), 3600.0, &zone);
        assert_eq!(parts, [(1, 11, 1800.0), (2, 12, 1800.0)]);
    }

    #[test]
    fn clocks_going_forward_leave_an_hour_out() {
        let zone = zone("America/New_York");
        let parts = seconds(date(2020, 3, 8).at(1, 30, 0, 0), 7200.0, &zone);
        assert_eq!(parts, [(7, 1, 1800.0), (7, 3, 3600.0), (7, 4, 1800.0)]);
    }

    #[test]
    fn clocks_going_back_double_an_hour() {
        let zone = zone("America/New_York");
        let parts = seconds(date(2020, 11, 1).at(0, 30, 0, 0), 3.0 * 3600.0, &zone);
        assert_eq!(parts, [(31, 0, 1800.0), (31, 1, 7200.0), (31, 2, 1800.0)]);
    }

    #[test]
    fn clocks_may_change_at_midnight_and_by_half_an_hour() {
        // 2018-11-04 00:00 became 01:00.
        let parts = seconds(date(2018, 11, 3).at(23, 0, 0, 0), 2.0 * 3600.0, &zone("America/Sao_Paulo"));
        assert_eq!(parts, [(3, 1, 3600.0), (3, 23, 3600.0)]);
        // 2021-04-04 02:00 became 01:30.
        let parts = seconds(date(2021, 4, 4).at(1, 0, 0, 0), 2.0 * 3600.0, &zone("Australia/Lord_Howe"));
        assert_eq!(parts, [(3, 1, 5400.0), (3, 2, 1800.0)]);
    }

    #[test]
    fn impossible_spans_are_refused() {
        let zone = zone("UTC");
        assert!(matches!(hours(1, 0, &zone), Err(ScoreError::Span { .. })));
        assert!(hours(0, i64::MAX, &zone).is_err());
        assert!(night_hour(i64::MIN, &zone).is_err());
        for duration_s in [-1.0, f64::NAN, f64::INFINITY, 1e30] {
            assert!(end_utc_us(0, duration_s).is_err(), "{duration_s}");
        }
        assert_eq!(end_utc_us(1, 0.1), Ok(100_001));
    }

    proptest! {
        #[test]
        fn parts_add_up_and_each_instant_is_in_its_hour(
            // 2015 to 2025.
            start_s in 1_420_070_400_i64..1_735_689_600,
            minutes in 0_i64..3000,
            name in prop::sample::select(vec![
                "UTC", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Zurich",
            ]),
        ) {
            let zone = zone(name);
            let start_us = start_s * 1_000_000 + 123_457;
            let end_us = start_us + minutes * 60_000_000;
            let effort = by_hour(start_us, end_us, &zone);
            prop_assert_eq!(effort.values().sum::<i64>(), end_us - start_us);

            // Sampled every minute, each hour holds as many samples as it has minutes, one more or less at its two ends.
            let mut samples: BTreeMap<NightHour, i64> = BTreeMap::new();
            for minute in 0..minutes {
                let at = night_hour(start_us + minute * 60_000_000, &zone).unwrap();
                *samples.entry(at).or_default() += 1;
            }
            prop_assert!(samples.keys().all(|at| effort.contains_key(at)));
            for (at, hour_us) in &effort {
                let sampled_us = samples.get(at).copied().unwrap_or(0) * 60_000_000;
                prop_assert!((sampled_us - hour_us).abs() < 2 * 60_000_000, "{at:?} {hour_us}");
            }
        }
    }
}
