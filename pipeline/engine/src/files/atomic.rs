//! The only code that creates files in a run. A file is written under `tmp/`, hashed on the way, synced, and renamed
//! into place, so that nothing half-written is ever visible under its final name.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chorus_platform::identity::Identity;
use chorus_platform::{names, sync};
use serde::{Deserialize, Serialize};

use super::hash::hash_text;
use crate::EngineError;

/// How often a file is given its name when other processes are in the way: one removes its folder, or one has a file open just now.
const ATTEMPTS: u32 = 10;
/// How long to wait for a process that has a file open, longer each time.
const MOMENT: Duration = Duration::from_millis(10);

static COUNTER: AtomicU64 = AtomicU64::new(0);

fn temporary_name() -> String {
    format!("{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

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
    file: BufWriter<File>,
    temporary: PathBuf,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Staged {
    /// Opens a new temporary file in `folder`.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn create(folder: &Path) -> Result<Self, EngineError> {
        fs::create_dir_all(folder).map_err(EngineError::io(folder, "cannot be made"))?;
        let temporary = folder.join(temporary_name());
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
            .map_err(EngineError::io(&temporary, "cannot be made"))?;
        Ok(Self { file: BufWriter::with_capacity(1 << 18, file), temporary, hasher: blake3::Hasher::new(), bytes: 0 })
    }

    /// Ends the file; it waits under its temporary name for [`Pending::publish`].
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn finish(self, rows: Option<u64>) -> Result<Pending, EngineError> {
        let Self { mut file, temporary, hasher, bytes } = self;
        file.flush().map_err(EngineError::io(&temporary, "cannot be written"))?;
        let state = OutputState { bytes, hash: hash_text(&hasher), rows };
        Ok(Pending { temporary, state })
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

/// A complete file under its temporary name. It is closed, because a unit may have more outputs than a process may have
/// open files.
pub struct Pending {
    temporary: PathBuf,
    /// Size and hash.
    pub state: OutputState,
}

impl Pending {
    /// Gives the file its final name once it is on the disk, and syncs the folder.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn publish(&self, path: &Path) -> Result<(), EngineError> {
        sync::file(&self.temporary).map_err(EngineError::io(&self.temporary, "cannot be synced"))?;
        rename(&self.temporary, path)?;
        sync_folder(path.parent().unwrap_or(Path::new(".")))
    }
}

/// Renames a whole file to its final name, whose folder is made.
fn rename(temporary: &Path, path: &Path) -> Result<(), EngineError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    for attempt in 1.. {
        fs::create_dir_all(folder).map_err(EngineError::io(folder, "cannot be made"))?;
        match fs::rename(temporary, path) {
            Ok(()) => break,
            // Another process of a shared run found the folder empty and removed it.
            Err(e) if e.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => {}
            Err(e) if names::is_in_use(&e) && attempt < ATTEMPTS => std::thread::sleep(MOMENT * attempt),
            Err(e) => return Err(EngineError::io(path, "cannot be put in place")(e)),
        }
    }
    Ok(())
}

/// Writes a whole file through `tmp`.
///
/// # Errors
/// [`EngineError::Io`].
pub fn write(tmp: &Path, path: &Path, bytes: &[u8]) -> Result<OutputState, EngineError> {
    let mut staged = Staged::create(tmp)?;
    staged.write_all(bytes).map_err(EngineError::io(path, "cannot be written"))?;
    let pending = staged.finish(None)?;
    pending.publish(path)?;
    Ok(pending.state)
}

/// Takes a complete file of another run over as `to`: as a hard link where the file system has them, else as a copy. Call
/// [`sync_file_system`] afterwards to wait for the disk.
///
/// # Errors
/// [`EngineError::Io`].
pub fn take(tmp: &Path, from: &Path, to: &Path) -> Result<(), EngineError> {
    fs::create_dir_all(tmp).map_err(EngineError::io(tmp, "cannot be made"))?;
    let temporary = tmp.join(temporary_name());
    match fs::hard_link(from, &temporary) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(EngineError::io(from, "cannot be taken over")(e)),
        // Another file system, one without hard links, a file of another owner, or a file with too many links.
        Err(_) => return copy(tmp, from, to),
    }
    rename(&temporary, to)?;
    // Renaming does nothing when both names are links to the same file already.
    match fs::remove_file(&temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(EngineError::io(&temporary, "cannot be removed")(e)),
        _ => Ok(()),
    }
}

