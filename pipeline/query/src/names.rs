//! Names of columns that tables have in queries and not in files.

/// The column with the name of a row's run, when a query reads several runs.
pub(crate) const RUN: &str = "run";
/// The new name of a table's own column `run` in that case.
pub(crate) const OWN_RUN: &str = "own_run";
