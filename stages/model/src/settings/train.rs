//! The section `train`.

use chorus_keys::{Choices, Finding, Key, Keys, Values, Word};
use serde::Deserialize;

use super::recipe::recipes;
use crate::extension::{self, Settings};
use crate::network::{self, CHANNELS, NetworkOptions};
use crate::options::{LoopSettings, TrainOptions};
use crate::student::StudentOptions;
use crate::{Error, Result, loss, mixing, optim};

/// The section `train`. The options of networks, optimisers, losses and mixing methods are declared in their own files.
#[derive(Debug, Clone, Deserialize, Keys)]
#[keys(section = "train")]
pub struct TrainSettings {
    /// What the classifier learns from. Null: embeddings where backbone.path names a backbone, else features.
    #[serde(rename = "on")]
    pub learns_from: Option<LearnsFrom>,
    /// Values of several keys of this section, for a training of a certain length. A key that the configuration gives keeps its value.
    /// Null: each key has its own default, which is that of the paper. docs/learning.md lists the values.
    #[key(choices = recipes, example = "standard")]
    pub recipe: Option<String>,
    /// Network.
    #[key(default = "mobilenet_v3_large", choices = architectures)]
    pub architecture: String,
    /// Safetensors file with pretrained weights of the network to start from, such as those of ImageNet, under torchvision's parameter
    /// names; null: random weights.
    #[key(path, example = "mobilenet_v3_large-imagenet.safetensors")]
    pub initial_weights: Option<String>,
    /// Optimiser.
    #[key(default = "adamw", choices = optimizers)]
    pub optimizer: String,
    /// Loss.
    #[key(default = "bce", choices = losses)]
    pub loss: String,
    /// How training examples are mixed.
    #[key(default = "mix2", choices = mixings)]
    pub mixing: String,
    /// What the training loop reads.
    #[serde(flatten)]
    pub training: LoopSettings,
    /// Which epoch's weights become the model: the best on validation by this figure, or the last. Where validation has no positives,
    /// the loss decides.
    #[key(default = "mean_ap")]
    pub select: Select,
    /// Time between checkpoints, from which an interrupted training continues; 0: after every step.
    #[key(unit = "s", default = "60", range = 0.0..)]
    pub checkpoint_every_s: f64,
    /// Training features up to this size are held in memory. Larger ones are read row by row, with the same result.
    #[key(unit = "GiB", default = "4", range = 0.0..)]
    pub memory_gib: f64,
    /// On CUDA, training features up to this size are held in the memory of the GPU. Larger ones are copied batch by batch, with the
    /// same result.
    #[key(unit = "GiB", default = "4", range = 0.0..)]
    pub device_memory_gib: f64,
    /// Number of threads that read batches ahead of the training.
    #[key(unit = "threads", default = "2", range = 0..=1024)]
    pub loader_threads: usize,
    /// The options of networks, optimisers, losses and mixing methods.
    #[serde(flatten)]
    pub extensions: ExtensionSettings,
}

/// The options of all networks, optimisers, losses and mixing methods.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct ExtensionSettings(Settings);

impl Keys for ExtensionSettings {
    const SECTION: &'static str = "train";

    fn keys() -> Vec<Key> {
        [
            extension::keys(network::NETWORKS),
            extension::keys(optim::OPTIMIZERS),
            extension::keys(loss::LOSSES),
            extension::keys(mixing::MIXINGS),
        ]
        .concat()
    }

    fn names() -> Vec<&'static str> {
        Self::keys().into_iter().map(|key| key.name).collect()
    }
}

fn architectures() -> Vec<Word> {
    extension::words(network::NETWORKS)
}

fn optimizers() -> Vec<Word> {
    extension::words(optim::OPTIMIZERS)
}

fn losses() -> Vec<Word> {
    extension::words(loss::LOSSES)
}

pub(super) fn mixings() -> Vec<Word> {
    extension::words(mixing::MIXINGS)
}

/// Refuses settings that do not work together: what [`TrainOptions::validate`] finds, at the key that it names.
pub(crate) fn unfit(values: &Values) -> Vec<Finding> {
    let Ok(settings) = values.settings::<TrainSettings>() else { return Vec::new() };
    match settings.options(1) {
        Err(Error::Option { name, expected, found }) => {
            vec![Finding::new(&format!("train.{name}"), found, format!("allowed: {expected}"))]
        }
        _ => Vec::new(),
    }
}

/// What a classifier learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum LearnsFrom {
    /// The table features: a network of its own, with the keys of the section train.
    Features,
    /// The table embeddings: a head on a backbone, with the keys of the section head.
    Embeddings,
}

/// The figure by which the epoch is chosen whose weights become the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// Mean average precision over the classes.
    MeanAp,
    /// Mean F1 over the classes, at a threshold of 0.5.
    MacroF1,
    /// Loss.
    Loss,
    /// The last epoch.
    Last,
}

impl TrainSettings {
    /// The network, optimiser, loss and mixing method that the settings name, for so many classes, with the settings of the loop.
    ///
    /// # Errors
    /// Unknown names, values out of range, and combinations that do not work.
    pub fn options(&self, classes: usize) -> Result<TrainOptions> {
        let architecture = network::find(&self.architecture)?.with(&self.extensions.0)?;
        self.options_of(NetworkOptions::new(architecture, CHANNELS, classes as i64))
    }

    /// The mixing method of this name, with the options of the section.
    ///
    /// # Errors
    /// An unknown name, or values out of range.
    #[cfg(feature = "torch")]
    pub(crate) fn mixing(&self, name: &str) -> Result<std::sync::Arc<dyn mixing::Mixing>> {
        mixing::find(name)?.with(&self.extensions.0)
    }

    /// The same for another network.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn options_of(&self, network: NetworkOptions) -> Result<TrainOptions> {
        let options = TrainOptions {
            network,
            optimizer: optim::find(&self.optimizer)?.with(&self.extensions.0)?,
            loss: loss::find(&self.loss)?.with(&self.extensions.0)?,
            mixing: mixing::find(&self.mixing)?.with(&self.extensions.0)?,
            views: None,
            student: StudentOptions::default(),
            settings: self.training,
        };
        options.validate()?;
        Ok(options)
    }
}
