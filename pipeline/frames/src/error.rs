//! Why a table cannot be opened as a data frame.

use std::path::PathBuf;

use chorus_engine::RunTablesError;
use polars::error::PolarsError;

/// An error of opening a table.
#[derive(Debug, thiserror::Error)]
pub enum FramesError {
    /// The run or its table cannot be read.
    #[error(transparent)]
    Run(#[from] RunTablesError),
    /// A folder above the run looks like a partition of the table.
    #[error(
        "{}: the part `{part}` of this path reads like a partition of the table, expected a name without `=`; \
         rename that folder, or copy the run to another",
        .path.display()
    )]
    Partition {
        /// The table's folder.
        path: PathBuf,
        /// The part of its path.
        part: String,
    },
    /// polars refuses the table.
    #[error("the table {table} cannot be opened as a data frame: {source}")]
    Polars {
        /// The table.
        table: &'static str,
        /// What polars says.
        source: PolarsError,
    },
}

impl FramesError {
    /// Whether another command or another folder helps, rather than a repair.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Run(error) => error.is_usage(),
            Self::Partition { .. } => true,
            Self::Polars { .. } => false,
        }
    }
}
