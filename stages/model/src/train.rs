//! Stage `train`: from features and labels to `model/weights.safetensors`, `model/model.yaml` and the tables `training_log`
//! and `training_mixing`.
//!
//! The weights that are kept are those of the epoch that did best on validation by `train.select`. A checkpoint holds everything that
//! is needed to go on bit for bit (on a processor), the best weights so far and the log among it; it is written at times, when a stop
//! is asked for, and goes when the stage is committed.

use std::path::Path;

use chorus_audio::dsp::logmel::MelConfig;
use chorus_card::{Card, GivenBackbone, Training, Versions};
use chorus_embed::given::Given;
use chorus_engine::graph::{BACKBONE, CONTRACT};
use chorus_engine::{EngineError, Scan, ScanContext, UnitContext, Work, WorkError, hash_bytes};
use chorus_keys::Keys;

use crate::dataset::{Census, Dataset};
use crate::declare::{DISTILLED, PRETRAINED};
use crate::device;
use crate::features::{self, TrainingWindows};
use crate::lesson::{Learnt, Lesson, checkpoints_every, learn};
use crate::log::{figures, write_log};
use crate::resident::Resident;
use crate::settings::TrainSettings;
use crate::student::StudentOptions;
use crate::trainer::Trainer;
use crate::{Result, weights};

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
        let mut options = params.options(classes.len())?;
        options.student = *cx.settings::<StudentOptions>()?;
        features::check_input(&*options.network.architecture)?;
        let windows = TrainingWindows::read(cx, &classes, cx.budget().training_features(params.memory_gib))?;
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
            enrolled: Vec::new(),
        };
        cx.write_file("model/weights.safetensors", &bytes)?;
        cx.write_file("model/model.yaml", card.to_yaml().as_bytes())?;
        write_log(cx, &history, kept)
    }
}

/// Gives a training the weights to start from: those of a file that the configuration names, or those that an earlier stage made.
fn start(cx: &UnitContext<'_>, trainer: &mut Trainer) -> std::result::Result<(), WorkError> {
    match cx.file(INITIAL_WEIGHTS)? {
        Some(path) => start_from_file(trainer, &path),
        None => start_from_stage(cx, trainer, &[DISTILLED, PRETRAINED]),
    }
}

/// Gives a training the weights that the first of these stages made that the pass reads.
pub(crate) fn start_from_stage(
    cx: &UnitContext<'_>,
    trainer: &mut Trainer,
    names: &[&'static str],
) -> std::result::Result<(), WorkError> {
    let Some(name) = names.iter().find(|name| cx.reads_model(name)) else { return Ok(()) };
    cx.model_file(name)?.map_or(Ok(()), |path| start_from_file(trainer, &path))
}

fn start_from_file(trainer: &mut Trainer, path: &Path) -> std::result::Result<(), WorkError> {
    let bytes = std::fs::read(path).map_err(EngineError::io(path, "cannot be read"))?;
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
