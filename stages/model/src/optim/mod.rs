//! Optimisers on one flat tensor of parameters, with their state in the open: tch's own cannot be saved.

pub mod adamw;
mod method;
mod schedule;
pub mod sgd;
#[cfg(feature = "torch")]
mod state;

pub use method::Optimizer;
pub use schedule::{cosine, scheduled};
#[cfg(feature = "torch")]
pub use state::{OptimizerState, clip};

use crate::Result;
use crate::extension::{self, Entry};

/// All optimisers, for `train.optimizer`.
pub static OPTIMIZERS: &[&Entry<dyn Optimizer>] = &[&adamw::ENTRY, &sgd::ENTRY];

/// The optimiser that `train.optimizer` names.
///
/// # Errors
/// An unknown name.
pub fn find(name: &str) -> Result<&'static Entry<dyn Optimizer>> {
    extension::find("train.optimizer", OPTIMIZERS, name)
}

#[cfg(feature = "torch")]
#[cfg(test)]
mod tests;
