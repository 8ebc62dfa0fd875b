//! The checks of a batch against its schema: names, order, types, nulls, ranges, finiteness, and the strict order of keys, which
//! is both sortedness and uniqueness.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type};
use arrow::row::{OwnedRow, RowConverter, SortField};

use crate::{Column, TableError, TableSchema};

/// Checks batches in the order in which they are written; remembers the last key between them.
pub(crate) struct Checker {
    schema: &'static TableSchema,
    key: Vec<usize>,
    rows: RowConverter,
    last: Option<OwnedRow>,
}

impl Checker {
    pub(crate) fn new(schema: &'static TableSchema, width: i32) -> Result<Self, TableError> {
        let arrow = schema.arrow(width);
        let key: Vec<usize> = (schema.key.iter())
            .map(|k| schema.columns.iter().position(|c| &c.name == k).expect("parse checked the key's columns"))
            .collect();
        let fields = key.iter().map(|&i| SortField::new(arrow.field(i).data_type().clone())).collect();
        let rows =
            RowConverter::new(fields).map_err(|e| TableError::BadSchema { table: schema.name.clone(), detail: e.to_string() })?;
        Ok(Self { schema, key, rows, last: None })
    }

    /// Checks one batch.
    pub(crate) fn check(&mut self, batch: &RecordBatch, expected: &arrow::datatypes::Schema) -> Result<(), TableError> {
        for (i, field) in expected.fields().iter().enumerate() {
            let found = batch.schema_ref().fields().get(i).map(|f| format!("{} {}", f.name(), f.data_type()));
            let wanted = format!("{} {}", field.name(), field.data_type());
            if found.as_ref() != Some(&wanted) {
                return Err(self.broken(field.name(), wanted, found.unwrap_or_else(|| "no such column".into())));
            }
        }
        if batch.num_columns() != expected.fields().len() {
            let extra = batch.schema_ref().field(expected.fields().len()).name().clone();
            return Err(self.broken(&extra, "no such column".into(), "one".into()));
        }
        for (i, column) in self.schema.columns.iter().enumerate() {
            self.check_values(column, batch.column(i).as_ref())?;
        }
        self.check_order(batch)
    }

    fn broken(&self, column: &str, expected: String, found: String) -> TableError {
        TableError::Contract { table: self.schema.name.clone(), column: column.to_owned(), expected, found }
    }

    fn check_values(&self, column: &Column, values: &dyn Array) -> Result<(), TableError> {
        nulls(self.schema, column, values)?;
        let outside = match values.data_type() {
            DataType::Int32 => first_outside(column, values.as_primitive::<Int32Type>().iter().map(|v| v.map(f64::from))),
            DataType::Int64 => first_outside(column, values.as_primitive::<Int64Type>().iter().map(|v| v.map(|x| x as f64))),
            DataType::Float32 => first_outside(column, values.as_primitive::<Float32Type>().iter().map(|v| v.map(f64::from))),
            DataType::Float64 => first_outside(column, values.as_primitive::<Float64Type>().iter()),
            _ => None,
        };
        if let Some((row, value)) = outside {
            let bound = |b: Option<f64>| b.map_or_else(|| "any".into(), |b| b.to_string());
            let expected = format!("a finite number from {} to {}", bound(column.min), bound(column.max));
            return Err(self.broken(&column.name, expected, format!("{value} in row {row}")));
        }
        if !column.allowed.is_empty() {
            let texts = values.as_string::<i32>();
            if let Some((row, text)) = texts
                .iter()
                .enumerate()
                .find_map(|(i, t)| t.filter(|t| !column.allowed.iter().any(|a| a == t)).map(|t| (i, t.to_owned())))
            {
                let expected = format!("one of {}", column.allowed.join(", "));
                return Err(self.broken(&column.name, expected, format!("`{text}` in row {row}")));
            }
        }
        Ok(())
    }

    fn check_order(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        if self.key.is_empty() || batch.num_rows() == 0 {
            return Ok(());
        }
        let columns: Vec<_> = self.key.iter().map(|&i| batch.column(i).clone()).collect();
        let failed = |e: arrow::error::ArrowError| TableError::Write { table: self.schema.name.clone(), detail: e.to_string() };
        let rows = self.rows.convert_columns(&columns).map_err(failed)?;
        for i in 0..rows.num_rows() {
            let in_order = match (i, &self.last) {
                (0, None) => true,
                (0, Some(last)) => last.row() < rows.row(0),
                _ => rows.row(i - 1) < rows.row(i),
            };
            if !in_order {
                let expected = "each key once, in ascending order".to_owned();
                return Err(self.broken(&self.schema.key.join(", "), expected, format!("row {i} out of order or twice")));
            }
        }
        self.last = Some(rows.row(rows.num_rows() - 1).owned());
        Ok(())
    }
}

/// Refuses null in a column that may hold none.
pub(crate) fn nulls(schema: &TableSchema, column: &Column, values: &dyn Array) -> Result<(), TableError> {
    let first =
        if column.nullable || values.null_count() == 0 { None } else { (0..values.len()).find(|&row| values.is_null(row)) };
    match first {
        None => Ok(()),
        Some(row) => Err(TableError::Contract {
            table: schema.name.clone(),
            column: column.name.clone(),
            expected: "a value in every row".into(),
            found: format!("null in row {row}"),
        }),
    }
}

/// The first value that is not finite or lies outside of the column's range.
fn first_outside(column: &Column, values: impl Iterator<Item = Option<f64>>) -> Option<(usize, f64)> {
    let (min, max) = (column.min.unwrap_or(f64::MIN), column.max.unwrap_or(f64::MAX));
    values.enumerate().find_map(|(i, v)| v.filter(|v| !(*v >= min && *v <= max)).map(|v| (i, v)))
}
