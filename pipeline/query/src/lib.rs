//! SQL over the tables of one run or several.
//!
//! - [`Tables`]: the tables of runs. [`Tables::sql`] answers a query, [`Tables::reads`] lists the tables that a query reads.
//! - [`VIEWS`]: named queries that are used like tables. [`Param`]: a value of the table `params`.
//! - [`Answer`]: rows and columns. [`Format`]: how they are written.
//! - [`QueryError`]: errors, with the next step.
//!
//! - [`Limits`]: how much memory and time a query may take.
//!
//! This is the only crate that uses DataFusion. It reads the files that `chorus-tables` wrote, with the same schemas.
//! [`chorus_engine::RunTables`] knows the files of a table and whether they are fresh. Answers are written to any
//! [`std::io::Write`]; this crate makes no files but temporary ones, in the run's folder `tmp`.
//!
//! The way of a query: `statement` parses it, `dialect` makes it mean what it means in DuckDB, `session` plans it over the tables that
//! `provider` gives, `work` runs it, and `answer` hands out its rows.
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
mod dialect;
mod distinct;
mod error;
mod explain;
mod fewer;
mod first;
mod format;
mod functions;
mod limits;
mod names;
mod neighbours;
mod params;
mod place;
mod provider;
mod reader;
mod repair;
mod repeats;
mod rows;
mod session;
mod statement;
mod tables;
mod times;
mod truth;
mod value;
mod views;
mod walk;
mod work;
mod write;

pub use answer::Answer;
pub use error::QueryError;
pub use format::Format;
pub use limits::Limits;
pub use params::Param;
pub use tables::Tables;
pub use views::{VIEWS, View};
pub use write::TableStyle;
