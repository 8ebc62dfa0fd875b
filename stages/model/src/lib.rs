//! Learning and prediction on libtorch: the stages `train` and `predict`, the network, Mix2. The only crate that knows tch.
//!
//! Features come in as `[batch, channel, mel, frame]` decibels; [`normalise`] maps each clip to 0..1, [`augment`] and
//! [`mixing`] vary it, [`network`] turns it into one embedding and one logit per class, and [`trainer`] runs the epochs.

pub mod augment;
pub mod checkpoint;
pub mod dataset;
pub mod device;
pub mod error;
mod features;
pub mod inference;
pub mod loader;
pub mod loss;
pub mod mixing;
pub mod network;
pub mod normalise;
pub mod optim;
mod predict;
pub mod resident;
pub mod rng;
pub mod sampling;
pub mod sound;
pub mod speed;
pub mod step;
mod train;
pub mod trainer;
pub mod weights;

pub use error::{Error, Result};
pub use predict::Predict;
pub use train::Train;
