//! Columns by name and type: [`BatchBuilder`] on the way in, [`Batch`] on the way out.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, BooleanArray, BooleanBuilder, Date32Array, Date32Builder, FixedSizeBinaryArray, Float32Array,
    Float32Builder, Float64Array, Float64Builder, Int32Array, Int32Builder, Int64Array, Int64Builder, PrimitiveArray,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray, TimestampMicrosecondBuilder, UInt32Array, UInt64Array,
    new_null_array,
};
use arrow::datatypes::{ArrowPrimitiveType, DataType, SchemaRef};

use crate::{ColumnType, TableError, TableSchema, check};

/// A day without a zone, in days since 1970: a value of a `date32` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub i32);

/// An instant, in microseconds since 1970 in UTC: a value of a `timestamp_us_utc` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcMicros(pub i64);

/// A clock reading without a zone, in microseconds since 1970: a value of a `timestamp_us_local` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalMicros(pub i64);

/// A number that no column can hold: no column is unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge(pub u64);

/// A type whose values a column can be built from. An `Option` of such a type is one too: `None` becomes null.
pub trait Value {
    /// The type of the column.
    const TYPE: ColumnType;
    /// Collects the values.
    type Builder: ArrayBuilder + Default;

    /// Appends a value, or null.
    ///
    /// # Errors
    /// [`TooLarge`].
    fn append(value: Option<&Self>, builder: &mut Self::Builder) -> Result<(), TooLarge>;

    /// Ends the array; its Arrow type is that of [`Value::TYPE`].
    fn finish(mut builder: Self::Builder) -> ArrayRef {
        builder.finish()
    }
}

macro_rules! value {
    ($value:ty, $kind:ident, $builder:ty, |$given:ident| $stored:expr $(, with $zone:expr)?) => {
        impl Value for $value {
            const TYPE: ColumnType = ColumnType::$kind;
            type Builder = $builder;

            fn append(value: Option<&Self>, builder: &mut Self::Builder) -> Result<(), TooLarge> {
                builder.append_option(value.map(|$given| $stored));
                Ok(())
            }
            $(
                fn finish(mut builder: Self::Builder) -> ArrayRef {
                    Arc::new(builder.finish().with_timezone($zone))
                }
            )?
        }
    };
}

value!(bool, Bool, BooleanBuilder, |v| *v);
value!(i32, I32, Int32Builder, |v| *v);
value!(i64, I64, Int64Builder, |v| *v);
value!(u32, I64, Int64Builder, |v| i64::from(*v));
value!(f32, F32, Float32Builder, |v| *v);
value!(f64, F64, Float64Builder, |v| *v);
value!(str, Utf8, StringBuilder, |v| v);
value!(String, Utf8, StringBuilder, |v| v);
value!(Day, Date32, Date32Builder, |v| v.0);
value!(LocalMicros, TimestampUsLocal, TimestampMicrosecondBuilder, |v| v.0);
value!(UtcMicros, TimestampUsUtc, TimestampMicrosecondBuilder, |v| v.0, with "UTC");

/// Whole numbers that may be too large for their column.
macro_rules! large {
    ($($value:ty),*) => {$(
        impl Value for $value {
            const TYPE: ColumnType = ColumnType::I64;
            type Builder = Int64Builder;

            fn append(value: Option<&Self>, builder: &mut Self::Builder) -> Result<(), TooLarge> {
                let signed = value.map(|&value| i64::try_from(value).map_err(|_| TooLarge(value as u64)));
                builder.append_option(signed.transpose()?);
                Ok(())
            }
        }
    )*};
}

large!(u64, usize);

impl<T: Value + ?Sized> Value for &T {
    const TYPE: ColumnType = T::TYPE;
    type Builder = T::Builder;

    fn append(value: Option<&Self>, builder: &mut Self::Builder) -> Result<(), TooLarge> {
        T::append(value.copied(), builder)
    }

    fn finish(builder: Self::Builder) -> ArrayRef {
        T::finish(builder)
    }
}

impl<T: Value> Value for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    type Builder = T::Builder;

    fn append(value: Option<&Self>, builder: &mut Self::Builder) -> Result<(), TooLarge> {
        T::append(value.and_then(Option::as_ref), builder)
    }

    fn finish(builder: Self::Builder) -> ArrayRef {
        T::finish(builder)
    }
}

/// Builds a record batch of a table from columns given by name, in any order. The first mistake is kept and returned by
/// [`BatchBuilder::build`], so that calls can be chained.
///
/// ```
/// use chorus_tables::{TableWriter, schema};
///
/// let mut writer = TableWriter::new(schema("training_sets")?, &[], Vec::new())?;
/// let batch = writer
///     .builder()
///     .column("recording_id", ["a", "b"])
///     .column("subset", ["train", "validation"])
///     .column("unit", ["site=A/date=2020-03-01/part-000"; 2])
///     .build()?;
/// writer.write(&batch)?;
/// # Ok::<(), chorus_tables::TableError>(())
/// ```
pub struct BatchBuilder {
    schema: &'static TableSchema,
    arrow: SchemaRef,
    /// The columns in the schema's order, as far as they were given.
    columns: Vec<Option<ArrayRef>>,
    mistake: Option<TableError>,
}

