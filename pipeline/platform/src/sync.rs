//! Waiting until what was written is on the disk, so that it is there after a loss of power.

use std::fs::File;
use std::io;
use std::path::Path;

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

/// Whether an error of [`folder`] says that the file system cannot sync folders, as some shared folders of virtual machines.
pub fn is_lacking(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let lacking = [Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS];
        error.raw_os_error().is_some_and(|code| lacking.iter().any(|errno| errno.raw_os_error() == code))
    }
    #[cfg(windows)]
    {
        let _ = error;
        false
    }
}

/// A file system that can be waited for as a whole, by an open folder on it.
#[derive(Debug)]
pub struct FileSystem(File);

impl FileSystem {
    /// The one of a folder; `None` on other systems than Linux, where each file has to be synced by itself.
    ///
    /// # Errors
    /// What the system says where the folder cannot be opened.
    pub fn of(folder: &Path) -> io::Result<Option<Self>> {
        #[cfg(target_os = "linux")]
        return File::open(folder).map(|folder| Some(Self(folder)));
        #[cfg(not(target_os = "linux"))]
        return std::fs::metadata(folder).map(|_| None);
    }

    /// Waits until all that was written to it is on the disk. Tells of writes that failed since this value was made, and of older ones only
    /// where nobody else was told of them.
    ///
    /// # Errors
    /// What the system says.
    pub fn wait(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return Ok(rustix::fs::syncfs(&self.0)?);
        #[cfg(not(target_os = "linux"))]
        return self.0.sync_all();
    }
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
        let system = FileSystem::of(dir.path()).unwrap();
        assert_eq!(system.is_some(), cfg!(target_os = "linux"));
        system.iter().for_each(|system| system.wait().unwrap());
        let none = dir.path().join("none");
        assert!(file(&none).is_err() && folder(&none).is_err() && FileSystem::of(&none).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_a_call_that_a_file_system_lacks_is_told_from_other_errors() {
        use rustix::io::Errno;
        let lacks = |errno: Errno| is_lacking(&errno.into());
        assert!([Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS].into_iter().all(lacks));
        assert!(![Errno::IO, Errno::NOSPC, Errno::ROFS, Errno::STALE].into_iter().any(lacks));
    }
}
