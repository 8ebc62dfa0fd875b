//! Stage `pretrain`: a network learns from two views of windows without labels what sounds are alike; the stages distill and train then
//! start from it. Windows of test and validation are not learnt from.
//!
//! What it has learnt is judged, after each epoch, on windows with labels: by their nearest neighbours, and by the effective rank of their
//! embeddings, which falls to 1 where all embeddings have become alike.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use chorus_audio::dsp::logmel::MelConfig;
use chorus_engine::{EngineError, Partition, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_score::eligible::Recordings;
use chorus_score::labelled::for_each_labelled;
use chorus_score::metrics::{Ranking, macro_average};
use chorus_tables::TableReader;
use tch::{Kind, Tensor};

use crate::dataset::Dataset;
use crate::declare::{JUDGED_GROUPS, OTHER_RUNS, PRETRAINED_FILE};
use crate::features::{self, Windows};
use crate::lesson::{Learnt, Lesson, LogRow, MEAN_AP, checkpoints_every, learn};
use crate::loss::bce::CrossEntropy;
use crate::options::TrainOptions;
use crate::settings::{PretrainSettings, Select, TrainSettings};
use crate::sound::SoundOptions;
use crate::worth::{activity, spread};
use crate::{Error, Result, device};

/// The name of the second figure by which an epoch is judged.
const RANK: &str = "effective_rank";
/// Nearest windows that say what a window holds.
const NEIGHBOURS: i64 = 10;
/// Largest number of windows with labels on each side of the judgement.
const JUDGED: usize = 2000;

/// The stage.
pub struct Pretrain;

impl Work for Pretrain {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> std::result::Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> std::result::Result<(), WorkError> {
        let params = cx.settings::<TrainSettings>()?;
        let settings = cx.settings::<PretrainSettings>()?;
        let device = device::resolve(&cx.value::<String>("device")?)?;
        let options = options(&params, &settings)?;
        features::check_input(&*options.network.architecture)?;
        let (classes, _) = chorus_score::classes::read(cx)?;
        let mut train = read(cx, &settings)?;
        if train.len() < 2 {
            let next = "add recordings, or see split.judged_groups_teach";
            return Err(format!("found {} windows to learn from without labels, expected at least 2; {next}", train.len()).into());
        }
        let mut known = Known::read(cx, classes.len())?;
        let memory = cx.budget().training_features(params.memory_gib);
        if (train.bytes() + known.windows.bytes()) as u64 <= memory {
            train.hold()?;
            known.windows.hold()?;
        }
        let judged = known.windows.len() - known.reference;
        cx.console().say(&format!(
            "{:17} {} windows to learn from without labels, {judged} to judge by",
            "pretrain",
            train.len()
        ));
        let has_validation = judged > 0 && known.reference > 0;
        let lesson = Lesson {
            stage: "pretrain",
            options,
            device,
            train: &train,
            validation: has_validation.then_some(&known.windows as &dyn Dataset),
            judge: &|embeddings| known.judge(embeddings, classes.len()),
            select: if has_validation { Select::MeanAp } else { Select::Last },
            every: checkpoints_every(&params),
            loader_threads: params.loader_threads,
            start: &|_| Ok(()),
        };
        let Learnt { history, kept, weights } = learn(cx, lesson)?;
        cx.write_file(PRETRAINED_FILE, &weights)?;
        write_log(cx, &history, kept)
    }
}

/// The options of train, but for what a training without labels does otherwise.
fn options(params: &TrainSettings, settings: &PretrainSettings) -> Result<TrainOptions> {
    let mut options = params.options(settings.projection)?;
    options.network.hidden = Some(settings.projection_hidden as i64);
    options.views = Some(settings.objective()?);
    // How labels are learnt is no part of this, nor of its checkpoints.
    options.loss = Arc::new(CrossEntropy);
    options.mixing = params.mixing(&settings.mixing)?;
    let PretrainSettings { gain_db, background_probability, background_gain_db, .. } = *settings;
    options.settings.sound = SoundOptions { gain_db, background_probability, background_gain_db };
    options.settings.epochs = settings.epochs;
    options.settings.learning_rate = settings.learning_rate;
    options.settings.body_rate = 1.0;
    options.settings.warmup_epochs = options.settings.warmup_epochs.min(settings.epochs.saturating_sub(1));
    options.settings.max_positive_weight = None;
    options.settings.label_smoothing = 0.0;
    options.settings.logit_adjustment = 0.0;
    options.settings.patience = None;
    options.settings.sampling = crate::sampling::Sampling::Uniform;
    options.validate()?;
    Ok(options)
}

/// A part of the features of a run, with when its windows began.
struct Part {
    features: Partition,
    segments: Option<Partition>,
}

/// The windows to learn from.
fn read(cx: &UnitContext<'_>, settings: &PretrainSettings) -> std::result::Result<Windows, WorkError> {
    let recordings = Recordings::read(cx)?;
    let mut own = recordings.eligible(cx.value(JUDGED_GROUPS)?);
    own.extend(recordings.train());
    let mut candidates = Vec::new();
    let of_unit =
        |partitions: Vec<Partition>| -> BTreeMap<_, _> { partitions.into_iter().map(|p| (p.unit.clone(), p)).collect() };
    let mut segments = of_unit(cx.partitions("segments")?);
    for features in cx.partitions("features")? {
        let part = Part { segments: segments.remove(&features.unit), features };
        candidates.extend(part.candidates(cx, "", |recording| own.contains_key(recording))?);
    }
    // Copies of what is judged by may lie in other runs.
    let judged = recordings.judged_content();
    let others = cx.of_runs(OTHER_RUNS, "features")?.into_iter().zip(cx.of_runs(OTHER_RUNS, "segments")?);
    for (number, ((features, segments), tables)) in others.zip(cx.of_runs(OTHER_RUNS, "recordings")?).enumerate() {
        let copies = copies(cx, &tables, &judged)?;
        let mut segments = of_unit(segments);
        for features in features {
            let part = Part { segments: segments.remove(&features.unit), features };
            candidates.extend(part.candidates(cx, &format!("{number} "), |recording| !copies.contains(recording))?);
        }
    }
    if candidates.len() > settings.max_windows {
        let bands = bands(cx, settings)?;
        measure(cx, &mut candidates, &bands)?;
    }
    let ranked: Vec<(String, f32)> = candidates.iter().map(|window| (window.stratum.clone(), window.activity)).collect();
    let mut windows = Windows::empty(0);
    for place in spread(&ranked, settings.max_windows) {
        windows.add(&candidates[place].reader, candidates[place].row, &[])?;
    }
    Ok(windows)
}

/// The recordings of another run that are copies of these contents.
fn copies(
    cx: &UnitContext<'_>,
    tables: &[Partition],
    contents: &BTreeSet<&str>,
) -> std::result::Result<BTreeSet<String>, WorkError> {
    let mut copies = BTreeSet::new();
    for partition in tables {
        let batch = cx.read_partition("recordings", partition, &["recording_id", "content_hash"])?;
        let (ids, hashes) = (batch.utf8("recording_id")?, batch.utf8("content_hash")?);
        copies.extend((0..batch.rows()).filter(|&row| contents.contains(hashes.value(row))).map(|row| ids.value(row).to_owned()));
    }
    Ok(copies)
}

/// A window that may be learnt from.
struct Candidate {
    reader: TableReader,
    row: usize,
    /// Site and hour of the day.
    stratum: String,
    activity: f32,
}

impl Part {
    fn candidates(
        &self,
        cx: &UnitContext<'_>,
        prefix: &str,
        may: impl Fn(&str) -> bool,
    ) -> std::result::Result<Vec<Candidate>, WorkError> {
        if cx.stopping() {
            return Err(EngineError::Stopped.into());
        }
        let reader = cx.open("features", &self.features)?;
        if reader.rows() == 0 {
            return Ok(Vec::new());
        }
        let mut hours = BTreeMap::new();
        if let Some(segments) = &self.segments {
            let batch = cx.read_partition("segments", segments, &["segment_id", "start_utc"])?;
            let (ids, starts) = (batch.utf8("segment_id")?, batch.micros("start_utc")?);
            let hour = |micros: i64| micros.div_euclid(3_600_000_000).rem_euclid(24);
            hours.extend(starts.iter().enumerate().filter_map(|(row, at)| Some((ids.value(row).to_owned(), hour(at?)))));
        }
        let site = self.features.unit.site();
        let ids = reader.read(&["segment_id"])?;
        let ids = ids.utf8("segment_id")?;
        let candidate = |row: usize| {
            let segment = ids.value(row);
            // A window bears the id of its recording and a number.
            let recording = segment.rsplit_once('-').map_or(segment, |(recording, _)| recording);
            let hour = hours.get(segment).map_or_else(String::new, |hour| format!(" {hour:02}"));
            let stratum = format!("{prefix}{site}{hour}");
            may(recording).then(|| Candidate { reader: reader.clone(), row, stratum, activity: 0.0 })
        };
        Ok((0..reader.rows()).filter_map(candidate).collect())
    }
}

/// The mel bands in which sound is looked for.
fn bands(cx: &UnitContext<'_>, settings: &PretrainSettings) -> std::result::Result<Range<usize>, WorkError> {
    let mel = cx.settings::<MelConfig>()?;
    if let Some([low, high]) = settings.band_hz {
        return Ok(mel.bands_between(low, high));
    }
    let (mut lows, mut highs) = (Vec::new(), Vec::new());
    for (_, batch) in cx.read_all("annotations", &["low_hz", "high_hz", "used"])? {
        let (low, high, used) = (batch.f64("low_hz")?, batch.f64("high_hz")?, batch.bool("used")?);
        for ((low, high), used) in low.iter().zip(high).zip(used) {
            if let (Some(low), Some(high), Some(true)) = (low, high, used) {
                lows.push(low);
                highs.push(high);
            }
        }
    }
    if lows.is_empty() {
        return Ok(0..mel.n_mels);
    }
    // A bound that was drawn by mistake does not decide.
    lows.sort_by(f64::total_cmp);
    highs.sort_by(f64::total_cmp);
    let (one, all) = (lows.len() / 100, lows.len());
    Ok(mel.bands_between(lows[one], highs[all - 1 - one]))
}

/// Measures the activity of each candidate, shard by shard.
fn measure(cx: &UnitContext<'_>, candidates: &mut [Candidate], bands: &Range<usize>) -> std::result::Result<(), WorkError> {
    for of_shard in candidates.chunk_by_mut(|a, b| a.reader.path() == b.reader.path()) {
        let reader = of_shard[0].reader.clone();
        let shape: Vec<i64> = reader.shape().iter().map(|&n| n as i64).collect();
        let shape =
            <[i64; 2]>::try_from(shape).map_err(|_| format!("{}: found no arrays [mel, frame]", reader.path().display()))?;
        let mut wanted = of_shard.iter_mut().peekable();
        let mut first = 0;
        for batch in reader.batches(&["logmel"])? {
            if cx.stopping() {
                return Err(EngineError::Stopped.into());
            }
            let batch = batch?;
            let arrays = batch.arrays("logmel")?;
            while let Some(candidate) = wanted.next_if(|candidate| candidate.row < first + batch.rows()) {
                candidate.activity = activity(arrays.value(candidate.row - first), shape, bands);
            }
            first += batch.rows();
        }
    }
    Ok(())
}

/// Windows with labels, by which is judged what was learnt without: those of train first, as a reference, then those of validation.
struct Known {
    windows: Windows,
    /// How many are of train.
    reference: usize,
}

impl Known {
    fn read(cx: &UnitContext<'_>, classes: usize) -> std::result::Result<Self, WorkError> {
        let mut counts = [0_usize; 2];
        let side = |subset: &str| usize::from(subset == "validation");
        for_each_labelled(cx, "features", classes, |window| {
            counts[side(window.subset)] += usize::from(window.labels.iter().any(Option::is_some));
            Ok(())
        })?;
        // Evenly spaced ones, where there are many.
        let step = counts.map(|count| count.div_ceil(JUDGED).max(1));
        let mut known = Self { windows: Windows::empty(classes), reference: 0 };
        for wanted in [0, 1] {
            let mut seen = 0;
            for_each_labelled(cx, "features", classes, |window| {
                if side(window.subset) != wanted || window.labels.iter().all(Option::is_none) {
                    return Ok(());
                }
                seen += 1;
                if (seen - 1) % step[wanted] == 0 { known.windows.add(window.reader, window.row, window.labels) } else { Ok(()) }
            })?;
            if wanted == 0 {
                known.reference = known.windows.len();
            }
        }
        Ok(known)
    }

    /// The two figures of the embeddings `[row, value]` of all windows.
    fn judge(&self, embeddings: &Tensor, classes: usize) -> Result<Vec<(String, f64)>> {
        let embeddings = embeddings.f_to_kind(Kind::Float)?;
        let reference = self.reference as i64;
        let (rows, width) = embeddings.size2()?;
        let lengths = embeddings.f_square()?.f_sum_dim_intlist([1].as_slice(), true, None::<Kind>)?.f_sqrt()?;
        let unit = embeddings.f_div(&lengths.f_clamp_min(1e-12)?)?;
        let (known, asked) = (unit.f_narrow(0, 0, reference)?, unit.f_narrow(0, reference, rows - reference)?);
        let neighbours = NEIGHBOURS.min(reference);
        let (_, nearest) = asked.f_matmul(&known.f_transpose(0, 1)?)?.f_topk(neighbours, 1, true, true)?;
        let all: Vec<usize> = (0..self.windows.len()).collect();
        let (labels, mask) = self.windows.labels(&all)?;
        let of_reference = labels.f_mul(&mask)?.f_narrow(0, 0, reference)?;
        let votes =
            of_reference.f_index_select(0, &nearest.f_reshape([-1])?)?.f_view([rows - reference, neighbours, classes as i64])?;
        let scores = votes.f_mean_dim([1].as_slice(), false, None::<Kind>)?;
        let values = |tensor: &Tensor| -> Result<Vec<f32>> { Ok(Vec::try_from(tensor.f_contiguous()?.f_view(-1)?)?) };
        let later = |tensor: &Tensor| values(&tensor.f_narrow(0, reference, rows - reference)?);
        let (scores, labels, mask) = (values(&scores)?, later(&labels)?, later(&mask)?);
        let ranking = |class: usize| {
            let own: Vec<f32> = scores.iter().skip(class).step_by(classes).copied().collect();
            let pairs = labels.iter().zip(&mask).skip(class).step_by(classes);
            let labels: Vec<Option<bool>> = pairs.map(|(&label, &known)| (known > 0.5).then_some(label > 0.5)).collect();
            Ranking::new(&own, &labels).map_err(|e| Error::Caller(e.into()))
        };
        let rankings = (0..classes).map(ranking).collect::<Result<Vec<_>>>()?;
        let precision = macro_average(rankings.iter().map(Ranking::average_precision)).value;
        let rank = effective_rank(&embeddings, width)?;
        Ok([(MEAN_AP, precision), (RANK, Some(rank))]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect())
    }
}

/// The exponential of the entropy of the singular values of the centred embeddings (Roy and Vetterli, EUSIPCO 2007).
fn effective_rank(embeddings: &Tensor, width: i64) -> Result<f64> {
    let rows = embeddings.f_to_kind(Kind::Double)?;
    let centred = rows.f_sub(&rows.f_mean_dim([0].as_slice(), true, None::<Kind>)?)?;
    let gram = centred.f_transpose(0, 1)?.f_matmul(&centred)?;
    let squares = Vec::<f64>::try_from(gram.f_linalg_eigvalsh("L")?)?;
    let singular: Vec<f64> = squares.iter().map(|square| square.max(0.0).sqrt()).collect();
    let sum: f64 = singular.iter().sum();
    if sum <= 0.0 {
        return Ok(0.0);
    }
    let entropy: f64 =
        singular.iter().map(|value| value / sum).filter(|share| *share > 0.0).map(|share| -share * share.ln()).sum();
    Ok(entropy.exp().min(width as f64))
}

fn write_log(cx: &UnitContext<'_>, history: &[LogRow], kept: usize) -> std::result::Result<(), WorkError> {
    let value = |name: &'static str| history.iter().map(move |row| row.validation.get(name).map(|figure| figure.0));
    cx.write("pretraining_log", |batch| {
        batch
            .column("epoch", history.iter().map(|row| row.epoch))
            .column("step", history.iter().map(|row| row.step))
            .column("learning_rate", history.iter().map(|row| row.learning_rate.0))
            .column("train_loss", history.iter().map(|row| row.loss.0))
            .column("knn_average_precision", value(MEAN_AP))
            .column(RANK, value(RANK))
            .column("best", history.iter().map(|row| row.epoch == kept))
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::HOST;

    #[test]
    fn the_effective_rank_counts_directions() {
        let rank = |tensor: &Tensor| effective_rank(tensor, tensor.size()[1]).unwrap();
        let spread = Tensor::randn([4000, 8], (Kind::Double, HOST));
        assert!(rank(&spread) > 7.9, "{}", rank(&spread));
        let line = Tensor::randn([4000, 1], (Kind::Double, HOST)) * Tensor::ones([1, 8], (Kind::Double, HOST));
        assert!((rank(&line) - 1.0).abs() < 1e-3, "{}", rank(&line));
        assert_eq!(rank(&Tensor::ones([10, 8], (Kind::Double, HOST))), 0.0);
    }
}
