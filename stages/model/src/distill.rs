//! Stage `distill`: a network of its own learns to give the embeddings of a backbone, from all windows but those of test recordings,
//! whether they have labels or not. `train` then starts from it. What comes of it needs no backbone any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_engine::{EngineError, Scan, ScanContext, UnitContext, Work, WorkError};
use half::f16;
use tch::{Kind, Tensor};

use crate::dataset::Dataset;
use crate::declare::{DISTILLED_FILE, PRETRAINED};
use crate::extension::{Extension, Settings};
use crate::features::{self, Windows};
use crate::lesson::{LOSS, Learnt, Lesson, LogRow, checkpoints_every, learn};
use crate::loss::Loss;
use crate::options::TrainOptions;
use crate::settings::{DistillSettings, Select, TrainSettings};
use crate::target::Target;
use crate::train::start_from_stage;
use crate::{Error, Result, device};

/// The stage.
pub struct Distill;

impl Work for Distill {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> std::result::Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> std::result::Result<(), WorkError> {
        let params = cx.settings::<TrainSettings>()?;
        let distill = cx.settings::<DistillSettings>()?;
        let device = device::resolve(&cx.value::<String>("device")?)?;
        let [mut train, mut validation] = read(cx)?;
        if train.targets.is_empty() {
            return Err("there is no window outside of test recordings to learn embeddings from".into());
        }
        let memory = cx.budget().training_features(params.memory_gib);
        if (train.windows.bytes() + validation.windows.bytes()) as u64 <= memory {
            train.windows.hold()?;
            validation.windows.hold()?;
        }
        let scale = Scale::of(&train.targets, train.width);
        (train.scale, validation.scale) = (scale.clone(), scale);
        let options = options(&params, &distill, train.width)?;
        features::check_input(&*options.network.architecture)?;
        let (n, m) = (train.len(), validation.len());
        cx.console()
            .say(&format!("{:17} {n} windows to learn embeddings of {} values from, {m} to judge by", "distill", train.width));
        let lesson = Lesson {
            stage: "distill",
            options,
            device,
            train: &train,
            validation: (m > 0).then_some(&validation as &dyn Dataset),
            judge: &|outputs| judged(&validation, outputs),
            select: if m > 0 { Select::Loss } else { Select::Last },
            every: checkpoints_every(&params),
            loader_threads: params.loader_threads,
            start: &|trainer| start_from_stage(cx, trainer, &[PRETRAINED]),
        };
        let Learnt { history, kept, weights } = learn(cx, lesson)?;
        cx.write_file(DISTILLED_FILE, &weights)?;
        write_log(cx, &history, kept)
    }
}

/// The options of train, but for the outputs, the loss and the number of epochs.
fn options(params: &TrainSettings, distill: &DistillSettings, width: usize) -> Result<TrainOptions> {
    let mut options = params.options(width)?;
    options.loss = Arc::new(SquaredError);
    options.settings.epochs = distill.epochs;
    options.settings.learning_rate = distill.learning_rate;
    options.settings.warmup_epochs = options.settings.warmup_epochs.min(distill.epochs.saturating_sub(1));
    options.settings.max_positive_weight = None;
    options.settings.label_smoothing = 0.0;
    options.settings.logit_adjustment = 0.0;
    options.settings.body_rate = 1.0;
    options.settings.patience = None;
    options.settings.sampling = crate::sampling::Sampling::Uniform;
    options.validate()?;
    Ok(options)
}

fn write_log(cx: &UnitContext<'_>, history: &[LogRow], kept: usize) -> std::result::Result<(), WorkError> {
    cx.write("distillation_log", |batch| {
        batch
            .column("epoch", history.iter().map(|row| row.epoch))
            .column("learning_rate", history.iter().map(|row| row.learning_rate.0))
            .column("train_loss", history.iter().map(|row| row.loss.0))
            .column("validation_loss", history.iter().map(|row| row.validation.get(LOSS).map(|loss| loss.0)))
            .column("best", history.iter().map(|row| row.epoch == kept))
    })?;
    Ok(())
}

/// Windows with the embeddings that they should have.
struct Pairs {
    windows: Windows,
    /// `[row, value]`
    targets: Vec<f16>,
    width: usize,
    scale: Scale,
}

