//! Columns by name and type: [`BatchBuilder`] on the way in, [`Batch`] on the way out.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, FixedSizeBinaryArray, Float32Array, Float64Array, Int32Array, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::SchemaRef;

use crate::{TableError, TableSchema};

/// A text, or none: what a `utf8` column is made from.
pub trait Text {
    /// The text, `None` for null.
    fn text(&self) -> Option<&str>;
}

impl Text for str {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl Text for String {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl<T: Text + ?Sized> Text for &T {
    fn text(&self) -> Option<&str> {
        (**self).text()
    }
}

impl<T: Text> Text for Option<T> {
    fn text(&self) -> Option<&str> {
        self.as_ref().and_then(Text::text)
    }
}

/// Builds a record batch of a table column by column, in the schema's order. What is out of order or of the wrong type is found
/// when the batch is written.
pub struct BatchBuilder {
    schema: &'static TableSchema,
    arrow: SchemaRef,
    columns: Vec<ArrayRef>,
}

macro_rules! primitive {
    ($(#[$doc:meta])* $name:ident, $array:ty, $value:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name<V: Into<Option<$value>>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
            self.columns.push(Arc::new(values.into_iter().map(Into::into).collect::<$array>()));
            self
        }
    };
}

impl BatchBuilder {
    /// Starts a batch; `arrow` as the writer gives it, which knows the width of arrays.
    pub fn new(schema: &'static TableSchema, arrow: SchemaRef) -> Self {
        Self { schema, arrow, columns: Vec::new() }
    }

    primitive!(/// Appends an `i32` column.
        i32, Int32Array, i32);
    primitive!(/// Appends a `u32` column.
        u32, UInt32Array, u32);
    primitive!(/// Appends a `u64` column.
        u64, UInt64Array, u64);
    primitive!(/// Appends an `f32` column.
        f32, Float32Array, f32);
    primitive!(/// Appends an `f64` column.
        f64, Float64Array, f64);
    primitive!(/// Appends a `date32` column of days since 1970.
        date, Date32Array, i32);
    primitive!(/// Appends a `timestamp_us_local` column of microseconds since 1970.
        local, TimestampMicrosecondArray, i64);
    primitive!(/// Appends a `bool` column.
        bool, BooleanArray, bool);

    /// Appends a `timestamp_us_utc` column of microseconds since 1970.
    #[must_use]
    pub fn utc<V: Into<Option<i64>>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        let array: TimestampMicrosecondArray = values.into_iter().map(Into::into).collect();
        self.columns.push(Arc::new(array.with_timezone("UTC")));
        self
    }

    /// Appends a `utf8` column, of texts or of options of them.
    #[must_use]
    pub fn utf8<T: Text>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        let mut builder = StringBuilder::new();
        for value in values {
            builder.append_option(value.text());
        }
        self.columns.push(Arc::new(builder.finish()));
        self
    }

    /// Appends a column that was built elsewhere, such as arrays in fixed-size binary.
    #[must_use]
    pub fn array(mut self, values: ArrayRef) -> Self {
        self.columns.push(values);
        self
    }

    /// The batch.
    ///
    /// # Errors
    /// [`TableError::Contract`] when columns are missing, of the wrong type or of different lengths.
    pub fn build(self) -> Result<RecordBatch, TableError> {
        RecordBatch::try_new(self.arrow, self.columns).map_err(|e| TableError::Contract {
            table: self.schema.name.clone(),
            column: "(all)".into(),
            expected: "the schema's columns".into(),
            found: e.to_string(),
        })
    }
}

/// Rows of a table, with typed access to its columns.
#[derive(Debug, Clone)]
pub struct Batch {
    schema: &'static TableSchema,
    batch: RecordBatch,
}

