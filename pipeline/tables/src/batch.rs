//! Columns of a table by name and type, as they are read.

use arrow::array::{
    Array, BooleanArray, Date32Array, FixedSizeBinaryArray, Float32Array, Float64Array, Int32Array, Int64Array, PrimitiveArray,
    RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::ArrowPrimitiveType;

use crate::{TableError, TableSchema};

/// Rows of a table, with typed access to its columns.
#[derive(Debug, Clone)]
pub struct Batch {
    schema: &'static TableSchema,
    batch: RecordBatch,
}

macro_rules! count {
    ($(#[$doc:meta])* $name:ident, $array:ty, $max:expr) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// As of the other columns, and [`TableError::Contract`] when a number is negative or too large.
        pub fn $name(&self, name: &str) -> Result<$array, TableError> {
            self.counts(name, $max)
        }
    };
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

    /// A column of `i64` as numbers of a type without negative ones; `max` is the largest of them.
    fn counts<T>(&self, name: &str, max: i64) -> Result<PrimitiveArray<T>, TableError>
    where
        T: ArrowPrimitiveType<Native: TryFrom<i64>>,
    {
        let column = self.i64(name)?;
        column.try_unary(|number| T::Native::try_from(number).map_err(|_| number)).map_err(|number| {
            let row = column.iter().position(|other| other == Some(number)).unwrap_or_default();
            TableError::Contract {
                table: self.schema.name.clone(),
                column: name.to_owned(),
                expected: format!("a whole number from 0 to {max}"),
                found: format!("{number} in row {row}"),
            }
        })
    }

    column!(/// A text column.
        utf8, StringArray);
    column!(/// A column of 32-bit integers.
        i32, Int32Array);
    column!(/// A column of 64-bit integers.
        i64, Int64Array);
    count!(/// A column of 64-bit integers that are counts, as `u32`.
        u32, UInt32Array, u32::MAX.into());
    count!(/// A column of 64-bit integers that are counts, as `u64`.
        u64, UInt64Array, i64::MAX);
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
    use arrow::array::ArrayRef;
    use std::sync::Arc;

    type Row<'a> = (&'a str, &'a str, &'a str, Option<i32>, Option<f64>);

    fn write_labels(rows: &[Row<'_>]) -> Result<Vec<u8>, TableError> {
        let schema = schema("labels").unwrap();
        let mut writer = TableWriter::new(schema, &[], Vec::new())?;
        let batch = writer
            .builder()
            .column("segment_id", rows.iter().map(|r| r.0))
            .column("recording_id", rows.iter().map(|r| r.1))
            .column("class", rows.iter().map(|r| r.2))
            .column("value", rows.iter().map(|r| r.3))
            .column("overlap_s", rows.iter().map(|r| r.4))
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
            let batch = writer.builder().column("recording_id", [id]).column("group_id", ["g"]).column("subset", [subset]);
            writer.write(&batch.column("reason", ["r"]).build()?)
        };
        let refused = |id: Option<&str>, subset: &str| try_write(id, subset).unwrap_err().to_string();
        assert!(try_write(Some("a"), "train").is_ok());
        assert!(refused(Some("a"), "training").contains("one of train, validation, test, unused"));
        let null = "table splits, column recording_id: expected a value in every row, found null in row 0";
        assert_eq!(refused(None, "train"), null);
    }

    #[test]
    fn arrays_are_read_row_by_row() {
        let schema = schema("features").unwrap();
        let mut writer = TableWriter::new(schema, &[2, 3], Vec::new()).unwrap();
        let ids: Vec<String> = (0..100).map(|i| format!("s{i:03}")).collect();
        let arrays = FixedSizeBinaryArray::try_from_iter((0..100u8).map(|i| [i; 12])).unwrap();
        let batch = writer.builder().array("logmel", Arc::new(arrays)).column("segment_id", &ids).build();
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

    /// A batch of `accumulation` with one column.
    fn nights(values: Int64Array) -> Batch {
        let batch = RecordBatch::try_from_iter_with_nullable([("nights", Arc::new(values) as ArrayRef, true)]).unwrap();
        Batch::new(schema("accumulation").unwrap(), batch)
    }

    #[test]
    fn counts_are_read_as_unsigned_numbers_and_negative_ones_are_refused() {
        let batch = nights([Some(0), None, Some(7)].into_iter().collect());
        assert_eq!(batch.u64("nights").unwrap().iter().collect::<Vec<_>>(), [Some(0), None, Some(7)]);
        assert_eq!(batch.u32("nights").unwrap().iter().collect::<Vec<_>>(), [Some(0), None, Some(7)]);
        let negative = nights([Some(0), None, Some(-7)].into_iter().collect());
        let refused = |max: &str, found: &str| {
            format!("table accumulation, column nights: expected a whole number from 0 to {max}, found {found}")
        };
        assert_eq!(negative.u64("nights").unwrap_err().to_string(), refused("9223372036854775807", "-7 in row 2"));
        assert_eq!(negative.u32("nights").unwrap_err().to_string(), refused("4294967295", "-7 in row 2"));
        assert_eq!(negative.i64("nights").unwrap().value(2), -7);
        let large = nights([i64::MAX, 0].into_iter().map(Some).collect());
        assert_eq!(large.u64("nights").unwrap().value(0), i64::MAX as u64);
        assert_eq!(large.u32("nights").unwrap_err().to_string(), refused("4294967295", "9223372036854775807 in row 0"));
        // What stands below a null does not count.
        let below = Int64Array::new(vec![-1, 3].into(), Some(vec![false, true].into()));
        assert_eq!(nights(below).u64("nights").unwrap().iter().collect::<Vec<_>>(), [None, Some(3)]);
    }
}
