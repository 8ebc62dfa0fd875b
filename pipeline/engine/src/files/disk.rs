//! The disk on which a run lies: the calls of its file system, repeated where a signal interrupts them, and what is made of several.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chorus_platform::identity::Identity;
use jiff::Timestamp;

use super::file_system::{Entry, Facts, FileSystem, LockFile, Reader, Watch, Writer};
use super::local::Local;
use crate::EngineError;

/// So many files or folders from which on syncing the whole file system is cheaper than syncing each.
pub(crate) const MANY: usize = 16;

/// The disk on which a run lies.
#[derive(Debug, Clone)]
pub struct Disk(Arc<dyn FileSystem>);

impl Disk {
    /// The file systems of this machine.
    pub fn local() -> Self {
        Self(Arc::new(Local))
    }

    /// Another file system.
    #[cfg(test)]
    pub(crate) fn of(system: Arc<dyn FileSystem>) -> Self {
        Self(system)
    }

    pub(crate) fn open(&self, path: &Path) -> io::Result<Box<dyn Reader>> {
        again(|| self.0.open(path))
    }

    /// A file's whole content.
    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A file's whole content; `None` where it is missing.
    pub(crate) fn read_if_there(&self, path: &Path) -> Result<Option<Vec<u8>>, EngineError> {
        found(self.read(path)).map_err(EngineError::io(path, "cannot be read"))
    }

    pub(crate) fn create(&self, path: &Path) -> io::Result<Box<dyn Writer>> {
        again(|| self.0.create(path))
    }

    pub(crate) fn extend(&self, path: &Path) -> io::Result<Box<dyn Writer>> {
        again(|| self.0.extend(path))
    }

    pub(crate) fn sync_file(&self, path: &Path) -> io::Result<()> {
        again(|| self.0.sync_file(path))
    }

