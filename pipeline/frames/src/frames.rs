//! The tables of one or several runs.

use std::path::Path;

use chorus_engine::{RunTables, RunTablesError};
use polars::prelude::{LazyFrame, lit};

use crate::FramesError;
use crate::scan::{in_order, scan};

/// The column with the name of a row's run, where there are several runs.
const RUN: &str = "run";

/// What a table's own column `run` is called then.
const OWN_RUN: &str = "own_run";

/// The tables of runs, as lazy frames.
#[derive(Debug, Clone)]
pub struct Frames {
    runs: Vec<RunTables>,
}

impl Frames {
    /// The tables of the run in a folder. Reads no table, and does not check whether tables are fresh.
    ///
    /// # Errors
    /// [`FramesError::Run`] when the folder is not that of a run.
    pub fn open(run: impl AsRef<Path>) -> Result<Self, FramesError> {
        Ok(Self::of(vec![RunTables::open(run.as_ref(), |_| Vec::new())?]))
    }

    /// The tables of runs that were opened together ([`RunTables::open_all`]).
    pub fn of(runs: Vec<RunTables>) -> Self {
        Self { runs }
    }

    /// A table, of which nothing is read before `collect`, and then only what the query needs.
    ///
    /// The columns are those of the table's schema, with its types; `fixed_binary` is `Binary`. Partitioned tables have two more:
    /// `site` (text) and `date` (`Date`, null where a recording's day is not known). Files that a filter on these rules out are
    /// not opened; files without a date are opened for every filter on `date`, unless a filter on `site` rules them out.
    ///
    /// With several runs, the rows of all follow each other, and a column `run` has the name of the row's run. A table's own
    /// column `run` is called `own_run` then. A run without the table adds no rows.
    ///
    /// Rows are in the order of the runs, and within a run in that of the units (see [`chorus_engine::Unit`]); those without a
    /// date come last.
    ///
    /// # Errors
    /// [`FramesError::Run`] when there is no such table, no run has it, or it is of another version; [`FramesError::Partition`];
    /// [`FramesError::Polars`].
    pub fn table(&self, name: &str) -> Result<LazyFrame, FramesError> {
        let schema = chorus_tables::schema(name).map_err(RunTablesError::from)?;
        if let [run] = &self.runs[..] {
            return scan(run, schema);
        }
        let (mut frames, mut lacking) = (Vec::new(), None);
        for run in &self.runs {
            match scan(run, schema) {
                Ok(frame) => {
                    frames.push(frame.rename([RUN], [OWN_RUN], false).with_column(lit(run.name().to_owned()).alias(RUN)));
                }
                Err(error @ FramesError::Run(RunTablesError::NotMade { .. })) => lacking = lacking.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        match lacking {
            Some(error) if frames.is_empty() => Err(error),
            _ => in_order(schema, frames),
        }
    }
}
