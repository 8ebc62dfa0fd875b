//! The keys of the section `model` that train and predict read; `model.path` is the engine's.

use chorus_keys::Keys;
use serde::Deserialize;

/// The keys of the section.
#[derive(Debug, Clone, Deserialize, Keys)]
#[keys(section = "model")]
pub struct ModelSettings {
    /// Folders of further models for the same classes. Scores are the mean over these models and that of the run.
    #[key(default = "[]", path, example = "[runs/seed-1/model, runs/seed-2/model]")]
    pub ensemble: Vec<String>,
    /// License of a model that the run trains. It is written to model.yaml.
    #[key(example = "CC-BY-4.0")]
    pub license: Option<String>,
}
