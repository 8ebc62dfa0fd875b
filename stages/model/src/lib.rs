//! Learning and prediction: the stages `train` and `predict`, and the open sets of networks, mixing methods, losses and optimisers.
//!
//! Two packages are built from these sources. `chorus-model` is the part without libtorch: settings, and the registries with names,
//! descriptions and options. `chorus-torch` turns on the feature `torch`, which adds everything that computes on tensors; it is the
//! only package that knows tch. So one file holds all of an extension: its name, its options and its code.
//!
//! Features come in as `[batch, channel, mel, frame]` decibels; the network's [normalisation](network::Normalisation) maps each window
//! to 0..1, [`augment`] and [`mixing`] vary it, a [network] turns it into one embedding and one logit per class, and `trainer` runs
//! the epochs.

pub mod augment;
#[cfg(feature = "torch")]
mod backbones;
#[cfg(feature = "torch")]
pub mod checkpoint;
#[cfg(feature = "torch")]
pub mod dataset;
pub mod declare;
#[cfg(feature = "torch")]
pub mod device;
#[cfg(feature = "torch")]
mod distill;
pub mod error;
pub mod extension;
#[cfg(feature = "torch")]
mod features;
pub mod given;
#[cfg(feature = "torch")]
mod head;
#[cfg(feature = "torch")]
pub mod inference;
#[cfg(feature = "torch")]
mod lesson;
#[cfg(feature = "torch")]
mod libraries;
#[cfg(feature = "torch")]
pub mod loader;
#[cfg(feature = "torch")]
mod log;
pub mod loss;
pub mod mixing;
pub mod network;
#[cfg(feature = "torch")]
pub mod normalise;
#[cfg(feature = "torch")]
pub mod onnx;
pub mod optim;
pub mod options;
pub mod precision;
#[cfg(feature = "torch")]
mod predict;
#[cfg(feature = "torch")]
mod pretrain;
#[cfg(feature = "torch")]
pub mod resident;
pub mod rng;
pub mod sampling;
pub mod settings;
pub mod sound;
#[cfg(feature = "torch")]
pub mod speed;
#[cfg(feature = "torch")]
pub mod step;
pub mod student;
#[cfg(feature = "torch")]
pub mod target;
#[cfg(feature = "torch")]
mod tensors;
#[cfg(feature = "torch")]
mod train;
#[cfg(feature = "torch")]
pub mod trainer;
#[cfg(feature = "torch")]
pub mod trial;
pub mod view_loss;
#[cfg(feature = "torch")]
pub mod weights;
#[cfg(feature = "torch")]
mod worth;

#[cfg(feature = "torch")]
pub use backbones::Libtorch;
#[cfg(feature = "torch")]
pub use distill::Distill;
pub use error::{Error, Result};
#[cfg(feature = "torch")]
pub use head::TrainHead;
#[cfg(feature = "torch")]
pub use predict::Predict;
#[cfg(feature = "torch")]
pub use pretrain::Pretrain;
#[cfg(feature = "torch")]
pub use train::Train;
