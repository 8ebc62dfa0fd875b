//! The section `train`.

use std::sync::Arc;

use chorus_keys::{Choices, Finding, Key, Keys, Values, Word};
use serde::Deserialize;

use crate::augment::AugmentOptions;
use crate::extension::{self, Settings};
use crate::network::{self, Architecture, NetworkOptions};
use crate::options::TrainOptions;
use crate::precision::Precision;
use crate::sampling::Sampling;
use crate::sound::SoundOptions;
use crate::{Error, Result, loss, mixing, optim};

/// The section `train`. The options of networks, optimisers, losses and mixing methods are declared in their own files.
#[derive(Debug, Clone, Deserialize, Keys)]
#[keys(section = "train")]
pub struct TrainSettings {
    /// Network.
    #[key(default = "mobilenet_v3_large", choices = architectures)]
    pub architecture: String,
    /// Number of passes over the training windows.
    #[key(unit = "epochs", default = "100", range = 1..=100_000, example = "30")]
    pub epochs: usize,
    /// Number of windows in a training step.
    #[key(unit = "windows", default = "128", range = 2..=65_536, example = "32")]
    pub batch_size: usize,
    /// Safetensors file with pretrained weights of the network to start from, such as those of ImageNet, under torchvision's parameter
    /// names; null: random weights.
    #[key(path, example = "mobilenet_v3_large-imagenet.safetensors")]
    pub initial_weights: Option<String>,
    /// Optimiser.
    #[key(default = "adamw", choices = optimizers)]
    pub optimizer: String,
    /// Peak learning rate. After the warmup the rate falls to zero along half a cosine.
    #[key(default = "0.01", range = above(0.0).up_to(10.0), example = "0.001")]
    pub learning_rate: f64,
    /// Warmup: number of epochs in which the learning rate rises from zero to its peak.
    #[key(unit = "epochs", default = "0", range = 0..=100_000, example = "5")]
    pub warmup_epochs: usize,
    /// Gradient-norm clipping: gradients with a larger L2 norm are scaled down to it; null: no clipping.
    #[key(range = above(0.0), example = "1")]
    pub clip_norm: Option<f64>,
    /// Decay of the exponential moving average of the weights; the averaged weights are then the model. Null: no averaging.
    #[key(range = 0.0..1.0, example = "0.999")]
    pub average_decay: Option<f64>,
    /// Loss.
    #[key(default = "bce", choices = losses)]
    pub loss: String,
    /// Class weights: the positive side of each class is weighted by its number of negatives over its number of positives, but at most
    /// by this. Null: no class weights.
    #[key(range = 1.0.., example = "20")]
    pub max_positive_weight: Option<f64>,
    /// How the windows of an epoch are drawn.
    #[key(default = "uniform")]
    pub sampling: Sampling,
    /// How training examples are mixed.
    #[key(default = "mix2", choices = mixings)]
    pub mixing: String,
    /// Variations of level and background.
    #[serde(flatten)]
    pub sound: SoundOptions,
    /// Rolls and masks.
    #[serde(flatten)]
    pub augmentation: AugmentOptions,
    /// Number of epochs from one validation to the next. The last epoch is always validated.
    #[key(unit = "epochs", default = "1", range = 1..=100_000)]
    pub validate_every: usize,
    /// Time between checkpoints, from which an interrupted training continues; 0: after every step.
    #[key(unit = "s", default = "60", range = 0.0..)]
    pub checkpoint_every_s: f64,
    /// Which epoch's weights become the model: the best on validation by this figure, or the last. Where validation has no positives,
    /// the loss decides.
    #[key(default = "mean_ap")]
    pub select: Select,
    /// Early stopping: the training ends after this many validations without an improvement; null: all epochs are trained.
    #[key(unit = "validations", range = 1..=100_000, example = "10")]
    pub patience: Option<usize>,
    /// Number type of the convolutions. Weights, statistics and loss are always float32. bfloat16 is meant for CUDA.
    #[key(default = "float32")]
    pub precision: Precision,
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
    /// Seed of initial weights, order, mixing and augmentation.
    #[key(default = "0", range = 0..)]
    pub seed: u64,
    /// Number of threads of libtorch on the CPU. It changes the order of sums, and with it the result.
    #[key(unit = "threads", default = "2", range = 1..=1024)]
    pub threads: usize,
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

fn mixings() -> Vec<Word> {
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
    /// The network with its options.
    ///
    /// # Errors
    /// An unknown network, or options out of range.
    pub fn network(&self) -> Result<Arc<dyn Architecture>> {
        network::find(&self.architecture)?.with(&self.extensions.0)
    }

    /// What the settings mean for so many classes.
    ///
    /// # Errors
    /// Unknown names, values out of range, and combinations that do not work.
    pub fn options(&self, classes: usize) -> Result<TrainOptions> {
        let options = TrainOptions {
            network: NetworkOptions { architecture: self.network()?, channels: 1, classes: classes as i64 },
            epochs: self.epochs,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            warmup_epochs: self.warmup_epochs,
            optimizer: optim::find(&self.optimizer)?.with(&self.extensions.0)?,
            clip_norm: self.clip_norm,
            average_decay: self.average_decay,
            loss: loss::find(&self.loss)?.with(&self.extensions.0)?,
            positive_weight: self.max_positive_weight,
            sampling: self.sampling,
            mixing: mixing::find(&self.mixing)?.with(&self.extensions.0)?,
            sound: self.sound,
            augmentation: self.augmentation,
            precision: self.precision,
            seed: self.seed,
            threads: self.threads,
            validate_every: self.validate_every,
            patience: self.patience,
        };
        options.validate()?;
        Ok(options)
    }
}
