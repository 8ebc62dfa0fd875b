//! A training within a stage: from the first step, or from where an interrupted one stood, to the weights to keep. Between epochs it
//! validates, logs and leaves checkpoints.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use chorus_engine::{EngineError, Exact, Measure, Progress, UnitContext, WorkError, duration};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::dataset::Dataset;
use crate::options::TrainOptions;
use crate::settings::{Select, TrainSettings};
use crate::trainer::{EpochReport, Hooks, Metrics, Trainer};
use crate::{Error, Result, device, weights};

/// Names of the figures of a validation.
pub(crate) const LOSS: &str = "loss";
pub(crate) const MACRO_F1: &str = "macro_f1";
pub(crate) const MEAN_AP: &str = "mean_ap";
/// After so much of a training it says how long the whole takes. A shorter one needs no such line.
const MEASURED: Duration = Duration::from_secs(5);

/// What is learnt, and how it is judged.
pub(crate) struct Lesson<'a> {
    /// The stage's name, for people.
    pub stage: &'static str,
    pub options: TrainOptions,
    pub device: Device,
    pub train: &'a dyn Dataset,
    pub validation: Option<&'a dyn Dataset>,
    /// The figures of the validation set's logits `[row, class]`.
    pub judge: &'a dyn Fn(&Tensor) -> Result<Vec<(String, f64)>>,
    /// Which epoch is kept.
    pub select: Select,
    pub every: Duration,
    pub loader_threads: usize,
    /// Weights to start from, where there are some.
    pub start: &'a dyn Fn(&mut Trainer) -> std::result::Result<(), WorkError>,
}

/// What came of it.
pub(crate) struct Learnt {
    pub history: Vec<LogRow>,
    /// The epoch whose weights were kept, from 1.
    pub kept: usize,
    /// The weights, as safetensors.
    pub weights: Vec<u8>,
}

/// Learns, from the checkpoint of an earlier execution where there is one.
///
/// # Errors
/// [`EngineError::Stopped`] when a stop was asked for; those of the trainer.
pub(crate) fn learn(cx: &UnitContext<'_>, lesson: Lesson<'_>) -> std::result::Result<Learnt, WorkError> {
    let Lesson { stage, options, device, train, validation, judge, select, every, loader_threads, start } = lesson;
    let (epochs, batch) = (options.settings.epochs, options.settings.batch_size);
    device::warn_of_bfloat16(cx.console(), "train.precision", options.settings.precision, device);
    let (trainer, saved) = match cx.checkpoint()?.map(|bytes| Saved::from_bytes(&bytes)) {
        Some(Ok(saved)) => {
            let trainer = Trainer::resume(options, device, &saved.trainer)?;
            cx.console().say(&format!("{stage:17} goes on after epoch {} of {epochs}", trainer.position().0));
            (trainer, saved)
        }
        // A checkpoint that cannot be read costs time and nothing else.
        Some(Err(_)) | None => {
            let mut trainer = Trainer::new(options, device)?;
            start(&mut trainer)?;
            (trainer, Saved::default())
        }
    };
    let mut trainer = trainer.with_loader_threads(loader_threads);
    let progress = cx.console().progress(stage, epochs as u64, "epoch").after(trainer.position().0 as u64);
    let mut hooks = BetweenEpochs {
        cx,
        stage,
        judge,
        select,
        every,
        measured: Some((Instant::now(), 0)),
        last: Instant::now(),
        progress,
        epochs,
        batch,
        epoch_start: Instant::now(),
        history: saved.history,
        best: saved.best,
    };
    if trainer.run(train, validation, &mut hooks)?.is_break() {
        return Err(EngineError::Stopped.into());
    }
    let BetweenEpochs { history, best, .. } = hooks;
    let kept = best.as_ref().map_or(history.len(), |best| best.epoch);
    let weights = match best {
        Some(best) => best.weights,
        None => weights::to_bytes(&trainer.model().state_dict(), None)?,
    };
    Ok(Learnt { history, kept, weights })
}

/// How often checkpoints are written.
pub(crate) fn checkpoints_every(settings: &TrainSettings) -> Duration {
    Duration::from_secs_f64(settings.checkpoint_every_s)
}

/// An epoch in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogRow {
    /// From 1.
    pub epoch: usize,
    pub step: usize,
    pub learning_rate: Exact,
    pub loss: Exact,
    /// Steps by mixing method.
    pub mixing: BTreeMap<String, usize>,
    pub validation: BTreeMap<String, Exact>,
}

/// The weights to keep.
#[derive(Debug, Clone, PartialEq)]
struct Kept {
    /// From 1.
    epoch: usize,
    weights: Vec<u8>,
}

/// What happens between epochs: validates, logs, keeps the best weights and saves checkpoints.
struct BetweenEpochs<'a> {
    cx: &'a UnitContext<'a>,
    stage: &'static str,
    judge: &'a dyn Fn(&Tensor) -> Result<Vec<(String, f64)>>,
    select: Select,
    every: Duration,
    /// When the first step began and how many are done, until the time of the whole was told.
    measured: Option<(Instant, usize)>,
    last: Instant,
    progress: Progress,
    epochs: usize,
    /// Windows of a step.
    batch: usize,
    epoch_start: Instant,
    history: Vec<LogRow>,
    best: Option<Kept>,
}

