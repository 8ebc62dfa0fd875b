//! The types of times and intervals in queries, and what one interval is in microseconds.

use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimeUnit};

/// Microseconds since 1970-01-01, without a zone.
pub(crate) const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);
/// Months, days and nanoseconds.
pub(crate) const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
/// The difference of two timestamps, microseconds.
pub(crate) const DURATION: DataType = DataType::Duration(TimeUnit::Microsecond);

/// Microseconds in a day.
pub(crate) const DAY_US: i64 = 86_400_000_000;
/// Days in a month, where months are counted as days: as in DuckDB.
pub(crate) const DAYS_OF_MONTH: i64 = 30;

/// Whether times are instants of UTC, whose parts are those of a time without a zone. Looking up the zone takes most of the time otherwise.
pub(crate) fn is_utc(kind: &DataType) -> bool {
    matches!(kind, DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == "UTC")
}

/// A duration in microseconds as days of 24 hours and the time after them.
pub(crate) fn interval_of(micros: i64) -> IntervalMonthDayNano {
    // 2^63 us are 107 million days.
    IntervalMonthDayNano::new(0, (micros / DAY_US) as i32, micros % DAY_US * 1_000)
}

/// The length of an interval in microseconds; `None` where it does not fit.
pub(crate) fn micros_of(interval: IntervalMonthDayNano) -> Option<i64> {
    let days = i64::from(interval.months) * DAYS_OF_MONTH + i64::from(interval.days);
    days.checked_mul(DAY_US)?.checked_add(interval.nanoseconds / 1_000)
}
