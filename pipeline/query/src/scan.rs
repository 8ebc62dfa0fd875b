//! From a table's folder to a lazy frame. The schema is given, so polars plans a query without reading footers, and never opens
//! partitions that a filter on `site` or `date` excludes.

use std::path::Path;
use std::sync::Arc;

use chorus_engine::{Partition, RunTables};
use chorus_tables::{ColumnType, PARTITIONS, TableSchema};
use polars::io::HiveOptions;
use polars::prelude::{
    DataType, Field, LazyFrame, NULL, ParallelStrategy, PlRefPath, PolarsResult, ScanArgsParquet, Schema, SchemaRef, TimeUnit,
    TimeZone, UnionArgs, col, concat, lit,
};

use crate::QueryError;

/// A table that a query names, and its files.
pub(crate) struct Named {
    pub(crate) schema: &'static TableSchema,
    pub(crate) files: Vec<Partition>,
}

/// A table of a run as a lazy frame. With `filters_first`, the columns of a filter are read first, and other columns only for the
/// rows that pass. This is faster if there are other columns.
///
/// # Errors
/// [`QueryError::Run`] where the run has no such table, or one of another version; [`QueryError::Path`].
pub(crate) fn scan(run: &RunTables, schema: &'static TableSchema, filters_first: bool) -> Result<(LazyFrame, Named), QueryError> {
    let (files, folder) = (run.made_partitions(&schema.name)?, run.folder(schema)?);
    let has_undated = schema.partitioned && files.iter().any(|file| file.date().is_none());
    let frame = lazy(schema, &folder, filters_first).and_then(|all| if has_undated { split_undated(all) } else { Ok(all) });
    let frame = frame.map_err(|e| QueryError::Path { path: folder, detail: e.to_string() })?;
    Ok((frame, Named { schema, files }))
}

fn lazy(schema: &TableSchema, folder: &Path, filters_first: bool) -> PolarsResult<LazyFrame> {
    let hive_options = if schema.partitioned {
        HiveOptions { schema: Some(hive_schema()), ..HiveOptions::new_enabled() }
    } else {
        HiveOptions::new_disabled()
    };
    // The folder, not its files: polars then looks for partitions only below it, and a run may be in a folder `project=frogs/`.
    LazyFrame::scan_parquet(
        PlRefPath::try_from_path(folder)?,
        // The path of a run is not a glob pattern, even if it contains `*`.
        ScanArgsParquet {
            hive_options,
            schema: Some(file_schema(schema)),
            glob: false,
            parallel: if filters_first { ParallelStrategy::Auto } else { ParallelStrategy::RowGroups },
            ..ScanArgsParquet::default()
        },
    )
}

/// Makes filters on `date` correct where some dates are null.
///
/// polars 0.55 prunes partitions by the raw bits of a comparison and forgets which of them are null, so that
/// `date < '2020-03-02'` also takes partitions without a date. Here only `IS NULL` decides about those, and the null that a
/// query then sees is a new column, which no filter passes. The price: a filter on `date` opens partitions without one, and drops
/// their rows afterwards; a filter on `site` spares them.
fn split_undated(all: LazyFrame) -> PolarsResult<LazyFrame> {
    let date = || col(PARTITIONS[1]);
    let dated = all.clone().filter(date().is_not_null());
    let undated = all.filter(date().is_null()).with_column(lit(NULL).cast(DataType::Date).alias(PARTITIONS[1]));
    concat([dated, undated], UnionArgs { maintain_order: true, ..UnionArgs::default() })
}

/// The columns of the files.
fn file_schema(schema: &TableSchema) -> SchemaRef {
    Arc::new(schema.columns.iter().map(|c| Field::new(c.name.as_str().into(), data_type(c.kind))).collect())
}

/// The columns of the path.
fn hive_schema() -> SchemaRef {
    let types = [DataType::String, DataType::Date];
    Arc::new(PARTITIONS.into_iter().zip(types).map(|(name, kind)| Field::new(name.into(), kind)).collect::<Schema>())
}

fn data_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Bool => DataType::Boolean,
        ColumnType::I32 => DataType::Int32,
        ColumnType::I64 => DataType::Int64,
        ColumnType::F32 => DataType::Float32,
        ColumnType::F64 => DataType::Float64,
        ColumnType::Utf8 => DataType::String,
        ColumnType::Date32 => DataType::Date,
        ColumnType::TimestampUsUtc => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        ColumnType::TimestampUsLocal => DataType::Datetime(TimeUnit::Microseconds, None),
        ColumnType::FixedBinary => DataType::Binary,
    }
}
