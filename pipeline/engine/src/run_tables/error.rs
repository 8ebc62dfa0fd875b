//! Why the tables of a run cannot be read.

use std::io;
use std::path::PathBuf;

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
    #[error("{}: {}. There are: {known}", .run.display(), lack(.table, .view.unwrap_or_default(), .way))]
    NotMade {
        /// The run.
        run: PathBuf,
        /// The table.
        table: String,
        /// The view that was asked for and that reads the table, where it was one.
        view: Option<&'static str>,
        /// How to get at it.
        way: Way,
        /// The tables that the run has.
        known: String,
    },
    /// No table has this name, or a file is damaged or of another version.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// How to get at a table that a run lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A command makes it.
    Command(String),
    /// No stage of the run makes it with its configuration.
    Setting {
        /// What the configuration lacks for that.
        needs: String,
        /// The command that makes it then.
        command: String,
    },
    /// The folder is that of a sweep. This is one of the sweep's runs.
    RunOfSweep(PathBuf),
}

impl RunTablesError {
    /// The same where a view was asked for that reads the table which the run lacks.
    #[must_use]
    pub fn of_view(self, asked: &'static str) -> Self {
        match self {
            Self::NotMade { run, table, way, known, .. } => Self::NotMade { run, table, view: Some(asked), way, known },
            other => other,
        }
    }

    /// Whether another command or another configuration helps, rather than a repair.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::NoRun { .. } | Self::SameRun { .. } | Self::NotMade { .. })
    }
}

/// That a folder lacks a table, which a view may read, and how to get at it.
fn lack(table: &str, view: &str, way: &Way) -> String {
    let reader = if view.is_empty() { String::new() } else { format!(" (the view `{view}` reads it)") };
    match way {
        Way::Command(command) => format!("this run has no table `{table}` yet; `{command}` makes it{reader}"),
        Way::Setting { needs, command } => {
            format!("this run makes no table `{table}`{reader}: it needs {needs}; set that, and `{command}` makes it")
        }
        Way::RunOfSweep(run) => {
            format!("this folder of a sweep has no table `{table}`{reader}; name a run of the sweep, such as {}", run.display())
        }
    }
}
