//! SQL over the tables of one run or several.
//!
//! - [`Tables`]: the tables that runs hold; [`Tables::sql`] answers a query over them, [`Tables::reads`] names the tables it reads.
//! - [`VIEWS`]: named questions, which a query uses as tables; [`Param`]: what the table `params` holds.
//! - [`Answer`]: rows and columns, written as one of [`Format`].
//! - [`QueryError`]: what can be wrong, with what to do next.
//!
//! This is the only crate that knows polars. It reads what `chorus-tables` wrote, through the same schemas, and exchanges files
//! with it, never memory. Which files a table has, and whether they are fresh, [`chorus_engine::RunTables`] knows. It writes to any [`std::io::Write`] and creates no file.
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
