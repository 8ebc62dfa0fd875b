//! The one place where a panic is caught.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::QueryError;

/// Does some work of polars; a panic becomes an error.
///
/// polars answers some odd but valid SQL with a panic in place of an error (a missing feature, a literal out of range, a date
/// beyond its calendar), and a user's text must not bring the program down. Nothing that the closure touched is used
/// afterwards, so nothing half-changed can be seen. The panic hook still prints its line to stderr.
pub(crate) fn guard<T>(work: impl FnOnce() -> Result<T, QueryError>) -> Result<T, QueryError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(QueryError::Panicked { detail: last_words(&*payload) }))
}

fn last_words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no reason was given").to_owned()
}
