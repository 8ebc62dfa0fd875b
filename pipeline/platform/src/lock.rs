//! Locks on open files, by which processes keep each other off. The system drops them when the process ends, however it ends.
//!
//! On Linux and macOS a lock is an advisory one by `flock`, and it belongs to the open file: programs that inherit the file hold it too. On
//! Linux it also works on NFS, whose client turns it into a lock of the server. On Windows it is one by `LockFileEx`. It belongs to the
//! process, and programs that it starts do not hold it; [`crate::children::tie`] ends these programs with their parent instead.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};

/// Who may hold a lock besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Nobody.
    Exclusive,
    /// All who want a shared one.
    Shared,
}

/// Locks a file without waiting; false where another process holds it.
///
/// # Errors
/// What the system says; [`is_lacking`] tells whether the file system has no locks.
pub fn try_lock(file: &File, lock: Lock) -> io::Result<bool> {
    loop {
        let locked = match lock {
            Lock::Exclusive => file.try_lock(),
            Lock::Shared => file.try_lock_shared(),
        };
        return match locked {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => continue,
            Err(TryLockError::Error(error)) => Err(error),
        };
    }
}

/// Locks a file exclusively, waiting for processes that hold it.
///
/// # Errors
/// As [`try_lock`].
pub fn wait(file: &File) -> io::Result<()> {
    loop {
        match file.lock() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            locked => return locked,
        }
    }
}

/// Unlocks a file.
///
/// # Errors
/// What the system says.
pub fn unlock(file: &File) -> io::Result<()> {
    file.unlock()
}

/// Whether an error of these functions says that the file system has no locks, as Lustre without `-o flock` and NFS without a lock service.
pub fn is_lacking(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported || error.raw_os_error().is_some_and(says_unsupported)
}

#[cfg(unix)]
fn says_unsupported(code: i32) -> bool {
    use rustix::io::Errno;
    [Errno::NOSYS, Errno::NOLCK, Errno::OPNOTSUPP].iter().any(|errno| errno.raw_os_error() == code)
}

#[cfg(windows)]
fn says_unsupported(code: i32) -> bool {
    use windows_sys::Win32::Foundation::{ERROR_INVALID_FUNCTION, ERROR_NOT_SUPPORTED};
    [ERROR_INVALID_FUNCTION, ERROR_NOT_SUPPORTED].iter().any(|&error| i64::from(error) == i64::from(code))
}

/// Lets the programs that this process starts from now on hold the file too, and with it a lock where the system allows that.
///
/// # Errors
/// What the system says.
pub fn hand_on(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    return Ok(rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty())?);
    // A lock would not go with the file.
    #[cfg(windows)]
    {
        let _ = file;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusive_lock_keeps_others_off_and_shared_ones_go_together() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let open = || File::options().write(true).create(true).truncate(false).open(&path).unwrap();
        let (first, second) = (open(), open());
        assert!(try_lock(&first, Lock::Exclusive).unwrap());
        assert!(!try_lock(&second, Lock::Exclusive).unwrap() && !try_lock(&second, Lock::Shared).unwrap());
        unlock(&first).unwrap();
        assert!(try_lock(&second, Lock::Shared).unwrap() && try_lock(&first, Lock::Shared).unwrap());
        unlock(&first).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&first));
            unlock(&second).unwrap();
            waiting.join().unwrap().unwrap();
        });
        assert!(!try_lock(&second, Lock::Shared).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn a_lack_of_locks_is_told_from_other_errors() {
        use rustix::io::Errno;
        for errno in [Errno::NOSYS, Errno::NOLCK, Errno::OPNOTSUPP] {
            assert!(is_lacking(&errno.into()), "{errno}");
        }
        assert!(!is_lacking(&Errno::IO.into()) && !is_lacking(&Errno::WOULDBLOCK.into()));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_handed_on_is_open_in_programs_that_are_started() {
        let file = tempfile::tempfile().unwrap();
        assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        hand_on(&file).unwrap();
        assert!(rustix::io::fcntl_getfd(&file).unwrap().is_empty());
    }
}
