//! The files that describe a model beside its weights. This crate is their only reader and writer.
//!
//! - [`Card`]: `model.yaml`, written by stage `train`: network, classes, feature settings, origin.
//! - [`Contract`]: how a backbone that somebody else trained is used; a file that the person names.
//! - [`Decisions`]: `decisions.yaml`, written by stage `evaluate`: thresholds and calibrations.
//! - [`Taxa`]: `taxa.yaml`, written by stage `annotate`: keys of the classes in taxonomies, and their names in other languages.
//!
//! The files outlive the version of chorus that wrote them. A field that was added after the first version is optional here, and a
//! file that lacks it means what held before the field existed; see "Contract of evolution" in ARCHITECTURE.md.

mod card;
mod contract;
mod decisions;
mod error;
mod file;
mod taxa;
#[doc(hidden)]
pub mod testing;

pub use card::{Card, Enrolled, GivenBackbone, Names, Training, Versions};
pub use contract::{
    Axis, Channels, Contract, Dimension, Embedding, Function, Logits, Map, Outputs, Pool, Scale, SoundInput, State,
};
pub use decisions::{Calibration, Decisions, Source, Threshold};
pub use error::CardError;
pub use taxa::{Taxa, Taxon};

/// Name of the weights' file in a model's folder.
pub const WEIGHTS: &str = "weights.safetensors";
/// Name of the card in a model's folder.
pub const MODEL_CARD: &str = "model.yaml";
/// Name of the file of thresholds and calibrations in a model's folder.
pub const DECISIONS: &str = "decisions.yaml";
/// Name of the file of what is known of the classes in a model's folder.
pub const TAXA: &str = "taxa.yaml";