fn copy(tmp: &Path, from: &Path, to: &Path) -> Result<(), EngineError> {
    let mut original = File::open(from).map_err(EngineError::io(from, "cannot be taken over"))?;
    let mut staged = Staged::create(tmp)?;
    io::copy(&mut original, &mut staged).map_err(EngineError::io(to, "cannot be written"))?;
    rename(&staged.finish(None)?.temporary, to)
}

/// Whether both folders are on one file system, so that hard links between them are possible.
pub fn share_file_system(a: &Path, b: &Path) -> bool {
    let device = |path: &Path| Identity::of_path(path).map(|identity| identity.device).ok();
    device(a) == device(b)
}

/// A file that only grows. Only the process that made it writes to it, so a line that was torn by a crash is its last one.
#[derive(Debug)]
pub(crate) struct Growing {
    file: File,
    path: PathBuf,
}

impl Growing {
    /// Makes a new file in `folder`, with the first of these names that is free.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn create(folder: &Path, names: impl IntoIterator<Item = String>) -> Result<Self, EngineError> {
        fs::create_dir_all(folder).map_err(EngineError::io(folder, "cannot be made"))?;
        for name in names {
            let path = folder.join(name);
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    sync_folder(folder)?;
                    return Ok(Self { file, path });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(EngineError::io(&path, "cannot be made")(e)),
            }
        }
        Err(EngineError::io(folder, "has no free name for a new file")(io::ErrorKind::AlreadyExists.into()))
    }

    /// Appends bytes, and waits until they are on the disk.
    ///
    /// # Errors
    /// [`EngineError::Io`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        self.file.write_all(bytes).map_err(EngineError::io(&self.path, "cannot be written"))?;
        self.file.sync_data().map_err(EngineError::io(&self.path, "cannot be synced"))
    }
}

/// Waits until all that was written to the file system of this folder is on the disk, where the system can wait for that.
///
/// # Errors
/// [`EngineError::Io`].
pub fn sync_file_system(folder: &Path) -> Result<(), EngineError> {
    sync::file_system(folder).map_err(EngineError::io(folder, "cannot be synced"))
}

/// Appends whole lines to a log. A line torn by a crash is the last one, and readers skip it.
///
/// # Errors
/// [`EngineError::Io`].
pub fn append(path: &Path, lines: &str) -> Result<(), EngineError> {
    let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(EngineError::io(path, "cannot be opened"))?;
    file.write_all(lines.as_bytes()).map_err(EngineError::io(path, "cannot be written"))
}

/// Opens (and makes) a file that serves as a lock only.
///
/// # Errors
/// [`EngineError::Io`].
pub fn open_lock(path: &Path) -> Result<File, EngineError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(EngineError::io(folder, "cannot be made"))?;
    }
    OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(EngineError::io(path, "cannot be opened"))
}

/// Removes a file that is about to be made again; does nothing when it is missing.
///
/// # Errors
/// [`EngineError::Io`].
pub fn drop_file(path: &Path) -> Result<(), EngineError> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(path.parent().unwrap_or(Path::new("."))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(EngineError::io(path, "cannot be removed")(e)),
    }
}

/// Removes a file, and its folders up to `root` where they become empty; does nothing when it is missing.
///
/// # Errors
/// [`EngineError::Io`].
pub fn remove(root: &Path, path: &Path) -> Result<(), EngineError> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(EngineError::io(path, "cannot be removed")(e)),
    }
    let mut folder = path.parent();
    while let Some(f) = folder.filter(|f| f.starts_with(root) && *f != root) {
        match fs::remove_dir(f) {
            Ok(()) => {}
            // Another process of a shared run removed it.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return sync_folder(f),
        }
        folder = f.parent();
    }
    Ok(())
}

