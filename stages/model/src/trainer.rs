//! The training loop: epochs of steps over a dataset, with validation, and hooks for whoever saves and logs.
//!
//! Nothing in a step depends on what went before except weights, moments and counters, which a
//! [checkpoint](crate::checkpoint) holds: order, mixing and augmentation are drawn from (seed, epoch, step). Losses stay
//! on the device and are read once per epoch, or at once where that costs nothing.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use chorus_engine::Exact;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::augment::Augmentation;
use crate::dataset::{Census, Dataset, check_table};
use crate::device::{self, HOST};
use crate::inference::{self, Prediction};
use crate::loader::{Batch, Job, for_each_batch};
use crate::loss::{Objective, balancing_weights, logit_offsets};
use crate::network::Network;
use crate::optim::{OptimizerState, scheduled};
use crate::options::{LoopSettings, TrainOptions};
use crate::rng::{self, Purpose};
use crate::sampling::quiet;
use crate::sound::Sound;
use crate::step::{Rate, Update, train_step, views_step};
use crate::weights::StateDict;
use crate::{Error, Result};

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
    /// Steps by the mixing method that was drawn for them.
    pub mixing: BTreeMap<String, usize>,
    /// What the validation found, if there was one.
    pub metrics: Option<Metrics>,
    /// Whether no earlier epoch was better.
    pub is_best: bool,
}

/// What the caller does while the loop runs. `Break` ends the training at a point from which it can be resumed.
pub trait Hooks {
    /// Judges the validation set's logits `[row, class]`; in a training on views, its embeddings `[row, value]`.
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
    /// The moving average of the network's weights and statistics.
    pub(crate) average: Option<Network>,
    pub(crate) optimizer: OptimizerState,
    pub(crate) progress: Progress,
    loader_threads: usize,
    /// Steps of the present epoch.
    steps: usize,
    /// Losses of this epoch's steps, float64 scalars on the device.
    pub(crate) losses: Vec<Tensor>,
}

/// Where a training stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub epoch: usize,
    /// The next step of the epoch.
    pub step: usize,
    pub mixing: BTreeMap<String, usize>,
    pub best: Option<Best>,
    /// Validations since the best one.
    pub unimproved: usize,
}

impl Trainer {
    /// Starts a training on a device.
    ///
    /// # Errors
    /// Options out of range.
    pub fn new(options: TrainOptions, device: Device) -> Result<Self> {
        options.validate()?;
        let options = options.on(device)?;
        let network = || Network::new(options.network.clone(), options.settings.seed, Kind::Float, device);
        let average = options.settings.average_decay.map(|_| network()).transpose()?;
        let network = network()?.computing_in(options.settings.precision.kind()?);
        let optimizer = OptimizerState::new(Arc::clone(&options.optimizer), &network.flat())?;
        let (progress, losses) = (Progress::default(), Vec::new());
        Ok(Self { options, network, average, optimizer, progress, loader_threads: 1, steps: 0, losses })
    }

    /// Reads batches on so many threads. They change nothing but the speed.
    #[must_use]
    pub fn with_loader_threads(mut self, threads: usize) -> Self {
        self.loader_threads = threads;
        self
    }

