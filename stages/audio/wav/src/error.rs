//! Why a file is refused, and what can be wrong with one that is read.

use std::fmt;
use std::io;

/// Why a file cannot be read.
#[derive(Debug)]
pub enum Error {
    /// The source cannot be read.
    Io(io::Error),
    /// The file cannot be used.
    Refused {
        /// The kind of reason.
        reason: Reason,
        /// What was found, and what was expected.
        detail: String,
    },
}

/// The kinds of reasons to refuse a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Not a file of the WAV family.
    NotWav,
    /// The file ends before its format is stated.
    TruncatedHeader,
    /// The header contradicts itself or states what cannot be.
    BadHeader,
    /// There is no frame to read.
    NoData,
    /// The encoding is not read.
    UnsupportedCodec,
}

impl Error {
    pub(crate) fn refused(reason: Reason, detail: impl Into<String>) -> Self {
        Self::Refused { reason, detail: detail.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the file cannot be read: {error}"),
            Self::Refused { detail, .. } => f.write_str(detail),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Refused { .. } => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A defect that does not prevent reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// The kind of defect.
    pub kind: DefectKind,
    /// What was found, and what was done.
    pub detail: String,
    /// Frames that are lost; `None` where their number cannot be known.
    pub lost_frames: Option<u64>,
}

/// The kinds of defects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefectKind {
    /// The file ends before its promised length.
    Truncated,
    /// The header holds no usable length: 0, a placeholder, or a size that wrapped at 4 GiB.
    SizeMissing,
    /// A chunk with a wrong size, or bytes that are no chunk, had to be skipped.
    BadChunk,
    /// Fields contradict each other; the likelier was believed.
    InconsistentHeader,
}

impl Defect {
    /// A defect that loses nothing.
    pub(crate) fn harmless(kind: DefectKind, detail: String) -> Self {
        Self { kind, detail, lost_frames: Some(0) }
    }
}
