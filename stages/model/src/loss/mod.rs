//! What training minimises: binary cross-entropy, as in Mix2's paper, and its variants for rare classes.
//!
//! Every loss is a weighted mean over targets, of which mixing may give several: a label that nobody reviewed has weight 0.

pub mod asymmetric;
pub mod bce;
pub mod focal;
#[cfg(feature = "torch")]
mod focusing;
mod function;
#[cfg(feature = "torch")]
mod objective;
pub mod pairwise_auc;

pub use function::Loss;
#[cfg(feature = "torch")]
pub use objective::{Objective, balancing_weights, cross_entropy, logit_offsets};

use crate::Result;
use crate::extension::{self, Entry};

/// All losses, for `train.loss`.
pub static LOSSES: &[&Entry<dyn Loss>] = &[&bce::ENTRY, &focal::ENTRY, &asymmetric::ENTRY, &pairwise_auc::ENTRY];

/// The loss that `train.loss` names.
///
/// # Errors
/// An unknown name.
pub fn find(name: &str) -> Result<&'static Entry<dyn Loss>> {
    extension::find("train.loss", LOSSES, name)
}

#[cfg(feature = "torch")]
#[cfg(test)]
mod tests;
