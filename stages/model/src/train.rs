//! Stage `train`: from features and labels to `model/weights.safetensors`, `model/model.yaml` and the tables `training_log`
//! and `training_mixing`.
//!
//! The weights that are kept are those of the epoch that did best on validation by `train.select`. A checkpoint holds everything that
//! is needed to go on bit for bit (on a processor), the best weights so far and the log among it; it is written at times, when a stop
//! is asked for, and goes when the stage is committed.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use chorus_audio::dsp::logmel::MelConfig;
use chorus_card::{Card, Training, Versions};
use chorus_engine::{EngineError, Exact, Progress, Scan, ScanContext, UnitContext, Work, WorkError, hash_bytes};
use chorus_keys::Keys;
use chorus_score::metrics::{Ranking, macro_average};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::dataset::{Census, Dataset};
use crate::device;
use crate::features::{self, TrainingWindows, Windows};
use crate::loss::cross_entropy;
use crate::options::TrainOptions;
use crate::resident::Resident;
use crate::settings::{Select, TrainSettings};
use crate::target::Target;
use crate::trainer::{EpochReport, Hooks, Metrics, Trainer};
use crate::{Error, Result, weights};

/// The stage.
pub struct Train;

impl Work for Train {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> std::result::Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> std::result::Result<(), WorkError> {
        let params = cx.settings::<TrainSettings>()?;
        let device = device::resolve(&cx.value::<String>("device")?)?;
        let (classes, names) = chorus_score::classes::read(cx)?;
        // Before anything is read, which may take long.
        let options = params.options(classes.len())?;
        features::check_input(&*options.network.architecture)?;
        let windows = TrainingWindows::read(cx, classes.len(), (params.memory_gib * f64::from(1u32 << 30)) as u64)?;
        tell_classes(cx, &classes, &windows)?;
        let (trainer, saved) = match cx.checkpoint().map(|bytes| Saved::from_bytes(&bytes)) {
            Some(Ok(saved)) => (Trainer::resume(options, device, &saved.trainer)?, saved),
            // A checkpoint that cannot be read costs time and nothing else.
            Some(Err(_)) | None => (start(cx, options, device)?, Saved::default()),
        };
        // On CUDA, features within the budget lie on the device; nothing is to be read ahead then.
        let fits = (windows.bytes() as f64) <= params.device_memory_gib * f64::from(1u32 << 30);
        let resident = (device::has_own_memory(device) && fits).then(|| Resident::new(&windows.train, device)).transpose()?;
        let train = resident.as_ref().map_or(&windows.train as &dyn Dataset, |resident| resident);
        let mut trainer = trainer.with_loader_threads(if resident.is_some() { 0 } else { params.loader_threads });
        let progress = cx.console().progress("train", params.training.epochs as u64, "epochs");
        let mut hooks = BetweenEpochs {
            cx,
            windows: &windows.validation,
            classes: classes.len(),
            select: params.select,
            every: Duration::from_secs_f64(params.checkpoint_every_s),
            last: Instant::now(),
            progress,
            epochs: params.training.epochs,
            epoch_start: Instant::now(),
            history: saved.history,
            best: saved.best,
        };
        let validation = (!windows.validation.is_empty()).then_some(&windows.validation as &dyn Dataset);
        if trainer.run(train, validation, &mut hooks)?.is_break() {
            return Err(EngineError::Stopped.into());
        }
        let BetweenEpochs { history, best, .. } = hooks;
        let epochs = history.len();
        let kept = best.as_ref().map_or(epochs, |best| best.epoch);
        let bytes = match best {
            Some(best) => best.weights,
            None => weights::to_bytes(&trainer.model().state_dict(), None)?,
        };
        let network = trainer.network().options();
        let mut options = network.architecture.options();
        let feature_keys = [MelConfig::names(), vec!["segment.window_s"]].concat();
        let card = Card {
            model_id: hash_bytes(&bytes)[..16].to_owned(),
            architecture: network.architecture.name().to_owned(),
            width: options.remove("width").and_then(|width| width.as_f64()),
            options: serde_yaml::from_value(serde_yaml::to_value(options)?)?,
            channels: network.channels,
            embedding: network.architecture.embedding(),
            classes,
            names,
            settings: cx.values(&feature_keys)?.nested(feature_keys),
            normalisation: network.architecture.normalisation().name().to_owned(),
            training: Training {
                windows: windows.train.len() as u64,
                validation_windows: windows.validation.len() as u64,
                epochs: epochs as u64,
                kept_epoch: kept as u64,
                mixing: params.mixing.clone(),
                seed: params.training.seed,
                data: cx.inputs().clone(),
                fingerprint: cx.digest().to_owned(),
            },
            versions: Versions { chorus: env!("CARGO_PKG_VERSION").to_owned(), libtorch: device::describe().libtorch_version },
            license: cx.value("model.license")?,
            backbone: None,
        };
        cx.write_file("model/weights.safetensors", &bytes)?;
        cx.write_file("model/model.yaml", card.to_yaml().as_bytes())?;
        cx.write_file("model/curves.csv", &curves(&history)?)?;
        write_log(cx, &history, kept)
    }
}

