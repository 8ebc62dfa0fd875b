//! Rows of tables for tests, written and read back. Only the columns that matter are named: the others are null where they may
//! be and else hold something, so a test does not break when a table gains a column.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chorus_tables::{Batch, BatchBuilder, Column, ColumnType, TableWriter, schema};

/// A named column; dates and times are numbers.
pub(crate) type Named = (&'static str, ArrayRef);

macro_rules! column {
    ($name:ident, $value:ty, $array:ty) => {
        pub(crate) fn $name<V: Into<Option<$value>>>(name: &'static str, values: impl IntoIterator<Item = V>) -> Named {
            (name, Arc::new(values.into_iter().map(Into::into).collect::<$array>()))
        }
    };
}

column!(bool, bool, BooleanArray);
column!(i32, i32, Int32Array);
column!(i64, i64, Int64Array);
column!(f32, f32, Float32Array);
column!(f64, f64, Float64Array);

pub(crate) fn text<'a, V: Into<Option<&'a str>>>(name: &'static str, values: impl IntoIterator<Item = V>) -> Named {
    (name, Arc::new(values.into_iter().map(Into::into).collect::<StringArray>()))
}

/// Gives all columns of a table: those that are named, and values for the others.
pub(crate) fn fill(batch: BatchBuilder, table: &str, named: &[Named]) -> BatchBuilder {
    let schema = schema(table).unwrap();
    for (name, _) in named {
        schema.column(name).unwrap();
    }
    let rows = named.first().map_or(0, |(_, values)| values.len());
    let values = |column: &Column| {
        let named = named.iter().find(|(name, _)| *name == column.name);
        let values = named.map_or_else(|| filler(column, rows), |(_, values)| values.clone());
        cast(&values, &column.kind.arrow(0)).unwrap()
    };
    schema.columns.iter().fold(batch, |batch, column| batch.array(&column.name, values(column)))
}

/// A file of a table.
pub(crate) fn bytes(table: &str, named: &[Named]) -> Vec<u8> {
    let schema = schema(table).unwrap();
    let mut writer = TableWriter::new(schema, &[], Vec::new()).unwrap();
    let rows = fill(writer.builder(), table, named).build().unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap().0
}

/// Rows of a table as a reader gives them.
pub(crate) fn read_back<const N: usize>(table: &str, named: [Named; N]) -> Batch {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes(table, &named)).unwrap();
    chorus_tables::read_all(schema(table).unwrap(), file.path()).unwrap()
}

fn filler(column: &Column, rows: usize) -> ArrayRef {
    match column.kind {
        _ if column.nullable => new_null_array(&column.kind.arrow(0), rows),
        ColumnType::Utf8 => {
            let texts = (0..rows).map(|i| column.allowed.first().cloned().unwrap_or_else(|| format!("{i:06}")));
            Arc::new(StringArray::from_iter_values(texts))
        }
        ColumnType::Bool => bool("", vec![false; rows]).1,
        ColumnType::Date32 => i32("", vec![1; rows]).1,
        // A whole number that a range from 0 or 1 holds.
        _ => cast(&Int32Array::from(vec![1; rows]), &DataType::Float64).unwrap(),
    }
}
