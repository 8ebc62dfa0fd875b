//! Files that only grow: journals, whose lines are on the disk before anything builds on them, and the log.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::disk::{Disk, again};
use super::file_system::Writer;
use crate::EngineError;

/// A file that only grows. Only the process that made it writes to it, so a line that was torn by a crash is its last one.
#[derive(Debug)]
pub(crate) struct Growing {
    file: Box<dyn Writer>,
    path: PathBuf,
    /// Whether the last bytes may be there in part only.
    is_torn: bool,
}

impl Growing {
    /// Makes a new file in `folder`, which lies below `root`, with the first of these names that is free.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn create(disk: &Disk, root: &Path, folder: &Path, names: impl IntoIterator<Item = String>) -> Result<Self, EngineError> {
        let mut changed: BTreeSet<PathBuf> = disk.make_folders(folder)?.into_iter().collect();
        changed.insert(folder.to_owned());
        for name in names {
            let path = folder.join(name);
            match disk.create(&path) {
                Ok(file) => {
                    // What failed or was killed earlier may have made folders above and not come to sync them.
                    changed.extend(disk.unsettled(root, &path));
                    disk.sync_folders(root, &changed)?;
                    disk.settle(root, &path);
                    return Ok(Self { file, path, is_torn: false });
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(EngineError::io(&path, "cannot be made")(e)),
            }
        }
        Err(EngineError::io(folder, "has no free name for a new file")(ErrorKind::AlreadyExists.into()))
    }

    /// Appends bytes, and waits until they are on the disk. When this fails, nothing more can be appended: what stands behind a torn line
    /// is not read.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        if std::mem::replace(&mut self.is_torn, true) {
            let torn = io::Error::other("an earlier write to it failed");
            return Err(EngineError::io(&self.path, "cannot be written")(torn));
        }
        self.file.write_all(bytes).map_err(EngineError::io(&self.path, "cannot be written"))?;
        again(|| self.file.sync()).map_err(EngineError::io(&self.path, "cannot be synced"))?;
        self.is_torn = false;
        Ok(())
    }
}

/// Appends whole lines to a log. A line that was torn by a crash stays a line of its own, which readers skip.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn append(disk: &Disk, path: &Path, lines: &str) -> Result<(), EngineError> {
    let is_torn = ends_within_a_line(disk, path).map_err(EngineError::io(path, "cannot be read"))?;
    let mut file = disk.extend(path).map_err(EngineError::io(path, "cannot be opened"))?;
    let lines = format!("{}{lines}", if is_torn { "\n" } else { "" });
    file.write_all(lines.as_bytes()).map_err(EngineError::io(path, "cannot be written"))
}

fn ends_within_a_line(disk: &Disk, path: &Path) -> io::Result<bool> {
    let mut file = match disk.open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    let Some(last) = file.seek(SeekFrom::End(0))?.checked_sub(1) else { return Ok(false) };
    file.seek(SeekFrom::Start(last))?;
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte != *b"\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_torn_line_of_a_log_stays_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, path) = (Disk::local(), dir.path().join("log"));
        for (before, after) in [(None, "new\n"), (Some(""), "new\n"), (Some("old\n"), "old\nnew\n"), (Some("ol"), "ol\nnew\n")] {
            let _ = fs::remove_file(&path);
            before.iter().for_each(|text| fs::write(&path, text).unwrap());
            append(&disk, &path, "new\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn nothing_is_appended_behind_a_write_that_failed() {
        let dir = tempfile::tempdir().unwrap();
        let mut growing = Growing::create(&Disk::local(), dir.path(), dir.path(), ["a".to_owned()]).unwrap();
        growing.append(b"one\n").unwrap();
        growing.is_torn = true;
        assert!(growing.append(b"two\n").unwrap_err().to_string().contains("an earlier write to it failed"));
        assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"one\n");
    }
}
