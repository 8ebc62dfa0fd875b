//! Times from other times: sums with intervals, ends of months, buckets and nights.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;
use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Span};

use super::moment::{civil, day, micros, walls};
use super::scalar::{Kind, Scalar};
use super::unit::{Unit, month_number};
use crate::times::{DAY_US, TIMESTAMP};

/// 2000-01-03, a Monday: buckets of days, hours and less are counted from here, as DuckDB does.
const BUCKETS_FROM_US: i64 = 10_959 * DAY_US;

/// The functions of the calendar.
pub(super) fn functions() -> Vec<ScalarUDF> {
    use Kind::{Integer, Moment, Number, Span, Text};
    const PARTS: &[&[Kind]] = &[&[Integer, Integer, Integer, Integer, Integer, Number], &[Integer]];
    vec![
        Scalar::new("date_add", &[&[Moment, Span], &[Text, Integer, Moment]], TIMESTAMP, date_add).named(["dateadd"]),
        Scalar::new("last_day", &[&[Moment]], DataType::Date32, last_day).named([]),
        Scalar::new("make_timestamp", PARTS, TIMESTAMP, make_timestamp).named([]),
        Scalar::new("time_bucket", &[&[Span, Moment], &[Span, Moment, Moment]], TIMESTAMP, time_bucket).named([]),
        Scalar::new("night", &[&[Moment]], DataType::Date32, night).named([]),
    ]
}

fn dates(args: &[ArrayRef], of: impl Fn(i64) -> Result<i32>) -> Result<ArrayRef> {
    let days = walls(&args[0])?.into_iter().map(|wall| wall.map(&of).transpose());
    Ok(Arc::new(days.collect::<Result<Date32Array>>()?))
}

fn last_day(args: &[ArrayRef]) -> Result<ArrayRef> {
    dates(args, |wall| Ok(day(micros(civil(wall)?.date().last_of_month().to_datetime(jiff::civil::Time::midnight()))?)))
}

/// The date on which the night of a local time began: nights go from noon to noon.
fn night(args: &[ArrayRef]) -> Result<ArrayRef> {
    dates(args, |wall| Ok(day(wall - DAY_US / 2)))
}

fn times(rows: impl Iterator<Item = Result<Option<i64>>>) -> Result<ArrayRef> {
    Ok(Arc::new(rows.collect::<Result<TimestampMicrosecondArray>>()?))
}

fn date_add(args: &[ArrayRef]) -> Result<ArrayRef> {
    if args.len() == 2 {
        let spans = args[1].as_primitive::<IntervalMonthDayNanoType>();
        return times(walls(&args[0])?.into_iter().zip(spans).map(|(wall, span)| {
            let (Some(wall), Some(span)) = (wall, span) else { return Ok(None) };
            shifted(wall, i64::from(span.months), i64::from(span.days) * DAY_US + span.nanoseconds / 1_000).map(Some)
        }));
    }
    let steps = args[0].as_string::<i32>().iter().zip(args[1].as_primitive::<Int64Type>());
    times(steps.zip(walls(&args[2])?).map(|((unit, count), wall)| {
        let (Some(unit), Some(count), Some(wall)) = (unit, count, wall) else { return Ok(None) };
        let (months, us) = match Unit::parse(unit)? {
            Unit::Fixed(us) => (Some(0), count.checked_mul(us)),
            Unit::Week => (Some(0), count.checked_mul(7 * DAY_US)),
            Unit::Months(months) => (count.checked_mul(months), Some(0)),
        };
        let (Some(months), Some(us)) = (months, us) else { return exec_err!("date_add: {count} {unit} are too many") };
        shifted(wall, months, us).map(Some)
    }))
}

/// The time that is so many months later, and then so many microseconds. The last day of a month stands for a day that it lacks.
fn shifted(wall: i64, months: i64, us: i64) -> Result<i64> {
    let outside = || exec_datafusion_err!("{months} months and {us} us after {wall} us since 1970 is outside the calendar");
    let moved = if months == 0 {
        wall
    } else {
        let span = Span::new().try_months(months).map_err(|_| outside())?;
        micros(civil(wall)?.checked_add(span).map_err(|_| outside())?)?
    };
    moved.checked_add(us).ok_or_else(outside)
}

fn make_timestamp(args: &[ArrayRef]) -> Result<ArrayRef> {
    if let [us] = args {
        return Ok(cast(us, &TIMESTAMP)?);
    }
    let whole = |column: usize| args[column].as_primitive::<Int64Type>();
    let [years, months, days, hours, minutes] = [0, 1, 2, 3, 4].map(whole);
    let seconds = args[5].as_primitive::<Float64Type>();
    times((0..years.len()).map(|row| {
        if args.iter().any(|column| column.is_null(row)) {
            return Ok(None);
        }
        let [year, month, day, hour, minute] = [years, months, days, hours, minutes].map(|column| column.value(row));
        let second = seconds.value(row);
        let time = || {
            let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
            let start: DateTime = date.at(hour.try_into().ok()?, minute.try_into().ok()?, 0, 0);
            let fraction = (0.0..60.0).contains(&second).then(|| SignedDuration::from_micros((second * 1e6).round() as i64))?;
            start.checked_add(fraction).ok()
        };
        let valid = (0..24).contains(&hour) && (0..60).contains(&minute);
        match valid.then(time).flatten() {
            Some(time) => micros(time).map(Some),
            None => exec_err!("make_timestamp({year}, {month}, {day}, {hour}, {minute}, {second}) is not a time"),
        }
    }))
}

fn time_bucket(args: &[ArrayRef]) -> Result<ArrayRef> {
    let spans = args[0].as_primitive::<IntervalMonthDayNanoType>();
    let origins = args.get(2).map(walls).transpose()?;
    times(walls(&args[1])?.into_iter().enumerate().map(|(row, wall)| {
        let origin = origins.as_ref().map(|origins| origins[row]);
        let (Some(wall), false, false) = (wall, args[0].is_null(row), origin == Some(None)) else { return Ok(None) };
        bucket(spans.value(row), wall, origin.flatten()).map(Some)
    }))
}

/// The start of the bucket that a time is in.
fn bucket(width: IntervalMonthDayNano, wall: i64, origin: Option<i64>) -> Result<i64> {
    let us = i64::from(width.days) * DAY_US + width.nanoseconds / 1_000;
    match (i64::from(width.months), us) {
        (0, 1..) => {
            let origin = origin.unwrap_or(BUCKETS_FROM_US);
            Ok(origin + (wall - origin).div_euclid(us) * us)
        }
        (months @ 1.., 0) => {
            // Buckets of months are counted from January 2000, or from the month of the origin.
            let from = origin.map_or(Ok(2_000 * 12), month_number)?;
            let start = from + (month_number(wall)? - from).div_euclid(months) * months;
            shifted(0, start - 1_970 * 12, 0)
        }
        _ => exec_err!("time_bucket: the width {width:?} is not positive, or mixes months with days: use '2 weeks' or '1 month'"),
    }
}
