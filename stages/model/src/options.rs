//! What a training does, apart from its data.

use std::sync::Arc;

use chorus_keys::Keys;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Device;

use crate::Result;
use crate::augment::AugmentOptions;
use crate::error::check;
use crate::extension;
use crate::loss::Loss;
use crate::loss::bce::CrossEntropy;
use crate::mixing::Mixing;
use crate::mixing::mix2::Mix2;
use crate::network::mobilenet_v3::{MobileNetV3, MobileNetV3Options, Size};
use crate::network::{CHANNELS, Input, NetworkOptions};
use crate::optim::Optimizer;
use crate::optim::adamw::AdamW;
use crate::precision::Precision;
use crate::sampling::Sampling;
use crate::sound::SoundOptions;
use crate::student::StudentOptions;
use crate::view_loss::ViewLoss;

/// The keys of the section `train` that the training loop reads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct LoopSettings {
    /// Number of passes over the training windows.
    #[key(unit = "epochs", default = "100", range = 1..=100_000, example = "30")]
    pub epochs: usize,
    /// Number of windows in a training step.
    #[key(unit = "windows", default = "128", range = 2..=65_536, example = "32")]
    pub batch_size: usize,
    /// Peak learning rate. After the warmup the rate falls to zero along half a cosine.
    #[key(default = "0.01", range = above(0.0).up_to(10.0), example = "0.001")]
    pub learning_rate: f64,
    /// The learning rate of everything but the last layer, as a share of learning_rate: below 1 for a network that starts from weights
    /// that were learnt before.
    #[key(default = "1", range = 0.0..=1.0, example = "0.1")]
    pub body_rate: f64,
    /// Warmup: number of epochs in which the learning rate rises from zero to its peak.
    #[key(unit = "epochs", default = "0", range = 0..=100_000, example = "5")]
    pub warmup_epochs: usize,
    /// Gradient-norm clipping: gradients with a larger L2 norm are scaled down to it; null: no clipping.
    #[key(range = above(0.0), example = "1")]
    pub clip_norm: Option<f64>,
    /// Decay of the exponential moving average of the weights; the averaged weights are then the model. Null: no averaging.
    #[key(range = 0.0..1.0, example = "0.999")]
    pub average_decay: Option<f64>,
    /// Class weights: the positive side of each class is weighted by its number of negatives over its number of positives, but at most
    /// by this. Null: no class weights.
    #[key(range = 1.0.., example = "20")]
    pub max_positive_weight: Option<f64>,
    /// Label smoothing (Szegedy et al., CVPR 2016): labels 1 and 0 are learnt as 1 less half of this, and as half of this.
    #[key(default = "0", range = 0.0..1.0, example = "0.05")]
    pub label_smoothing: f64,
    /// Logit adjustment (Menon et al., ICLR 2021): in training, this many times the log odds of a class are added to its logits, so that
    /// rare classes get higher scores in predictions. 0: none.
    #[key(default = "0", range = 0.0..=10.0, example = "1")]
    pub logit_adjustment: f64,
    /// How the windows of an epoch are drawn.
    #[key(default = "uniform")]
    pub sampling: Sampling,
    /// Variations of level and background.
    #[serde(flatten)]
    pub sound: SoundOptions,
    /// Rolls and masks.
    #[serde(flatten)]
    pub augmentation: AugmentOptions,
    /// Number of epochs from one validation to the next. The last epoch is always validated.
    #[key(unit = "epochs", default = "1", range = 1..=100_000)]
    pub validate_every: usize,
    /// Early stopping: the training ends after this many validations without an improvement; null: all epochs are trained.
    #[key(unit = "validations", range = 1..=100_000, example = "10")]
    pub patience: Option<usize>,
    /// Number type of the convolutions. Weights, statistics and loss are always float32. bfloat16 is faster only where the device
    /// computes in it.
    #[key(default = "float32")]
    pub precision: Precision,
    /// Seed of initial weights, order, mixing and augmentation.
    #[key(default = "0", range = 0..)]
    pub seed: u64,
    /// Number of threads of libtorch on the CPU. It changes the order of sums, and with it the result.
    #[key(unit = "threads", default = "2", range = 1..=1024)]
    pub threads: usize,
}

