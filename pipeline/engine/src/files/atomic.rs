//! The only code that writes files in a run. A file is written under `tmp/`, hashed on the way, synced, and renamed
//! into place, so that nothing half-written is ever visible under its final name.
//!
//! What a function here has put in place, appended or removed is so after any crash, once the function has returned. Of a function that did
//! not return, each file is as it was or as it was to be. Caches alone ([`Waiting::put`]) and the log ([`super::appended::append`]) may lose
//! what was written last. Names count as written once their folder is synced, and a folder once the folder above it is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chorus_platform::names;
use serde::{Deserialize, Serialize};

use super::disk::{Disk, folder_of};
use super::file_system::{LockFile, Writer};
use super::hash::hash_text;
use crate::EngineError;

/// How often a file is given its name when other processes are in the way: one removes its folder, or one has a file open just now.
const ATTEMPTS: u32 = 10;
/// How long to wait for a process that has a file open, longer each time.
const MOMENT: Duration = Duration::from_millis(10);

/// Size and hash of an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputState {
    /// Size.
    pub bytes: u64,
    /// Hash of the content.
    pub hash: String,
    /// Rows, for a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// A file that is being written under a temporary name; its bytes are hashed on the way.
pub struct Staged {
    disk: Disk,
    file: BufWriter<Box<dyn Writer>>,
    temporary: PathBuf,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Staged {
    /// Opens a new temporary file in `folder`.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn create(disk: &Disk, folder: &Path) -> Result<Self, EngineError> {
        let made = disk.make_folders(folder)?;
        disk.sync_folders(folder, &made.into_iter().collect())?;
        loop {
            let temporary = folder.join(disk.unique());
            match disk.create(&temporary) {
                Ok(file) => {
                    let file = BufWriter::with_capacity(1 << 18, file);
                    return Ok(Self { disk: disk.clone(), file, temporary, hasher: blake3::Hasher::new(), bytes: 0 });
                }
                // A process that bore this one's number was killed and left the file.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(EngineError::io(&temporary, "cannot be made")(e)),
            }
        }
    }