impl BetweenEpochs<'_> {
    fn save(&mut self, trainer: &Trainer) -> Result<()> {
        let saved = Saved { history: self.history.clone(), best: self.best.clone(), trainer: trainer.save_checkpoint()? };
        self.cx.save_checkpoint(&saved.to_bytes()?).map_err(|e| Error::Caller(e.into()))?;
        self.last = Instant::now();
        Ok(())
    }

    /// Says how long the training will take, once some steps have shown it.
    fn tell_time(&mut self, trainer: &Trainer) {
        let Some((begun, steps)) = &mut self.measured else { return };
        *steps += 1;
        let took = begun.elapsed();
        if took >= MEASURED {
            let left = took.as_secs_f64() / *steps as f64 * trainer.steps_left() as f64;
            let what = format!("{:17} about {} for {} epochs", self.stage, duration(left), self.epochs - trainer.position().0);
            self.cx.console().say(&what);
            self.measured = None;
        }
    }

    /// Goes on, or saves and breaks off where a stop was asked for.
    fn go_on(&mut self, trainer: &Trainer) -> Result<ControlFlow<()>> {
        let stopping = self.cx.stopping();
        if stopping || self.last.elapsed() >= self.every {
            self.save(trainer)?;
        }
        Ok(if stopping { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

impl Hooks for BetweenEpochs<'_> {
    fn validate(&mut self, logits: &Tensor) -> Result<Metrics> {
        let figures = (self.judge)(logits)?;
        let find = |name: &str| figures.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
        let least_loss = find(LOSS).map_or(0.0, |loss| -loss);
        let selection = match self.select {
            Select::MeanAp => find(MEAN_AP).unwrap_or(least_loss),
            Select::MacroF1 => find(MACRO_F1).unwrap_or(least_loss),
            Select::Loss => least_loss,
            Select::Last => self.history.len() as f64,
        };
        Ok(Metrics { selection, values: figures })
    }

    fn step(&mut self, trainer: &Trainer) -> Result<ControlFlow<()>> {
        self.tell_time(trainer);
        self.progress.count(Measure::Windows, self.batch as f64, (trainer.steps_left() * self.batch) as f64);
        self.go_on(trainer)
    }

    fn epoch(&mut self, trainer: &Trainer, report: &EpochReport) -> Result<ControlFlow<()>> {
        let epoch = report.epoch + 1;
        let before = self.history.last().map_or(0, |row| row.step);
        let values = report.metrics.iter().flat_map(|metrics| &metrics.values);
        let row = LogRow {
            epoch,
            step: before + report.steps,
            learning_rate: Exact(report.learning_rate),
            loss: Exact(report.loss),
            mixing: report.mixing.clone(),
            validation: values.clone().map(|(name, value)| (name.clone(), Exact(*value))).collect(),
        };
        self.history.push(row);
        if report.is_best {
            self.best = Some(Kept { epoch, weights: weights::to_bytes(&trainer.model().state_dict(), None)? });
        }
        let told: String = values.map(|(name, value)| format!(", validation {name} {value:.3}")).collect();
        let took = self.epoch_start.elapsed().as_secs_f64();
        self.epoch_start = Instant::now();
        let line = format!("epoch {epoch}/{}: loss {:.4}{told}, {took:.1} s", self.epochs, report.loss);
        self.progress.done(epoch as u64, &line);
        self.go_on(trainer)
    }
}

/// A checkpoint of the stage.
#[derive(Debug, Default, PartialEq)]
struct Saved {
    history: Vec<LogRow>,
    best: Option<Kept>,
    trainer: Vec<u8>,
}

/// What comes before the two blobs of a checkpoint.
#[derive(Serialize, Deserialize)]
struct SavedHeader {
    history: Vec<LogRow>,
    best_epoch: Option<usize>,
    best_bytes: usize,
}

impl Saved {
    /// The header's length in eight bytes, the header as JSON, the best weights, the trainer's state.
    fn to_bytes(&self) -> Result<Vec<u8>> {
        let best = self.best.as_ref();
        let header = SavedHeader {
            history: self.history.clone(),
            best_epoch: best.map(|b| b.epoch),
            best_bytes: best.map_or(0, |b| b.weights.len()),
        };
        let header = serde_json::to_vec(&header).map_err(|e| Error::Caller(e.into()))?;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.extend(best.map_or(&[][..], |b| &b.weights));
        bytes.extend(&self.trainer);
        Ok(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, WorkError> {
        let damaged = "the checkpoint is damaged";
        let (length, rest) = bytes.split_at_checked(8).ok_or(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(length.try_into()?))?;
        let (header, rest) = rest.split_at_checked(length).ok_or(damaged)?;
        let header: SavedHeader = serde_json::from_slice(header)?;
        let (weights, trainer) = rest.split_at_checked(header.best_bytes).ok_or(damaged)?;
        let best = header.best_epoch.map(|epoch| Kept { epoch, weights: weights.to_vec() });
        Ok(Self { history: header.history, best, trainer: trainer.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_whole_or_not_at_all() {
        let row = LogRow {
            epoch: 1,
            step: 3,
            learning_rate: Exact(0.1),
            loss: Exact(f64::INFINITY),
            mixing: [("mixup".to_owned(), 3)].into(),
            validation: BTreeMap::new(),
        };
        for best in [None, Some(Kept { epoch: 1, weights: vec![1, 2, 3] })] {
            let saved = Saved { history: vec![row.clone()], best, trainer: vec![4, 5] };
            let bytes = saved.to_bytes().unwrap();
            assert_eq!(Saved::from_bytes(&bytes).unwrap(), saved);
            assert!(Saved::from_bytes(&bytes[..9]).is_err() && Saved::from_bytes(b"").is_err());
        }
    }
}
