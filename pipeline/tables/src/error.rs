//! What can be wrong with a table.

use std::path::PathBuf;

/// An error of the data contract. Each names the table, the column where one is at fault, what was expected and what was found.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// No schema has this name.
    #[error("no table is called `{name}`; there are: {known}")]
    UnknownTable {
        /// The name as given.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A schema file is not well formed. This is a fault of the program, not of the data.
    #[error("data-schemas/{table}.yaml is not a table schema: {detail}")]
    BadSchema {
        /// The table.
        table: String,
        /// What is wrong.
        detail: String,
    },
    /// The schema has no such column.
    #[error("table {table} has no column `{column}`")]
    UnknownColumn {
        /// The table.
        table: String,
        /// The column asked for.
        column: String,
    },
    /// A batch breaks the contract.
    #[error("table {table}, column {column}: expected {expected}, found {found}")]
    Contract {
        /// The table.
        table: String,
        /// The column at fault.
        column: String,
        /// What the schema wants.
        expected: String,
        /// What the batch holds.
        found: String,
    },
    /// A file was made by another version of the schema, or is not of this table at all.
    #[error("{}: expected table {table} {expected}, found {found}; make it again with `{command}`", .path.display())]
    Stale {
        /// The file.
        path: PathBuf,
        /// The table.
        table: String,
        /// What the schema wants.
        expected: String,
        /// What the file's footer says.
        found: String,
        /// The command that makes the table.
        command: String,
    },
    /// A file cannot be opened or read.
    #[error("{}: cannot be read as Parquet: {detail}; `chorus run --verify` makes damaged tables again", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        detail: String,
    },
    /// Writing failed.
    #[error("table {table}: cannot be written: {detail}")]
    Write {
        /// The table.
        table: String,
        /// What the writer said.
        detail: String,
    },
}
