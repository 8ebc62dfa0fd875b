//! What can go wrong while a survey is written.

use std::io;
use std::path::PathBuf;

/// Why a survey could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The directory holds something already.
    #[error("{}: expected an empty or a new directory, found {found} in it; name another directory or empty this one", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// Name of one of its entries.
        found: String,
    },
    /// An option is outside its range.
    #[error("demo option {name}: expected {expected}, found {found}; change it and run again")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        found: String,
        /// Its range.
        expected: String,
    },
    /// A file or directory could not be read or written.
    #[error("{}: expected to read or write it, found: {source}; check permissions and free space, then run again in an empty directory", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}
