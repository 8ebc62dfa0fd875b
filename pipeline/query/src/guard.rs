//! Runs polars so that unusual queries cannot crash the program.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::QueryError;

/// Stack size for one query, in bytes. This is address space; memory is used only as far as the stack grows.
const STACK: usize = 512 << 20;

/// Runs code of polars and turns a panic into an error.
///
/// polars panics on some unusual SQL (a malformed interval, a date out of range), and the text of a user must not end the
/// program. Values that the code used are dropped afterwards, so nobody can see them half-changed. The panic hook still prints a
/// line to stderr.
pub(crate) fn guard<T>(work: impl FnOnce() -> Result<T, QueryError>) -> Result<T, QueryError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(&*payload)))
}

/// As [`guard`], on a large stack. The syntax tree of a query is as deep as its longest chain of operators.
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
