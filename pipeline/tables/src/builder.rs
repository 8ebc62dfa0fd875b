//! Record batches from columns that are given by name and type.

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};

use crate::{ColumnType, TableError, TableSchema, TooLarge, Value, check};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LocalMicros, TableWriter, UtcMicros, schema};
    use arrow::array::Float32Array;

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
