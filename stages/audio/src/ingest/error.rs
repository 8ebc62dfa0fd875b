//! What makes an archive impossible to take in. A single bad recording does not: it is a row.

use chorus_archive::ArchiveError;

use crate::names::PatternError;

/// The columns that a site sheet may have.
pub(super) const EXPECTED: &str =
    "known are site, latitude, longitude, timezone, folder, name, serial, from, to and start (docs/recorders.md)";

/// An error of the stage ingest.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The folder to search is missing.
    #[error("{location}: there is no such folder in the archive; correct archive.audio")]
    NoAudioFolder {
        /// The folder.
        location: String,
    },
    /// The archive is empty.
    #[error(
        "{location}: no recordings found (wav, flac and other audio files); check archive.path, archive.audio and archive.exclude"
    )]
    NoRecordings {
        /// The folder that was searched.
        location: String,
    },
    /// The archive cannot be listed, or a file of it not be opened.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The site sheet is not what it should be.
    #[error("{location}, line {line}: found {found}; {EXPECTED}")]
    SiteSheet {
        /// The sheet.
        location: String,
        /// The line, 0 for the file as a whole.
        line: u64,
        /// What was found.
        found: String,
    },
    /// Two lines of the site sheet contradict each other.
    #[error(
        "{location}, lines {first} and {second}: {found}; correct one of them, or tell them apart by from and to \
         (such as 2020-03-15 12:00, in the site's time)"
    )]
    SheetConflict {
        /// The sheet.
        location: String,
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
    /// Tables keep a folder for each site, and no file system takes one with this name.
    #[error(
        "{path}: the site `{site}` has a name that is {bytes} bytes too long for a folder of the tables, in which signs other than letters, \
         digits, - _ . take three; give it a shorter name in the site sheet (ingest.site_sheet, columns site and folder)"
    )]
    SiteTooLong {
        /// A recording of the site.
        path: String,
        /// The site.
        site: String,
        /// By how much it is too long.
        bytes: usize,
    },
    /// Two paths have the same hash, which is possible and very unlikely.
    #[error("{a} and {b} have the same recording_id; rename one of them")]
    SameId {
        /// One path.
        a: String,
        /// The other.
        b: String,
    },
}
