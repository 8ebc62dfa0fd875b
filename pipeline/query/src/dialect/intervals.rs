//! Calculations with intervals: what the functions of `Native` do with them.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Float64Array, Int64Array, IntervalMonthDayNanoArray, StringArray},
    datatypes::{DurationMicrosecondType, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType},
    error::ArrowError,
};

use crate::times::{DAY_US, DAYS_OF_MONTH, interval_of, micros_of};

const NANOS_OF_DAY: i64 = DAY_US * 1_000;

/// Intervals times numbers.
pub(super) fn scale(args: &[ArrayRef]) -> Result<ArrayRef, ArrowError> {
    let intervals: &IntervalMonthDayNanoArray = args[0].as_primitive::<IntervalMonthDayNanoType>();
    let numbers: &Float64Array = args[1].as_primitive::<Float64Type>();
    let values = intervals.iter().zip(numbers).map(|(interval, number)| match (interval, number) {
        (Some(interval), Some(number)) if number.is_finite() => scaled(interval, number).map(Some),
        _ => Ok(None),
    });
    Ok(Arc::new(values.collect::<Result<IntervalMonthDayNanoArray, ArrowError>>()?))
}

fn scaled(interval: IntervalMonthDayNano, number: f64) -> Result<IntervalMonthDayNano, ArrowError> {
    let months = f64::from(interval.months) * number;
    let days = f64::from(interval.days) * number + months.fract() * DAYS_OF_MONTH as f64;
    let nanos = interval.nanoseconds as f64 * number + days.fract() * NANOS_OF_DAY as f64;
    // DuckDB has microseconds.
    let nanos = (nanos / 1000.0).round() * 1000.0;
    let fits = |value: f64, limit: f64| value.abs() < limit;
    if !(fits(months, i32::MAX.into()) && fits(days, i32::MAX.into()) && fits(nanos, i64::MAX as f64)) {
        return Err(overflow(&format!("an interval times {number}")));
    }
    Ok(IntervalMonthDayNano::new(months as i32, days as i32, nanos as i64))
}

/// The lengths of intervals in microseconds.
pub(super) fn length(args: &[ArrayRef]) -> Result<ArrayRef, ArrowError> {
    let lengths: Int64Array = args[0]
        .as_primitive::<IntervalMonthDayNanoType>()
        .try_unary(|i| micros_of(i).ok_or_else(|| overflow("the length of an interval")))?;
    Ok(Arc::new(lengths))
}

/// Durations in microseconds as intervals.
pub(super) fn split(args: &[ArrayRef]) -> ArrayRef {
    let intervals: IntervalMonthDayNanoArray = args[0].as_primitive::<DurationMicrosecondType>().unary(interval_of);
    Arc::new(intervals)
}

/// The texts of intervals, such as `1 year 2 months 3 days 04:05:06.5`.
pub(super) fn spell(args: &[ArrayRef]) -> ArrayRef {
    let intervals = args[0].as_primitive::<IntervalMonthDayNanoType>().iter();
    Arc::new(intervals.map(|interval| interval.map(spelt)).collect::<StringArray>())
}

fn spelt(interval: IntervalMonthDayNano) -> String {
    let dated = [(interval.months / 12, "year"), (interval.months % 12, "month"), (interval.days, "day")];
    let mut parts: Vec<String> = dated
        .into_iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, unit)| format!("{count} {unit}{}", if count.abs() == 1 { "" } else { "s" }))
        .collect();
    if interval.nanoseconds != 0 || parts.is_empty() {
        let sign = if interval.nanoseconds < 0 { "-" } else { "" };
        let micros = interval.nanoseconds.unsigned_abs() / 1000;
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}").trim_end_matches('0').to_owned() };
        parts.push(format!("{sign}{:02}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    }
    parts.join(" ")
}

/// The error of a result that does not fit its type.
pub(super) fn overflow(what: &str) -> ArrowError {
    ArrowError::ArithmeticOverflow(format!("Overflow happened on: {what}"))
}