    /// Ends the file; it waits under its temporary name for [`Pending::publish`].
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn finish(self, rows: Option<u64>) -> Result<Pending, EngineError> {
        let Self { disk, mut file, temporary, hasher, bytes } = self;
        file.flush().map_err(EngineError::io(&temporary, "cannot be written"))?;
        let state = OutputState { bytes, hash: hash_text(&hasher), rows };
        Ok(Pending { waiting: Waiting { disk, temporary, bytes, is_link: false }, state })
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A complete file under a temporary name. It is closed, because a unit may have more outputs than a process may have open files.
pub(crate) struct Waiting {
    disk: Disk,
    temporary: PathBuf,
    bytes: u64,
    /// Whether the content has another name, under which it was synced before.
    is_link: bool,
}

impl Waiting {
    /// Gives a cached file its name. After a crash it may be missing, and is never half there.
    pub(crate) fn put(&self, path: &Path) -> Result<(), EngineError> {
        if !self.is_link {
            self.sync()?;
        }
        self.place(path).map(drop)
    }

    /// Waits until the content is on the disk.
    pub(super) fn sync(&self) -> Result<(), EngineError> {
        self.disk.sync_file(&self.temporary).map_err(EngineError::io(&self.temporary, "cannot be synced"))
    }

    /// Gives the file its name, and makes the folders for it. Gives the folders that are to be synced for it.
    pub(super) fn place(&self, path: &Path) -> Result<Vec<PathBuf>, EngineError> {
        let Self { disk, temporary, bytes, .. } = self;
        let there = disk.facts(temporary).map_err(EngineError::io(temporary, "cannot be found"))?.bytes;
        if there != *bytes {
            let found = io::Error::other(format!("{there} of {bytes} bytes are there; is the disk full, or a quota reached?"));
            return Err(EngineError::io(temporary, "was cut short by the file system")(found));
        }
        let folder = folder_of(path);
        let mut changed = vec![folder.to_owned()];
        for attempt in 1.. {
            changed.extend(disk.make_folders(folder)?);
            match disk.rename(temporary, path) {
                Ok(()) => break,
                // Another process of a shared run found the folder empty and removed it.
                Err(e) if e.kind() == ErrorKind::NotFound && attempt < ATTEMPTS => {}
                Err(e) if names::is_in_use(&e) && attempt < ATTEMPTS => std::thread::sleep(MOMENT * attempt),
                Err(e) => return Err(EngineError::io(path, "cannot be put in place")(e)),
            }
        }
        // Renaming does nothing when both names are links to the same file already.
        if self.is_link {
            disk.remove_if_there(temporary)?;
        }
        Ok(changed)
    }
}

/// A complete file that was written here, under its temporary name.
pub struct Pending {
    pub(crate) waiting: Waiting,
    /// Size and hash.
    pub state: OutputState,
}

impl Pending {
    /// Gives the file its final name, below `root`, once it is on the disk, and syncs its folders.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn publish(&self, root: &Path, path: &Path) -> Result<(), EngineError> {
        let disk = &self.waiting.disk;
        self.waiting.sync()?;
        let mut changed: BTreeSet<PathBuf> = self.waiting.place(path)?.into_iter().collect();
        changed.extend(disk.unsettled(root, path));
        disk.sync_folders(root, &changed)?;
        disk.settle(root, path);
        Ok(())
    }
}

/// Writes a whole file below `root` through `tmp`.
///
/// # Errors
/// [`EngineError::Io`].
pub fn write(disk: &Disk, root: &Path, tmp: &Path, path: &Path, bytes: &[u8]) -> Result<OutputState, EngineError> {
    let mut staged = Staged::create(disk, tmp)?;
    staged.write_all(bytes).map_err(EngineError::io(path, "cannot be written"))?;
    let pending = staged.finish(None)?;
    pending.publish(root, path)?;
    Ok(pending.state)
}

/// Takes a complete file of another run into `tmp`: as a hard link where the file system has them, else as a copy.
///
/// # Errors
/// [`EngineError::Io`]; of the kind not found where the other run has lost the file.
pub(crate) fn take(disk: &Disk, tmp: &Path, from: &Path) -> Result<Waiting, EngineError> {
    disk.make_folders(tmp)?;
    let temporary = tmp.join(disk.unique());
    match disk.link(from, &temporary) {
        Ok(()) => {
            let bytes = disk.facts(&temporary).map_err(EngineError::io(&temporary, "cannot be found"))?.bytes;
            Ok(Waiting { disk: disk.clone(), temporary, bytes, is_link: true })
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Err(EngineError::io(from, "cannot be taken over")(e)),
        // Another file system, one without hard links, a file of another owner, or a file with too many links.
        Err(_) => copy(disk, tmp, from),
    }
}

fn copy(disk: &Disk, tmp: &Path, from: &Path) -> Result<Waiting, EngineError> {
    let mut original = disk.open(from).map_err(EngineError::io(from, "cannot be taken over"))?;
    let mut staged = Staged::create(disk, tmp)?;
    io::copy(&mut original, &mut staged).map_err(EngineError::io(from, "cannot be copied"))?;
    Ok(staged.finish(None)?.waiting)
}

/// Whether both folders are on one file system, so that hard links between them are possible.
pub(crate) fn share_file_system(disk: &Disk, a: &Path, b: &Path) -> bool {
    let device = |path: &Path| disk.identity(path).map(|identity| identity.device).ok();
    device(a) == device(b)
}

/// Opens (and makes) a file that serves as a lock only.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn open_lock(disk: &Disk, path: &Path) -> Result<Box<dyn LockFile>, EngineError> {
    disk.make_folders(folder_of(path))?;
    disk.open_lock(path).map_err(EngineError::io(path, "cannot be opened"))
}

/// Removes files, and their folders below `root` where they become empty. Of those that are missing the removal is synced all the same: a
/// process that was killed may have removed them.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn remove(disk: &Disk, root: &Path, paths: impl IntoIterator<Item = PathBuf>) -> Result<(), EngineError> {
    let mut changed = BTreeSet::new();
    for path in paths {
        disk.remove_if_there(&path)?;
        let mut folder = folder_of(&path);
        while folder.starts_with(root) && folder != root {
            match disk.remove_folder(folder) {
                Ok(()) => {}
                // Another process of a shared run removed it.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                // Something else is in it.
                Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => break,
                // It stays, empty. If only the answer was lost, it is gone.
                Err(_) => {
                    changed.insert(folder_of(folder).to_owned());
                    break;
                }
            }
            folder = folder_of(folder);
        }
        changed.insert(folder.to_owned());
    }
    disk.sync_folders(root, &changed)
}

