//! The section `distill`.

use chorus_keys::Keys;
use serde::Deserialize;

/// The keys of the section `distill`. Everything else about the training is as the section `train` says.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Keys)]
#[keys(section = "distill")]
pub struct DistillSettings {
    /// Number of passes over the windows in which the network learns to give the embeddings of backbone.path, before train teaches it
    /// the labels. 0: it starts from random weights. Only with train.on: features.
    #[key(unit = "epochs", default = "0", range = 0..=100_000, example = "30")]
    pub epochs: usize,
    /// Peak learning rate. It falls to zero along half a cosine.
    #[key(default = "0.003", range = above(0.0).up_to(10.0), example = "0.001")]
    pub learning_rate: f64,
}
