//! From a table's folder to a frame that polars reads when it must: the schema is known beforehand, so that polars plans a query
//! without reading footers, and partitions that a filter on `site` or `date` rules out are never opened.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chorus_tables::{ColumnType, NULL_PARTITION, PARTITIONS, TableError, TableReader, TableSchema};
use polars::io::HiveOptions;
use polars::prelude::{
    DataType, Field, LazyFrame, NULL, ParallelStrategy, PlRefPath, PolarsResult, ScanArgsParquet, Schema, SchemaRef, TimeUnit,
    TimeZone, UnionArgs, col, concat, lit,
};

use crate::QueryError;

/// The files of one table.
pub(crate) struct Folder {
    schema: &'static TableSchema,
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(schema: &'static TableSchema, tables: &Path) -> Self {
        Self { schema, path: tables.join(&schema.name) }
    }

    /// Every Parquet file, in order.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, QueryError> {
        let mut files = Vec::new();
        for folder in self.partitions()? {
            files.extend(parquet_files(&folder)?);
        }
        Ok(files)
    }

    /// The folders that hold files: each partition, or the table's own.
    fn partitions(&self) -> Result<Vec<PathBuf>, QueryError> {
        if !self.schema.partitioned {
            return Ok(if self.path.is_dir() { vec![self.path.clone()] } else { Vec::new() });
        }
        let mut dates = Vec::new();
        for site in entries(&self.path)? {
            dates.extend(entries(&site)?);
        }
        Ok(dates)
    }

    /// The table as a lazy frame; `None` when it has no file.
    /// `filters_first`: the columns of a filter are read first, and others only of the rows that pass, which pays where there are others.
    pub(crate) fn scan(&self, filters_first: bool) -> Result<Option<LazyFrame>, QueryError> {
        let partitions = self.partitions()?;
        let Some(first) = first_file(&partitions)? else { return Ok(None) };
        self.check_version(&first)?;
        let undated = self.schema.partitioned && partitions.iter().any(|p| p.ends_with(format!("date={NULL_PARTITION}")));
        let frame = self.lazy(filters_first).and_then(|all| if undated { split_undated(all) } else { Ok(all) });
        frame.map(Some).map_err(|e| QueryError::Unlisted { path: self.path.clone(), detail: e.to_string() })
    }

    /// Refuses a table of another version, whose columns may mean something else. One file speaks for all: a version is raised
    /// for whole tables. Damage is left to polars, since the query may rule that partition out.
    fn check_version(&self, file: &Path) -> Result<(), QueryError> {
        match TableReader::open(self.schema, file) {
            Err(stale @ TableError::Stale { .. }) => Err(stale.into()),
            _ => Ok(()),
        }
    }

    fn lazy(&self, filters_first: bool) -> PolarsResult<LazyFrame> {
        let hive_options = if self.schema.partitioned {
            HiveOptions { schema: Some(hive_schema()), ..HiveOptions::new_enabled() }
        } else {
            HiveOptions::new_disabled()
        };
        // The folder, not its files: polars then looks for partitions below it only, and a run may live in `project=frogs/`.
        LazyFrame::scan_parquet(
            PlRefPath::try_from_path(&self.path)?,
            // A run's path is no pattern, whatever characters it has.
            ScanArgsParquet {
                hive_options,
                schema: Some(file_schema(self.schema)),
                glob: false,
                parallel: if filters_first { ParallelStrategy::Auto } else { ParallelStrategy::RowGroups },
                ..ScanArgsParquet::default()
            },
        )
    }
}

/// Keeps filters on `date` right where some dates are null.
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
        ColumnType::U32 => DataType::UInt32,
        ColumnType::U64 => DataType::UInt64,
        ColumnType::F32 => DataType::Float32,
        ColumnType::F64 => DataType::Float64,
        ColumnType::Utf8 => DataType::String,
        ColumnType::Date32 => DataType::Date,
        ColumnType::TimestampUsUtc => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        ColumnType::TimestampUsLocal => DataType::Datetime(TimeUnit::Microseconds, None),
        ColumnType::FixedBinary => DataType::Binary,
    }
}

fn first_file(folders: &[PathBuf]) -> Result<Option<PathBuf>, QueryError> {
    for folder in folders {
        if let Some(first) = parquet_files(folder)?.into_iter().next() {
            return Ok(Some(first));
        }
    }
    Ok(None)
}

fn parquet_files(folder: &Path) -> Result<Vec<PathBuf>, QueryError> {
    Ok(entries(folder)?.into_iter().filter(|p| p.extension() == Some(OsStr::new("parquet"))).collect())
}

/// What a folder holds, in order; nothing when it is not there or is no folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, QueryError> {
    let list = || fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect::<io::Result<Vec<_>>>();
    match list() {
        Ok(mut paths) => {
            paths.sort();
            Ok(paths)
        }
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(e) => Err(QueryError::Unlisted { path: folder.to_owned(), detail: e.to_string() }),
    }
}
