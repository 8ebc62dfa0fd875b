//! Why an archive could not be listed or a file of it not be opened.

use std::io;

/// An error of an archive. It names the archive and the path.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", chorus_text::shown(.location))]
pub struct ArchiveError {
    /// The archive and the path, see `Archive::location`.
    pub location: String,
    /// What is wrong.
    #[source]
    pub cause: Cause,
}

/// What is wrong with a path of an archive.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Nothing is there.
    #[error("there is no such file or folder; check the path")]
    NotFound,
    /// Not something that can be read as a file.
    #[error("not a file but a folder, a pipe or a device")]
    NotAFile,
    /// The path leads out of the archive.
    #[error("this path leads out of the archive; name a path below the archive's folder")]
    Outside,
    /// More bytes than are read at once.
    #[error("the file has {size} bytes, expected at most {limit}; check whether it is the right file")]
    TooLarge {
        /// Bytes of the file.
        size: u64,
        /// Bytes that are allowed.
        limit: u64,
    },
    /// A URL that cannot be an archive.
    #[error("{0}; expected s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, or https:// for WebDAV")]
    Address(String),
    /// An object store refused, or cannot be reached: why, and what to do.
    #[error("{0}")]
    Store(String),
    /// The system refused.
    #[error("{0}; check the permissions and the disk")]
    Io(io::Error),
}

impl ArchiveError {
    /// An error at a location.
    #[must_use]
    pub fn new(location: impl Into<String>, cause: Cause) -> Self {
        Self { location: location.into(), cause }
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.cause, Cause::NotFound)
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::NotFound } else { Self::Io(error) }
    }
}
