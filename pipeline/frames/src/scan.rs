//! From the files of a table to a lazy frame. The schema is given, so polars reads no footer while it plans.

use std::path::{Component, Path};
use std::sync::Arc;

use chorus_engine::{Partition, RunTables};
use chorus_tables::{ColumnType, PARTITIONS, TableSchema};
use polars::io::HiveOptions;
use polars::prelude::{
    DataType, Field, LazyFrame, NULL, PlRefPath, PolarsResult, ScanArgsParquet, Schema, TimeUnit, TimeZone, UnionArgs, col,
    concat, lit,
};

use crate::FramesError;

/// The types of [`PARTITIONS`].
const PARTITION_TYPES: [DataType; 2] = [DataType::String, DataType::Date];

/// A table of one run.
///
/// # Errors
/// [`FramesError::Run`] where the run has no such table, or one of another version; [`FramesError::Partition`];
/// [`FramesError::Polars`].
pub(crate) fn scan(run: &RunTables, schema: &'static TableSchema) -> Result<LazyFrame, FramesError> {
    let files = run.made_partitions(&schema.name)?;
    if !schema.partitioned {
        return of_files(schema, &files, HiveOptions::new_disabled());
    }
    let hive = HiveOptions { schema: Some(Arc::new(path_schema(schema, &run.folder(schema)?)?)), ..HiveOptions::new_enabled() };
    let (dated, undated): (Vec<Partition>, Vec<Partition>) = files.into_iter().partition(|file| file.date().is_some());
    let mut frames = Vec::new();
    if !dated.is_empty() {
        frames.push(of_files(schema, &dated, hive.clone())?);
    }
    if !undated.is_empty() {
        frames.push(without_date(of_files(schema, &undated, hive)?));
    }
    in_order(schema, frames)
}

/// Makes filters on `date` right for files without a date.
///
/// polars 0.55 rules out files by the raw bits of a comparison and forgets which of them are null, so that `date < '2020-03-02'`
/// also takes files without a date. Here such a filter sees a computed column, which is null and passes none. The price: it is
/// computed after the files were opened.
fn without_date(frame: LazyFrame) -> LazyFrame {
    let [_, date] = PARTITIONS;
    frame.with_column(lit(NULL).cast(DataType::Date).alias(date))
}

/// The rows of some files. Exactly these: what else lies in the folder is not read.
fn of_files(schema: &'static TableSchema, files: &[Partition], hive_options: HiveOptions) -> Result<LazyFrame, FramesError> {
    let args = ScanArgsParquet {
        hive_options,
        schema: Some(Arc::new(file_schema(schema))),
        // The path of a run is not a pattern, even if it contains `*`.
        glob: false,
        ..ScanArgsParquet::default()
    };
    let paths = files.iter().map(|file| PlRefPath::try_from_path(&file.path)).collect::<PolarsResult<Vec<_>>>();
    let frame = paths.and_then(|paths| LazyFrame::scan_parquet_files(paths.into(), args));
    let frame = frame.map_err(|source| FramesError::Polars { table: &schema.name, source })?;
    // Without what folders above the run add.
    let own = schema.columns.iter().map(|column| column.name.as_str());
    let of_path = PARTITIONS.into_iter().filter(|_| schema.partitioned);
    Ok(frame.select(own.chain(of_path).map(col).collect::<Vec<_>>()))
}

/// The columns of the files.
fn file_schema(schema: &TableSchema) -> Schema {
    schema.columns.iter().map(|c| Field::new(c.name.as_str().into(), data_type(c.kind))).collect()
}

/// The columns of a partitioned table's paths. polars takes each part `name=value` of a path for one, also above the run.
fn path_schema(schema: &'static TableSchema, folder: &Path) -> Result<Schema, FramesError> {
    let mut columns: Schema =
        PARTITIONS.into_iter().zip(PARTITION_TYPES).map(|(name, kind)| Field::new(name.into(), kind)).collect();
    for part in folder.components() {
        let Component::Normal(part) = part else { continue };
        let Some(part) = part.to_str() else { continue };
        let Some((name, _)) = part.split_once('=') else { continue };
        let is_own = schema.columns.iter().any(|column| column.name == name);
        if is_own || columns.insert(name.into(), DataType::String).is_some() {
            return Err(FramesError::Partition { path: folder.to_owned(), part: part.to_owned() });
        }
    }
    Ok(columns)
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

/// The rows of all frames, one frame after the other.
pub(crate) fn in_order(schema: &'static TableSchema, frames: Vec<LazyFrame>) -> Result<LazyFrame, FramesError> {
    let args = UnionArgs { maintain_order: true, ..UnionArgs::default() };
    concat(frames, args).map_err(|source| FramesError::Polars { table: &schema.name, source })
}