    pub(crate) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        again(|| self.0.sync_folder(path))
    }

    pub(crate) fn watch(&self, folder: &Path) -> io::Result<Option<Box<dyn Watch>>> {
        again(|| self.0.watch(folder))
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        again(|| self.0.rename(from, to))
    }

    pub(crate) fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        again(|| self.0.link(from, to))
    }

    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        again(|| self.0.remove_file(path))
    }

    pub(crate) fn remove_folder(&self, path: &Path) -> io::Result<()> {
        again(|| self.0.remove_folder(path))
    }

    pub(crate) fn remove_all(&self, path: &Path) -> io::Result<()> {
        again(|| self.0.remove_all(path))
    }

    pub(crate) fn facts(&self, path: &Path) -> io::Result<Facts> {
        again(|| self.0.facts(path))
    }

    /// What is known of a path; `None` where nothing is there.
    pub(crate) fn find(&self, path: &Path) -> Result<Option<Facts>, EngineError> {
        found(self.facts(path)).map_err(EngineError::io(path, "cannot be looked at"))
    }

    pub(crate) fn identity(&self, path: &Path) -> io::Result<Identity> {
        again(|| self.0.identity(path))
    }

    /// Which file or folder a path leads to; `None` where nothing is there.
    pub(crate) fn identify(&self, path: &Path) -> Result<Option<Identity>, EngineError> {
        found(self.identity(path)).map_err(EngineError::io(path, "cannot be looked at"))
    }

    pub(crate) fn tells_case_apart(&self, path: &Path) -> bool {
        self.0.tells_case_apart(path)
    }

    pub(crate) fn open_lock(&self, path: &Path) -> io::Result<Box<dyn LockFile>> {
        again(|| self.0.open_lock(path))
    }

    pub(crate) fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        again(|| self.0.free_bytes(path))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.now()
    }

    pub(crate) fn unique(&self) -> String {
        self.0.unique()
    }

    /// What a folder holds, sorted by path; nothing where it is missing.
    pub(crate) fn entries(&self, folder: &Path) -> Result<Vec<Entry>, EngineError> {
        let listed = found(again(|| self.0.list(folder))).map_err(EngineError::io(folder, "cannot be listed"))?;
        let mut entries = listed.unwrap_or_default();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// All files below a folder, sorted by path; none where it is missing. Links are listed and not followed: a run removes such files, and
    /// must not remove what lies elsewhere.
    pub(crate) fn files_below(&self, folder: &Path) -> Result<Vec<PathBuf>, EngineError> {
        let (mut files, mut open) = (Vec::new(), vec![folder.to_owned()]);
        while let Some(folder) = open.pop() {
            for Entry { path, is_folder } in self.entries(&folder)? {
                if is_folder { open.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        Ok(files)
    }

    /// Makes a folder, and those above it that are missing. Gives the folders in which one was made: whoever needs the new ones after a crash
    /// syncs these.
    pub(crate) fn make_folders(&self, folder: &Path) -> Result<Vec<PathBuf>, EngineError> {
        let mut changed = Vec::new();
        self.make(folder, &mut changed).map_err(EngineError::io(folder, "cannot be made"))?;
        Ok(changed)
    }

    /// Waits until the names in these folders are on the disk. All are on the file system of `root`.
    pub(crate) fn sync_folders(&self, root: &Path, folders: &BTreeSet<PathBuf>) -> Result<(), EngineError> {
        if folders.len() >= MANY
            && let Some(watch) = self.watch(root).map_err(EngineError::io(root, "cannot be opened"))?
        {
            return again(|| watch.sync_all()).map_err(EngineError::io(root, "cannot be synced"));
        }
        for folder in folders {
            match self.sync_folder(folder) {
                // It was removed after all, with what was in it.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                synced => synced.map_err(EngineError::io(folder, "cannot be synced"))?,
            }
        }
        Ok(())
    }

    /// Removes a file; gives whether there was one.
    pub(crate) fn remove_if_there(&self, path: &Path) -> Result<bool, EngineError> {
        let removed = found(self.remove_file(path)).map_err(EngineError::io(path, "cannot be removed"))?;
        Ok(removed.is_some())
    }

    fn make(&self, folder: &Path, changed: &mut Vec<PathBuf>) -> io::Result<()> {
        let make = || again(|| self.0.make_folder(folder));
        let above = folder_of(folder);
        let made = match make() {
            Err(e) if e.kind() == ErrorKind::NotFound && above != Path::new(".") => {
                self.make(above, changed)?;
                make()
            }
            made => made,
        };
        match made {
            Ok(()) => changed.push(above.to_owned()),
            Err(_) if self.facts(folder).is_ok_and(|found| found.is_folder) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

/// The folder in which a path lies.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Repeats a call that a signal interrupted.
pub(super) fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// That nothing is there is an answer; that nobody can say what is there is an error.
fn found<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        answer => answer.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_down_to_the_last_and_each_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, root) = (Disk::local(), dir.path());
        assert_eq!(disk.make_folders(&root.join("a/b/c")).unwrap(), [root.to_owned(), root.join("a"), root.join("a/b")]);
        assert_eq!(disk.make_folders(&root.join("a/b/d")).unwrap(), [root.join("a/b")]);
        assert!(disk.make_folders(&root.join("a/b")).unwrap().is_empty());
        std::fs::write(root.join("file"), "").unwrap();
        for taken in ["file", "file/below"] {
            assert!(disk.make_folders(&root.join(taken)).unwrap_err().to_string().contains("cannot be made"), "{taken}");
        }
    }

    #[test]
    fn what_is_missing_is_nothing_and_what_cannot_be_looked_at_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, path) = (Disk::local(), dir.path().join("file"));
        std::fs::write(&path, "x").unwrap();
        assert_eq!(disk.find(&path).unwrap().map(|found| found.bytes), Some(1));
        for none in [dir.path().join("none"), path.join("below")] {
            assert!(disk.find(&none).unwrap().is_none() && disk.entries(&none).unwrap().is_empty());
            assert!(disk.read_if_there(&none).unwrap().is_none());
        }
        let endless = dir.path().join("x".repeat(300));
        assert!(disk.find(&endless).unwrap_err().to_string().contains("cannot be looked at"));
        assert!(disk.entries(&endless).unwrap_err().to_string().contains("cannot be listed"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_out_of_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("below");
        for folder in ["below/deep", "elsewhere"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
            std::fs::write(dir.path().join(folder).join("file"), "").unwrap();
        }
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), below.join("link")).unwrap();
        assert_eq!(Disk::local().files_below(&below).unwrap(), [below.join("deep/file"), below.join("link")]);
    }
}
