//! Converts values of polars to values of text formats.

use std::borrow::Cow;

use polars::prelude::{AnyValue, DataFrame, DataType, IntoSeries, NamedFrom, PolarsResult, Series};
use serde_json::{Number, Value};

use crate::QueryError;

/// Number of rows that are converted at once. It bounds the memory for text.
const ROWS_PER_SLICE: usize = 8192;

/// Names of the columns, in order.
pub(crate) fn names(frame: &DataFrame) -> Vec<&str> {
    frame.columns().iter().map(|c| c.name().as_str()).collect()
}

/// Visits the rows in order, each as JSON values in the order of the columns: dates and times as ISO 8601 text (`Z` where they
/// are UTC, an offset in other zones, none where they have no zone), bytes as `<N bytes>`, lists as arrays.
pub(crate) fn each_row(frame: &DataFrame, mut visit: impl FnMut(&[Value]) -> Result<(), QueryError>) -> Result<(), QueryError> {
    for start in (0..frame.height()).step_by(ROWS_PER_SLICE) {
        let slice = frame.slice(start as i64, ROWS_PER_SLICE);
        let columns = slice.columns().iter().map(|c| readable(c.as_materialized_series())).collect::<PolarsResult<Vec<_>>>();
        let columns = columns.map_err(|e| QueryError::Failed { detail: e.to_string(), hint: None })?;
        let mut values: Vec<_> = columns.iter().map(Series::iter).collect();
        for _ in 0..slice.height() {
            let row: Vec<Value> = values.iter_mut().map(|column| column.next().map_or(Value::Null, json)).collect();
            visit(&row)?;
        }
    }
    Ok(())
}

/// A column of numbers, truth values, texts or nested values: everything else as text.
fn readable(column: &Series) -> PolarsResult<Series> {
    let readable = match column.dtype() {
        DataType::Date => column.date()?.to_string("%Y-%m-%d")?.into_series(),
        DataType::Datetime(_, None) => column.datetime()?.to_string("%Y-%m-%dT%H:%M:%S%.f")?.into_series(),
        DataType::Datetime(_, Some(zone)) if zone.as_str() == "UTC" => {
            column.datetime()?.to_string("%Y-%m-%dT%H:%M:%S%.fZ")?.into_series()
        }
        DataType::Datetime(_, Some(_)) => column.datetime()?.to_string("%Y-%m-%dT%H:%M:%S%.f%:z")?.into_series(),
        DataType::Time => column.time()?.to_string("%H:%M:%S%.f").into_series(),
        DataType::Duration(_) => column.duration()?.to_string("iso")?.into_series(),
        DataType::Decimal(..) => column.cast(&DataType::Float64)?,
        DataType::Binary => {
            let sizes = column.binary()?.iter().map(|bytes| bytes.map(|b| format!("<{} bytes>", b.len())));
            Series::new(column.name().clone(), sizes.collect::<Vec<_>>())
        }
        _ => column.clone(),
    };
    Ok(readable.rechunk())
}

fn json(value: AnyValue<'_>) -> Value {
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(v) => v.into(),
        AnyValue::Int8(v) => v.into(),
        AnyValue::Int16(v) => v.into(),
        AnyValue::Int32(v) => v.into(),
        AnyValue::Int64(v) => v.into(),
        AnyValue::UInt8(v) => v.into(),
        AnyValue::UInt16(v) => v.into(),
        AnyValue::UInt32(v) => v.into(),
        AnyValue::UInt64(v) => v.into(),
        // Widened through its shortest text: 0.85 stays 0.85 and does not become 0.8500000238418579.
        AnyValue::Float32(v) => float(v.to_string().parse().unwrap_or_else(|_| f64::from(v))),
        AnyValue::Float64(v) => float(v),
        AnyValue::String(v) => v.into(),
        AnyValue::StringOwned(v) => v.as_str().into(),
        AnyValue::List(values) => match readable(&values) {
            Ok(values) => values.iter().map(json).collect(),
            Err(_) => values.to_string().into(),
        },
        other => other.to_string().into(),
    }
}

/// JSON has no NaN and no infinities; they become text, so that they differ from null.
fn float(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number)
}

/// A value as the text formats show it; null is `None`.
pub(crate) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.into()),
        other => Some(other.to_string().into()),
    }
}
