//! Keeps odd queries from bringing the program down.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::QueryError;

/// Stack for the work on one query, in bytes. It is address space, and takes memory only as far as it is used.
const STACK: usize = 512 << 20;

/// Does some work of polars; a panic becomes an error.
///
/// polars answers some odd but valid SQL with a panic in place of an error (a malformed interval, a date beyond its calendar),
/// and a user's text must not end the program. Nothing that the work touched is used afterwards, so nothing half-changed can be
/// seen. The panic hook still prints its line to stderr.
pub(crate) fn guard<T>(work: impl FnOnce() -> Result<T, QueryError>) -> Result<T, QueryError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(&*payload)))
}

/// The same on a stack that holds the syntax tree of any query, which is as deep as the longest chain of its operators.
pub(crate) fn guard_deep<T: Send>(work: impl FnOnce() -> Result<T, QueryError> + Send) -> Result<T, QueryError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("query".into()).stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(|e| QueryError::Failed { detail: format!("no thread can be started: {e}"), hint: None })?;
        thread.join().unwrap_or_else(|payload| Err(panicked(&*payload)))
    })
}

fn panicked(payload: &(dyn Any + Send)) -> QueryError {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    QueryError::Panicked { detail: text.unwrap_or("no reason was given").to_owned() }
}
