//! Parts of dates and times: `year(t)`, `dayname(t)`, `epoch_ms(t)`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, IntervalMonthDayNanoArray, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::{DatePart, cast, date_part};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, Int32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
    TimestampMicrosecondType,
};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF, cast as cast_expr, lit};

use super::scalar::{Kind, Returns, Scalar};
use crate::times::{TIMESTAMP, interval_of, is_utc, micros_of};

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The functions of parts.
pub(super) fn functions() -> Vec<ScalarUDF> {
    const MOMENT: &[&[Kind]] = &[&[Kind::Moment]];
    const SPAN: &[&[Kind]] = &[&[Kind::Moment], &[Kind::Difference], &[Kind::Span]];
    const MS: &[&[Kind]] = &[&[Kind::Moment], &[Kind::Difference], &[Kind::Span], &[Kind::Integer]];
    let integer = |name, answer: fn(&[ArrayRef]) -> Result<ArrayRef>| Scalar::new(name, MOMENT, DataType::Int64, answer);
    let text = |name, answer: fn(&[ArrayRef]) -> Result<ArrayRef>| Scalar::new(name, MOMENT, DataType::Utf8, answer);
    let spans = |name, answer: fn(&[ArrayRef]) -> Result<ArrayRef>| Scalar::new(name, SPAN, DataType::Int64, answer);
    vec![
        // DataFusion turns a comparison with `date_part` of the year into one with the column, and skips files by it.
        spans("year", |t| either(t, DatePart::Year, |span| months(span) / 12)).rewritten(year).named([]),
        spans("quarter", |t| either(t, DatePart::Quarter, |span| months(span) % 12 / 3 + 1)).named([]),
        spans("month", |t| either(t, DatePart::Month, |span| months(span) % 12)).named([]),
        integer("week", |t| plain(t, DatePart::WeekISO)).named(["weekofyear"]),
        spans("day", |t| either(t, DatePart::Day, |span| span.days.into())).named(["dayofmonth"]),
        integer("dayofweek", |t| plain(t, DatePart::DayOfWeekSunday0)).named(["weekday"]),
        integer("isodow", |t| computed(t, DatePart::DayOfWeekSunday0, |day| if day == 0 { 7 } else { day })).named([]),
        integer("dayofyear", |t| plain(t, DatePart::DayOfYear)).named([]),
        spans("hour", |t| either(t, DatePart::Hour, |span| span.nanoseconds / 3_600_000_000_000)).named([]),
        spans("minute", |t| either(t, DatePart::Minute, |span| span.nanoseconds / 60_000_000_000 % 60)).named([]),
        spans("second", |t| either(t, DatePart::Second, |span| span.nanoseconds / 1_000_000_000 % 60)).named([]),
        integer("isoyear", |t| plain(t, DatePart::YearISO)).named([]),
        integer("decade", |t| computed(t, DatePart::Year, |year| year.div_euclid(10))).named([]),
        integer("century", |t| computed(t, DatePart::Year, |year| (year - 1).div_euclid(100) + 1)).named([]),
        integer("yearweek", year_week).named([]),
        text("monthname", |t| named(t, DatePart::Month, |month| MONTHS[month as usize - 1])).named([]),
        text("dayname", |t| named(t, DatePart::DayOfWeekSunday0, |day| DAYS[day as usize])).named([]),
        Scalar::new("epoch", SPAN, DataType::Float64, epoch).named([]),
        Scalar::new("epoch_ms", MS, Returns::By(epoch_ms_type), epoch_ms).named([]),
        spans("epoch_us", |t| Ok(Arc::new(micros(t, |us| us)?))).named([]),
    ]
}

fn year(of: &DataType, args: &[Expr]) -> Option<Expr> {
    let function = datafusion::functions::datetime::date_part();
    let args = std::iter::once(lit("year")).chain(args.iter().cloned()).collect();
    let year = cast_expr(Expr::ScalarFunction(ScalarFunction::new_udf(function, args)), DataType::Int64);
    matches!(of, DataType::Timestamp(..)).then_some(year)
}

