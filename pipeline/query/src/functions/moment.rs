//! Timestamps as wall clocks show them.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::common::{Result, exec_datafusion_err};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;

use crate::times::DAY_US;

/// The wall clock of each row, microseconds since 1970-01-01T00:00:00 on the same clock.
///
/// # Errors
/// Where the array's zone is not in the time zone database.
pub(super) fn walls(array: &ArrayRef) -> Result<Vec<Option<i64>>> {
    let instants = array.as_primitive::<TimestampMicrosecondType>().iter();
    let DataType::Timestamp(_, Some(name)) = array.data_type() else { return Ok(instants.collect()) };
    let zone = DateTimeParser::new().parse_time_zone(name.as_bytes());
    let zone = zone.map_err(|e| exec_datafusion_err!("time zone '{name}' is unknown: {e}; use a name such as 'UTC'"))?;
    let wall = |us: i64| {
        let instant = Timestamp::from_microsecond(us).map_err(|e| exec_datafusion_err!("timestamp {us} us: {e}"))?;
        micros(zone.to_datetime(instant))
    };
    if zone == TimeZone::UTC { Ok(instants.collect()) } else { instants.map(|us| us.map(wall).transpose()).collect() }
}

/// The date and the time of a wall clock.
///
/// # Errors
/// Where the year is not within -9999 to 9999.
pub(super) fn civil(wall_us: i64) -> Result<DateTime> {
    let instant = Timestamp::from_microsecond(wall_us);
    let instant = instant.map_err(|e| exec_datafusion_err!("timestamp {wall_us} us since 1970 is outside the calendar: {e}"))?;
    Ok(TimeZone::UTC.to_datetime(instant))
}

/// The wall clock of a date and a time, microseconds since 1970-01-01T00:00:00.
///
/// # Errors
/// At the edge of the calendar, within a day of the years -9999 and 9999.
pub(super) fn micros(time: DateTime) -> Result<i64> {
    let instant = TimeZone::UTC.to_timestamp(time).map_err(|e| exec_datafusion_err!("{time} is outside the calendar: {e}"))?;
    Ok(instant.as_microsecond())
}

/// The date of a wall clock, days since 1970-01-01.
pub(super) fn day(wall_us: i64) -> i32 {
    // 2^63 us are 107 million days.
    wall_us.div_euclid(DAY_US) as i32
}
