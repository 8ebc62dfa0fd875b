//! Reading a table.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::write::TABLE_KEY;
use crate::{ANY_CONFIG, Batch, ColumnType, SHAPE_KEY, TableError, TableSchema};

/// Rows of one batch of an iteration; arrays come in smaller batches so that memory stays bounded.
const ROWS_PER_BATCH: usize = 8192;
const ARRAYS_PER_BATCH: usize = 64;

/// One Parquet file of a table, its footer held against the schema.
#[derive(Clone)]
pub struct TableReader {
    schema: &'static TableSchema,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl TableReader {
    /// Opens a file and checks that it is of this table and of the schema's version.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] when it is no Parquet file, [`TableError::Stale`] when its footer or columns differ from the schema.
    pub fn open(schema: &'static TableSchema, path: &Path) -> Result<Self, TableError> {
        let unreadable = |detail: String| TableError::Unreadable { path: path.to_owned(), detail };
        let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
        // Where pages are, and not what the statistics say of each: arrays have a page a row.
        let pages = if schema.has_arrays() { PageIndexPolicy::Required } else { PageIndexPolicy::Skip };
        let options = ArrowReaderOptions::new().with_column_index_policy(PageIndexPolicy::Skip).with_offset_index_policy(pages);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(|e| unreadable(e.to_string()))?;
        Self::of_metadata(schema, path, metadata)
    }