macro_rules! column {
    ($(#[$doc:meta])* $name:ident, $array:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// [`TableError::UnknownColumn`] when it was not read, [`TableError::Contract`] when it is of another type.
        pub fn $name(&self, name: &str) -> Result<&$array, TableError> {
            self.typed(name)
        }
    };
}

impl Batch {
    pub(crate) fn new(schema: &'static TableSchema, batch: RecordBatch) -> Self {
        Self { schema, batch }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    fn typed<A: Array + 'static>(&self, name: &str) -> Result<&A, TableError> {
        let unknown = || TableError::UnknownColumn { table: self.schema.name.clone(), column: name.to_owned() };
        let column = self.batch.column_by_name(name).ok_or_else(unknown)?;
        column.as_any().downcast_ref().ok_or_else(|| TableError::Contract {
            table: self.schema.name.clone(),
            column: name.to_owned(),
            expected: std::any::type_name::<A>().into(),
            found: column.data_type().to_string(),
        })
    }

    column!(/// A text column.
        utf8, StringArray);
    column!(/// A column of 32-bit integers.
        i32, Int32Array);
    column!(/// A column of unsigned 32-bit integers.
        u32, UInt32Array);
    column!(/// A column of unsigned 64-bit integers.
        u64, UInt64Array);
    column!(/// A column of 32-bit floats.
        f32, Float32Array);
    column!(/// A column of 64-bit floats.
        f64, Float64Array);
    column!(/// A column of truth values.
        bool, BooleanArray);
    column!(/// A column of days since 1970.
        date, Date32Array);
    column!(/// A column of microseconds since 1970, with or without a zone.
        micros, TimestampMicrosecondArray);
    column!(/// A column of arrays as bytes.
        arrays, FixedSizeBinaryArray);

    /// A text column as owned values, null as `None`.
    ///
    /// # Errors
    /// As [`Batch::utf8`].
    pub fn texts(&self, name: &str) -> Result<Vec<Option<String>>, TableError> {
        Ok(self.utf8(name)?.iter().map(|t| t.map(str::to_owned)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TableWriter, read_all, schema};

    type Row<'a> = (&'a str, &'a str, &'a str, Option<i32>, Option<f64>);

    fn write_labels(rows: &[Row<'_>]) -> Result<Vec<u8>, TableError> {
        let schema = schema("labels").unwrap();
        let mut writer = TableWriter::new(schema, &[], Vec::new())?;
        let batch = BatchBuilder::new(schema, writer.arrow_schema().clone())
            .utf8(rows.iter().map(|r| r.0))
            .utf8(rows.iter().map(|r| r.1))
            .utf8(rows.iter().map(|r| r.2))
            .i32(rows.iter().map(|r| r.3))
            .f64(rows.iter().map(|r| r.4))
            .build()?;
        writer.write(&batch)?;
        Ok(writer.finish()?.0)
    }

    #[test]
    fn what_is_written_is_read_back_and_is_the_same_twice() {
        let rows = [("a-0", "a", "X", Some(1), Some(1.5)), ("a-0", "a", "Y", None, None)];
        let bytes = write_labels(&rows).unwrap();
        assert_eq!(bytes, write_labels(&rows).unwrap());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.parquet");
        std::fs::write(&path, bytes).unwrap();
        let batch = read_all(schema("labels").unwrap(), &path).unwrap();
        assert_eq!(batch.texts("class").unwrap(), [Some("X".into()), Some("Y".into())]);
        assert_eq!(batch.i32("value").unwrap().iter().collect::<Vec<_>>(), [Some(1), None]);
        let other = read_all(schema("segments").unwrap(), &path).unwrap_err().to_string();
        assert!(other.contains("found labels/1") && other.contains("chorus run segment"), "{other}");
    }

    #[test]
    fn each_breach_of_the_contract_is_named() {
        let ok = ("a-1", "a", "X", Some(1), Some(1.0));
        for (rows, wanted) in [
            (vec![ok, ok], "each key once"),
            (vec![ok, ("a-0", "a", "X", Some(1), Some(1.0))], "ascending order"),
            (vec![("a-1", "a", "X", Some(2), Some(1.0))], "from 0 to 1, found 2 in row 0"),
            (vec![("a-1", "a", "X", Some(1), Some(f64::NAN))], "found NaN"),
            (vec![("a-1", "a", "X", Some(1), Some(f64::INFINITY))], "found inf"),
        ] {
            let error = write_labels(&rows).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn a_null_where_none_may_be_and_a_text_that_is_not_allowed_are_refused() {
        let schema = schema("splits").unwrap();
        let try_write = |id: Option<&str>, subset: &str| {
            let mut writer = TableWriter::new(schema, &[], Vec::new()).unwrap();
            let batch = RecordBatch::try_new(
                writer.arrow_schema().clone(),
                vec![
                    Arc::new(StringArray::from(vec![id])) as ArrayRef,
                    Arc::new(StringArray::from(vec!["g"])),
                    Arc::new(StringArray::from(vec![subset])),
                    Arc::new(StringArray::from(vec!["r"])),
                ],
            );
            match batch {
                Ok(batch) => writer.write(&batch).map_err(|e| e.to_string()),
                Err(e) => Err(e.to_string()),
            }
        };
        assert!(try_write(Some("a"), "train").is_ok());
        assert!(try_write(Some("a"), "training").unwrap_err().contains("one of train, validation, test, unused"));
        assert!(try_write(None, "train").unwrap_err().contains("null"));
    }

    #[test]
    fn arrays_are_read_row_by_row() {
        let schema = schema("features").unwrap();
        let mut writer = TableWriter::new(schema, &[2, 3], Vec::new()).unwrap();
        let ids: Vec<String> = (0..100).map(|i| format!("s{i:03}")).collect();
        let arrays = FixedSizeBinaryArray::try_from_iter((0..100u8).map(|i| [i; 12])).unwrap();
        let batch = BatchBuilder::new(schema, writer.arrow_schema().clone()).utf8(ids.iter()).array(Arc::new(arrays)).build();
        writer.write(&batch.unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.parquet");
        std::fs::write(&path, writer.finish().unwrap().0).unwrap();
        let reader = crate::TableReader::open(schema, &path).unwrap();
        assert_eq!(reader.shape(), [2, 3]);
        let some = reader.rows_at(&[3, 4, 97], &["logmel"]).unwrap();
        let first: Vec<u8> = some.arrays("logmel").unwrap().iter().map(|a| a.unwrap()[0]).collect();
        assert_eq!(first, [3, 4, 97]);
    }
}
