//! Intervals from numbers and from two times.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::datatypes::{Float64Type, Int64Type, IntervalMonthDayNano};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;

use super::moment::{civil, walls};
use super::scalar::{Kind, Scalar};
use super::unit::month_number;
use crate::times::{DAY_US, INTERVAL};

/// The functions of intervals.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let whole = |name, answer: fn(&[ArrayRef]) -> Result<ArrayRef>| Scalar::new(name, &[&[Kind::Integer]], INTERVAL, answer);
    let number = |name, answer: fn(&[ArrayRef]) -> Result<ArrayRef>| Scalar::new(name, &[&[Kind::Number]], INTERVAL, answer);
    vec![
        whole("to_years", |n| of(n, |n| Some((n.checked_mul(12)?, 0, 0)))).named([]),
        whole("to_months", |n| of(n, |n| Some((n, 0, 0)))).named([]),
        whole("to_weeks", |n| of(n, |n| Some((0, n.checked_mul(7)?, 0)))).named([]),
        whole("to_days", |n| of(n, |n| Some((0, n, 0)))).named([]),
        whole("to_hours", |n| of(n, |n| Some((0, 0, n.checked_mul(3_600_000_000)?)))).named([]),
        whole("to_minutes", |n| of(n, |n| Some((0, 0, n.checked_mul(60_000_000)?)))).named([]),
        whole("to_microseconds", |n| of(n, |n| Some((0, 0, n)))).named([]),
        number("to_seconds", |n| of_fraction(n, 1e6)).named([]),
        number("to_milliseconds", |n| of_fraction(n, 1e3)).named([]),
        Scalar::new("age", &[&[Kind::Moment, Kind::Moment]], INTERVAL, age).named([]),
    ]
}

/// The interval of so many months, days and microseconds.
fn interval((months, days, us): (i64, i64, i64)) -> Option<IntervalMonthDayNano> {
    Some(IntervalMonthDayNano::new(months.try_into().ok()?, days.try_into().ok()?, us.checked_mul(1_000)?))
}

fn of(args: &[ArrayRef], parts: fn(i64) -> Option<(i64, i64, i64)>) -> Result<ArrayRef> {
    let one = |n: i64| parts(n).and_then(interval).ok_or_else(|| exec_datafusion_err!("an interval has no room for {n}"));
    let intervals: IntervalMonthDayNanoArray = args[0].as_primitive::<Int64Type>().try_unary(one)?;
    Ok(Arc::new(intervals))
}

fn of_fraction(args: &[ArrayRef], us: f64) -> Result<ArrayRef> {
    let one = |n: f64| {
        // 2^53 us, which a double has all digits of, are 285 years.
        let fits = (n * us).abs() < 9e15;
        let interval = fits.then_some((0, 0, (n * us).round() as i64)).and_then(interval);
        interval.ok_or_else(|| exec_datafusion_err!("an interval has no room for {n}"))
    };
    let intervals: IntervalMonthDayNanoArray = args[0].as_primitive::<Float64Type>().try_unary(one)?;
    Ok(Arc::new(intervals))
}

fn age(args: &[ArrayRef]) -> Result<ArrayRef> {
    let rows = walls(&args[0])?.into_iter().zip(walls(&args[1])?).map(|(to, from)| {
        let (Some(to), Some(from)) = (to, from) else { return Ok(None) };
        let (months, days, us) = between(from.min(to), from.max(to))?;
        let sign = if to < from { -1 } else { 1 };
        let age = interval((sign * months, sign * days, sign * us));
        age.map(Some).ok_or_else(|| exec_datafusion_err!("age: an interval has no room for {months} months"))
    });
    Ok(Arc::new(rows.collect::<Result<IntervalMonthDayNanoArray>>()?))
}

/// The months, days and microseconds from an earlier to a later time, as Postgres and DuckDB count them from the calendar.
/// Where the days are negative, those of the month of the earlier time are added in place of a month.
fn between(from: i64, to: i64) -> Result<(i64, i64, i64)> {
    let (start, end) = (civil(from)?, civil(to)?);
    let mut months = month_number(to)? - month_number(from)?;
    let mut days = i64::from(end.day()) - i64::from(start.day());
    let mut us = to.rem_euclid(DAY_US) - from.rem_euclid(DAY_US);
    if us < 0 {
        us += DAY_US;
        days -= 1;
    }
    if days < 0 {
        days += i64::from(start.days_in_month());
        months -= 1;
    }
    Ok((months, days, us))
}