/// The windows of all recordings but those of test: those that are learnt from, and those of validation.
fn read(cx: &UnitContext<'_>) -> std::result::Result<[Pairs; 2], WorkError> {
    let mut subset_of = BTreeMap::new();
    for (_, batch) in cx.read_all("splits", &["recording_id", "subset"])? {
        subset_of.extend(batch.texts("recording_id")?.into_iter().flatten().zip(batch.texts("subset")?.into_iter().flatten()));
    }
    let empty = || Pairs { windows: Windows::empty(0), targets: Vec::new(), width: 0, scale: Scale::default() };
    let mut sides = [empty(), empty()];
    let embeddings: BTreeMap<_, _> = cx.partitions("embeddings")?.into_iter().map(|p| (p.unit.clone(), p)).collect();
    for partition in cx.partitions("features")? {
        if cx.stopping() {
            return Err(EngineError::Stopped.into());
        }
        let reader = cx.open("features", &partition)?;
        if reader.rows() == 0 {
            continue;
        }
        let unit = &partition.unit;
        let own = embeddings.get(unit).ok_or_else(|| format!("{unit} has features and no embeddings; run embed again"))?;
        let embeddings = cx.read_partition("embeddings", own, &["segment_id", "recording_id", "embedding"])?;
        let windows = reader.read(&["segment_id"])?;
        let (ids, own_ids) = (windows.utf8("segment_id")?, embeddings.utf8("segment_id")?);
        let (recordings, arrays) = (embeddings.utf8("recording_id")?, embeddings.arrays("embedding")?);
        if windows.rows() != embeddings.rows() {
            return Err(format!("{unit}: features and embeddings hold different windows; run embed and featurize again").into());
        }
        for row in 0..windows.rows() {
            if ids.value(row) != own_ids.value(row) {
                return Err(
                    format!("{unit}: features and embeddings hold different windows; run embed and featurize again").into()
                );
            }
            let side = match subset_of.get(recordings.value(row)).map(String::as_str) {
                Some("test") => continue,
                Some("validation") => &mut sides[1],
                _ => &mut sides[0],
            };
            side.windows.add(&reader, row, &[])?;
            let target = arrays.value(row).chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]]));
            side.targets.extend(target);
            side.width = arrays.value(row).len() / 2;
        }
    }
    Ok(sides)
}

/// Mean and deviation of each value of an embedding.
#[derive(Debug, Clone, Default)]
struct Scale {
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

impl Scale {
    fn of(targets: &[f16], width: usize) -> Self {
        let n = (targets.len() / width) as f64;
        let mut sums = vec![(0.0, 0.0); width];
        for row in targets.chunks_exact(width) {
            for ((sum, squares), value) in sums.iter_mut().zip(row) {
                *sum += value.to_f64();
                *squares += value.to_f64().powi(2);
            }
        }
        let mean = sums.iter().map(|(sum, _)| (sum / n) as f32).collect();
        // A value that never varies teaches nothing, whatever it is divided by.
        let deviation = sums.iter().map(|(sum, squares)| (squares / n - (sum / n).powi(2)).max(1e-8).sqrt() as f32).collect();
        Self { mean, deviation }
    }
}

impl Dataset for Pairs {
    fn len(&self) -> usize {
        self.windows.len()
    }

    fn inputs(&self, rows: &[usize]) -> Result<Tensor> {
        self.windows.inputs(rows)
    }

    fn labels(&self, rows: &[usize]) -> Result<(Tensor, Tensor)> {
        let Scale { mean, deviation } = &self.scale;
        let row = |&row: &usize| self.targets[row * self.width..(row + 1) * self.width].iter().zip(mean).zip(deviation);
        let values: Vec<f32> =
            rows.iter().flat_map(|r| row(r).map(|((value, mean), deviation)| (value.to_f32() - mean) / deviation)).collect();
        let labels = Tensor::f_from_slice(&values)?.f_view([rows.len() as i64, self.width as i64])?;
        let known = labels.f_ones_like()?;
        Ok((labels, known))
    }
}

/// The mean squared error of outputs `[row, value]`: 1 for a network that always gives the mean.
fn judged(validation: &Pairs, outputs: &Tensor) -> Result<Vec<(String, f64)>> {
    let rows: Vec<usize> = (0..validation.len()).collect();
    let (labels, _) = validation.labels(&rows)?;
    let difference = outputs.f_to_kind(Kind::Float)?.f_sub(&labels)?;
    let loss = difference.f_square()?.f_mean(Kind::Float)?.f_double_value(&[])?;
    if loss.is_finite() { Ok(vec![(LOSS.to_owned(), loss)]) } else { Err(Error::Empty) }
}

/// The squared error of each output. It is no loss for labels, so the configuration does not know it.
#[derive(Debug)]
struct SquaredError;

impl Extension for SquaredError {
    fn name(&self) -> &'static str {
        "squared_error"
    }

    fn options(&self) -> Settings {
        Settings::default()
    }
}

impl Loss for SquaredError {
    fn of_outputs(&self, outputs: &Tensor, target: &Target, _: Option<&Tensor>) -> Result<Tensor> {
        Ok(outputs.f_sub(&target.labels)?.f_square()?)
    }
}
