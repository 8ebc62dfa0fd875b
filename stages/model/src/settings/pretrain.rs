//! The section `pretrain`.

use std::sync::Arc;

use chorus_keys::{Finding, Key, Keys, Values, Word};
use serde::Deserialize;

use super::train::mixings;
use crate::extension::{self, Settings};
use crate::view_loss::{self, ViewLoss};
use crate::{Error, Result};

/// The keys of the section `pretrain`. Everything else about the training, such as batch size and augmentation, is as the section `train`
/// says. The options of mixing methods are there too.
#[derive(Debug, Clone, Deserialize, Keys)]
#[keys(section = "pretrain")]
pub struct PretrainSettings {
    /// Number of passes over windows without labels in which the network learns what sounds are alike, before train teaches it the
    /// labels. 0: it starts from random weights. Only with train.on: features.
    #[key(unit = "epochs", default = "0", range = 0..=100_000, example = "100")]
    pub epochs: usize,
    /// What is minimised.
    #[key(default = "vicreg", choices = objectives)]
    pub objective: String,
    /// How the windows of the first view are mixed; what a mixture holds takes the place of labels.
    #[key(default = "mix2", choices = mixings)]
    pub mixing: String,
    /// Folders of further runs from whose windows the network learns too; with the same settings of the sections segment and featurize.
    #[key(default = "[]", path, example = "[runs/other-survey]")]
    #[allow(dead_code, reason = "read by its name, as the input of the stage")]
    pub runs: Vec<String>,
    /// Peak learning rate. It falls to zero along half a cosine.
    #[key(default = "0.001", range = above(0.0).up_to(10.0))]
    pub learning_rate: f64,
    /// Outputs that the two views of a window are compared by.
    #[key(unit = "values", default = "128", range = 2..=65_536)]
    pub projection: usize,
    /// Width of the layer between the embedding and these outputs.
    #[key(unit = "values", default = "512", range = 1..=65_536)]
    pub projection_hidden: usize,
    /// Largest number of windows to learn from. Of more, those with most sound above the background are taken, as many from each site and
    /// hour of the day as there can be.
    #[key(unit = "windows", default = "20000", range = 2..)]
    pub max_windows: usize,
    /// The frequencies in which sound is looked for; null: those of the annotations of the train set, or all where these have no bounds.
    #[key(unit = "Hz", range = 0.0.., example = "[500, 4000]")]
    pub band_hz: Option<[f64; 2]>,
    /// Each view gets a random gain of at most this, up or down.
    #[key(unit = "dB", default = "6", range = 0.0..=100.0)]
    pub gain_db: f64,
    /// Share of windows under which another window is laid, in each view.
    #[key(default = "0.5", range = 0.0..=1.0)]
    pub background_probability: f64,
    /// Lowest and highest gain of that other window.
    #[key(unit = "dB", default = "[-20, -8]", range = -100.0..=100.0)]
    pub background_gain_db: [f64; 2],
    /// The options of the objectives.
    #[serde(flatten)]
    pub objectives: ObjectiveSettings,
}

/// The options of all objectives.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct ObjectiveSettings(Settings);

impl PretrainSettings {
    /// The objective that the settings name.
    ///
    /// # Errors
    /// An unknown name, or values out of range.
    pub fn objective(&self) -> Result<Arc<dyn ViewLoss>> {
        view_loss::find(&self.objective)?.with(&self.objectives.0)
    }
}

impl Keys for ObjectiveSettings {
    const SECTION: &'static str = "pretrain";

    fn keys() -> Vec<Key> {
        extension::keys(view_loss::VIEW_LOSSES)
    }

    fn names() -> Vec<&'static str> {
        Self::keys().into_iter().map(|key| key.name).collect()
    }
}

/// Refuses options of the objective that it cannot have.
pub(crate) fn unfit(values: &Values) -> Vec<Finding> {
    let Ok(settings) = values.settings::<PretrainSettings>() else { return Vec::new() };
    match settings.objective() {
        Err(Error::Option { name, expected, found }) => {
            vec![Finding::new(&format!("pretrain.{name}"), found, format!("allowed: {expected}"))]
        }
        _ => Vec::new(),
    }
}

fn objectives() -> Vec<Word> {
    extension::words(view_loss::VIEW_LOSSES)
}
