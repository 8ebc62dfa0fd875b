//! The training loop: epochs of steps over a dataset, with validation, and hooks for whoever saves and logs.
//!
//! Nothing in a step depends on what went before except weights, moments and counters, which a
//! [checkpoint](crate::checkpoint) holds: order, mixing and augmentation are drawn from (seed, epoch, step). Losses stay
//! on the device and are read once per epoch, or at once where that costs nothing.

use std::ops::ControlFlow;

use chorus_engine::Exact;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::augment::{AugmentOptions, Augmentation};
use crate::dataset::{Dataset, check_table};
use crate::device::{self, HOST};
use crate::error::check;
use crate::mixing::{self, Draw, MixingOptions};
use crate::network::{Architecture, Network, NetworkOptions};
use crate::normalise::min_max;
use crate::optim::{Optimizer, OptimizerOptions, cosine};
use crate::rng::{self, Purpose};
use crate::step::train_step;
use crate::{Error, Result, inference};

/// All that decides what a training gives, besides the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainOptions {
    /// The network.
    pub network: NetworkOptions,
    /// How many times the data is gone through.
    pub epochs: usize,
    /// Windows per step.
    pub batch_size: usize,
    /// The learning rate of the first epoch; it falls to 0 along half a cosine.
    pub learning_rate: f64,
    /// The optimiser.
    pub optimizer: OptimizerOptions,
    /// How examples are mixed.
    pub mixing: MixingOptions,
    /// How clips are varied.
    pub augmentation: AugmentOptions,
    /// Key of all draws.
    pub seed: u64,
    /// libtorch's threads. They change the order of sums, so the result.
    pub threads: usize,
    /// Epochs between validations; the last epoch is always validated.
    pub validate_every: usize,
}

impl TrainOptions {
    /// The paper's settings for this many classes, on one thread.
    pub fn paper(classes: i64) -> Self {
        Self {
            network: NetworkOptions { architecture: Architecture::Large, width: 1.0, channels: 1, classes },
            epochs: 100,
            batch_size: 128,
            learning_rate: 1e-2,
            optimizer: OptimizerOptions::ADAMW,
            mixing: MixingOptions::default(),
            augmentation: AugmentOptions::default(),
            seed: 0,
            threads: 1,
            validate_every: 1,
        }
    }

    fn validate(&self) -> Result<()> {
        let one_or_more = |name, value: usize| check(value > 0, name, "1 or more", value);
        one_or_more("epochs", self.epochs)?;
        one_or_more("batch_size", self.batch_size)?;
        one_or_more("threads", self.threads)?;
        one_or_more("validate_every", self.validate_every)?;
        let rate = self.learning_rate;
        check(rate > 0.0 && rate.is_finite(), "learning_rate", "more than 0", rate)?;
        self.mixing.validate()
    }
}

/// How often each mixing was drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixCounts {
    /// Steps without mixing.
    pub plain: usize,
    /// Steps with Mixup.
    pub mixup: usize,
    /// Steps with Manifold Mixup.
    pub manifold_mixup: usize,
    /// Steps with MultiMix.
    pub multimix: usize,
}

impl MixCounts {
    fn count(&mut self, draw: &Draw) {
        match draw {
            Draw::Plain => self.plain += 1,
            Draw::Mixup(_) => self.mixup += 1,
            Draw::ManifoldMixup(_) => self.manifold_mixup += 1,
            Draw::MultiMix(_) => self.multimix += 1,
        }
    }
}

/// What a validation found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The figure by which the best epoch is chosen; more is better.
    pub selection: f64,
    /// All figures by name.
    pub values: Vec<(String, f64)>,
}

/// The best validation so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Counted from 0.
    pub epoch: usize,
    /// Its [`Metrics::selection`].
    pub selection: Exact,
}

/// What one epoch did.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochReport {
    /// Counted from 0.
    pub epoch: usize,
    /// Steps in the epoch.
    pub steps: usize,
    /// Mean loss of the steps.
    pub loss: f64,
    /// The epoch's learning rate.
    pub learning_rate: f64,
    /// How often each mixing was drawn.
    pub mixing: MixCounts,
    /// What the validation found, if there was one.
    pub metrics: Option<Metrics>,
    /// Whether no earlier epoch was better.
    pub is_best: bool,
}

