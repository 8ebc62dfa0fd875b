//! What makes an archive impossible to take in. A single bad recording does not: it is a row.

use std::path::PathBuf;

use super::sheet::EXPECTED;
use crate::names::PatternError;

/// An error of the stage ingest.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The folder to search is missing.
    #[error("{}: there is no such folder in the archive; correct archive.audio", .path.display())]
    NoAudioFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The archive is empty.
    #[error("{}: no recordings found (wav, flac and other audio files); check archive.path, archive.audio and archive.exclude", .path.display())]
    NoRecordings {
        /// The folder that was searched.
        path: PathBuf,
    },
    /// A folder cannot be listed.
    #[error("{}: cannot be listed: {source}; check its permissions and the disk", .path.display())]
    List {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The site sheet is not what it should be.
    #[error("{}, line {line}: found {found}; {EXPECTED}", .path.display())]
    SiteSheet {
        /// The sheet.
        path: PathBuf,
        /// The line, 0 for the file as a whole.
        line: u64,
        /// What was found.
        found: String,
    },
    /// Two lines of the site sheet contradict each other.
    #[error(
        "{}, lines {first} and {second}: {found}; correct one of them, or tell them apart by from and to (such as 2020-03-15 12:00, in the site's time)",
        .path.display()
    )]
    SheetConflict {
        /// The sheet.
        path: PathBuf,
        /// The earlier line.
        first: u64,
        /// The later one.
        second: u64,
        /// What they say.
        found: String,
    },
    /// The pattern of names cannot be used.
    #[error("{0}")]
    NamePattern(#[from] PatternError),
    /// Too much of the archive is unreadable.
    #[error(
        "{rejected} of {of} recordings cannot be read, more than ingest.max_rejected_fraction ({max_fraction}) allows; the first: {example}. \
         Look into them, or raise the fraction"
    )]
    TooManyRejected {
        /// How many.
        rejected: usize,
        /// Of how many.
        of: usize,
        /// The fraction allowed.
        max_fraction: f64,
        /// The first, with its reason.
        example: String,
    },
    /// Two paths have the same hash, which chance all but rules out.
    #[error("{a} and {b} have the same recording_id; rename one of them")]
    SameId {
        /// One path.
        a: String,
        /// The other.
        b: String,
    },
}
