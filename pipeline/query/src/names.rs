//! Names of columns that tables have in queries and not in files.

use chorus_tables::{PARTITIONS, TableSchema};

/// The column with the name of a row's run, when a query reads several runs.
pub(crate) const RUN: &str = "run";
/// The new name of a table's own column `run` in that case.
pub(crate) const OWN_RUN: &str = "own_run";

/// All columns of a table in queries.
pub(crate) fn columns(schema: &TableSchema) -> impl Iterator<Item = &str> {
    let partitions = if schema.partitioned { &PARTITIONS[..] } else { &[] };
    schema.columns.iter().map(|c| c.name.as_str()).chain(partitions.iter().copied())
}
