//! Mixing methods of training: Mixup, Manifold Mixup, MultiMix and Mix2 (Moummad et al., EUSIPCO 2024, arXiv 2403.09598).
//!
//! What is drawn ([`Draw`]) is apart from how it is drawn ([`Mixing`]), so that the same numbers can be given to another
//! implementation. Every method comes down to targets with weights, over which the loss is the weighted mean; a label that nobody
//! reviewed has weight 0.
//!
//! The authors' published code differs from their method in places (its input-Mixup weights fall on the mel axis, the
//! pairwise loss takes the batch mean of lambda); here the method is built.

pub mod manifold_mixup;
mod method;
pub mod mix2;
pub mod mixup;
pub mod multimix;
pub mod none;
mod pairing;

pub use method::{Draw, Drawn, Mixing};
pub use pairing::Pairing;

use crate::Result;
use crate::extension::{self, Entry};

/// All mixing methods, for `train.mixing`.
pub static MIXINGS: &[&Entry<dyn Mixing>] =
    &[&none::ENTRY, &mixup::ENTRY, &manifold_mixup::ENTRY, &multimix::ENTRY, &mix2::ENTRY];

/// The method that `train.mixing` names.
///
/// # Errors
/// An unknown name.
pub fn find(name: &str) -> Result<&'static Entry<dyn Mixing>> {
    extension::find("train.mixing", MIXINGS, name)
}

#[cfg(feature = "torch")]
#[cfg(test)]
mod tests;
