//! How the engine reads the files of a run: from the disk, each footer held against the table's schema first.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chorus_engine::Partition;
use chorus_platform::at;
use chorus_tables::{TableError, TableReader};
use datafusion::common::{DataFusionError, Result as EngineResult};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;

/// Files of at least this size, in bytes, are read in several parts at a time, so that their footers are worth keeping.
const LARGE: u64 = 10 << 20;

/// Opens files, and remembers the first that is damaged or of another version.
#[derive(Debug, Default)]
pub(crate) struct Files {
    footers: Mutex<HashMap<PathBuf, Arc<ParquetMetaData>>>,
    failure: Mutex<Option<TableError>>,
}

impl Files {
    /// The first error of a file, which the engine's own error does not name.
    pub(crate) fn failure(&self) -> Option<TableError> {
        lock(&self.failure).take()
    }

    fn footer(
        &self,
        partition: &Partition,
        file: &File,
        options: Option<&ArrowReaderOptions>,
    ) -> Result<Arc<ParquetMetaData>, TableError> {
        if let Some(known) = lock(&self.footers).get(&partition.path) {
            return Ok(Arc::clone(known));
        }
        let unreadable = |detail: String| TableError::Unreadable { path: partition.path.clone(), detail };
        let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
        let footer = Arc::new(reader.parse_and_finish(file).map_err(|e| unreadable(e.to_string()))?);
        TableReader::of_footer(partition.schema, &partition.path, Arc::clone(&footer)).map_err(|error| partition.told(error))?;
        if file.metadata().is_ok_and(|found| found.len() >= LARGE) {
            lock(&self.footers).insert(partition.path.clone(), Arc::clone(&footer));
        }
        Ok(footer)
    }

    /// Remembers an error of a file, if it is the first.
    pub(crate) fn failed(&self, error: TableError) -> ParquetError {
        let text = error.to_string();
        lock(&self.failure).get_or_insert(error);
        ParquetError::General(text)
    }
}

/// What a lock holds; a thread that panicked left nothing half-done in it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The factory of the readers of one query.
#[derive(Debug)]
pub(crate) struct Readers(pub(crate) Arc<Files>);

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        _partition: usize,
        file: PartitionedFile,
        _hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> EngineResult<Box<dyn AsyncFileReader + Send>> {
        let partition = file.extension::<Partition>().cloned();
        let partition = partition.ok_or_else(|| DataFusionError::Internal("a file without its partition".into()))?;
        Ok(Box::new(Reader { partition, file: None, files: Arc::clone(&self.0) }))
    }
}

/// The reader of one file, which is opened when it is first read.
struct Reader {
    partition: Partition,
    file: Option<File>,
    files: Arc<Files>,
}

impl Reader {
    fn file(&mut self) -> Result<&File, ParquetError> {
        if self.file.is_none() {
            let opened = File::open(&self.partition.path).map_err(|e| self.unreadable(&e))?;
            self.file = Some(opened);
        }
        self.file.as_ref().ok_or_else(|| ParquetError::General("no file".into()))
    }

    fn unreadable(&self, error: &io::Error) -> ParquetError {
        self.files.failed(TableError::Unreadable { path: self.partition.path.clone(), detail: error.to_string() })
    }

    fn read(&mut self, range: &Range<u64>) -> Result<Bytes, ParquetError> {
        let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(|e| ParquetError::General(e.to_string()))?;
        let mut bytes = vec![0; length];
        let read = at::read_exact_at(self.file()?, &mut bytes, range.start);
        read.map_err(|e| self.unreadable(&e))?;
        Ok(bytes.into())
    }
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        let bytes = self.read(&range);
        async move { bytes }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let files = Arc::clone(&self.files);
        let partition = self.partition.clone();
        let footer = self.file().and_then(|file| files.footer(&partition, file, options).map_err(|e| files.failed(e)));
        async move { footer }.boxed()
    }
}
