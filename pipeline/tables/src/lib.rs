//! The data contract: one YAML per table in `data-schemas/` becomes an Arrow schema, and no table is written or read except
//! through it.
//!
//! - [`TableSchema`]: what a table holds; [`schema`] finds one, [`all`] lists them.
//! - [`TableWriter`]: record batches to a Parquet file, checked column by column on the way.
//! - [`TableReader`]: a Parquet file back to batches, after its footer was held against the schema.
//! - [`Arrays`]: all arrays of a file, at the speed of copying.
//! - [`halves`]: the numbers of an array.
//! - [`BatchBuilder`] and [`Batch`]: columns by name and type, in and out; [`Value`] lists the types of values.
//!
//! The crate touches no path of a run by itself: it writes to any [`std::io::Write`].

mod arrays;
mod batch;
mod builder;
mod check;
mod error;
mod halves;
mod read;
mod schema;
mod value;
mod write;

pub use arrays::{ArrayBuffer, Arrays};
pub use batch::Batch;
pub use builder::BatchBuilder;
pub use error::TableError;
pub use halves::{add_halves, halves};
pub use read::{TableReader, read_all, read_columns};
pub use schema::{ANY_CONFIG, Column, ColumnType, GATHERING, SHAPE_KEY, TableSchema, all, schema};
pub use value::{Day, LocalMicros, TooLarge, UtcMicros, Value};
pub use write::TableWriter;

/// The pair of Hive partition columns that partitioned tables carry in their path and nowhere else.
pub const PARTITIONS: [&str; 2] = ["site", "date"];

/// What stands in a path for an unknown date; every Parquet reader takes it as null.
pub const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";