    /// Starts from the backbone of weights that were learnt elsewhere, before the first step: [`Network::load_pretrained`].
    ///
    /// # Errors
    /// A tensor that is missing, or of another shape.
    pub fn start_from(&mut self, state: &StateDict) -> Result<()> {
        self.network.load_pretrained(state)?;
        self.average.as_mut().map_or(Ok(()), |average| average.load_pretrained(state))
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network that is validated and kept: the moving average, where there is one.
    pub fn model(&self) -> &Network {
        self.average.as_ref().unwrap_or(&self.network)
    }

    /// The epoch and the step that come next, both counted from 0.
    pub fn position(&self) -> (usize, usize) {
        (self.progress.epoch, self.progress.step)
    }

    /// Steps from here to the last epoch's end, if the epochs that come have as many as the present one.
    pub fn steps_left(&self) -> usize {
        let Progress { epoch, step, .. } = self.progress;
        (self.options.settings.epochs.saturating_sub(epoch) * self.steps).saturating_sub(step)
    }

    /// The best validation so far.
    pub fn best(&self) -> Option<Best> {
        self.progress.best
    }

    /// Trains from where it stands to the last epoch, until validations are no longer better, or until a hook breaks off.
    ///
    /// # Errors
    /// An empty dataset, data of the wrong shape, a loss that is not a number, or the hooks' own.
    pub fn run(
        &mut self,
        train: &dyn Dataset,
        validation: Option<&dyn Dataset>,
        hooks: &mut dyn Hooks,
    ) -> Result<ControlFlow<()>> {
        if train.is_empty() {
            return Err(Error::Empty);
        }
        device::set_threads(self.options.settings.threads);
        // Where views are learnt there are no labels to count.
        let (census, quiet) = if self.options.views.is_some() {
            (Census::default(), Vec::new())
        } else {
            let census = Census::of(train, self.options.network.classes as usize)?;
            let quiet = quiet(train.len() - train.supposed(), &census.positives);
            (census, quiet)
        };
        let loss = self.objective(&census)?;
        while !self.is_finished() {
            let step = self.progress.step;
            let order = self.order(train, &census, &quiet);
            self.steps = self.batches(&order).len();
            let sounds: Vec<Sound> = (0..self.batches(&order).len()).map(|step| self.sound(&order, step, &quiet)).collect();
            let jobs: Vec<Job<'_>> =
                (self.batches(&order).zip(&sounds)).map(|(rows, sound)| Job { rows, background: sound.rows() }).collect();
            let (device, threads) = (self.network.device(), self.loader_threads);
            let went = for_each_batch(train, &jobs[step..], threads, device, |job, batch| {
                self.step(&loss, job.rows, &sounds[self.progress.step], batch)?;
                hooks.step(self)
            })?;
            if went.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let report = self.finish_epoch(&order, validation, hooks)?;
            if hooks.epoch(self, &report)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn objective(&self, census: &Census) -> Result<Objective> {
        let LoopSettings { max_positive_weight, logit_adjustment, .. } = self.options.settings;
        let weights = max_positive_weight.map(|most| balancing_weights(&census.counts(), &census.reviewed, most));
        let like = self.network.flat();
        let loss = Objective::new(Arc::clone(&self.options.loss), weights.as_deref(), &like)?;
        if logit_adjustment == 0.0 {
            return Ok(loss);
        }
        loss.with_offsets(&logit_offsets(&census.counts(), &census.reviewed, logit_adjustment), &like)
    }

    /// The rows of the epoch, batch by batch: those with labels as they are drawn, and some of those with supposed labels in each batch.
    fn order(&self, train: &dyn Dataset, census: &Census, quiet: &[usize]) -> Vec<usize> {
        let (seed, epoch) = (self.options.settings.seed, self.progress.epoch);
        let labelled = train.len() - train.supposed();
        let mut rng = rng::stream(seed, Purpose::Order, epoch, 0);
        let own = self.options.settings.sampling.order(&mut rng, labelled, &census.positives, quiet);
        if train.supposed() == 0 || epoch + self.options.student.last_epochs >= self.options.settings.epochs {
            return own;
        }
        let mut rng = rng::stream(seed, Purpose::Supposed, epoch, 0);
        let others = rng::permutation(&mut rng, train.supposed()).into_iter().map(|row| labelled + row).collect();
        self.options.student.together(&own, others, self.options.settings.batch_size)
    }

    /// Whether the last epoch is over, or the validations ended the training before it.
    fn is_finished(&self) -> bool {
        let exhausted = self.options.settings.patience.is_some_and(|patience| self.progress.unimproved >= patience);
        exhausted || self.progress.epoch >= self.options.settings.epochs
    }

    /// The logits `[row, class]` of some rows, by the [`Trainer::model`].
    ///
    /// # Errors
    /// No rows, or rows that cannot be read.
    pub fn predict(&self, data: &dyn Dataset, rows: &[usize]) -> Result<Tensor> {
        Ok(self.outputs(data, rows)?.logits)
    }

    fn outputs(&self, data: &dyn Dataset, rows: &[usize]) -> Result<Prediction> {
        device::set_threads(self.options.settings.threads);
        inference::predict(&self.model().freeze(Kind::Float)?, data, rows, self.options.settings.batch_size)
    }

    /// Full batches; the rest is left out, unless there is nothing else.
    fn batches<'a>(&self, order: &'a [usize]) -> std::slice::ChunksExact<'a, usize> {
        order.chunks_exact(self.options.settings.batch_size.min(order.len()))
    }

    fn sound(&self, order: &[usize], step: usize, quiet: &[usize]) -> Sound {
        let mut rng = rng::stream(self.options.settings.seed, Purpose::Background, self.progress.epoch, step);
        Sound::draw(&self.options.settings.sound, &mut rng, self.options.settings.batch_size.min(order.len()), quiet)
    }

    fn learning_rate(&self) -> f64 {
        let LoopSettings { learning_rate, warmup_epochs, epochs, .. } = self.options.settings;
        scheduled(learning_rate, self.progress.epoch, warmup_epochs, epochs)
    }

    fn step(&mut self, loss: &Objective, rows: &[usize], sound: &Sound, batch: Batch) -> Result<()> {
        let Progress { epoch, step, .. } = self.progress;
        let stream = |purpose| rng::stream(self.options.settings.seed, purpose, epoch, step);
        let draw = self.options.mixing.draw(&mut stream(Purpose::Mixing), rows.len(), self.network.places())?;
        let LoopSettings { body_rate, clip_norm, .. } = self.options.settings;
        let rate = Rate { learning_rate: self.learning_rate(), body: body_rate, clip: clip_norm };
        let loss = if let Some(views) = self.options.views.clone() {
            let view = |sound, augmentation| self.view(&batch, rows.len(), [&mut stream(sound), &mut stream(augmentation)]);
            let views_of_batch = [
                view(Purpose::Background, Purpose::Augmentation)?,
                view(Purpose::SecondBackground, Purpose::SecondAugmentation)?,
            ];
            views_step(&self.network, &mut self.optimizer, (&*views, rate), views_of_batch, &*draw)?
        } else {
            let given = (&batch.inputs, batch.background.as_ref());
            let inputs = self.inputs(given, rows.len(), sound, &mut stream(Purpose::Augmentation))?;
            let (labels, mask) = self.labels((batch.labels, batch.mask), rows.len())?;
            train_step(&self.network, &mut self.optimizer, &Update { loss, rate }, inputs, (&labels, &mask), &*draw)?
        };
        if self.network.device() == HOST {
            self.check_loss(step, loss.f_double_value(&[])?, rows)?;
        }
        self.losses.push(loss.f_to_kind(Kind::Double)?);
        *self.progress.mixing.entry(draw.method().to_owned()).or_default() += 1;
        self.progress.step += 1;
        self.take_into_average()
    }

    /// Moves the average towards the weights. It starts as their plain mean: the decay rises to the one that is asked for.
    fn take_into_average(&mut self) -> Result<()> {
        let (Some(average), Some(decay)) = (&self.average, self.options.settings.average_decay) else { return Ok(()) };
        let _no_grad = tch::no_grad_guard();
        let steps = self.optimizer.steps() as f64;
        let own = 1.0 - decay.min((1.0 + steps) / (10.0 + steps));
        let _ = average.flat().f_lerp_(&self.network.flat(), own)?;
        let _ = average.flat_buffers().f_lerp_(&self.network.flat_buffers(), own)?;
        average.count_batches_as(&self.network);
        Ok(())
    }

    /// A view of a batch for training without labels: other windows of the batch are laid under its windows.
    fn view(&self, batch: &Batch, rows: usize, [sound, augmentation]: [&mut ChaCha8Rng; 2]) -> Result<Tensor> {
        let within: Vec<usize> = (0..rows).collect();
        let sound = Sound::draw(&self.options.settings.sound, sound, rows, &within);
        let under: Vec<i64> = sound.rows().iter().map(|&row| row as i64).collect();
        let laid = || -> Result<Tensor> {
            let rows = device::send(&Tensor::f_from_slice(&under)?, batch.inputs.device())?;
            Ok(batch.inputs.f_index_select(0, &rows)?)
        };
        let background = (!under.is_empty()).then(laid).transpose()?;
        self.inputs((&batch.inputs, background.as_ref()), rows, &sound, augmentation)
    }

    /// Varied and normalised inputs, from those of a batch and the backgrounds that are laid under them.
    fn inputs(
        &self,
        (inputs, background): (&Tensor, Option<&Tensor>),
        rows: usize,
        sound: &Sound,
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor> {
        let size = inputs.size();
        if size.first() != Some(&(rows as i64)) {
            return Err(Error::Shape { name: "inputs".to_owned(), expected: format!("[{rows}, …]"), found: size });
        }
        let background = background.map(|background| self.send(background)).transpose()?;
        let varied = sound.apply(self.send(inputs)?, background.as_ref())?;
        let normalised = self.options.network.architecture.normalisation().apply(&varied)?;
        if self.options.settings.augmentation.is_none() {
            return Ok(normalised);
        }
        let (_, _, mels, frames) = inputs.size4()?;
        Augmentation::draw(&self.options.settings.augmentation, rng, rows, mels as usize, frames as usize).apply(&normalised)
    }

    fn labels(&self, (labels, mask): (Tensor, Tensor), rows: usize) -> Result<(Tensor, Tensor)> {
        let classes = self.options.network.classes;
        check_table("labels", &labels, rows, classes)?;
        check_table("label mask", &mask, rows, classes)?;
        let labels = self.send(&labels)?;
        let labels = match self.options.settings.label_smoothing {
            0.0 => labels,
            smoothing => labels.f_mul_scalar(1.0 - smoothing)?.f_add_scalar(smoothing / 2.0)?,
        };
        Ok((labels, self.send(&mask)?))
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
        let is_due =
            (epoch + 1).is_multiple_of(self.options.settings.validate_every) || epoch + 1 == self.options.settings.epochs;
        let metrics = match validation {
            Some(data) if is_due => {
                let rows: Vec<usize> = (0..data.len()).collect();
                let Prediction { embeddings, logits } = self.outputs(data, &rows)?;
                Some(hooks.validate(if self.options.views.is_some() { &embeddings } else { &logits })?)
            }
            _ => None,
        };
        let report = EpochReport {
            epoch,
            steps: losses.len(),
            loss: losses.iter().sum::<f64>() / losses.len() as f64,
            learning_rate: self.learning_rate(),
            mixing: std::mem::take(&mut self.progress.mixing),
            is_best: self.note_best(metrics.as_ref()),
            metrics,
        };
        self.losses.clear();
        let Progress { best, unimproved, .. } = self.progress;
        self.progress = Progress { epoch: epoch + 1, best, unimproved, ..Progress::default() };
        Ok(report)
    }

    fn note_best(&mut self, metrics: Option<&Metrics>) -> bool {
        let Some(Metrics { selection, .. }) = metrics else { return false };
        let is_best = self.progress.best.is_none_or(|best| *selection > best.selection.0);
        if is_best {
            self.progress.best = Some(Best { epoch: self.progress.epoch, selection: Exact(*selection) });
            self.progress.unimproved = 0;
        } else {
            self.progress.unimproved += 1;
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
