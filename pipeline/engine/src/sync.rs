//! Locks within a process.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, also after a thread panicked while it held the lock. The panic is reported as the failure of that
/// thread's unit, and other threads need the mutex to finish in order. Values behind such mutexes are changed in single
/// steps, so none is half-written.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
