//! The one error type of this crate.

use std::path::PathBuf;

use chorus_card::CardError;
use chorus_engine::EngineError;

/// A backbone cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackboneError {
    /// The file is missing, or no program can open its kind.
    #[error("{}: {found}; {next}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
        /// What to do.
        next: String,
    },
    /// The contract cannot be used.
    #[error(transparent)]
    Contract(#[from] CardError),
    /// The file's content cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The runtime refuses the backbone, or fails while it runs.
    #[error("{}: {found}", .path.display())]
    Runtime {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// The backbone gives something else than its contract says.
    #[error("{}: {found}, expected {expected}; correct the contract {}", .path.display(), .contract.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The contract.
        contract: PathBuf,
        /// What was found.
        found: String,
        /// What the contract says.
        expected: String,
    },
    /// The backbone gave a value that is not a number, or infinite.
    #[error(
        "{}: the output {output} has a value that is {value}; check the contract's scale and full_scale, or use another backbone",
        .path.display()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The output.
        output: String,
        /// The value.
        value: f32,
    },
}
