//! What can go wrong in a search.

use std::path::PathBuf;

use chorus_engine::RunTablesError;
use chorus_score::error::ScoreError;
use chorus_tables::TableError;

/// An error of a search. Each says what was found and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The run, or a table of it, cannot be read.
    #[error(transparent)]
    Run(#[from] RunTablesError),
    /// A file of a table cannot be used.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A recording's times are impossible.
    #[error(transparent)]
    Time(#[from] ScoreError),
    /// Files whose vectors cannot be compared.
    #[error(
        "{}: embeddings of {first}, and {}: of {second}; vectors of different models cannot be compared. Name runs of one model with \
         --run, or make the table again with `{command}`",
        .path.display(), .other.display()
    )]
    Mixed {
        /// A file.
        path: PathBuf,
        /// Its model and the length of its vectors.
        first: String,
        /// Another file.
        other: PathBuf,
        /// Its model and the length of its vectors.
        second: String,
        /// The command that makes the table.
        command: String,
    },
    /// One file holds vectors of several models.
    #[error("{}: embeddings of several models in one file; make the table again with `{command}`", .path.display())]
    MixedFile {
        /// The file.
        path: PathBuf,
        /// The command that makes the table.
        command: String,
    },
    /// A vector holds NaN or an infinite number.
    #[error(
        "{}, row {row}: the embedding holds a value that is no finite number; the model is broken there, or the file is damaged. \
         Make the table again with `{command}`",
        .path.display()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// The command that makes the table.
        command: String,
    },
    /// An example that nothing can be similar to.
    #[error("an example cannot be searched with: {0}")]
    Query(String),
    /// A filter that names what there is not, or nothing that can be.
    #[error("{0}")]
    Filter(String),
    /// Nothing to look at.
    #[error("{0}")]
    Nothing(String),
}

impl SearchError {
    /// Whether another command helps, rather than a repair.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Run(error) => error.is_usage(),
            Self::Mixed { .. } | Self::Query(_) | Self::Filter(_) | Self::Nothing(_) => true,
            Self::Table(_) | Self::Time(_) | Self::MixedFile { .. } | Self::NotFinite { .. } => false,
        }
    }
}
