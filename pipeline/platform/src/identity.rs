//! Whether two paths lead to the same file.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// What a file or folder is called within this machine, whatever paths lead to it: its device and its number there. It holds for as long
/// as the file is there and its file system stays mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The file system: the device on Unix, the serial number of the volume on Windows.
    pub device: u64,
    /// The inode on Unix, the file index on Windows.
    pub number: u64,
}

impl Identity {
    /// Of what lies at a path, with links followed.
    ///
    /// # Errors
    /// What the system says when it cannot be looked at.
    pub fn of_path(path: &Path) -> io::Result<Self> {
        #[cfg(unix)]
        return Ok(of_metadata(&std::fs::metadata(path)?));
        #[cfg(windows)]
        return of_handle(winapi_util::Handle::from_path_any(path)?);
    }

    /// Of what lies at a path and has these metadata, which spare a call where they tell it.
    ///
    /// # Errors
    /// As [`Identity::of_path`].
    pub fn of_known(path: &Path, meta: &Metadata) -> io::Result<Self> {
        #[cfg(unix)]
        {
            let _ = path;
            Ok(of_metadata(meta))
        }
        #[cfg(windows)]
        {
            let _ = meta;
            Self::of_path(path)
        }
    }

    /// Of an open file.
    ///
    /// # Errors
    /// What the system says.
    pub fn of_file(file: &File) -> io::Result<Self> {
        #[cfg(unix)]
        return Ok(of_metadata(&file.metadata()?));
        #[cfg(windows)]
        return of_handle(file);
    }
}

#[cfg(unix)]
fn of_metadata(meta: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    Identity { device: meta.dev(), number: meta.ino() }
}

#[cfg(windows)]
fn of_handle(handle: impl winapi_util::AsHandleRef) -> io::Result<Identity> {
    let found = winapi_util::file::information(handle)?;
    Ok(Identity { device: found.volume_serial_number(), number: found.file_index() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn two_names_of_a_file_are_one_file_and_its_copy_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name| dir.path().join(name);
        fs::write(path("one"), "x").unwrap();
        fs::hard_link(path("one"), path("link")).unwrap();
        fs::copy(path("one"), path("copy")).unwrap();
        let of = |name| Identity::of_path(&path(name)).unwrap();
        assert_eq!(of("one"), of("link"));
        assert_eq!(of("one"), Identity::of_file(&File::open(path("link")).unwrap()).unwrap());
        assert_eq!(of("one"), Identity::of_known(&path("one"), &fs::metadata(path("one")).unwrap()).unwrap());
        assert!(of("one") != of("copy") && of("one").device == of("copy").device);
        assert_eq!(Identity::of_path(dir.path()).unwrap().device, of("one").device);
        assert!(Identity::of_path(&path("none")).is_err());
    }
}
