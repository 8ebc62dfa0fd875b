//! The file systems of this machine. The only code that calls them for files of a run.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use chorus_platform::identity::Identity;
use chorus_platform::lock::{self, Lock};
use chorus_platform::{names, space, sync};
use jiff::Timestamp;

use super::file_system::{Entry, Facts, FileSystem, LockFile, Mode, Reader, Watch, Writer};

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// The file systems of this machine.
#[derive(Debug)]
pub(crate) struct Local;

impl FileSystem for Local {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Reader>> {
        Ok(Box::new(File::open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Writer>> {
        Ok(Box::new(OpenOptions::new().write(true).create_new(true).open(path)?))
    }

    fn extend(&self, path: &Path) -> io::Result<Box<dyn Writer>> {
        Ok(Box::new(OpenOptions::new().append(true).create(true).open(path)?))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        sync::file(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        match sync::folder(path) {
            // Then there is nothing to wait for.
            Err(error) if sync::is_lacking(&error) => Ok(()),
            synced => synced,
        }
    }

    fn watch(&self, folder: &Path) -> io::Result<Option<Box<dyn Watch>>> {
        Ok(sync::FileSystem::of(folder)?.map(|system| Box::new(system) as Box<dyn Watch>))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn remove_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let entry = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok(Entry { is_folder: entry.file_type()?.is_dir(), path: entry.path() })
        };
        fs::read_dir(folder)?.map(entry).collect()
    }

    fn facts(&self, path: &Path) -> io::Result<Facts> {
        let meta = fs::metadata(path)?;
        Ok(Facts { bytes: meta.len(), is_folder: meta.is_dir() })
    }

    fn identity(&self, path: &Path) -> io::Result<Identity> {
        Identity::of_path(path)
    }

    fn tells_case_apart(&self, path: &Path) -> bool {
        names::tells_case_apart(path)
    }

    fn open_lock(&self, path: &Path) -> io::Result<Box<dyn LockFile>> {
        // For reading too, since clients of NFS refuse shared locks on files that are open for writing alone.
        Ok(Box::new(OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?))
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        space::free_bytes(path)
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn unique(&self) -> String {
        format!("{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
    }
}

impl Writer for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

impl LockFile for File {
    fn lock(&self, mode: Mode) -> io::Result<bool> {
        match mode {
            Mode::Shared => lock::try_lock(self, Lock::Shared),
            Mode::Exclusive => lock::try_lock(self, Lock::Exclusive),
            Mode::Wait => lock::wait(self).map(|()| true),
        }
    }

    fn unlock(&self) -> io::Result<()> {
        lock::unlock(self)
    }

    fn identity(&self) -> io::Result<Identity> {
        Identity::of_file(self)
    }

    fn hand_on(&self) -> io::Result<()> {
        lock::hand_on(self)
    }
}

impl Watch for sync::FileSystem {
    fn sync_all(&self) -> io::Result<()> {
        self.wait()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_folder_is_listed_as_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("folder")).unwrap();
        std::os::unix::fs::symlink("folder", dir.path().join("link")).unwrap();
        let mut found = Local.list(dir.path()).unwrap();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(found.iter().map(|entry| entry.is_folder).collect::<Vec<_>>(), [true, false]);
        let is_folder = |name: &str| Local.facts(&dir.path().join(name)).unwrap().is_folder;
        assert!(is_folder("folder") && is_folder("link"));
    }

    #[test]
    fn a_folder_and_its_file_system_are_synced() {
        let dir = tempfile::tempdir().unwrap();
        Local.sync_folder(dir.path()).unwrap();
        if let Some(watch) = Local.watch(dir.path()).unwrap() {
            watch.sync_all().unwrap();
        }
        assert!(Local.sync_folder(&dir.path().join("none")).is_err());
    }
}
