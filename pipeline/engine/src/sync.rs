//! Locks within a process.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, also where a thread panicked while it held the lock: that thread's unit has failed then, and the error that ends
/// the run says so. What the mutex guards is whole between any two of its changes.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
