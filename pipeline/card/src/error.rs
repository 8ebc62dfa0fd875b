//! The one error type of this crate.

use std::path::PathBuf;

/// A file that describes a model cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CardError {
    /// The card cannot be read.
    #[error("{}: cannot be used as the card of a model: {found}; name the folder of a trained model, such as runs/NAME/model", .path.display())]
    Card {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// This version of chorus cannot build the network that the card describes, or the weights are those of another network.
    #[error(
        "{}: {found}; use the file as chorus {chorus} wrote it when it trained the model, or apply the model with that version",
        .path.display()
    )]
    Network {
        /// The card.
        path: PathBuf,
        /// What was found, and what was expected.
        found: String,
        /// The version of chorus that trained the model.
        chorus: String,
    },
    /// The contract of a backbone cannot be read.
    #[error("{}: cannot be used as the contract of a backbone: {found}; see docs/backbones.md", .path.display())]
    Contract {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// The file of thresholds and calibrations cannot be read.
    #[error(
        "{}: cannot be used as the thresholds of a model: {found}; copy the model's folder as a whole, run evaluate in the model's own run, or set \
         detect.threshold to one threshold for all classes",
        .path.display()
    )]
    Decisions {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// The file of what is known of the classes cannot be read.
    #[error(
        "{}: cannot be used as what is known of a model's classes: {found}; copy the file as the run that trained the model has it, or remove it",
        .path.display()
    )]
    Taxa {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// Two models of an ensemble do not fit together.
    #[error("{}: this model has other {what} than the first model; leave it out of model.ensemble", .path.display())]
    Ensemble {
        /// The card of the model that does not fit.
        path: PathBuf,
        /// In what the models differ.
        what: &'static str,
    },
}
