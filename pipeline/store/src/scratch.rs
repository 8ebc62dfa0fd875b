//! Disk space for objects while they are read.

use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long to wait for others to give space back. Whoever then still holds some may be waiting for this one.
const PATIENCE: Duration = Duration::from_secs(120);

/// A number of bytes that files without a name may take together.
#[derive(Debug)]
pub struct Scratch {
    limit: u64,
    taken: Mutex<u64>,
    given_back: Condvar,
}

/// A file without a name. It goes with its last handle, however the process ends.
#[derive(Debug)]
pub struct Space {
    /// The file.
    pub file: File,
    scratch: Arc<Scratch>,
    bytes: u64,
}

impl Scratch {
    /// So many bytes.
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, taken: Mutex::new(0), given_back: Condvar::new() })
    }

    /// A file for so many bytes; waits until others have given back enough, but no longer than two minutes. A file that is larger than all
    /// there is gets its space alone.
    ///
    /// # Errors
    /// What the system says when the file cannot be made.
    pub fn space(self: &Arc<Self>, bytes: u64) -> std::io::Result<Space> {
        let full = |taken: &mut u64| *taken > 0 && taken.saturating_add(bytes) > self.limit;
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, _) = self.given_back.wait_timeout_while(taken, PATIENCE, full).unwrap_or_else(PoisonError::into_inner);
        let file = tempfile::tempfile()?;
        *taken += bytes;
        Ok(Space { file, scratch: Arc::clone(self), bytes })
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        *self.scratch.taken.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.scratch.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn files_take_no_more_than_the_limit_unless_one_is_larger() {
        let scratch = Scratch::new(100);
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let space = scratch.space(40).unwrap();
                        most.fetch_max(now.fetch_add(40, Ordering::SeqCst) + 40, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(40, Ordering::SeqCst);
                        drop(space);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 80);
        assert!(scratch.space(1000).is_ok());
    }

    #[test]
    fn whoever_finds_no_room_waits_for_it() {
        let scratch = Scratch::new(100);
        let first = scratch.space(80).unwrap();
        let (has_room, told) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| has_room.send(scratch.space(40).map(drop)).unwrap());
            assert!(told.recv_timeout(Duration::from_millis(200)).is_err(), "there is room for 20 only");
            drop(first);
            told.recv().unwrap().unwrap();
        });
    }
}
