//! Stage `train`: from features and labels to `model/weights.safetensors`, `model/model.yaml` and the tables `training_log`
//! and `training_mixing`.
//!
//! The weights that are kept are those of the epoch that did best on validation by `train.select`. A checkpoint holds everything that
//! is needed to go on bit for bit (on a processor), the best weights so far and the log among it; it is written at times, when a stop
//! is asked for, and goes when the stage is committed.

use chorus_audio::dsp::logmel::MelConfig;
use chorus_card::{Card, GivenBackbone, Training, Versions};
use chorus_embed::given::Given;
use chorus_engine::graph::{BACKBONE, CONTRACT};
use chorus_engine::{EngineError, Scan, ScanContext, UnitContext, Work, WorkError, hash_bytes};
use chorus_keys::Keys;
use chorus_score::metrics::{Ranking, macro_average};
use tch::{Kind, Tensor};

use crate::dataset::{Census, Dataset};
use crate::declare::DISTILLED;
use crate::device;
use crate::features::{self, TrainingWindows};
use crate::lesson::{LOSS, Learnt, Lesson, LogRow, MACRO_F1, MEAN_AP, checkpoints_every, learn};
use crate::loss::cross_entropy;
use crate::resident::Resident;
use crate::settings::TrainSettings;
use crate::target::Target;
use crate::trainer::Trainer;
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
        // On CUDA, features within the budget lie on the device; nothing is to be read ahead then.
        let fits = (windows.bytes() as f64) <= params.device_memory_gib * f64::from(1u32 << 30);
        let resident = (device::has_own_memory(device) && fits).then(|| Resident::new(&windows.train, device)).transpose()?;
        let train = resident.as_ref().map_or(&windows.train as &dyn Dataset, |resident| resident);
        let lesson = Lesson {
            stage: "train",
            options: options.clone(),
            device,
            train,
            validation: (!windows.validation.is_empty()).then_some(&windows.validation as &dyn Dataset),
            judge: &|logits| figures(&windows.validation, classes.len(), logits),
            select: params.select,
            every: checkpoints_every(&params),
            loader_threads: if resident.is_some() { 0 } else { params.loader_threads },
            start: &|trainer| start(cx, trainer),
        };
        let Learnt { history, kept, weights: bytes } = learn(cx, lesson)?;
        let epochs = history.len();
        let network = &options.network;
        let mut own_options = network.architecture.options();
        let feature_keys = [MelConfig::names(), vec!["segment.window_s"]].concat();
        let card = Card {
            model_id: hash_bytes(&bytes)[..16].to_owned(),
            architecture: network.architecture.name().to_owned(),
            width: own_options.remove("width").and_then(|width| width.as_f64()),
            options: serde_yaml::from_value(serde_yaml::to_value(own_options)?)?,
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
            distilled_from: distilled_from(cx)?,
        };
        cx.write_file("model/weights.safetensors", &bytes)?;
        cx.write_file("model/model.yaml", card.to_yaml().as_bytes())?;
        write_log(cx, &history, kept)
    }
}

/// Gives a training the weights to start from: those of a file that the configuration names, or those that were distilled.
fn start(cx: &UnitContext<'_>, trainer: &mut Trainer) -> std::result::Result<(), WorkError> {
    let distilled = if cx.reads_model(DISTILLED) { cx.model_file(DISTILLED)? } else { None };
    let Some(path) = cx.file(INITIAL_WEIGHTS)?.or(distilled) else { return Ok(()) };
    let bytes = std::fs::read(&path).map_err(EngineError::io(&path, "cannot be read"))?;
    trainer.start_from(&weights::from_bytes(&bytes)?).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(())
}

/// The backbone that taught the network, for its card.
fn distilled_from(cx: &UnitContext<'_>) -> std::result::Result<Option<GivenBackbone>, WorkError> {
    if !cx.reads_model(DISTILLED) {
        return Ok(None);
    }
    let file = |key| cx.file(key).map(|path| path.unwrap_or_default());
    Ok(Some(Given::read(&file(BACKBONE)?, &file(CONTRACT)?)?.on_card()))
}

/// The key that names a file of weights to start from.
const INITIAL_WEIGHTS: &str = "train.initial_weights";

/// Writes what is told of a training by epoch: `model/curves.csv` and the tables `training_log` and `training_mixing`.
pub(crate) fn write_log(cx: &UnitContext<'_>, history: &[LogRow], kept: usize) -> std::result::Result<(), WorkError> {
    cx.write_file("model/curves.csv", &curves(history)?)?;
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

/// The score of macro-F1 while training; thresholds are tuned afterwards.
const F1_THRESHOLD: f64 = 0.5;

/// What a validation found; figures that are not defined are left out.
pub(crate) fn figures(validation: &dyn Dataset, classes: usize, logits: &Tensor) -> Result<Vec<(String, f64)>> {
    let rows: Vec<usize> = (0..validation.len()).collect();
    let (labels, known) = validation.labels(&rows)?;
    let logits = logits.f_to_kind(Kind::Float)?;
    let values = |tensor: &Tensor| -> Result<Vec<f32>> { Ok(Vec::try_from(tensor.f_contiguous()?.f_view(-1)?)?) };
    let (scores, positive, reviewed) = (values(&logits.f_sigmoid()?)?, values(&labels)?, values(&known)?);
    let loss = cross_entropy(&logits, &[Target { labels, weights: known }])?.f_double_value(&[])?;
    let mut rankings = Vec::new();
    for class in 0..classes {
        let own: Vec<f32> = scores.iter().skip(class).step_by(classes).copied().collect();
        let pairs = positive.iter().zip(&reviewed).skip(class).step_by(classes);
        let labels: Vec<Option<bool>> = pairs.map(|(&label, &known)| (known > 0.5).then_some(label > 0.5)).collect();
        rankings.push(Ranking::new(&own, &labels).map_err(|e| Error::Caller(e.into()))?);
    }
    let f1 = macro_average(rankings.iter().map(|r| r.confusion(F1_THRESHOLD).f1())).value;
    let ap = macro_average(rankings.iter().map(Ranking::average_precision)).value;
    let figures = [(LOSS, Some(loss)), (MACRO_F1, f1), (MEAN_AP, ap)];
    Ok(figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}
