//! Why something could not be exported.

use std::path::{Path, PathBuf};

use chorus_card::CardError;
use chorus_engine::RunTablesError;
use chorus_labels::error::LabelsError;
use chorus_score::error::ScoreError;
use chorus_tables::TableError;

/// An error of an export or of a review. Each says what was found and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A table of the run cannot be used.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A recording's times, or the decisions of a model, are impossible.
    #[error(transparent)]
    Time(#[from] ScoreError),
    /// The decisions of a model cannot be read.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A review sheet cannot be read.
    #[error(transparent)]
    Sheet(#[from] LabelsError),
    /// There is no review sheet where one is named.
    #[error(
        "{path}: there is no such review sheet or folder, and without it what people heard would be missing from the export; correct {named}"
    )]
    NoSheet {
        /// The place.
        path: String,
        /// What names it, and another way.
        named: &'static str,
    },
    /// A file or folder cannot be read, made or written.
    #[error("{path}: {action}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// The run, or a table of it, cannot be read.
    #[error(transparent)]
    Run(#[from] RunTablesError),
    /// The run lacks a table of a unit, which could be taken for a unit in which nothing was found.
    #[error("{run}: the table {table} has no file for {unit}; make it with `{command}`", run = run.display())]
    PartMissing {
        /// The run.
        run: PathBuf,
        /// The table.
        table: &'static str,
        /// The command that makes it.
        command: String,
        /// The unit.
        unit: String,
    },
    /// A format reads a table that it does not declare: a fault of the program.
    #[error("the export reads the table {table}, which it does not declare in Export::tables")]
    Undeclared {
        /// The table.
        table: &'static str,
    },
    /// A format does not take an option.
    #[error("--{name}: the format {format} does not take this option; it is for: {others}")]
    Option {
        /// The option, without its hyphens.
        name: String,
        /// The format.
        format: &'static str,
        /// The formats that take it.
        others: String,
    },
    /// The value of an option cannot be used.
    #[error("an option of the format cannot be used: {detail}")]
    OptionValue {
        /// What is wrong with it.
        detail: String,
    },
    /// Detections of a recording that the table of recordings lacks.
    #[error("{path}: recording {recording_id} is not in the table recordings; run `{command}`", path = path.display())]
    Stranger {
        /// The file of detections.
        path: PathBuf,
        /// The recording that is named.
        recording_id: String,
        /// The command that makes the file again.
        command: String,
    },
    /// A filter names what the run does not have.
    #[error("this run has no {kind} `{name}`; expected one of: {known}")]
    Unknown {
        /// `site` or `class`.
        kind: &'static str,
        /// The name as given.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A filter asks for probabilities that there are not.
    #[error("the detections of {class} have no probability, because the model has no calibration; use --min-score instead")]
    NoProbability {
        /// The class.
        class: String,
    },
    /// The folder to write to holds something already.
    #[error("{path}: the folder is not empty; name a new or empty folder, or replace files of the same name with --force", path = path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The folder to write to is no place to write to.
    #[error("{path}: lies within {what}; name a folder elsewhere", path = path.display())]
    Within {
        /// The folder.
        path: PathBuf,
        /// What it lies within, and why nothing is written there.
        what: &'static str,
    },
    /// A site without coordinates, in a format that wants them.
    #[error(
        "{sites}: no coordinates, which {format} needs for every site; add latitude and longitude to the site sheet (ingest.site_sheet) and run `chorus run ingest`, or choose other sites with --site"
    )]
    NoPlace {
        /// The sites.
        sites: String,
        /// The format.
        format: &'static str,
    },
    /// Nothing that the format can hold.
    #[error("{what}")]
    Nothing {
        /// What is missing, and what to do.
        what: String,
    },
    /// The file of metadata cannot be used.
    #[error("{path}: {detail}; expected a YAML or JSON file with entries of datapackage.json, such as title, contributors, licenses or project", path = path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

impl ExportError {
    /// Makes an [`ExportError::Io`].
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, action, source }
    }

    /// Whether the person has to change the command or the configuration.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Run(error) => error.is_usage(),
            Self::Table(_) | Self::Time(_) | Self::Io { .. } | Self::Stranger { .. } | Self::Undeclared { .. } => false,
            _ => true,
        }
    }
}
