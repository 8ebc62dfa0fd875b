//! Why the tables of a run cannot be read.

use std::io;
use std::path::{Path, PathBuf};

use chorus_tables::TableError;

/// An error of reading a run's tables.
#[derive(Debug, thiserror::Error)]
pub enum RunTablesError {
    /// The folder is not that of a run.
    #[error(
        "{}: expected the folder of a run, which holds `tables/`, found none; name one such as runs/NAME with --run, \
         or make its tables with `chorus run`",
        .path.display()
    )]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// One run was named twice.
    #[error("{}: this run is named twice; name each run once", .path.display())]
    SameRun {
        /// The folder.
        path: PathBuf,
    },
    /// A folder cannot be listed.
    #[error("{}: the tables cannot be listed: {source}; check the folder's permissions and name", .path.display())]
    Unlisted {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The run has no file of this table.
    #[error("{}: {}. There are: {known}", .run.display(), lack(.table, .command, .run_of_sweep.as_deref()))]
    NotMade {
        /// The run.
        run: PathBuf,
        /// The table.
        table: String,
        /// The command that makes it.
        command: String,
        /// The tables that the run has.
        known: String,
        /// Where the folder is that of a sweep: one of the sweep's runs.
        run_of_sweep: Option<PathBuf>,
    },
    /// No table has this name, or a file is damaged or of another version.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl RunTablesError {
    /// Whether another command or another configuration helps, rather than a repair.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::NoRun { .. } | Self::SameRun { .. } | Self::NotMade { .. })
    }
}

/// That a folder lacks a table, and how to get at it.
fn lack(table: &str, command: &str, run_of_sweep: Option<&Path>) -> String {
    match run_of_sweep {
        // Only a run with a backbone has the stage that is named after them.
        None if table == "embeddings" => format!(
            "this run has no table `{table}` yet; `chorus run -c FILE --set predict.embeddings=true` makes it, or with a backbone \
             (backbone.path) `{command}`"
        ),
        None => format!("this run has no table `{table}` yet; `{command}` makes it"),
        Some(run) => {
            format!("this folder of a sweep has no table `{table}`; name a run of the sweep, such as {}", run.display())
        }
    }
}