impl LoopSettings {
    /// Refuses values out of range, and those that contradict each other.
    ///
    /// # Errors
    /// [`crate::Error::Option`], which names the option.
    fn validate(&self) -> Result<()> {
        chorus_keys::validate(self)?;
        check(self.warmup_epochs < self.epochs, "warmup_epochs", "fewer than epochs", self.warmup_epochs)?;
        self.sound.check_order()
    }
}

/// All that decides what a training gives, besides the data.
#[derive(Debug, Clone, Serialize)]
pub struct TrainOptions {
    /// The network.
    pub network: NetworkOptions,
    /// The optimiser.
    #[serde(serialize_with = "extension::serialize")]
    pub optimizer: Arc<dyn Optimizer>,
    /// The loss.
    #[serde(serialize_with = "extension::serialize")]
    pub loss: Arc<dyn Loss>,
    /// How examples are mixed.
    #[serde(serialize_with = "extension::serialize")]
    pub mixing: Arc<dyn Mixing>,
    /// What is minimised in a training without labels; none: the loss of labels.
    #[serde(serialize_with = "extension::serialize_some", skip_serializing_if = "Option::is_none")]
    pub views: Option<Arc<dyn ViewLoss>>,
    /// How windows with supposed labels are learnt from, where there are some.
    pub student: StudentOptions,
    /// Everything else.
    #[serde(flatten)]
    pub settings: LoopSettings,
}

impl TrainOptions {
    /// The settings of Mix2's paper for so many classes, which are the defaults of the section `train`.
    pub fn paper(classes: i64) -> Self {
        let network = MobileNetV3 { size: Size::Large, options: MobileNetV3Options::default() };
        Self {
            network: NetworkOptions::new(Arc::new(network), CHANNELS, classes),
            optimizer: Arc::new(AdamW::default()),
            loss: Arc::new(CrossEntropy),
            mixing: Arc::new(Mix2::default()),
            views: None,
            student: StudentOptions::default(),
            settings: LoopSettings::default(),
        }
    }

    /// Refuses values out of range, and combinations that do not work.
    ///
    /// # Errors
    /// [`crate::Error::Option`], which names the option.
    pub fn validate(&self) -> Result<()> {
        self.settings.validate()?;
        self.network.validate()?;
        self.network.check_precision(self.settings.precision)?;
        self.optimizer.validate()?;
        self.loss.validate()?;
        self.mixing.validate()?;
        self.views.as_ref().map_or(Ok(()), |views| views.validate())?;
        self.check_places()?;
        self.check_variations()
    }

    /// The same with the number type that `auto` amounts to on a device, so that a checkpoint tells in which it was made.
    ///
    /// # Errors
    /// A number type in which the network cannot compute.
    #[cfg(feature = "torch")]
    pub fn on(mut self, device: Device) -> Result<Self> {
        self.settings.precision = self.network.precision_on(self.settings.precision, device)?;
        Ok(self)
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
        let expected = || format!("0 or false, since the network {} takes no spectrograms", self.network.architecture.name());
        let AugmentOptions { time_roll, frequency_masks, time_masks, .. } = self.settings.augmentation;
        let SoundOptions { gain_db, background_probability, .. } = self.settings.sound;
        check(gain_db == 0.0, "gain_db", expected(), gain_db)?;
        check(background_probability == 0.0, "background_probability", expected(), background_probability)?;
        check(!time_roll, "time_roll", expected(), time_roll)?;
        check(frequency_masks == 0, "frequency_masks", expected(), frequency_masks)?;
        check(time_masks == 0, "time_masks", expected(), time_masks)
    }
}
