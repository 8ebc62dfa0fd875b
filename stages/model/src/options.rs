//! What a training does, apart from its data.

use std::sync::Arc;

use serde::Serialize;

use crate::Result;
use crate::augment::AugmentOptions;
use crate::error::check;
use crate::extension;
use crate::loss::Loss;
use crate::loss::bce::CrossEntropy;
use crate::mixing::Mixing;
use crate::mixing::mix2::Mix2;
use crate::network::mobilenet_v3::{MobileNetV3, MobileNetV3Options, Size};
use crate::network::{Input, NetworkOptions};
use crate::optim::Optimizer;
use crate::optim::adamw::AdamW;
use crate::precision::Precision;
use crate::sampling::Sampling;
use crate::sound::SoundOptions;

/// All that decides what a training gives, besides the data.
#[derive(Debug, Clone, Serialize)]
pub struct TrainOptions {
    /// The network.
    pub network: NetworkOptions,
    /// How many times the data is gone through.
    pub epochs: usize,
    /// Windows per step.
    pub batch_size: usize,
    /// The highest learning rate; it falls to 0 along half a cosine.
    pub learning_rate: f64,
    /// Epochs in which the learning rate rises to its highest.
    pub warmup_epochs: usize,
    /// The optimiser.
    #[serde(serialize_with = "extension::serialize")]
    pub optimizer: Arc<dyn Optimizer>,
    /// Gradients are clipped to this L2 norm; none: they are not.
    pub clip_norm: Option<f64>,
    /// Decay of the moving average of the weights, which then is the model; none: the weights themselves are.
    pub average_decay: Option<f64>,
    /// What is minimised.
    #[serde(serialize_with = "extension::serialize")]
    pub loss: Arc<dyn Loss>,
    /// The largest weight of a class's positive side, where the two sides are balanced; none: each window counts once.
    pub positive_weight: Option<f64>,
    /// How the windows of an epoch are drawn.
    pub sampling: Sampling,
    /// How examples are mixed.
    #[serde(serialize_with = "extension::serialize")]
    pub mixing: Arc<dyn Mixing>,
    /// How the sound of windows is varied.
    pub sound: SoundOptions,
    /// How clips are varied.
    pub augmentation: AugmentOptions,
    /// In what convolutions compute.
    pub precision: Precision,
    /// Key of all draws.
    pub seed: u64,
    /// libtorch's threads. They change the order of sums, so the result.
    pub threads: usize,
    /// Epochs between validations; the last epoch is always validated.
    pub validate_every: usize,
    /// Validations without a better one after which the training ends.
    pub patience: Option<usize>,
}

impl TrainOptions {
    /// The settings of Mix2's paper for so many classes, on one thread.
    pub fn paper(classes: i64) -> Self {
        let network = MobileNetV3 { size: Size::Large, options: MobileNetV3Options::default() };
        Self {
            network: NetworkOptions { architecture: Arc::new(network), channels: 1, classes },
            epochs: 100,
            batch_size: 128,
            learning_rate: 1e-2,
            warmup_epochs: 0,
            optimizer: Arc::new(AdamW::default()),
            clip_norm: None,
            average_decay: None,
            loss: Arc::new(CrossEntropy),
            positive_weight: None,
            sampling: Sampling::Uniform,
            mixing: Arc::new(Mix2::default()),
            sound: SoundOptions::NONE,
            augmentation: AugmentOptions::default(),
            precision: Precision::Float32,
            seed: 0,
            threads: 1,
            validate_every: 1,
            patience: None,
        }
    }

    /// Refuses values out of range, and combinations that do not work.
    ///
    /// # Errors
    /// [`crate::Error::Option`], which names the option.
    pub fn validate(&self) -> Result<()> {
        let one_or_more = |name, value: usize| check(value > 0, name, "1 or more", value);
        one_or_more("epochs", self.epochs)?;
        one_or_more("batch_size", self.batch_size)?;
        one_or_more("threads", self.threads)?;
        one_or_more("validate_every", self.validate_every)?;
        let rate = self.learning_rate;
        check(rate > 0.0 && rate.is_finite(), "learning_rate", "more than 0", rate)?;
        let positive = |name, value: Option<f64>| {
            let value = value.unwrap_or(1.0);
            check(value > 0.0 && value.is_finite(), name, "more than 0", value)
        };
        positive("clip_norm", self.clip_norm)?;
        positive("positive_weight", self.positive_weight)?;
        let decay = self.average_decay.unwrap_or_default();
        check((0.0..1.0).contains(&decay), "average_decay", "0 or more, less than 1", decay)?;
        check(self.warmup_epochs < self.epochs, "warmup_epochs", "fewer than epochs", self.warmup_epochs)?;
        one_or_more("patience", self.patience.unwrap_or(1))?;
        self.network.validate()?;
        self.network.check_precision(self.precision)?;
        self.optimizer.validate()?;
        self.loss.validate()?;
        self.mixing.validate()?;
        self.sound.validate()?;
        self.check_places()?;
        self.check_variations()
    }

    /// Mixing between the blocks of a network takes places between them.
    fn check_places(&self) -> Result<()> {
        let architecture = &self.network.architecture;
        let possible = architecture.places() > 0 || !self.mixing.needs_places();
        let expected = format!("embedding, since the network {} has no places between its blocks", architecture.name());
        check(possible, "manifold_depth", expected, "random")
    }

    /// Levels, backgrounds, rolls and masks are made on spectrograms.
    fn check_variations(&self) -> Result<()> {
        if self.network.architecture.input() == Input::LogMel {
            return Ok(());
        }
        let expected = || format!("0 or false, since the network {} takes waveforms", self.network.architecture.name());
        let AugmentOptions { time_roll, frequency_masks, time_masks, .. } = self.augmentation;
        check(self.sound.gain_db == 0.0, "gain_db", expected(), self.sound.gain_db)?;
        let chance = self.sound.background_probability;
        check(chance == 0.0, "background_probability", expected(), chance)?;
        check(!time_roll, "time_roll", expected(), time_roll)?;
        check(frequency_masks == 0, "frequency_masks", expected(), frequency_masks)?;
        check(time_masks == 0, "time_masks", expected(), time_masks)
    }
}
