//! Networks: from inputs to embeddings, and from embeddings to one logit per class.
//!
//! What differs between networks is an [`Architecture`] and its [`Backbone`]. A [`Network`] holds the weights, and the head, which is
//! a linear layer in all of them.

mod architecture;
#[cfg(feature = "torch")]
mod backbone;
#[cfg(feature = "torch")]
mod frozen;
#[cfg(feature = "torch")]
mod fused;
#[cfg(feature = "torch")]
mod geometry;
#[cfg(feature = "torch")]
mod instance;
#[cfg(feature = "torch")]
mod layers;
pub mod mobilenet_v3;
mod of_card;
#[cfg(feature = "torch")]
mod plan;
pub mod resnet;
mod width;

pub(crate) use architecture::HEAD;
pub use architecture::{Architecture, CHANNELS, Input, NetworkOptions, Normalisation};
#[cfg(feature = "torch")]
pub use backbone::{Backbone, Between, export_pool, pool};
#[cfg(feature = "torch")]
pub use frozen::Frozen;
#[cfg(feature = "torch")]
pub use instance::{Mode, Network, batch_norm_momentum};
#[cfg(feature = "torch")]
pub use layers::{Norm, Pass};
pub use of_card::of_card;
#[cfg(feature = "torch")]
pub use plan::{Init, Plan, Slot};

use crate::Result;
use crate::extension::{self, Entry};

/// All networks, for `train.architecture`.
pub static NETWORKS: &[&Entry<dyn Architecture>] = &[&mobilenet_v3::LARGE, &mobilenet_v3::SMALL, &resnet::RESNET18];

/// The network that `train.architecture`, or the card of a model, names.
///
/// # Errors
/// An unknown name.
pub fn find(name: &str) -> Result<&'static Entry<dyn Architecture>> {
    extension::find("train.architecture", NETWORKS, name)
}

#[cfg(feature = "torch")]
#[cfg(test)]
mod tests;
