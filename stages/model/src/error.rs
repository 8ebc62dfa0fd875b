//! The one error type of this crate.

use chorus_keys::NotAllowed;
#[cfg(feature = "torch")]
use safetensors::SafeTensorError;
#[cfg(feature = "torch")]
use tch::TchError;

/// What can go wrong in learning and prediction.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libtorch refused an operation.
    #[cfg(feature = "torch")]
    #[error("libtorch: {0}; if memory ran out, lower the batch size")]
    Torch(#[from] TchError),
    /// The name of the device is unknown.
    #[error("device: expected auto, cpu or cuda:N, found `{found}`")]
    DeviceName {
        /// The name as configured.
        found: String,
    },
    /// The device was asked for by name and is not there.
    #[error("device {requested} is not available: {reason}; use `auto` or `cpu`, or install what is missing")]
    DeviceMissing {
        /// The name as configured.
        requested: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// An option is outside its range.
    #[error("{name}: expected {expected}, found {found}; change it in the configuration")]
    Option {
        /// The option.
        name: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The settings of an extension cannot be read.
    #[error("{name}: the options cannot be read: {found}; change them in the configuration")]
    Settings {
        /// The extension.
        name: &'static str,
        /// What was found.
        found: String,
    },
    /// No extension has the name that a key gives.
    #[error("{key}: found `{found}`, expected one of {known}; change it in the configuration")]
    Unknown {
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// The names that there are.
        known: String,
    },
    /// A network makes embeddings of another shape than it declares.
    #[error(
        "network {network}: expected embeddings of shape {expected:?}, found {found:?}; this is a fault of the network's code"
    )]
    Embedding {
        /// The network.
        network: &'static str,
        /// `[batch, embedding]`, as declared.
        expected: Vec<i64>,
        /// The shape that was found.
        found: Vec<i64>,
    },
    /// Inputs or labels have another shape than the network takes.
    #[error("{name}: expected shape {expected}, found {found:?}; features or labels were made with other settings")]
    Shape {
        /// Which tensor.
        name: String,
        /// The shape that was expected.
        expected: String,
        /// The shape that was found.
        found: Vec<i64>,
    },
    /// The bytes are not a safetensors file.
    #[cfg(feature = "torch")]
    #[error("not a readable safetensors file: {0}; the file is damaged or of another kind")]
    Safetensors(#[from] SafeTensorError),
    /// A file of weights lacks a tensor, holds one too many, or holds one of another shape.
    #[error("weights: expected {expected}, found {found}; the file belongs to another network")]
    Weights {
        /// What the network needs.
        expected: String,
        /// What the file holds.
        found: String,
    },
    /// A checkpoint was made with other settings.
    #[error("checkpoint: {key} is {expected} in the configuration and {found} in the checkpoint; train from the start")]
    Checkpoint {
        /// The setting that differs.
        key: String,
        /// Its configured value.
        expected: String,
        /// Its value in the checkpoint.
        found: String,
    },
    /// The loss is no longer a number.
    #[error(
        "loss is {loss} in epoch {epoch}, step {step} (rows {rows:?}); go back to the last checkpoint, and lower the \
         learning rate or look for broken features in these rows"
    )]
    Loss {
        /// NaN or infinite.
        loss: f64,
        /// Counted from 0.
        epoch: usize,
        /// Counted from 0 within the epoch.
        step: usize,
        /// The batch, as rows of the dataset.
        rows: Vec<usize>,
    },
    /// There is nothing to learn from or to predict.
    #[error("the dataset is empty; check the subset and the labels")]
    Empty,
    /// The dataset or a caller's hook failed.
    #[error(transparent)]
    Caller(#[from] Box<dyn std::error::Error + Send + Sync>),
}

impl From<NotAllowed> for Error {
    fn from(NotAllowed { key, found, allowed }: NotAllowed) -> Self {
        Self::Option { name: key.rsplit('.').next().unwrap_or(key), expected: allowed, found }
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Refuses an option unless `valid`.
pub(crate) fn check(valid: bool, name: &'static str, expected: impl Into<String>, found: impl ToString) -> Result<()> {
    if valid { Ok(()) } else { Err(Error::Option { name, expected: expected.into(), found: found.to_string() }) }
}
