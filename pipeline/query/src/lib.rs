//! SQL over the tables of one run or several.
//!
//! - [`Tables`]: the tables of runs. [`Tables::sql`] answers a query, [`Tables::reads`] lists the tables that a query reads.
//! - [`VIEWS`]: named queries that are used like tables. [`Param`]: a value of the table `params`.
//! - [`Answer`]: rows and columns. [`Format`]: how they are written.
//! - [`QueryError`]: errors, with the next step.
//!
//! This is the only crate that uses polars. It reads the files that `chorus-tables` wrote, with the same schemas; the two crates
//! share no memory. [`chorus_engine::RunTables`] knows the files of a table and whether they are fresh. Answers are written to
//! any [`std::io::Write`]; this crate creates no files.
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
mod names;
mod params;
mod pitfalls;
mod place;
mod rewrite;
mod scan;
mod statement;
mod tables;
mod value;
mod views;
mod write;

pub use answer::Answer;
pub use error::QueryError;
pub use format::Format;
pub use params::Param;
pub use tables::Tables;
pub use views::{VIEWS, View};
pub use write::TableStyle;