impl BatchBuilder {
    /// Starts a batch; `arrow` is the schema's Arrow form with the width of this file's arrays.
    pub(crate) fn new(schema: &'static TableSchema, arrow: SchemaRef) -> Self {
        Self { schema, arrow, columns: vec![None; schema.columns.len()], mistake: None }
    }

    /// Gives the values of the column `name`, of the column's type, one for each row.
    #[must_use]
    pub fn column<V: Value>(self, name: &str, values: impl IntoIterator<Item = V>) -> Self {
        let mut builder = V::Builder::default();
        for (row, value) in values.into_iter().enumerate() {
            if let Err(TooLarge(number)) = V::append(Some(&value), &mut builder) {
                let expected = format!("a whole number up to {}", i64::MAX);
                let mistake = self.broken(name, expected, format!("{number} in row {row}"));
                return self.mistaken(mistake);
            }
        }
        self.array(name, V::finish(builder))
    }

    /// Keeps the first mistake.
    fn mistaken(mut self, mistake: TableError) -> Self {
        self.mistake.get_or_insert(mistake);
        self
    }

    /// Gives the column `name` as an Arrow array that was built elsewhere, such as a `fixed_binary` column.
    #[must_use]
    pub fn array(mut self, name: &str, values: ArrayRef) -> Self {
        match self.slot(name, values.data_type()) {
            Ok(slot) => self.columns[slot] = Some(values),
            Err(mistake) => return self.mistaken(mistake),
        }
        self
    }

    /// Gives null in every row of each column that may hold null and was not given, so that a
    /// test names only what matters to it.
    #[must_use]
    pub fn others_null(mut self) -> Self {
        let rows = self.columns.iter().flatten().next().map_or(0, |values| values.len());
        for (slot, _) in self.schema.columns.iter().enumerate().filter(|(_, column)| column.nullable) {
            self.columns[slot].get_or_insert_with(|| new_null_array(self.arrow.field(slot).data_type(), rows));
        }
        self
    }

    /// The place of a column that may be given now.
    fn slot(&self, name: &str, kind: &DataType) -> Result<usize, TableError> {
        let columns = &self.schema.columns;
        let Some(slot) = columns.iter().position(|column| column.name == name) else {
            let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            return Err(self.broken(name, format!("one of the columns {}", known.join(", ")), "an unknown name".into()));
        };
        if self.columns[slot].is_some() {
            return Err(self.broken(name, "to be given once".into(), "given twice".into()));
        }
        let expected = self.arrow.field(slot).data_type();
        if expected != kind {
            return Err(self.broken(name, ColumnType::name_of(expected), ColumnType::name_of(kind)));
        }
        Ok(slot)
    }

    fn broken(&self, column: &str, expected: String, found: String) -> TableError {
        TableError::Contract { table: self.schema.name.clone(), column: column.to_owned(), expected, found }
    }