/// The intervals of an array that has no times. The difference of two timestamps has days of 24 hours, as in DuckDB.
fn spans(array: &ArrayRef) -> Option<IntervalMonthDayNanoArray> {
    if let Some(spans) = array.as_primitive_opt::<IntervalMonthDayNanoType>() {
        return Some(spans.clone());
    }
    Some(array.as_primitive_opt::<DurationMicrosecondType>()?.unary(interval_of))
}

fn months(span: IntervalMonthDayNano) -> i64 {
    span.months.into()
}

fn either(args: &[ArrayRef], part: DatePart, of: fn(IntervalMonthDayNano) -> i64) -> Result<ArrayRef> {
    match spans(&args[0]) {
        Some(spans) => Ok(Arc::new(spans.unary::<_, Int64Type>(of))),
        None => plain(args, part),
    }
}

fn part_of(times: &ArrayRef, part: DatePart) -> Result<ArrayRef> {
    Ok(if is_utc(times.data_type()) { date_part(&cast(times, &TIMESTAMP)?, part)? } else { date_part(times, part)? })
}

fn plain(args: &[ArrayRef], part: DatePart) -> Result<ArrayRef> {
    Ok(cast(&part_of(&args[0], part)?, &DataType::Int64)?)
}

fn computed(args: &[ArrayRef], part: DatePart, of: fn(i64) -> i64) -> Result<ArrayRef> {
    let parts = part_of(&args[0], part)?;
    let answer: Int64Array = parts.as_primitive::<Int32Type>().unary(|part| of(i64::from(part)));
    Ok(Arc::new(answer))
}

fn named(args: &[ArrayRef], part: DatePart, name: fn(i32) -> &'static str) -> Result<ArrayRef> {
    let parts = part_of(&args[0], part)?;
    Ok(Arc::new(parts.as_primitive::<Int32Type>().iter().map(|part| part.map(name)).collect::<StringArray>()))
}

fn year_week(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (years, weeks) = (part_of(&args[0], DatePart::YearISO)?, part_of(&args[0], DatePart::WeekISO)?);
    let rows = years.as_primitive::<Int32Type>().iter().zip(weeks.as_primitive::<Int32Type>().iter());
    Ok(Arc::new(rows.map(|(year, week)| Some(i64::from(year?) * 100 + i64::from(week?))).collect::<Int64Array>()))
}

/// The seconds of an interval count a year as 365.25 days and a month as 30, as DuckDB does.
fn epoch(args: &[ArrayRef]) -> Result<ArrayRef> {
    if let Some(spans) = spans(&args[0]) {
        let days = |span: IntervalMonthDayNano| {
            f64::from(span.months / 12) * 365.25 + f64::from(span.months % 12 * 30) + f64::from(span.days)
        };
        let seconds: Float64Array = spans.unary(|span| days(span) * 86_400.0 + span.nanoseconds as f64 / 1e9);
        return Ok(Arc::new(seconds));
    }
    let seconds: Float64Array = args[0].as_primitive::<TimestampMicrosecondType>().unary(|us| us as f64 / 1e6);
    Ok(Arc::new(seconds))
}

fn epoch_ms_type(of: &DataType) -> DataType {
    if of.is_integer() { TIMESTAMP } else { DataType::Int64 }
}

/// The milliseconds of a time or an interval, or the time of milliseconds.
fn epoch_ms(args: &[ArrayRef]) -> Result<ArrayRef> {
    let Some(ms) = args[0].as_primitive_opt::<Int64Type>() else {
        return Ok(Arc::new(micros(args, |us| us.div_euclid(1_000))?));
    };
    let time = |ms: i64| ms.checked_mul(1_000).ok_or_else(|| exec_datafusion_err!("epoch_ms: {ms} ms are outside the calendar"));
    let times: TimestampMicrosecondArray = ms.try_unary(time)?;
    Ok(Arc::new(times))
}

/// The microseconds of times or intervals. Every month counts as 30 days, also the twelve of a year, as in DuckDB.
fn micros(args: &[ArrayRef], of: fn(i64) -> i64) -> Result<Int64Array> {
    let Some(spans) = spans(&args[0]) else { return Ok(args[0].as_primitive::<TimestampMicrosecondType>().unary(of)) };
    spans.try_unary(|span| {
        micros_of(span).map(of).ok_or_else(|| exec_datafusion_err!("the interval {span:?} is too long to count in us"))
    })
}
