//! Lock files by which processes agree who works on what. The operating system drops them when the process ends, however it ends.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use chorus_platform::identity::Identity;
use chorus_platform::lock::{self, Lock};

use super::atomic;
use crate::EngineError;

/// A lock file that this process holds. It is removed when the claim ends.
#[derive(Debug)]
pub struct Claim(Option<(File, PathBuf)>);

impl Claim {
    /// A claim to what nobody else could claim.
    pub(crate) fn undisputed() -> Self {
        Self(None)
    }

    /// Claims a file, unless another process holds it.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, EngineError> {
        Self::lock(path, |file| locked(file, path, Lock::Exclusive))
    }

    /// Claims a file, waiting for a process that holds it.
    pub(crate) fn wait(path: &Path) -> Result<Self, EngineError> {
        let waited = |file: &File| lock::wait(file).map(|()| true).map_err(|error| refused(path, error));
        Self::lock(path, waited)?.ok_or_else(|| EngineError::io(path, "cannot be locked")(io::ErrorKind::WouldBlock.into()))
    }

    fn lock(path: &Path, take: impl Fn(&File) -> Result<bool, EngineError>) -> Result<Option<Self>, EngineError> {
        loop {
            let file = atomic::open_lock(path)?;
            if !take(&file)? {
                return Ok(None);
            }
            // Whoever held it before may have removed the file in between: then this lock guards nothing.
            if matches!((Identity::of_path(path), Identity::of_file(&file)), (Ok(named), Ok(held)) if named == held) {
                return Ok(Some(Self(Some((file, path.to_owned())))));
            }
        }
    }

    /// Lets the programs that this process starts hold the claim too, until the last of them has ended.
    pub(super) fn inherited(self) -> Result<Self, EngineError> {
        if let Some((file, path)) = &self.0 {
            lock::hand_on(file).map_err(EngineError::io(path, "cannot be handed to the worker"))?;
        }
        Ok(self)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some((file, path)) = &self.0 {
            // Removed while it is still locked, so that nobody holds a file without a name. A file that cannot be
            // removed only stays.
            let _ = std::fs::remove_file(path);
            let _ = lock::unlock(file);
        }
    }
}

/// Locks an open file; false where another process holds it.
///
/// # Errors
/// [`EngineError::NoLocks`] where the file system has no locks, as Lustre without `-o flock` and NFS without a lock service.
pub(super) fn locked(file: &File, path: &Path, lock: Lock) -> Result<bool, EngineError> {
    lock::try_lock(file, lock).map_err(|error| refused(path, error))
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
        let path = dir.path().join("claims/a.lock");
        let claim = Claim::take(&path).unwrap().unwrap();
        assert!(Claim::take(&path).unwrap().is_none());
        drop(claim);
        assert!(!path.exists());
        assert!(Claim::take(&path).unwrap().is_some());
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
        let path = dir.path().join("a.lock");
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _claim = Claim::wait(&path).unwrap();
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
    }
}
