//! The files of a table: one for each unit.

use std::cmp::Ordering;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chorus_tables::{ANY_CONFIG, Batch, TableError, TableReader, TableSchema};
use jiff::civil::Date;
use rayon::prelude::*;

use crate::graph::Output;
use crate::state::unit_state::UnitState;
use crate::{RunDir, Unit};

/// One file of a table.
#[derive(Debug, Clone)]
pub struct Partition {
    /// What the file holds.
    pub schema: &'static TableSchema,
    /// The unit whose rows it holds.
    pub unit: Unit,
    /// The file.
    pub path: PathBuf,
    /// The command that makes the table, where that is known with the run's configuration.
    pub(super) command: Option<Arc<str>>,
}

impl Partition {
    /// The site; `None` where the table is one file for the whole run.
    pub fn site(&self) -> Option<&str> {
        if let Unit::SiteDay { site, .. } = &self.unit { Some(site) } else { None }
    }

    /// Local date of the recordings' start; `None` where it is not known, or the table is one file for the whole run.
    pub fn date(&self) -> Option<Date> {
        if let Unit::SiteDay { date, .. } = self.unit { date } else { None }
    }

    /// How many rows it has, from the file's footer.
    ///
    /// # Errors
    /// Those of [`TableReader::open`].
    pub fn rows(&self) -> Result<usize, TableError> {
        Ok(self.open()?.rows())
    }

    /// Opens it, and checks it against the schema.
    ///
    /// # Errors
    /// Those of [`TableReader::open`].
    pub fn open(&self) -> Result<TableReader, TableError> {
        TableReader::open(self.schema, &self.path).map_err(|error| self.told(error))
    }

    /// The command that makes the table.
    pub fn command(&self) -> String {
        self.command.as_deref().map_or_else(|| self.schema.command(ANY_CONFIG), str::to_owned)
    }

    /// An error of reading the file, with the command that makes the table.
    #[must_use]
    pub fn told(&self, error: TableError) -> TableError {
        match error {
            TableError::Stale { path, table, expected, found, .. } => {
                TableError::Stale { path, table, expected, found, command: self.command() }
            }
            other => other,
        }
    }

    /// Reads these columns, or all of them when none are named.
    ///
    /// # Errors
    /// Those of [`chorus_tables::read_columns`].
    pub fn read(&self, columns: &[&str]) -> Result<Batch, TableError> {
        chorus_tables::read_columns(self.schema, &self.path, columns).map_err(|error| self.told(error))
    }
}

/// Two partitions are equal when they are the same file.
impl PartialEq for Partition {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Partition {}

/// The file of one unit, as it was recorded when the unit was made.
pub(crate) fn recorded(schema: &'static TableSchema, run: &RunDir, unit: &Unit, state: &UnitState) -> Partition {
    let output = RunDir::output(Output::Table(&schema.name), unit);
    Partition { schema, unit: unit.clone(), path: state.locate(run, &output), command: None }
}

/// The files in a table's folder, in the order of their units.
pub(super) fn in_folder(schema: &'static TableSchema, folder: &Path) -> Result<Vec<Partition>, (PathBuf, io::Error)> {
    let found = if schema.partitioned {
        let dates: Vec<Vec<PathBuf>> = entries(folder)?.par_iter().map(|site| entries(site)).collect::<Result<_, _>>()?;
        let files = dates.concat().par_iter().map(|date| entries(date)).collect::<Result<Vec<_>, _>>()?;
        files.concat()
    } else {
        entries(folder)?
    };
    let partition = |path: PathBuf| {
        let unit = Unit::parse(path.strip_prefix(folder).ok()?.to_str()?)?;
        (path.extension()? == "parquet").then_some(Partition { schema, unit, path, command: None })
    };
    let mut partitions: Vec<Partition> = found.into_iter().filter_map(partition).collect();
    partitions.sort_by(by_unit);
    Ok(partitions)
}

fn by_unit(a: &Partition, b: &Partition) -> Ordering {
    a.unit.cmp(&b.unit)
}

/// What a folder holds; nothing when it is missing, or is a file.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let list = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    match list() {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        listed => listed.map_err(|e| (folder.to_owned(), e)),
    }
}
