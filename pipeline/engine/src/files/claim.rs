//! Lock files by which processes agree who works on what. The operating system drops them when the process ends, however it ends.

use std::io;
use std::path::{Path, PathBuf};

use chorus_platform::lock;

use super::atomic;
use super::disk::{Disk, again};
use super::file_system::{LockFile, Mode};
use crate::EngineError;

/// A lock file that this process holds. It is removed when the claim ends.
#[derive(Debug)]
pub struct Claim(Option<Held>);

#[derive(Debug)]
struct Held {
    file: Box<dyn LockFile>,
    disk: Disk,
    path: PathBuf,
}

impl Claim {
    /// A claim to what nobody else could claim.
    pub(crate) fn undisputed() -> Self {
        Self(None)
    }

    /// Claims a file, unless another process holds it.
    pub(crate) fn take(disk: &Disk, path: &Path) -> Result<Option<Self>, EngineError> {
        Self::lock(disk, path, Mode::Exclusive)
    }

    /// Claims a file, waiting for a process that holds it.
    pub(crate) fn wait(disk: &Disk, path: &Path) -> Result<Self, EngineError> {
        Self::lock(disk, path, Mode::Wait)?
            .ok_or_else(|| EngineError::io(path, "cannot be locked")(io::ErrorKind::WouldBlock.into()))
    }

    fn lock(disk: &Disk, path: &Path, mode: Mode) -> Result<Option<Self>, EngineError> {
        loop {
            let file = atomic::open_lock(disk, path)?;
            if !locked(&*file, path, mode)? {
                return Ok(None);
            }
            // Whoever held it before may have removed the file in between: then this lock guards nothing.
            let held = again(|| file.identity()).map_err(EngineError::io(path, "cannot be looked at"))?;
            if disk.identify(path)? == Some(held) {
                return Ok(Some(Self(Some(Held { file, disk: disk.clone(), path: path.to_owned() }))));
            }
        }
    }

    /// Lets the programs that this process starts hold the claim too, until the last of them has ended.
    pub(super) fn inherited(self) -> Result<Self, EngineError> {
        if let Some(Held { file, path, .. }) = &self.0 {
            file.hand_on().map_err(EngineError::io(path, "cannot be handed to the worker"))?;
        }
        Ok(self)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(Held { file, disk, path }) = &self.0 {
            // Removed while it is still locked, so that nobody holds a file without a name. A file that cannot be
            // removed only stays.
            let _ = disk.remove_file(path);
            let _ = file.unlock();
        }
    }
}

/// Locks an open file; false where another process holds it.
///
/// # Errors
/// [`EngineError::NoLocks`] where the file system has no locks, as Lustre without `-o flock` and NFS without a lock service.
pub(super) fn locked(file: &dyn LockFile, path: &Path, mode: Mode) -> Result<bool, EngineError> {
    again(|| file.lock(mode)).map_err(|error| refused(path, error))
}

fn refused(path: &Path, error: io::Error) -> EngineError {
    if lock::is_lacking(&error) {
        return EngineError::NoLocks { path: path.to_owned(), reason: error.to_string() };
    }
    EngineError::io(path, "cannot be locked")(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_excludes_others_until_it_ends_and_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, path) = (Disk::local(), dir.path().join("claims/a.lock"));
        let claim = Claim::take(&disk, &path).unwrap().unwrap();
        assert!(Claim::take(&disk, &path).unwrap().is_none());
        drop(claim);
        assert!(!path.exists());
        assert!(Claim::take(&disk, &path).unwrap().is_some());
    }

    #[test]
    fn a_file_system_without_locks_is_not_taken_for_another_process() {
        let told = refused(Path::new("run/state/lock"), io::ErrorKind::Unsupported.into()).to_string();
        assert!(told.contains("run/state/lock") && told.contains("no locks") && told.contains("run.lock: none"), "{told}");
        let told = refused(Path::new("run/state/lock"), io::ErrorKind::Other.into()).to_string();
        assert!(told.contains("cannot be locked") && !told.contains("no locks"), "{told}");
    }

    #[test]
    fn one_who_waits_gets_a_file_that_still_has_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, path) = (Disk::local(), dir.path().join("a.lock"));
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _claim = Claim::wait(&disk, &path).unwrap();
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
    }
}
