//! Lock files by which processes agree who works on what. The operating system drops them when the process ends, however it ends.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

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
        Self::lock(path, FlockOperation::NonBlockingLockExclusive)
    }

    /// Claims a file, waiting for a process that holds it.
    pub(crate) fn wait(path: &Path) -> Result<Self, EngineError> {
        Self::lock(path, FlockOperation::LockExclusive)?
            .ok_or_else(|| EngineError::io(path, "cannot be locked")(std::io::ErrorKind::WouldBlock.into()))
    }

    fn lock(path: &Path, operation: FlockOperation) -> Result<Option<Self>, EngineError> {
        loop {
            let file = atomic::open_lock(path)?;
            if !locked(&file, path, operation)? {
                return Ok(None);
            }
            // Whoever held it before may have removed the file in between: then this lock guards nothing.
            let id = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
            let (named, held) = (std::fs::metadata(path).map(id), file.metadata().map(id));
            if matches!((named, held), (Ok(named), Ok(held)) if named == held) {
                return Ok(Some(Self(Some((file, path.to_owned())))));
            }
        }
    }

    /// Lets the programs that this process starts hold the claim too, until the last of them has ended.
    pub(super) fn inherited(self) -> Result<Self, EngineError> {
        if let Some((file, path)) = &self.0 {
            fcntl_setfd(file, FdFlags::empty()).map_err(|e| EngineError::io(path, "cannot be handed to the worker")(e.into()))?;
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
            let _ = flock(file, FlockOperation::Unlock);
        }
    }
}

/// Locks an open file; false where another process holds it.
///
/// # Errors
/// [`EngineError::NoLocks`] where the file system has no locks, as Lustre without `-o flock` and NFS without a lock service.
pub(super) fn locked(file: &File, path: &Path, operation: FlockOperation) -> Result<bool, EngineError> {
    loop {
        return match flock(file, operation) {
            Ok(()) => Ok(true),
            Err(Errno::INTR) => continue,
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(refused(path, error)),
        };
    }
}

fn refused(path: &Path, error: Errno) -> EngineError {
    match error {
        Errno::NOSYS | Errno::NOLCK | Errno::OPNOTSUPP => {
            EngineError::NoLocks { path: path.to_owned(), reason: std::io::Error::from(error).to_string() }
        }
        _ => EngineError::io(path, "cannot be locked")(error.into()),
    }
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
        for error in [Errno::NOSYS, Errno::NOLCK, Errno::OPNOTSUPP] {
            let told = refused(Path::new("run/state/lock"), error).to_string();
            assert!(told.contains("run/state/lock") && told.contains("no locks") && told.contains("run.lock: none"), "{told}");
        }
        let told = refused(Path::new("run/state/lock"), Errno::IO).to_string();
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
