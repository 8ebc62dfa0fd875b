//! A table of one run, as the engine sees it: the columns of its files, then `site` (text) and `date` (date, null where the time of a
//! recording is not known) from the paths. A filter on these two decides which files are opened.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use async_trait::async_trait;
use chorus_engine::Partition;
use chorus_tables::{PARTITIONS, TableError};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Result as EngineResult, ScalarValue, Statistics, project_schema};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema as EngineSchema;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use crate::params::days;
use crate::reader::{Files, Readers};

/// The files of a table in one run.
#[derive(Debug)]
pub(crate) struct RunTable {
    schema: EngineSchema,
    partitions: Vec<Partition>,
    files: Arc<Files>,
}

impl RunTable {
    /// A table with at least one file.
    pub(crate) fn new(partitions: Vec<Partition>, files: Arc<Files>) -> Self {
        let table = partitions.first().map(|first| first.schema);
        let with_arrays = partitions.first().filter(|first| first.schema.has_arrays());
        let width = with_arrays.and_then(|first| first.open().ok()).map_or(0, |first| first.width());
        let columns = table.iter().flat_map(|table| &table.columns);
        let fields = columns.map(|c| Field::new(&c.name, engine_type(c.kind.arrow(width)), c.nullable));
        let is_partitioned = table.is_some_and(|table| table.partitioned);
        let from_path = if is_partitioned { path_fields() } else { Fields::empty() };
        let schema = EngineSchema::builder(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
            .with_table_partition_cols(from_path.iter().cloned().collect::<Vec<_>>())
            .build();
        Self { schema, partitions, files }
    }

    /// The files that pass these filters, which name `site` and `date` only.
    fn chosen(&self, state: &dyn Session, filters: &[Expr]) -> EngineResult<Vec<&Partition>> {
        let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(self.partitions.iter().collect()) };
        let sites = StringViewArray::from_iter(self.partitions.iter().map(Partition::site));
        let dates = Date32Array::from_iter(self.partitions.iter().map(|part| part.date().map(days)));
        let columns: Vec<ArrayRef> = vec![Arc::new(sites), Arc::new(dates)];
        let batch = RecordBatch::try_new(Arc::new(Schema::new(path_fields())), columns)?;
        let filter = state.create_physical_expr(filter, &DFSchema::try_from(batch.schema())?)?;
        let passes = filter.evaluate(&batch)?.into_array(batch.num_rows())?;
        let passes = passes.as_boolean();
        let passing = self.partitions.iter().enumerate().filter(|(i, _)| passes.is_valid(*i) && passes.value(*i));
        Ok(passing.map(|(_, part)| part).collect())
    }

    /// Rows by byte of one of these files, from which the size of all is estimated: the engine puts the smaller side of a join into memory.
    /// One file also speaks for the version of all, since versions are raised for whole tables.
    fn rows_by_byte(&self, chosen: &[&Partition]) -> EngineResult<f64> {
        let Some(first) = chosen.first().copied().or(self.partitions.first()) else { return Ok(0.0) };
        match first.open() {
            Ok(reader) => Ok(reader.rows() as f64 / std::fs::metadata(&first.path)?.len().max(1) as f64),
            Err(stale @ TableError::Stale { .. }) => Err(self.files.failed(stale).into()),
            // Damage is left to whoever reads that file.
            Err(_) => Ok(0.0),
        }
    }

    fn file(&self, partition: &Partition) -> EngineResult<PartitionedFile> {
        let bytes = std::fs::metadata(&partition.path)?.len();
        let file = PartitionedFile::new(partition.path.to_string_lossy(), bytes).with_extension(partition.clone());
        if self.schema.table_partition_cols().is_empty() {
            return Ok(file);
        }
        let site = ScalarValue::Utf8View(partition.site().map(str::to_owned));
        Ok(file.with_partition_values(vec![site, ScalarValue::Date32(partition.date().map(days))]))
    }
}

#[async_trait]
impl TableProvider for RunTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> EngineResult<Vec<TableProviderFilterPushDown>> {
        let from_path = self.schema.table_partition_cols();
        let how = |filter: &Expr| match is_of_path(filter, from_path) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(|filter| how(filter)).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let from_path = self.schema.table_partition_cols();
        let (of_path, of_rows): (Vec<Expr>, Vec<Expr>) =
            filters.iter().cloned().partition(|filter| is_of_path(filter, from_path));
        let chosen = self.chosen(state, &of_path)?;
        let rows_by_byte = self.rows_by_byte(&chosen)?;
        let files = chosen.into_iter().map(|part| self.file(part)).collect::<EngineResult<Vec<_>>>()?;
        if files.is_empty() {
            // A scan without files has no partition, which joins do not expect.
            return Ok(Arc::new(EmptyExec::new(project_schema(self.schema.table_schema(), projection)?)));
        }
        let bytes: u64 = files.iter().map(|file| file.object_meta.size).sum();
        let statistics = Statistics {
            num_rows: Precision::Inexact((bytes as f64 * rows_by_byte) as usize),
            total_byte_size: Precision::Inexact(bytes as usize),
            ..Statistics::new_unknown(self.schema.table_schema())
        };
        let options =
            TableParquetOptions { global: state.config_options().execution.parquet.clone(), ..TableParquetOptions::default() };
        let mut source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(Readers(Arc::clone(&self.files))));
        if let Some(filter) = conjunction(of_rows) {
            // Rows are filtered later; here statistics rule out parts of files.
            source = source.with_predicate(state.create_physical_expr(filter, &DFSchema::try_from(self.schema())?)?);
        }
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Whether a filter can be judged by the path of a file alone.
fn is_of_path(filter: &Expr, from_path: &Fields) -> bool {
    let names: Vec<&str> = from_path.iter().map(|field| field.name().as_str()).collect();
    expr_applicable_for_cols(&names, filter)
}

/// The columns of the path.
fn path_fields() -> Fields {
    let [site, day] = PARTITIONS;
    Fields::from(vec![Field::new(site, DataType::Utf8View, true), Field::new(day, DataType::Date32, true)])
}

/// Texts as views: they are compared and grouped without being copied.
fn engine_type(kind: DataType) -> DataType {
    if kind == DataType::Utf8 { DataType::Utf8View } else { kind }
}