/// A training from its first step: from random weights, or from those of a file.
fn start(cx: &UnitContext<'_>, options: TrainOptions, device: tch::Device) -> std::result::Result<Trainer, WorkError> {
    let mut trainer = Trainer::new(options, device)?;
    if let Some(path) = cx.file(INITIAL_WEIGHTS)? {
        let bytes = std::fs::read(&path).map_err(EngineError::io(&path, "cannot be read"))?;
        trainer.start_from(&weights::from_bytes(&bytes)?).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(trainer)
}

/// The key that names a file of weights to start from.
const INITIAL_WEIGHTS: &str = "train.initial_weights";

fn write_log(cx: &UnitContext<'_>, history: &[LogRow], kept: usize) -> std::result::Result<(), WorkError> {
    let value = |name: &'static str| history.iter().map(move |row| row.validation.get(name).map(|figure| figure.0));
    cx.write("training_log", |batch| {
        batch
            .column("epoch", history.iter().map(|row| row.epoch))
            .column("step", history.iter().map(|row| row.step))
            .column("learning_rate", history.iter().map(|row| row.learning_rate.0))
            .column("train_loss", history.iter().map(|row| row.loss.0))
            .column("validation_loss", value(LOSS))
            .column("validation_macro_f1", value(MACRO_F1))
            .column("validation_mean_ap", value(MEAN_AP))
            .column("best", history.iter().map(|row| row.epoch == kept))
    })?;
    let mixing = || history.iter().flat_map(|row| row.mixing.iter().map(|(method, &steps)| (row.epoch, method, steps)));
    cx.write("training_mixing", |batch| {
        batch
            .column("epoch", mixing().map(|(epoch, _, _)| epoch))
            .column("method", mixing().map(|(_, method, _)| method))
            .column("steps", mixing().map(|(_, _, steps)| steps))
    })?;
    Ok(())
}

/// The log as CSV, which goes with the model wherever it is copied.
fn curves(history: &[LogRow]) -> std::result::Result<Vec<u8>, WorkError> {
    let validation = [LOSS, MACRO_F1, MEAN_AP];
    let mut table = csv::Writer::from_writer(Vec::new());
    let columns = ["epoch", "step", "learning_rate", "train_loss"].map(str::to_owned);
    table.write_record(columns.into_iter().chain(validation.map(|name| format!("validation_{name}"))))?;
    for row in history {
        let figures = [row.epoch.to_string(), row.step.to_string(), row.learning_rate.0.to_string(), row.loss.0.to_string()];
        let value = |name: &str| row.validation.get(name).map_or_else(String::new, |figure| figure.0.to_string());
        table.write_record(figures.into_iter().chain(validation.map(value)))?;
    }
    Ok(table.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

/// Says before the first step what there is to learn from.
fn tell_classes(cx: &UnitContext<'_>, classes: &[String], windows: &TrainingWindows) -> Result<()> {
    let train = Census::of(&windows.train, classes.len())?.counts();
    let counts: Vec<String> = classes.iter().zip(&train).map(|(class, n)| format!("{class} {n}")).collect();
    let console = cx.console();
    let (n, m) = (windows.train.len(), windows.validation.len());
    console.say(&format!("{:17} {n} training and {m} validation windows; positives: {}", "train", counts.join(", ")));
    let absent: Vec<&str> = classes.iter().zip(&train).filter(|(_, n)| **n == 0).map(|(class, _)| class.as_str()).collect();
    if !absent.is_empty() {
        console.warn(&format!("train: no positive window to learn from: {}", absent.join(", ")));
    }
    Ok(())
}

/// Names of the figures of a validation.
const LOSS: &str = "loss";
const MACRO_F1: &str = "macro_f1";
const MEAN_AP: &str = "mean_ap";
/// The score of macro-F1 while training; thresholds are tuned afterwards.
const F1_THRESHOLD: f64 = 0.5;

/// An epoch in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct LogRow {
    /// From 1.
    epoch: usize,
    step: usize,
    learning_rate: Exact,
    loss: Exact,
    /// Steps by mixing method.
    mixing: BTreeMap<String, usize>,
    validation: BTreeMap<String, Exact>,
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
    windows: &'a Windows,
    classes: usize,
    select: Select,
    every: Duration,
    last: Instant,
    progress: Progress,
    epochs: usize,
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
        let figures = figures(self.windows, self.classes, logits)?;
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

/// What a validation found; figures that are not defined are left out.
fn figures(windows: &Windows, classes: usize, logits: &Tensor) -> Result<Vec<(String, f64)>> {
    let rows: Vec<usize> = (0..windows.len()).collect();
    let (labels, known) = windows.labels(&rows)?;
    let logits = logits.f_to_kind(Kind::Float)?;
    let loss = cross_entropy(&logits, &[Target { labels, weights: known }])?.f_double_value(&[])?;
    let scores: Vec<f32> = Vec::try_from(logits.f_sigmoid()?.f_contiguous()?.f_view(-1)?)?;
    let mut rankings = Vec::new();
    for class in 0..classes {
        let own: Vec<f32> = scores.iter().skip(class).step_by(classes).copied().collect();
        rankings.push(Ranking::new(&own, &windows.labels_of(class)).map_err(|e| Error::Caller(e.into()))?);
    }
    let f1 = macro_average(rankings.iter().map(|r| r.confusion(F1_THRESHOLD).f1())).value;
    let ap = macro_average(rankings.iter().map(Ranking::average_precision)).value;
    let figures = [(LOSS, Some(loss)), (MACRO_F1, f1), (MEAN_AP, ap)];
    Ok(figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
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