    /// Opens a file for its footer alone: its rows, the shape of its arrays and [`TableReader::one_text`]. Cheaper where a file has many pages.
    ///
    /// # Errors
    /// Those of [`TableReader::open`].
    pub fn open_footer(schema: &'static TableSchema, path: &Path) -> Result<Self, TableError> {
        let unreadable = |detail: String| TableError::Unreadable { path: path.to_owned(), detail };
        let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|e| unreadable(e.to_string()))?;
        Self::of_metadata(schema, path, metadata)
    }

    /// The same of a footer that was read already.
    ///
    /// # Errors
    /// Those of [`TableReader::open`].
    pub fn of_footer(schema: &'static TableSchema, path: &Path, footer: Arc<ParquetMetaData>) -> Result<Self, TableError> {
        let metadata = ArrowReaderMetadata::try_new(footer, ArrowReaderOptions::new())
            .map_err(|e| TableError::Unreadable { path: path.to_owned(), detail: e.to_string() })?;
        Self::of_metadata(schema, path, metadata)
    }

    fn of_metadata(schema: &'static TableSchema, path: &Path, metadata: ArrowReaderMetadata) -> Result<Self, TableError> {
        let reader = Self { schema, path: path.to_owned(), metadata };
        let found = reader.metadata(TABLE_KEY).unwrap_or_else(|| "a file that chorus did not write".into());
        if found != schema.id() {
            return Err(reader.stale(schema.id(), found));
        }
        let arrow = reader.metadata.schema();
        let expected = schema.arrow(reader.width());
        for (i, field) in expected.fields().iter().enumerate() {
            let wanted = format!("{} {}", field.name(), field.data_type());
            let found = arrow.fields().get(i).map_or_else(|| "no column".into(), |f| format!("{} {}", f.name(), f.data_type()));
            if wanted != found {
                return Err(reader.stale(wanted, found));
            }
        }
        Ok(reader)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn stale(&self, expected: String, found: String) -> TableError {
        TableError::Stale {
            path: self.path.clone(),
            table: self.schema.name.clone(),
            expected,
            found,
            command: self.schema.command(ANY_CONFIG),
        }
    }

    pub(crate) fn schema(&self) -> &'static TableSchema {
        self.schema
    }

    pub(crate) fn footer(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    pub(crate) fn unreadable(&self, detail: impl ToString) -> TableError {
        TableError::Unreadable { path: self.path.clone(), detail: detail.to_string() }
    }

    fn metadata(&self, key: &str) -> Option<String> {
        let pairs = self.metadata.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|p| p.key == key)?.value.clone()
    }

    /// Length in bytes of the values of the table's fixed-size binary column; 2 where it has none.
    pub fn width(&self) -> i32 {
        (2 * self.shape().iter().product::<usize>()) as i32
    }

    /// Shape of the arrays in the table's fixed-size binary column; empty where it has none.
    pub fn shape(&self) -> Vec<usize> {
        if !self.schema.has_arrays() {
            return Vec::new();
        }
        let text = self.metadata(SHAPE_KEY).unwrap_or_default();
        text.split(',').filter_map(|n| n.parse().ok()).collect()
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.metadata.metadata().file_metadata().num_rows() as usize
    }

    /// Iterates over the rows in batches, with these columns only (all when empty), in the schema's order.
    ///
    /// # Errors
    /// [`TableError::UnknownColumn`], [`TableError::Unreadable`].
    pub fn batches(&self, columns: &[&str]) -> Result<impl Iterator<Item = Result<Batch, TableError>> + use<>, TableError> {
        let reader = self.reader(columns, None)?;
        let (schema, path) = (self.schema, self.path.clone());
        Ok(reader.map(move |batch| match batch {
            Ok(batch) => Ok(Batch::new(schema, batch)),
            Err(e) => Err(TableError::Unreadable { path: path.clone(), detail: e.to_string() }),
        }))
    }

    /// Reads the rows of these ascending positions only. Pages without a wanted row are not touched.
    ///
    /// # Errors
    /// [`TableError::UnknownColumn`], [`TableError::Unreadable`].
    pub fn rows_at(&self, rows: &[usize], columns: &[&str]) -> Result<Batch, TableError> {
        let ranges = rows.iter().map(|&r| r..r + 1);
        let selection = RowSelection::from_consecutive_ranges(ranges, self.rows());
        self.collect(self.reader(columns, Some(selection))?)
    }

    /// Reads these rows only.
    pub(crate) fn rows_between(&self, rows: Range<usize>, columns: &[&str]) -> Result<Batch, TableError> {
        let selection = RowSelection::from_consecutive_ranges(std::iter::once(rows), self.rows());
        self.collect(self.reader(columns, Some(selection))?)
    }

    /// The text that a column without nulls has in every row; `None` where rows differ, or there are none. The footer's statistics
    /// tell it, and the column is read only where they do not.
    ///
    /// # Errors
    /// [`TableError::UnknownColumn`], [`TableError::Contract`] when the column is of another type, [`TableError::Unreadable`].
    pub fn one_text(&self, column: &str) -> Result<Option<String>, TableError> {
        let position = self.schema.columns.iter().position(|c| c.name == column);
        let told = |group: &RowGroupMetaData| match group.column(position?).statistics()? {
            Statistics::ByteArray(found) if found.min_is_exact() && found.max_is_exact() => {
                (found.min_opt()? == found.max_opt()?).then(|| String::from_utf8(found.min_opt()?.data().to_vec()).ok()).flatten()
            }
            _ => None,
        };
        let same =
            |texts: &[Option<String>]| texts.windows(2).all(|pair| pair[0] == pair[1]).then(|| texts.first()?.clone()).flatten();
        let texts: Vec<Option<String>> = self.footer().row_groups().iter().map(told).collect();
        if texts.iter().all(Option::is_some) {
            return Ok(same(&texts));
        }
        Ok(same(&self.read(&[column])?.texts(column)?))
    }

    /// Reads the whole file as one batch.
    ///
    /// # Errors
    /// [`TableError::UnknownColumn`], [`TableError::Unreadable`].
    pub fn read(&self, columns: &[&str]) -> Result<Batch, TableError> {
        self.collect(self.reader(columns, None)?)
    }

    fn collect(&self, reader: ParquetRecordBatchReader) -> Result<Batch, TableError> {
        let schema: SchemaRef = arrow::array::RecordBatchReader::schema(&reader);
        let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().map_err(|e| self.unreadable(e))?;
        let batch = concat_batches(&schema, &batches).map_err(|e| self.unreadable(e))?;
        Ok(Batch::new(self.schema, batch))
    }

    fn reader(&self, columns: &[&str], selection: Option<RowSelection>) -> Result<ParquetRecordBatchReader, TableError> {
        let mut wanted = Vec::new();
        for name in columns {
            self.schema.column(name)?;
            wanted.push(self.schema.columns.iter().position(|c| &c.name == name).expect("column() found it"));
        }
        let arrays = columns.is_empty() && self.schema.has_arrays()
            || wanted.iter().any(|&i| self.schema.columns[i].kind == ColumnType::FixedBinary);
        let file = File::open(&self.path).map_err(|e| self.unreadable(e))?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_batch_size(if arrays { ARRAYS_PER_BATCH } else { ROWS_PER_BATCH });
        if !columns.is_empty() {
            let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
            builder = builder.with_projection(mask);
        }
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build().map_err(|e| self.unreadable(e))
    }
}

/// Reads a whole file of a table as one batch.
///
/// # Errors
/// Those of [`TableReader::open`] and [`TableReader::read`].
pub fn read_all(schema: &'static TableSchema, path: &Path) -> Result<Batch, TableError> {
    TableReader::open(schema, path)?.read(&[])
}

/// Reads some columns of a file as one batch.
///
/// # Errors
/// Those of [`TableReader::open`] and [`TableReader::read`].
pub fn read_columns(schema: &'static TableSchema, path: &Path, columns: &[&str]) -> Result<Batch, TableError> {
    TableReader::open(schema, path)?.read(columns)
}
