//! The section `unknown`.

use chorus_engine::Config;
use chorus_keys::{Choices, Declarations, Finding, Keys, Values};
use serde::Deserialize;

/// The keys.
#[derive(Debug, Clone, Copy, Deserialize, Keys)]
#[keys(section = "unknown")]
pub(crate) struct UnknownSettings {
    /// Write the table unknown: how unlike everything that was learnt each window is. It needs embeddings: those of a backbone, or those of
    /// the network with predict.embeddings. With model.path, windows are compared with what that model learnt: its folder has to hold
    /// unknown.safetensors, which the run that trained it writes with this key.
    #[key(default = "false")]
    #[allow(dead_code, reason = "read by its name, where the stage is declared")]
    pub enabled: bool,
    /// The score that becomes the column unknown. Those of logits tell windows without any class from others, and so suit clips that each hold
    /// a sound; distances suit surveys, where most windows hold none.
    #[key(default = "knn", before = "mean")]
    pub score: ScoreName,
    /// A window is unknown when this share of the windows of validation has a lower score.
    #[key(default = "0.95", range = 0.0..=1.0)]
    pub threshold: f64,
    /// With score knn, and in the mean: how many of the nearest windows of train count.
    #[key(unit = "windows", default = "5", range = 1..=1000)]
    pub neighbours: usize,
    /// Largest number of windows of train that are compared with. Of more, evenly spaced ones are taken.
    #[key(unit = "windows", default = "4000", range = 1..)]
    pub reference_windows: usize,
    /// An unknown window is loud when it rises by this above the median level of its recording, in some frequency band for a tenth of
    /// its time. Only loud windows become unknown sounds.
    #[key(unit = "dB", default = "10", range = 0.0..=200.0)]
    pub min_rise_db: f64,
    /// Largest number of groups into which unknown sounds are put.
    #[key(unit = "groups", default = "12", range = 1..=1000)]
    pub groups: usize,
    /// Largest number of windows that become unknown sounds. Of more, those that are least like what was learnt are taken.
    #[key(unit = "windows", default = "5000", range = 1..=1_000_000)]
    pub max_windows: usize,
}

/// A score of how unknown a window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScoreName {
    /// The highest logit is low (Vaze et al., ICLR 2022).
    MaxLogit,
    /// All logits are low: their free energy (Wang et al., NeurIPS 2021, for several labels).
    Energy,
    /// The nearest windows of train are far, by the cosine of embeddings (Sun et al., ICML 2022).
    Knn,
    /// The nearest class is far, by the Mahalanobis distance (Lee et al., NeurIPS 2018).
    Mahalanobis,
    /// The mean rank of the four among the windows of validation.
    Mean,
}

/// The key that asks for the stage.
pub(crate) const ENABLED: &str = "unknown.enabled";

/// The keys of the crate.
pub fn declarations() -> Declarations {
    Declarations::default().section::<UnknownSettings>().check(needs_embeddings)
}

/// Whether the run finds out itself what is known, since it trains the model; a given model brings that.
pub(crate) fn learns(config: &Config) -> bool {
    config.is_on(ENABLED) && config.text("model.path").is_none()
}

fn needs_embeddings(values: &Values) -> Vec<Finding> {
    let asked = |key| values.get(key).as_bool() == Some(true);
    let on_embeddings = values.text("train.on").map_or_else(|| values.text("backbone.path").is_some(), |on| on == "embeddings");
    let trains = values.text("model.path").is_none();
    let distils = trains && values.text("backbone.path").is_some() && values.number("distill.epochs") > 0.0;
    let mut findings = Vec::new();
    if asked("unknown.enabled") {
        if !on_embeddings && !distils && !asked("predict.embeddings") {
            let allowed = "it needs embeddings: set predict.embeddings: true, or name a backbone in backbone.path";
            findings.push(Finding::new("unknown.enabled", "true without embeddings", allowed));
        }
        if asked("embed.map") {
            findings.push(Finding::new(
                "unknown.enabled",
                "true with embed.map",
                "maps have no embeddings of whole windows: use one of the two",
            ));
        }
    }
    findings
}
