//! The section `predict`.

use serde::Deserialize;

use crate::precision::Precision;

/// The keys of the section `predict` that the stage reads.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictSettings {
    /// Windows of one pass through the network.
    pub batch_size: usize,
    /// The number type in which convolutions compute.
    pub precision: Precision,
    /// Whether the table `embeddings` is written too.
    pub embeddings: bool,
    /// Lower scores are left out, but for the highest of each window.
    pub min_score: f32,
    /// Threads of libtorch; without it, those of `train.threads`.
    pub threads: Option<usize>,
}
