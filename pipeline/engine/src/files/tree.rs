//! Folders and what lies below them.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Whether a path lies within a folder, with symbolic links followed. The path need not exist yet.
pub fn is_within(path: &Path, folder: &Path) -> bool {
    let Ok(folder) = std::fs::canonicalize(folder) else { return false };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = path.ancestors().find_map(|ancestor| std::fs::canonicalize(ancestor).ok());
    existing.is_some_and(|existing| existing.starts_with(&folder))
}

/// All files below a folder, sorted by path; none where it is missing. Links are followed.
///
/// # Errors
/// What the system says where a folder cannot be listed: what is published or exported must be all.
pub fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        let list = || std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>();
        let listed = match list() {
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            listed => listed?,
        };
        for path in listed {
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}
