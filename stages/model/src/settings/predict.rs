//! The section `predict`.

use chorus_keys::{Choices, Finding, Keys, Values};
use serde::Deserialize;

use crate::precision::Precision;

/// The keys of the section `predict` that the stage reads in every run.
#[derive(Debug, Clone, Copy, Deserialize, Keys)]
#[keys(section = "predict")]
pub struct PredictSettings {
    /// Number of windows in a pass through the network.
    #[key(unit = "windows", default = "64", range = 1..=65_536)]
    pub batch_size: usize,
    /// Number type of the convolutions. bfloat16 is faster only where the device computes in it, and much slower elsewhere; scores
    /// differ by some thousandths from those of float32.
    #[key(default = "float32")]
    pub precision: Precision,
    /// Lower scores are left out of the table predictions, except the highest of each window. Only in a run without labels, since
    /// evaluate needs all scores.
    #[key(default = "0", range = 0.0..=1.0, example = "0.05")]
    pub min_score: f32,
    /// Write the table embeddings too: the network's output before its last layer, one vector for each window.
    #[key(default = "false")]
    pub embeddings: bool,
}

/// Keys of the section that decide what the stage reads.
#[derive(Debug, Clone, Copy, Deserialize, Keys)]
#[keys(section = "predict")]
pub struct PredictInputs {
    /// What predictions are made from. The scores are the same.
    #[key(default = "auto")]
    pub source: Source,
    /// Number of threads of libtorch on the CPU. It changes the order of sums, and with it the result. Null: train.threads.
    #[key(unit = "threads", range = 1..=1024)]
    pub threads: Option<usize>,
}

/// What predictions are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The audio with model.path, else the table features.
    Auto,
    /// The table features.
    Features,
    /// The audio; no features are written.
    Audio,
}

/// Refuses to leave scores out where evaluate needs them.
pub(crate) fn scores_for_evaluate(values: &Values) -> Vec<Finding> {
    let min_score = values.number("predict.min_score");
    let evaluates = values.text("model.path").is_none() || values.text("annotate.format").is_some_and(|format| format != "none");
    let refuse = || {
        let allowed = "evaluate needs every score: leave it at 0, or apply the model in a run of its own, with model.path and annotate.format: none";
        Finding::new("predict.min_score", format!("{min_score} in a run that evaluates its model"), allowed)
    };
    (evaluates && min_score > 0.0).then(refuse).into_iter().collect()
}
