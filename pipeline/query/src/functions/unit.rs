//! Units of time: the distance of two times, in boundaries crossed or in whole units.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::moment::{civil, walls};
use super::scalar::{Kind, Scalar};
use crate::times::DAY_US;

/// The functions of units.
pub(super) fn functions() -> Vec<ScalarUDF> {
    const FORM: &[&[Kind]] = &[&[Kind::Text, Kind::Moment, Kind::Moment]];
    vec![
        Scalar::new("date_diff", FORM, DataType::Int64, |args| distances(args, boundaries)).named(["datediff"]),
        Scalar::new("date_sub", FORM, DataType::Int64, |args| distances(args, whole)).named(["datesub"]),
    ]
}

/// A unit of time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    /// So many microseconds.
    Fixed(i64),
    /// Seven days.
    Week,
    /// So many months.
    Months(i64),
}

impl Unit {
    /// The unit of this name.
    ///
    /// # Errors
    /// Names the text and the units that exist.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let name = text.trim().to_lowercase();
        Ok(match name.strip_suffix('s').filter(|one| one.len() > 1 && name != "ms" && name != "us").unwrap_or(&name) {
            "us" | "microsecond" => Self::Fixed(1),
            "ms" | "millisecond" => Self::Fixed(1_000),
            "s" | "sec" | "second" => Self::Fixed(1_000_000),
            "m" | "min" | "minute" => Self::Fixed(60_000_000),
            "h" | "hr" | "hour" => Self::Fixed(3_600_000_000),
            "d" | "day" => Self::Fixed(DAY_US),
            "w" | "week" => Self::Week,
            "mon" | "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "y" | "yr" | "year" => Self::Months(12),
            "decade" => Self::Months(120),
            "century" | "centurie" => Self::Months(1_200),
            _ => {
                return exec_err!(
                    "'{text}' is not a unit of time: use microsecond, millisecond, second, minute, hour, day, week, month, \
                     quarter, year, decade or century"
                );
            }
        })
    }
}

fn distances(args: &[ArrayRef], distance: fn(Unit, i64, i64) -> Result<i64>) -> Result<ArrayRef> {
    let rows = args[0].as_string::<i32>().iter().zip(walls(&args[1])?).zip(walls(&args[2])?);
    let row = |((unit, from), to): ((Option<&str>, Option<i64>), Option<i64>)| {
        let (Some(unit), Some(from), Some(to)) = (unit, from, to) else { return Ok(None) };
        distance(Unit::parse(unit)?, from, to).map(Some)
    };
    Ok(Arc::new(rows.map(row).collect::<Result<Int64Array>>()?))
}

/// How many times a new unit begins on the way. A week is seven new days, from whichever day, as DuckDB has it.
fn boundaries(unit: Unit, from: i64, to: i64) -> Result<i64> {
    // The unit that a time is in, counted from any start.
    let number = |wall: i64| -> Result<i64> {
        Ok(match unit {
            Unit::Fixed(us) => wall.div_euclid(us),
            Unit::Week => wall.div_euclid(DAY_US),
            Unit::Months(months) => month_number(wall)?.div_euclid(months),
        })
    };
    let crossed = number(to)? - number(from)?;
    Ok(if matches!(unit, Unit::Week) { crossed / 7 } else { crossed })
}

/// How many whole units lie between, negative where `to` is before `from`.
fn whole(unit: Unit, from: i64, to: i64) -> Result<i64> {
    Ok(match unit {
        Unit::Fixed(us) => (to - from) / us,
        Unit::Week => (to - from) / (7 * DAY_US),
        Unit::Months(_) if to < from => -whole(unit, to, from)?,
        Unit::Months(months) => {
            let crossed = month_number(to)? - month_number(from)?;
            let (start, end) = (civil(from)?, civil(to)?);
            // A month from the 31st is over on the last day of a shorter month.
            let day = start.day().min(end.days_in_month());
            let over = (day, start.time()) <= (end.day(), end.time());
            (crossed - i64::from(!over)) / months
        }
    })
}

/// Months since the year 0.
pub(super) fn month_number(wall: i64) -> Result<i64> {
    let date = civil(wall)?;
    Ok(i64::from(date.year()) * 12 + i64::from(date.month()) - 1)
}
