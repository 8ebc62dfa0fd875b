//! The disk on which a run lies: the calls of its file system, repeated where a signal interrupts them, and what is made of several.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chorus_platform::identity::Identity;
use jiff::Timestamp;

use super::file_system::{Entry, Facts, FileSystem, LockFile, Reader, Watch, Writer};
use super::local::Local;
use crate::EngineError;
use crate::sync::locked;

/// So many files or folders from which on syncing the whole file system is cheaper than syncing each.
pub(crate) const MANY: usize = 16;

/// How often a folder is made when other processes, which find it empty, remove it.
const ATTEMPTS: u32 = 10;

/// The disk on which a run lies.
#[derive(Debug, Clone)]
pub struct Disk {
    system: Arc<dyn FileSystem>,
    /// Folders of which this process has seen to it that they are on the disk.
    settled: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Disk {
    /// The file systems of this machine.
    pub fn local() -> Self {
        Self { system: Arc::new(Local), settled: Arc::default() }
    }

    /// Another file system.
    #[cfg(test)]
    pub(crate) fn of(system: Arc<dyn FileSystem>) -> Self {
        Self { system, settled: Arc::default() }
    }

    pub(crate) fn open(&self, path: &Path) -> io::Result<Box<dyn Reader>> {
        again(|| self.system.open(path))
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
        again(|| self.system.create(path))
    }

    pub(crate) fn extend(&self, path: &Path) -> io::Result<Box<dyn Writer>> {
        again(|| self.system.extend(path))
    }

    pub(crate) fn sync_file(&self, path: &Path) -> io::Result<()> {
        again(|| self.system.sync_file(path))
    }

    pub(crate) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        again(|| self.system.sync_folder(path))
    }

    pub(crate) fn watch(&self, folder: &Path) -> io::Result<Option<Box<dyn Watch>>> {
        again(|| self.system.watch(folder))
    }

    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        again(|| self.system.rename(from, to))
    }

    pub(crate) fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        again(|| self.system.link(from, to))
    }

    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        again(|| self.system.remove_file(path))
    }

    pub(crate) fn remove_folder(&self, path: &Path) -> io::Result<()> {
        again(|| self.system.remove_folder(path))
    }

    pub(crate) fn remove_all(&self, path: &Path) -> io::Result<()> {
        again(|| self.system.remove_all(path))
    }

    pub(crate) fn facts(&self, path: &Path) -> io::Result<Facts> {
        again(|| self.system.facts(path))
    }

    /// What is known of a path; `None` where nothing is there.
    pub(crate) fn find(&self, path: &Path) -> Result<Option<Facts>, EngineError> {
        found(self.facts(path)).map_err(EngineError::io(path, "cannot be looked at"))
    }

    pub(crate) fn identity(&self, path: &Path) -> io::Result<Identity> {
        again(|| self.system.identity(path))
    }

    /// Which file or folder a path leads to; `None` where nothing is there.
    pub(crate) fn identify(&self, path: &Path) -> Result<Option<Identity>, EngineError> {
        found(self.identity(path)).map_err(EngineError::io(path, "cannot be looked at"))
    }

    pub(crate) fn tells_case_apart(&self, path: &Path) -> bool {
        self.system.tells_case_apart(path)
    }

    pub(crate) fn open_lock(&self, path: &Path) -> io::Result<Box<dyn LockFile>> {
        again(|| self.system.open_lock(path))
    }

    pub(crate) fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        again(|| self.system.free_bytes(path))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.system.now()
    }

    pub(crate) fn unique(&self) -> String {
        self.system.unique()
    }

    /// What a folder holds, sorted by path; nothing where it is missing.
    pub(crate) fn entries(&self, folder: &Path) -> Result<Vec<Entry>, EngineError> {
        let listed = found(again(|| self.system.list(folder))).map_err(EngineError::io(folder, "cannot be listed"))?;
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

    /// The folders to be synced so that those of a file, below `root`, are on the disk. A process that was killed may have made them, and not
    /// come to sync them.
    pub(crate) fn unsettled(&self, root: &Path, path: &Path) -> Vec<PathBuf> {
        let settled = locked(&self.settled);
        let folders = folders_below(root, path).enumerate();
        let unsure = folders.filter(|(height, folder)| *height == 0 || !settled.contains(*folder));
        unsure.map(|(_, folder)| folder_of(folder).to_owned()).collect()
    }

    /// Remembers that the folders of a file are on the disk, but for the lowest: of these there are as many as units.
    pub(crate) fn settle(&self, root: &Path, path: &Path) {
        locked(&self.settled).extend(folders_below(root, path).skip(1).map(Path::to_owned));
    }

    /// Removes a file, where there is one.
    pub(crate) fn remove_if_there(&self, path: &Path) -> Result<(), EngineError> {
        found(self.remove_file(path)).map(drop).map_err(EngineError::io(path, "cannot be removed"))
    }

    fn make(&self, folder: &Path, changed: &mut Vec<PathBuf>) -> io::Result<()> {
        let above = folder_of(folder);
        for attempt in 1.. {
            let is_last = attempt == ATTEMPTS;
            match again(|| self.system.make_folder(folder)) {
                Ok(()) => {
                    changed.push(above.to_owned());
                    break;
                }
                // None was above it, or another process removed that one meanwhile, since it was empty.
                Err(e) if e.kind() == ErrorKind::NotFound && above != Path::new(".") && !is_last => self.make(above, changed)?,
                Err(e) => match self.facts(folder) {
                    Ok(found) if found.is_folder => {
                        // It may have been made by a call of which only the answer was lost.
                        if e.kind() != ErrorKind::AlreadyExists {
                            changed.push(above.to_owned());
                        }
                        break;
                    }
                    // Another process removed it at this moment.
                    Err(gone) if (e.kind(), gone.kind()) == (ErrorKind::AlreadyExists, ErrorKind::NotFound) && !is_last => {}
                    // That something is there is no fault. That nobody can say what it is, is one.
                    Err(unknown) if e.kind() == ErrorKind::AlreadyExists => return Err(unknown),
                    _ => return Err(e),
                },
            }
        }
        Ok(())
    }
}

/// The folders of a file below another folder, the lowest first.
fn folders_below<'p>(root: &'p Path, path: &'p Path) -> impl Iterator<Item = &'p Path> {
    path.ancestors().skip(1).take_while(move |folder| *folder != root && folder.starts_with(root))
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
