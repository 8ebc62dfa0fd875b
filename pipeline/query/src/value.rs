//! Values of rows as the text formats show them.

use std::borrow::Cow;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType,
    IntervalUnit, IntervalYearMonthType, TimeUnit, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Number, Value};

use crate::QueryError;

const NANOS: i64 = 1_000_000_000;

/// Visits the rows of a batch in order, each as JSON values in the order of the columns: dates and times as ISO 8601 text (`Z` where
/// they are UTC, none where they have no zone), bytes as `<N bytes>`, lists as arrays.
pub(crate) fn each_row(rows: &RecordBatch, mut visit: impl FnMut(&[Value]) -> Result<(), QueryError>) -> Result<(), QueryError> {
    let mut row = vec![Value::Null; rows.num_columns()];
    for i in 0..rows.num_rows() {
        for (value, column) in row.iter_mut().zip(rows.columns()) {
            *value = json(column.as_ref(), i)?;
        }
        visit(&row)?;
    }
    Ok(())
}

/// The value at this place.
fn json(column: &dyn Array, i: usize) -> Result<Value, QueryError> {
    if column.is_null(i) {
        return Ok(Value::Null);
    }
    Ok(match column.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => column.as_boolean().value(i).into(),
        DataType::Int8 => column.as_primitive::<Int8Type>().value(i).into(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(i).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(i).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(i).into(),
        DataType::UInt8 => column.as_primitive::<UInt8Type>().value(i).into(),
        DataType::UInt16 => column.as_primitive::<UInt16Type>().value(i).into(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(i).into(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(i).into(),
        DataType::Float16 => shortest(column.as_primitive::<Float16Type>().value(i).into()),
        DataType::Float32 => shortest(column.as_primitive::<Float32Type>().value(i)),
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(i)),
        DataType::Utf8 => column.as_string::<i32>().value(i).into(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(i).into(),
        DataType::Utf8View => column.as_string_view().value(i).into(),
        DataType::Binary => bytes(column.as_binary::<i32>().value(i)),
        DataType::FixedSizeBinary(_) => bytes(column.as_fixed_size_binary().value(i)),
        DataType::List(_) => list(column.as_list::<i32>().value(i).as_ref())?,
        DataType::LargeList(_) => list(column.as_list::<i64>().value(i).as_ref())?,
        DataType::FixedSizeList(..) => list(column.as_fixed_size_list().value(i).as_ref())?,
        DataType::Struct(fields) => {
            let columns = column.as_struct().columns();
            let pairs = fields.iter().zip(columns).map(|(field, column)| Ok((field.name().clone(), json(column.as_ref(), i)?)));
            Value::Object(pairs.collect::<Result<Map<_, _>, QueryError>>()?)
        }
        DataType::Duration(unit) => {
            let nanos = match unit {
                TimeUnit::Second => i128::from(column.as_primitive::<DurationSecondType>().value(i)) * i128::from(NANOS),
                TimeUnit::Millisecond => i128::from(column.as_primitive::<DurationMillisecondType>().value(i)) * 1_000_000,
                TimeUnit::Microsecond => i128::from(column.as_primitive::<DurationMicrosecondType>().value(i)) * 1_000,
                TimeUnit::Nanosecond => column.as_primitive::<DurationNanosecondType>().value(i).into(),
            };
            let day = i128::from(86_400 * NANOS);
            span(0, (nanos / day) as i64, (nanos % day) as i64).into()
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            span(column.as_primitive::<IntervalYearMonthType>().value(i).into(), 0, 0).into()
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let value = column.as_primitive::<IntervalDayTimeType>().value(i);
            span(0, value.days.into(), i64::from(value.milliseconds) * 1_000_000).into()
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = column.as_primitive::<IntervalMonthDayNanoType>().value(i);
            span(value.months.into(), value.days.into(), value.nanoseconds).into()
        }
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            let text = shown(column, i)?;
            // As a number where a float has all its digits.
            match text.parse::<f64>() {
                Ok(number) if number.to_string() == shortened(&text) => float(number),
                _ => text.into(),
            }
        }
        _ => shown(column, i)?.into(),
    })
}

/// As arrow writes it: dates and times in ISO 8601.
fn shown(column: &dyn Array, i: usize) -> Result<String, QueryError> {
    let options = FormatOptions::new();
    let text = ArrayFormatter::try_new(column, &options).and_then(|formatter| formatter.value(i).try_to_string());
    text.map_err(|e| QueryError::Failed { detail: e.to_string(), hint: None })
}

fn list(values: &dyn Array) -> Result<Value, QueryError> {
    (0..values.len()).map(|i| json(values, i)).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

fn bytes(value: &[u8]) -> Value {
    format!("<{} bytes>", value.len()).into()
}

/// A decimal number without the zeros at its end.
fn shortened(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Widened through its shortest text: 0.85 stays 0.85 and does not become 0.8500000238418579.
fn shortest(value: f32) -> Value {
    float(value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
}

/// JSON has no NaN and no infinities; they become text, so that they differ from null.
fn float(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number)
}

/// A span of time as ISO 8601 has it, such as `P1DT18H`.
fn span(months: i64, days: i64, nanos: i64) -> String {
    let part = |value: i64, unit: &str| if value == 0 { String::new() } else { format!("{value}{unit}") };
    let date = [part(months / 12, "Y"), part(months % 12, "M"), part(days, "D")].concat();
    let (seconds, rest) = (nanos / NANOS % 60, nanos % NANOS);
    let fraction = format!("{:09}", rest.abs());
    let fraction = match fraction.trim_end_matches('0') {
        "" => String::new(),
        digits => format!(".{digits}"),
    };
    let sign = if seconds == 0 && rest < 0 { "-" } else { "" };
    let second = if seconds == 0 && rest == 0 { String::new() } else { format!("{sign}{seconds}{fraction}S") };
    let time = [part(nanos / NANOS / 3600, "H"), part(nanos / NANOS / 60 % 60, "M"), second].concat();
    match (date.is_empty(), time.is_empty()) {
        (true, true) => "PT0S".to_owned(),
        (_, true) => format!("P{date}"),
        (_, false) => format!("P{date}T{time}"),
    }
}

/// A value as the text formats show it; null is `None`.
pub(crate) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.into()),
        other => Some(other.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_iso_8601() {
        let hour = 3600 * NANOS;
        for (months, days, nanos, text) in [
            (0, 1, 18 * hour, "P1DT18H"),
            (14, 0, 0, "P1Y2M"),
            (0, 0, 0, "PT0S"),
            (0, 0, 90 * 60 * NANOS + NANOS / 2, "PT1H30M0.5S"),
            (0, -1, -hour, "P-1DT-1H"),
            (0, 0, -NANOS / 4, "PT-0.25S"),
        ] {
            assert_eq!(span(months, days, nanos), text);
        }
    }
}
