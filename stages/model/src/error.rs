//! The one error type of this crate.

use safetensors::SafeTensorError;
use tch::TchError;

/// What can go wrong in learning and prediction.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libtorch refused an operation.
    #[error("libtorch: {0}; if memory ran out, lower the batch size")]
    Torch(#[from] TchError),
    /// The device's name isn't one that we know.
    #[error("device: expected auto, cpu or cuda:N, found `{found}`")]
    DeviceName {
        /// The name as configured.
        found: String,
    },
    /// The device was asked for by name and isn't there.
    #[error("device {requested} is not available: {reason}; use `auto` or `cpu`, or install what is missing")]
    DeviceMissing {
        /// The name as configured.
        requested: String,
        /// Why it can't be used.
        reason: String,
    },
    /// An option is outside its range.
    #[error("{name}: expected {expected}, found {found}; change it in the configuration")]
    Option {
        /// The option.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A tensor has another shape than its place asks for.
    #[error("{name}: expected shape {expected}, found {found:?}; features or labels were made with other settings")]
    Shape {
        /// Which tensor.
        name: String,
        /// The shape that was expected.
        expected: String,
        /// The shape that was found.
        found: Vec<i64>,
    },
    /// The bytes aren't a safetensors file.
    #[error("not a readable safetensors file: {0}; the file is damaged or of another kind")]
    Safetensors(#[from] SafeTensorError),
    /// A file of weights lacks a tensor or holds one too many.
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

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Refuses an option unless `valid`.
pub(crate) fn check(valid: bool, name: &'static str, expected: &'static str, found: impl ToString) -> Result<()> {
    if valid { Ok(()) } else { Err(Error::Option { name, expected, found: found.to_string() }) }
}
