//! The section `train`.

use std::sync::Arc;

use serde::Deserialize;

use crate::augment::AugmentOptions;
use crate::extension::Settings;
use crate::network::{self, Architecture, NetworkOptions};
use crate::options::TrainOptions;
use crate::precision::Precision;
use crate::sampling::Sampling;
use crate::sound::SoundOptions;
use crate::{Result, loss, mixing, optim};

/// The keys of the section `train`. Those of networks, optimisers, losses and mixing methods are declared in their own files.
#[derive(Debug, Clone, Deserialize)]
pub struct TrainSettings {
    /// The network, one of [`network::NETWORKS`].
    pub architecture: String,
    /// Passes over the training windows.
    pub epochs: usize,
    /// Windows of one step.
    pub batch_size: usize,
    /// The optimiser, one of [`optim::OPTIMIZERS`].
    pub optimizer: String,
    /// Peak learning rate; it falls to zero along half a cosine.
    pub learning_rate: f64,
    /// Epochs in which the learning rate rises to its peak.
    pub warmup_epochs: usize,
    /// Gradients are clipped to this L2 norm; null: they are not.
    pub clip_norm: Option<f64>,
    /// Decay of the moving average of the weights, which then is the model; null: there is none.
    pub average_decay: Option<f64>,
    /// The loss, one of [`loss::LOSSES`].
    pub loss: String,
    /// The largest weight of a class's positive side where both sides are balanced; null: each window counts once.
    pub max_positive_weight: Option<f64>,
    /// How the windows of an epoch are drawn.
    pub sampling: Sampling,
    /// The mixing method, one of [`mixing::MIXINGS`].
    pub mixing: String,
    /// Variations of level and background.
    #[serde(flatten)]
    pub sound: SoundOptions,
    /// Rolls and masks.
    #[serde(flatten)]
    pub augmentation: AugmentOptions,
    /// Epochs from one validation to the next; the last epoch is always validated.
    pub validate_every: usize,
    /// Seconds between checkpoints; 0: after every step.
    pub checkpoint_every_s: f64,
    /// The figure by which the epoch is chosen whose weights are kept.
    pub select: Select,
    /// Validations without a better one after which the training ends; null: all epochs are trained.
    pub patience: Option<usize>,
    /// The number type in which convolutions compute.
    pub precision: Precision,
    /// Features up to this size are held in memory, GiB.
    pub memory_gib: f64,
    /// On CUDA, training features up to this size lie on the device, GiB.
    pub device_memory_gib: f64,
    /// Threads that read batches ahead of the training.
    pub loader_threads: usize,
    /// Seed of all draws.
    pub seed: u64,
    /// Threads of libtorch.
    pub threads: usize,
    /// The options of networks, optimisers, losses and mixing methods.
    #[serde(flatten)]
    pub extensions: Settings,
}

/// The figure by which the epoch is chosen whose weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// Mean average precision on validation.
    MeanAp,
    /// Mean F1 over classes on validation, at a threshold of 0.5.
    MacroF1,
    /// Loss on validation.
    Loss,
    /// None: the last epoch's weights are kept.
    Last,
}

impl TrainSettings {
    /// The network with its options.
    ///
    /// # Errors
    /// An unknown network, or options out of range.
    pub fn network(&self) -> Result<Arc<dyn Architecture>> {
        network::find(&self.architecture)?.with(&self.extensions)
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
            optimizer: optim::find(&self.optimizer)?.with(&self.extensions)?,
            clip_norm: self.clip_norm,
            average_decay: self.average_decay,
            loss: loss::find(&self.loss)?.with(&self.extensions)?,
            positive_weight: self.max_positive_weight,
            sampling: self.sampling,
            mixing: mixing::find(&self.mixing)?.with(&self.extensions)?,
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