/// What the caller does while the loop runs. `Break` ends the training at a point from which it can be resumed.
pub trait Hooks {
    /// Judges the validation set's logits `[row, class]`.
    ///
    /// # Errors
    /// The caller's own.
    fn validate(&mut self, logits: &Tensor) -> Result<Metrics>;

    /// Called after each step, before the epoch's last one is reported.
    ///
    /// # Errors
    /// The caller's own.
    fn step(&mut self, _trainer: &Trainer) -> Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }

    /// Called after each epoch.
    ///
    /// # Errors
    /// The caller's own.
    fn epoch(&mut self, _trainer: &Trainer, _report: &EpochReport) -> Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }
}

/// A training: the network, the optimiser, and where it stands.
#[derive(Debug)]
pub struct Trainer {
    pub(crate) options: TrainOptions,
    pub(crate) network: Network,
    pub(crate) optimizer: Optimizer,
    pub(crate) progress: Progress,
    /// Losses of this epoch's steps, float64 scalars on the device.
    pub(crate) losses: Vec<Tensor>,
}

/// Where a training stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub epoch: usize,
    /// The next step of the epoch.
    pub step: usize,
    pub mixing: MixCounts,
    pub best: Option<Best>,
}

impl Trainer {
    /// Starts a training on a device.
    ///
    /// # Errors
    /// Options out of range.
    pub fn new(options: TrainOptions, device: Device) -> Result<Self> {
        options.validate()?;
        let network = Network::new(options.network, options.seed, Kind::Float, device)?;
        let optimizer = Optimizer::new(options.optimizer, &network.flat())?;
        Ok(Self { options, network, optimizer, progress: Progress::default(), losses: Vec::new() })
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network, to load weights into before the first step.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// The epoch and the step that come next, both counted from 0.
    pub fn position(&self) -> (usize, usize) {
        (self.progress.epoch, self.progress.step)
    }

    /// The best validation so far.
    pub fn best(&self) -> Option<Best> {
        self.progress.best
    }

    /// Trains from where it stands to the last epoch, or until a hook breaks off.
    ///
    /// # Errors
    /// An empty dataset, data of the wrong shape, a loss that isn't a number, or the hooks' own.
    pub fn run(
        &mut self,
        train: &dyn Dataset,
        validation: Option<&dyn Dataset>,
        hooks: &mut dyn Hooks,
    ) -> Result<ControlFlow<()>> {
        device::set_threads(self.options.threads);
        while self.progress.epoch < self.options.epochs {
            let order = self.order(train)?;
            for rows in self.batches(&order).skip(self.progress.step) {
                self.step(train, rows)?;
                if hooks.step(self)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            let report = self.finish_epoch(&order, validation, hooks)?;
            if hooks.epoch(self, &report)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The logits `[row, class]` of some rows, in evaluation mode.
    ///
    /// # Errors
    /// No rows, or rows that can't be read.
    pub fn predict(&self, data: &dyn Dataset, rows: &[usize]) -> Result<Tensor> {
        device::set_threads(self.options.threads);
        inference::logits(&self.network, data, rows, self.options.batch_size)
    }

    fn order(&self, data: &dyn Dataset) -> Result<Vec<usize>> {
        if data.is_empty() {
            return Err(Error::Empty);
        }
        let mut rng = rng::stream(self.options.seed, Purpose::Order, self.progress.epoch, 0);
        Ok(rng::permutation(&mut rng, data.len()))
    }

    /// Full batches; the rest is left out, unless there is nothing else.
    fn batches<'a>(&self, order: &'a [usize]) -> std::slice::ChunksExact<'a, usize> {
        order.chunks_exact(self.options.batch_size.min(order.len()))
    }

    fn learning_rate(&self) -> f64 {
        cosine(self.options.learning_rate, self.progress.epoch, self.options.epochs)
    }

    fn step(&mut self, data: &dyn Dataset, rows: &[usize]) -> Result<()> {
        let Progress { epoch, step, .. } = self.progress;
        let stream = |purpose| rng::stream(self.options.seed, purpose, epoch, step);
        let draw = mixing::draw(&self.options.mixing, &mut stream(Purpose::Mixing), rows.len())?;
        let inputs = self.inputs(&data.features(rows)?, rows.len(), &mut stream(Purpose::Augmentation))?;
        let (labels, mask) = self.labels(data.labels(rows)?, rows.len())?;
        let rate = self.learning_rate();
        let loss = train_step(&self.network, &mut self.optimizer, rate, inputs, (&labels, &mask), &draw)?;
        if self.network.device() == HOST {
            self.check_loss(step, loss.f_double_value(&[])?, rows)?;
        }
        self.losses.push(loss.f_to_kind(Kind::Double)?);
        self.progress.mixing.count(&draw);
        self.progress.step += 1;
        Ok(())
    }

    fn inputs(&self, features: &Tensor, rows: usize, rng: &mut rand_chacha::ChaCha8Rng) -> Result<Tensor> {
        let (batch, _, mels, frames) = features.size4()?;
        if batch != rows as i64 {
            let expected = format!("[{rows}, channel, mel, frame]");
            return Err(Error::Shape { name: "features".to_owned(), expected, found: features.size() });
        }
        let clips = min_max(&self.send(features)?)?;
        if self.options.augmentation == AugmentOptions::NONE {
            return Ok(clips);
        }
        Augmentation::draw(&self.options.augmentation, rng, rows, mels as usize, frames as usize).apply(&clips)
    }

    fn labels(&self, (labels, mask): (Tensor, Tensor), rows: usize) -> Result<(Tensor, Tensor)> {
        let classes = self.options.network.classes;
        check_table("labels", &labels, rows, classes)?;
        check_table("label mask", &mask, rows, classes)?;
        Ok((self.send(&labels)?, self.send(&mask)?))
    }

    fn send(&self, tensor: &Tensor) -> Result<Tensor> {
        Ok(device::send(tensor, self.network.device())?.f_to_kind(self.network.kind())?)
    }

    fn finish_epoch(&mut self, order: &[usize], validation: Option<&dyn Dataset>, hooks: &mut dyn Hooks) -> Result<EpochReport> {
        let losses = self.read_losses()?;
        for ((step, &loss), rows) in losses.iter().enumerate().zip(self.batches(order)) {
            self.check_loss(step, loss, rows)?;
        }
        let epoch = self.progress.epoch;
        let is_due = (epoch + 1).is_multiple_of(self.options.validate_every) || epoch + 1 == self.options.epochs;
        let metrics = match validation {
            Some(data) if is_due => {
                let rows: Vec<usize> = (0..data.len()).collect();
                Some(hooks.validate(&self.predict(data, &rows)?)?)
            }
            _ => None,
        };
        let report = EpochReport {
            epoch,
            steps: losses.len(),
            loss: losses.iter().sum::<f64>() / losses.len() as f64,
            learning_rate: self.learning_rate(),
            mixing: self.progress.mixing,
            is_best: self.note_best(metrics.as_ref()),
            metrics,
        };
        self.losses.clear();
        self.progress = Progress { epoch: epoch + 1, best: self.progress.best, ..Progress::default() };
        Ok(report)
    }

    fn note_best(&mut self, metrics: Option<&Metrics>) -> bool {
        let Some(Metrics { selection, .. }) = metrics else { return false };
        let is_best = self.progress.best.is_none_or(|best| *selection > best.selection.0);
        if is_best {
            self.progress.best = Some(Best { epoch: self.progress.epoch, selection: Exact(*selection) });
        }
        is_best
    }

    /// This epoch's losses so far: the one place where the loop waits for the device.
    pub(crate) fn read_losses(&self) -> Result<Vec<f64>> {
        if self.losses.is_empty() {
            return Ok(Vec::new());
        }
        Ok(Vec::try_from(Tensor::f_stack(&self.losses, 0)?.f_to_device(HOST)?)?)
    }

    fn check_loss(&self, step: usize, loss: f64, rows: &[usize]) -> Result<()> {
        if loss.is_finite() {
            return Ok(());
        }
        Err(Error::Loss { loss, epoch: self.progress.epoch, step, rows: rows.to_vec() })
    }
}
