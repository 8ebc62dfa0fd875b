//! Stage `embed`: windows of sound through a backbone that somebody else trained, to the table `embeddings`, and to
//! `backbone_scores` where scores of its own classes are asked for.
//!
//! - [`settings`], [`declare`]: the section `embed`, and what the stage declares of itself.
//! - [`Backbone`]: what a runtime makes of a backbone's file. The crates of the workers implement it, so that this one links neither
//!   ONNX Runtime nor libtorch.
//! - [`Opened`]: a backbone with its contract: sound in, checked embeddings out.
//! - [`Embed`]: the stage's work, for any runtime. [`worker`]: what the programs that hold a runtime have in common.

mod backbone;
pub mod declare;
mod embed;
mod error;
pub mod given;
mod noise;
mod opened;
mod places;
pub mod privacy;
pub mod ready;
mod recording;
pub mod settings;
mod speech;
pub mod worker;

pub use backbone::{Array, Backbone, Port, Runtime, program};
pub use embed::Embed;
pub use error::BackboneError;
pub use opened::{Heard, Opened};
pub use settings::{EmbedSettings, declarations};
pub use speech::FindSpeech;