    /// The batch.
    ///
    /// # Errors
    /// [`TableError::Contract`] when a column is missing, unknown, given twice, of another type or of another length than the
    /// first, or holds null where the schema has none or a number that is [`TooLarge`]. It names the table, the column, what was
    /// expected and what was found.
    pub fn build(mut self) -> Result<RecordBatch, TableError> {
        if let Some(mistake) = self.mistake.take() {
            return Err(mistake);
        }
        let names = || self.schema.columns.iter().map(|column| column.name.as_str());
        let missing: Vec<&str> =
            names().zip(&self.columns).filter(|(_, values)| values.is_none()).map(|(name, _)| name).collect();
        if !missing.is_empty() {
            return Err(self.broken(&missing.join(", "), "values".into(), "no such column in the batch".into()));
        }
        let columns: Vec<ArrayRef> = self.columns.iter().flatten().cloned().collect();
        let rows = columns.first().map_or(0, |values| values.len());
        for (column, values) in self.schema.columns.iter().zip(&columns) {
            if values.len() != rows {
                let expected = format!("{rows} rows as in column {}", self.schema.columns[0].name);
                return Err(self.broken(&column.name, expected, format!("{} rows", values.len())));
            }
            check::nulls(self.schema, column, values)?;
        }
        let failed = |e: arrow::error::ArrowError| TableError::Write { table: self.schema.name.clone(), detail: e.to_string() };
        RecordBatch::try_new(self.arrow.clone(), columns).map_err(failed)
    }
}

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

    /// A builder of `detections` with two rows and all columns but those in `without`.
    fn detections(without: &[&str]) -> BatchBuilder {
        let schema = schema("detections").unwrap();
        let builder = TableWriter::new(schema, &[], Vec::new()).unwrap().builder();
        let columns = schema.columns.iter().filter(|column| !without.contains(&column.name.as_str()));
        columns.fold(builder, |batch, column| {
            let name = column.name.as_str();
            match column.kind {
                ColumnType::Utf8 => batch.column(name, [name, name]),
                ColumnType::F32 => batch.column(name, [0.5_f32, 0.25]),
                ColumnType::F64 => batch.column(name, [0.5, 1.0]),
                ColumnType::I64 => batch.column(name, [1_u32, 2]),
                ColumnType::Bool => batch.column(name, [None, Some(true)]),
                ColumnType::TimestampUsUtc => batch.column(name, [None, Some(UtcMicros(7))]),
                other => panic!("detections.{name} is new and of type {}", other.name()),
            }
        })
    }

    #[test]
    fn counts_of_any_type_are_written_alike_unless_they_are_too_large() {
        let with = |batch: BatchBuilder| batch.build().map(|batch| batch.column(5).as_ref().to_data());
        let rest = || detections(&["windows"]);
        let written = with(rest().column("windows", [1_i64, i64::MAX])).unwrap();
        assert_eq!(written, with(rest().column("windows", [1_u64, i64::MAX as u64])).unwrap());
        assert_eq!(written, with(rest().column("windows", [1_usize, i64::MAX as usize])).unwrap());
        let small = with(rest().column("windows", [1_u32, u32::MAX])).unwrap();
        assert_eq!(small, with(rest().column("windows", [1_i64, 4_294_967_295])).unwrap());
        let wanted = "table detections, column windows: expected a whole number up to 9223372036854775807, \
                      found 9223372036854775808 in row 1";
        assert_eq!(with(rest().column("windows", [1, i64::MAX as u64 + 1])).unwrap_err().to_string(), wanted);
        assert_eq!(with(rest().column("windows", [Some(1), Some(i64::MAX as usize + 1)])).unwrap_err().to_string(), wanted);
    }

    #[test]
    fn a_count_below_its_smallest_value_is_not_written() {
        let write = |windows: i64| {
            let columns = detections(&["windows", "recording_id"]).column("recording_id", ["a", "b"]);
            let batch = columns.column("windows", [1, windows]).build().unwrap();
            TableWriter::new(schema("detections").unwrap(), &[], Vec::new()).unwrap().write(&batch)
        };
        assert!(write(1).is_ok());
        for windows in [0, -1] {
            let wanted = format!("column windows: expected a finite number from 1 to any, found {windows} in row 1");
            let error = write(windows).unwrap_err().to_string();
            assert!(error.ends_with(&wanted), "{error}");
        }
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

    #[test]
    fn columns_of_one_type_cannot_be_swapped_by_the_order_of_calls() {
        let (peak, mean) = ([0.9_f32, 0.8], [0.2_f32, 0.1]);
        let rest = || detections(&["peak_score", "mean_score"]);
        let batch = rest().column("peak_score", peak).column("mean_score", mean).build().unwrap();
        assert_eq!(batch, rest().column("mean_score", mean).column("peak_score", peak).build().unwrap());
        let peaks: &Float32Array = batch.column_by_name("peak_score").unwrap().as_any().downcast_ref().unwrap();
        assert_eq!(peaks.values().as_ref(), peak);
    }

    #[test]
    fn each_mistake_with_columns_is_named() {
        let mistake = |batch: BatchBuilder| batch.build().unwrap_err().to_string();
        assert!(detections(&[]).build().is_ok());
        assert_eq!(
            mistake(detections(&["peak_score"])),
            "table detections, column peak_score: expected values, found no such column in the batch"
        );
        let unknown = mistake(detections(&["peak_score"]).column("peak", [0.5_f32, 0.5]));
        assert!(unknown.starts_with("table detections, column peak: expected one of the columns recording_id, "), "{unknown}");
        assert!(unknown.ends_with(", model_id, found an unknown name"), "{unknown}");
        assert_eq!(
            mistake(detections(&[]).column("mean_score", [0.5_f32, 0.5])),
            "table detections, column mean_score: expected to be given once, found given twice"
        );
        assert_eq!(
            mistake(detections(&["peak_score"]).column("peak_score", [0.5, 0.5])),
            "table detections, column peak_score: expected f32, found f64"
        );
        assert_eq!(
            mistake(detections(&["start_utc"]).column("start_utc", [LocalMicros(1), LocalMicros(2)])),
            "table detections, column start_utc: expected timestamp_us_utc, found timestamp_us_local"
        );
        assert_eq!(
            mistake(detections(&["windows"]).column("windows", [1_u32])),
            "table detections, column windows: expected 2 rows as in column recording_id, found 1 rows"
        );
        let null = detections(&["start_utc", "windows"]).others_null();
        assert_eq!(mistake(null), "table detections, column windows: expected values, found no such column in the batch");
        assert_eq!(detections(&["start_utc"]).others_null().build().unwrap().column(4).null_count(), 2);
        // The first mistake is the one that is named.
        assert!(mistake(detections(&["windows"]).column("windows", ["a"]).column("b", [1_u32])).contains("column windows"));
    }
}
