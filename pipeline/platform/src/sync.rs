//! Waiting until what was written is on the disk, so that it is there after a loss of power.

use std::fs::File;
use std::io;
use std::path::Path;

/// Whether [`file_system`] waits for all that was written. Elsewhere each file has to be synced by itself.
pub const SYNCS_FILE_SYSTEMS: bool = cfg!(target_os = "linux");

/// Waits until a file's content is on the disk. Syncing is per file and not per handle, so it does not matter who wrote.
///
/// # Errors
/// What the system says.
pub fn file(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return File::open(path)?.sync_all();
    // Windows syncs only through a handle that may write.
    #[cfg(windows)]
    return File::options().write(true).open(path)?.sync_all();
}

/// Waits until the names in a folder are on the disk.
///
/// # Errors
/// What the system says.
pub fn folder(path: &Path) -> io::Result<()> {
    #[cfg(target_os = "macos")]
    {
        let folder = File::open(path)?;
        // Network drives cannot empty the cache of a disk, which is what std asks of macOS.
        folder.sync_all().or_else(|_| Ok(rustix::fs::fsync(&folder)?))
    }
    #[cfg(all(unix, not(target_os = "macos")))]
    return File::open(path)?.sync_all();
    // Windows has no such call for folders; NTFS and ReFS keep a journal of names.
    #[cfg(windows)]
    return std::fs::metadata(path).map(drop);
}

/// Waits until all that was written to the file system of a folder is on the disk; where [`SYNCS_FILE_SYSTEMS`] is false, asks for it at
/// most.
///
/// # Errors
/// What the system says.
pub fn file_system(folder: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return Ok(rustix::fs::syncfs(File::open(folder)?)?);
    #[cfg(all(unix, not(target_os = "linux")))]
    return File::open(folder).map(|_| rustix::fs::sync());
    #[cfg(windows)]
    return std::fs::metadata(folder).map(drop);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_folders_and_file_systems_are_synced_and_what_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, b"x").unwrap();
        file(&path).unwrap();
        folder(dir.path()).unwrap();
        file_system(dir.path()).unwrap();
        let none = dir.path().join("none");
        assert!(file(&none).is_err() && folder(&none).is_err() && file_system(&none).is_err());
    }
}
