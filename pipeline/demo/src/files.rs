//! Files of the survey.

use std::fs;
use std::path::Path;

use crate::error::DemoError;

/// Makes a folder and those above it.
pub(crate) fn create_dir(path: &Path) -> Result<(), DemoError> {
    fs::create_dir_all(path).map_err(|source| DemoError::Io { path: path.to_owned(), source })
}

/// Writes a file.
pub(crate) fn save(path: &Path, bytes: &[u8]) -> Result<(), DemoError> {
    fs::write(path, bytes).map_err(|source| DemoError::Io { path: path.to_owned(), source })
}
