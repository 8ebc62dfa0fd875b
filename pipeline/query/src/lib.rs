//! SQL over the tables of a run.
//!
//! - [`Tables`]: the tables that a run's folder holds; [`Tables::sql`] answers a query over them.
//! - [`Answer`]: rows and columns, written as one of [`Format`].
//! - [`QueryError`]: what can be wrong, with what to do next.
//!
//! This is the only crate that knows polars. It reads what `chorus-tables` wrote, through the same schemas, and exchanges files
//! with it, never memory. It writes to any [`std::io::Write`] and creates no file.
//!
//! ```no_run
//! use chorus_query::{Format, Tables};
//!
//! let tables = Tables::open("runs/demo".as_ref())?;
//! let answer = tables.sql("SELECT site, COUNT(*) AS recordings FROM recordings GROUP BY site ORDER BY site")?;
//! answer.write(Format::Csv, &mut std::io::stdout())?;
//! # Ok::<(), chorus_query::QueryError>(())
//! ```

mod answer;
mod describe;
mod error;
mod explain;
mod format;
mod guard;
mod pitfalls;
mod rewrite;
mod scan;
mod statement;
mod tables;
mod value;
mod write;

pub use answer::Answer;
pub use error::QueryError;
pub use format::Format;
pub use tables::Tables;
pub use write::TableStyle;
