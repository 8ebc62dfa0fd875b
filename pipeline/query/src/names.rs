//! Names of columns that a query sees besides those of the files.

use chorus_tables::{PARTITIONS, TableSchema};

/// The column with the name of a row's run, where several runs are open.
pub(crate) const RUN: &str = "run";
/// What a column `run` of a table itself is called then.
pub(crate) const OWN_RUN: &str = "own_run";

/// Every column that a query sees of a table.
pub(crate) fn columns(schema: &TableSchema) -> impl Iterator<Item = &str> {
    let partitions = if schema.partitioned { &PARTITIONS[..] } else { &[] };
    schema.columns.iter().map(|c| c.name.as_str()).chain(partitions.iter().copied())
}
