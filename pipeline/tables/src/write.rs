//! Writing a table.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::check::Checker;
use crate::{BatchBuilder, ColumnType, SHAPE_KEY, TableError, TableSchema};

/// Footer key of the table's name and schema version.
pub(crate) const TABLE_KEY: &str = "chorus.table";

/// Rows of one row group; small enough to be read one at a time, large enough that statistics and dictionaries pay.
const ROWS_PER_GROUP: usize = 1 << 17;
/// Bytes of array data in one row group: what a writer holds in memory.
const ARRAY_BYTES_PER_GROUP: usize = 16 << 20;

/// Writes one Parquet file of a table; every batch is checked against the schema first.
pub struct TableWriter<W: Write + Send> {
    schema: &'static TableSchema,
    arrow: SchemaRef,
    checker: Checker,
    writer: ArrowWriter<W>,
    rows: u64,
}

impl<W: Write + Send> TableWriter<W> {
    /// Starts a file. `shape` is that of the arrays in a fixed-size binary column of float16 (2 bytes a value), empty where the table has none.
    ///
    /// # Errors
    /// [`TableError::Write`] when the sink fails.
    pub fn new(schema: &'static TableSchema, shape: &[usize], sink: W) -> Result<Self, TableError> {
        let width = if schema.has_arrays() { 2 * shape.iter().product::<usize>() } else { 0 };
        let failed = |detail: String| TableError::Write { table: schema.name.clone(), detail };
        let arrow = schema.arrow(i32::try_from(width).map_err(|_| failed(format!("arrays of {width} bytes are too large")))?);
        let writer = ArrowWriter::try_new(sink, arrow.clone(), Some(properties(schema, shape, width)))
            .map_err(|e| failed(e.to_string()))?;
        Ok(Self { schema, checker: Checker::new(schema, width as i32)?, arrow, writer, rows: 0 })
    }

    /// A builder of batches for this file.
    pub fn builder(&self) -> BatchBuilder {
        BatchBuilder::new(self.schema, self.arrow.clone())
    }

    /// Checks a batch and appends it.
    ///
    /// # Errors
    /// [`TableError::Contract`] when the batch breaks the schema, [`TableError::Write`] when the sink fails.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        self.checker.check(batch, &self.arrow)?;
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|e| TableError::Write { table: self.schema.name.clone(), detail: e.to_string() })
    }

    /// Ends the file and gives back the sink and the number of rows.
    ///
    /// # Errors
    /// [`TableError::Write`] when the sink fails.
    pub fn finish(self) -> Result<(W, u64), TableError> {
        let sink = (self.writer.into_inner())
            .map_err(|e| TableError::Write { table: self.schema.name.clone(), detail: e.to_string() })?;
        Ok((sink, self.rows))
    }
}

fn properties(schema: &TableSchema, shape: &[usize], width: usize) -> WriterProperties {
    let mut metadata = vec![KeyValue::new(TABLE_KEY.to_owned(), schema.id())];
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("1 is a level of zstd")))
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP));
    if schema.has_arrays() {
        let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
        metadata.push(KeyValue::new(SHAPE_KEY.to_owned(), shape.join(",")));
        // One row a page: training reads rows at random, and then only those pages.
        properties = properties
            .set_max_row_group_row_count(Some((ARRAY_BYTES_PER_GROUP / width.max(1)).max(1)))
            .set_data_page_row_count_limit(1)
            .set_write_batch_size(1);
        for column in schema.columns.iter().filter(|c| c.kind == ColumnType::FixedBinary) {
            let path = ColumnPath::from(column.name.as_str());
            properties = properties
                .set_column_compression(path.clone(), Compression::UNCOMPRESSED)
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path, EnabledStatistics::None);
        }
    }
    properties.set_key_value_metadata(Some(metadata)).build()
}
