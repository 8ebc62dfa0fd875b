//! Runs a query on threads of its own, so that it can be ended at any time, whatever the engine does.

use std::any::Any;
use std::future::Future;
use std::thread;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::QueryError;
use crate::limits::{Limits, Start};

/// Stack of a thread, in bytes: syntax trees and plans are as deep as the longest chain of operators. It is address space; memory is
/// used only as far as the stack grows.
const STACK: usize = 256 << 20;
/// How often the limits are looked at.
const INTERVAL: Duration = Duration::from_millis(50);
/// Batches that wait for whoever takes them.
const WAITING: usize = 4;

/// A part of an answer.
#[derive(Debug)]
pub(crate) enum Part {
    /// The columns: first and once.
    Columns(SchemaRef),
    /// Some rows.
    Rows(RecordBatch),
}

/// A query that runs.
#[derive(Debug)]
pub(crate) struct Work {
    runtime: Option<Runtime>,
    parts: Receiver<Part>,
    task: Option<JoinHandle<Result<(), QueryError>>>,
    limits: Limits,
    start: Start,
}

impl Work {
    /// Starts a job, which sends the parts of its answer.
    ///
    /// # Errors
    /// [`QueryError::Failed`] when no thread can be started.
    pub(crate) fn start<F>(limits: Limits, job: impl FnOnce(Sender<Part>) -> F) -> Result<Self, QueryError>
    where
        F: Future<Output = Result<(), QueryError>> + Send + 'static,
    {
        let runtime = Builder::new_multi_thread().thread_name("query").thread_stack_size(STACK).enable_time().build();
        let runtime = runtime.map_err(|e| no_thread(&e))?;
        let (sender, parts) = channel(WAITING);
        let task = Some(runtime.spawn(job(sender)));
        Ok(Self { runtime: Some(runtime), parts, task, limits, start: Start::now() })
    }

    /// Waits for the next part; `None` after the last.
    ///
    /// # Errors
    /// Those of the job; [`QueryError::Panicked`]; those of [`Limits::check`].
    pub(crate) fn next(&mut self) -> Result<Option<Part>, QueryError> {
        let Some(runtime) = &self.runtime else { return Ok(None) };
        loop {
            self.limits.check(&self.start)?;
            match runtime.block_on(async { timeout(INTERVAL, self.parts.recv()).await }) {
                Ok(Some(part)) => return Ok(Some(part)),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        let Some(task) = self.task.take() else { return Ok(None) };
        runtime.block_on(task).map_err(|error| panicked(error.try_into_panic().ok()))?.map(|()| None)
    }
}

impl Drop for Work {
    /// Does not wait: a function of the engine that was called may take long to return, and its thread lives until then.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs something on a large stack.
///
/// # Errors
/// Those of `work`; [`QueryError::Panicked`].
pub(crate) fn on_large_stack<T: Send>(work: impl FnOnce() -> Result<T, QueryError> + Send) -> Result<T, QueryError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("query".into()).stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(|e| no_thread(&e))?;
        thread.join().unwrap_or_else(|payload| Err(panicked(Some(payload))))
    })
}

fn no_thread(error: &std::io::Error) -> QueryError {
    QueryError::Failed { detail: format!("no thread can be started: {error}"), hint: None }
}

fn panicked(payload: Option<Box<dyn Any + Send>>) -> QueryError {
    let text = payload.as_ref().and_then(|payload| {
        payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
    });
    QueryError::Panicked { detail: text.unwrap_or("no reason was given").to_owned() }
}