/// Makes a folder, and those around it.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn make_folder(path: &Path) -> Result<(), EngineError> {
    fs::create_dir_all(path).map_err(EngineError::io(path, "cannot be made"))
}

/// Removes a folder with all that an earlier process left in it; does nothing when it is missing.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn clear(folder: &Path) -> Result<(), EngineError> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(EngineError::io(folder, "cannot be cleared")(e)),
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
}

/// Files from which on syncing the whole file system is cheaper than syncing each.
const MANY: usize = 16;

/// Publishes the files of several units. All are on the disk under their names when this returns.
///
/// # Errors
/// [`EngineError::Io`].
pub(crate) fn publish_all(root: &Path, batches: &[Batch]) -> Result<(), EngineError> {
    let files: Vec<(&Pending, PathBuf)> =
        batches.iter().flat_map(|batch| &batch.0).map(|(path, pending)| (pending, root.join(path))).collect();
    if files.len() < MANY || !sync::SYNCS_FILE_SYSTEMS {
        return files.iter().try_for_each(|(pending, path)| pending.publish(path));
    }
    // A file must not bear its name before its content is on the disk, and must bear it before a state tells of it.
    sync_file_system(root)?;
    files.iter().try_for_each(|(pending, path)| rename(&pending.temporary, path))?;
    sync_file_system(root)
}

fn sync_folder(folder: &Path) -> Result<(), EngineError> {
    sync::folder(folder).map_err(EngineError::io(folder, "cannot be synced"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inode(path: &Path) -> u64 {
        Identity::of_path(path).unwrap().number
    }

    #[test]
    fn a_file_that_is_taken_over_is_the_same_file_and_replaces_another() {
        let dir = tempfile::tempdir().unwrap();
        let (tmp, from, to) = (dir.path().join("tmp"), dir.path().join("from"), dir.path().join("a/to"));
        fs::write(&from, "new").unwrap();
        // Twice: where both names are of one file, the temporary one must go too.
        for _ in 0..2 {
            take(&tmp, &from, &to).unwrap();
            assert_eq!((inode(&to), fs::read_dir(&tmp).unwrap().count()), (inode(&from), 0));
        }
        fs::remove_file(&to).unwrap();
        fs::write(&to, "old").unwrap();
        take(&tmp, &from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new");
        // Replacing one name leaves the file of the other as it is.
        write(&tmp, &to, b"newer").unwrap();
        assert_eq!(fs::read(&from).unwrap(), b"new");
        sync_file_system(dir.path()).unwrap();
        assert!(take(&tmp, &dir.path().join("none"), &to).unwrap_err().to_string().contains("none"));
        assert_eq!((fs::read(&to).unwrap(), fs::read_dir(&tmp).unwrap().count()), (b"newer".to_vec(), 0));
    }

    #[test]
    fn where_a_file_can_have_no_second_name_it_is_copied() {
        let dir = tempfile::tempdir().unwrap();
        let (tmp, from, to) = (dir.path().join("tmp"), dir.path().join("from"), dir.path().join("a/to"));
        fs::write(&from, "new").unwrap();
        copy(&tmp, &from, &to).unwrap();
        assert_eq!((fs::read(&to).unwrap(), fs::read_dir(&tmp).unwrap().count()), (b"new".to_vec(), 0));
        assert_ne!(inode(&to), inode(&from));
    }

    #[test]
    fn a_file_appears_whole_under_its_name_and_nothing_stays_behind() {
        let dir = tempfile::tempdir().unwrap();
        let (tmp, path) = (dir.path().join("tmp"), dir.path().join("a/b/c.txt"));
        let mut staged = Staged::create(&tmp).unwrap();
        staged.write_all(b"hello").unwrap();
        assert!(!path.exists());
        let pending = staged.finish(None).unwrap();
        assert!(!path.exists());
        pending.publish(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"hello");
        assert_eq!(pending.state.bytes, 5);
        assert_eq!(pending.state.hash, crate::hash_bytes(b"hello"));
        assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
        remove(dir.path(), &path).unwrap();
        assert!(!dir.path().join("a").exists() && dir.path().exists());
    }
}