/// Removes a folder with all that an earlier process left in it; does nothing when it is missing.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn clear(disk: &Disk, folder: &Path) -> Result<(), EngineError> {
    match disk.remove_all(folder) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(EngineError::io(folder, "cannot be cleared")(e)),
        _ => Ok(()),
    }
}

/// The outputs of a unit that are not published yet, by path relative to the run.
#[derive(Default)]
pub struct Batch(pub(crate) BTreeMap<String, Pending>);

impl Batch {
    /// Their sizes and hashes, by path.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = (String, OutputState)> + '_ {
        self.0.iter().map(|(path, pending)| (path.clone(), pending.state.clone()))
    }

    /// Their files, by path.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Waiting, &str)> {
        self.0.iter().map(|(path, pending)| (&pending.waiting, path.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    fn taken(tmp: &Path, from: &Path, to: &Path) -> Result<(), EngineError> {
        take(&Disk::local(), tmp, from)?.put(to)
    }

    fn is_same_file(a: &Path, b: &Path) -> bool {
        let of = |path: &Path| Disk::local().identity(path).unwrap();
        of(a) == of(b)
    }

    #[test]
    fn a_file_that_is_taken_over_is_the_same_file_and_replaces_another() {
        let dir = tempfile::tempdir().unwrap();
        let (tmp, from, to) = (dir.path().join("tmp"), dir.path().join("from"), dir.path().join("a/to"));
        fs::write(&from, "new").unwrap();
        // Twice: where both names are of one file, the temporary one must go too.
        for _ in 0..2 {
            taken(&tmp, &from, &to).unwrap();
            assert!(is_same_file(&to, &from) && entries(&tmp) == 0);
        }
        fs::remove_file(&to).unwrap();
        fs::write(&to, "old").unwrap();
        taken(&tmp, &from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new");
        // Replacing one name leaves the file of the other as it is.
        write(&Disk::local(), dir.path(), &tmp, &to, b"newer").unwrap();
        assert_eq!(fs::read(&from).unwrap(), b"new");
        assert!(taken(&tmp, &dir.path().join("none"), &to).unwrap_err().to_string().contains("none"));
        assert_eq!((fs::read(&to).unwrap(), entries(&tmp)), (b"newer".to_vec(), 0));
    }

    #[test]
    fn where_a_file_can_have_no_second_name_it_is_copied() {
        let dir = tempfile::tempdir().unwrap();
        let (tmp, from, to) = (dir.path().join("tmp"), dir.path().join("from"), dir.path().join("a/to"));
        fs::write(&from, "new").unwrap();
        copy(&Disk::local(), &tmp, &from).unwrap().put(&to).unwrap();
        assert_eq!((fs::read(&to).unwrap(), entries(&tmp)), (b"new".to_vec(), 0));
        assert!(!is_same_file(&to, &from));
    }

    #[test]
    fn a_file_appears_whole_under_its_name_and_nothing_stays_behind() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, tmp, path) = (Disk::local(), dir.path().join("tmp"), dir.path().join("a/b/c.txt"));
        let mut staged = Staged::create(&disk, &tmp).unwrap();
        staged.write_all(b"hello").unwrap();
        assert!(!path.exists());
        let pending = staged.finish(None).unwrap();
        assert!(!path.exists());
        pending.publish(dir.path(), &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"hello");
        assert_eq!(pending.state.bytes, 5);
        assert_eq!(pending.state.hash, crate::hash_bytes(b"hello"));
        assert_eq!(entries(&tmp), 0);
        remove(&disk, dir.path(), [path, dir.path().join("none")]).unwrap();
        assert!(!dir.path().join("a").exists() && dir.path().exists());
    }

    #[test]
    fn a_file_that_was_cut_short_gets_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let (tmp, path) = (dir.path().join("tmp"), dir.path().join("c.txt"));
        let mut staged = Staged::create(&Disk::local(), &tmp).unwrap();
        staged.write_all(b"hello").unwrap();
        let pending = staged.finish(None).unwrap();
        fs::write(fs::read_dir(&tmp).unwrap().next().unwrap().unwrap().path(), "hell").unwrap();
        let said = pending.publish(dir.path(), &path).unwrap_err().to_string();
        assert!(said.contains("was cut short") && said.contains("4 of 5 bytes"), "{said}");
        assert!(!path.exists());
    }
}
