//! Stage `predict`: the classifier's logit and score for every window and class, the table `predictions`, and on request the embeddings
//! behind them.
//!
//! From the table `features`, or straight from audio with nothing written in between. Both go through the same float16 values in the
//! same batches, so the scores are identical.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use arrow::array::{Array, FixedSizeBinaryArray};
use arrow::buffer::Buffer;
use chorus_audio::dsp::logmel::MelConfig;
use chorus_audio::extract::{Extractor, for_each_group, jobs};
use chorus_card::{Card, MODEL_CARD};
use chorus_engine::mean_id;
use chorus_engine::{EngineError, Scan, ScanContext, TableSink, Unit, UnitContext, Work, WorkError, locked};
use chorus_score::predictions::{SEGMENT_COLUMNS, Scores, Windows, models};
use chorus_tables::Batch;
use tch::{Kind, Tensor};

use crate::features::{check_input, tensor};
use crate::network::{self, Frozen, Network};
use crate::precision::Precision;
use crate::settings::PredictSettings;
use crate::{device, given, inference, weights};

/// The settings of the pass.
struct Params {
    device: String,
    predict: PredictSettings,
    threads: usize,
}

impl Params {
    fn of(cx: &UnitContext<'_>) -> Result<Self, WorkError> {
        // The pass declares one of the two.
        let threads = cx.value("predict.threads").or_else(|_| cx.value("train.threads"))?;
        Ok(Self { device: cx.value("device")?, predict: *cx.settings::<PredictSettings>()?, threads })
    }
}

/// Bytes of a row on disk, about.
const BYTES_PER_ROW: u64 = 12;

/// The stage.
pub struct Predict;

/// The model, loaded with the first unit that is made; it serves all others.
#[derive(Default)]
pub struct Loaded(OnceLock<Result<Model, String>>);

/// A model, or several for the same classes whose mean counts.
pub struct Model {
    model_id: String,
    classes: Vec<String>,
    /// Length of the first one's embedding.
    embedding: usize,
    /// One unit at a time computes; others decode meanwhile.
    networks: Mutex<Vec<Frozen>>,
}

impl Loaded {
    fn model(&self, cx: &UnitContext<'_>, params: &Params) -> Result<&Model, WorkError> {
        let model = self.0.get_or_init(|| Model::load(cx, params).map_err(|e| e.to_string()));
        Ok(model.as_ref().map_err(String::clone)?)
    }
}

impl Model {
    fn load(cx: &UnitContext<'_>, params: &Params) -> Result<Self, WorkError> {
        let (mut networks, mut read) = (Vec::new(), Vec::<Card>::new());
        let precision = params.predict.precision;
        device::warn_of_bfloat16(cx.console(), "predict.precision", precision, device::resolve(&params.device)?);
        for (path, weights) in &models(cx)? {
            let card = Card::read(path)?;
            if let Some(first) = read.first() {
                cx.check_ensemble(first, &card, path)?;
            }
            networks.push(load(&card, path, weights, &params.device, precision)?);
            read.push(card);
        }
        let model_id = mean_id(read.iter().map(|card| card.model_id.clone()).collect());
        let first = read.swap_remove(0);
        let embedding = usize::try_from(first.embedding)?;
        Ok(Self { model_id, classes: first.classes, embedding, networks: networks.into() })
    }
}

/// The network that the card at `card_path` describes, with the weights of the file at `path`, ready to predict.
pub(crate) fn load(card: &Card, card_path: &Path, path: &Path, device: &str, precision: Precision) -> Result<Frozen, WorkError> {
    let options = network::of_card(card, card_path)?;
    let bytes = given::weights(card, path)?;
    check_input(&*options.architecture)?;
    let device = device::resolve(device)?;
    let precision = options.precision_on(precision, device)?;
    // The seed does not matter: all initial weights are overwritten.
    let mut network = Network::new(options, 0, Kind::Float, device)?;
    let loaded = weights::from_bytes(&bytes).and_then(|state| network.load_state_dict(&state));
    loaded.map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(network.freeze(precision.kind()?)?)
}

impl Work for Predict {
    type Found = Loaded;

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<Loaded>, WorkError> {
        Ok(Scan::default())
    }

    fn bytes_needed(&self, cx: &ScanContext<'_>, units: &[&Unit]) -> Result<u64, WorkError> {
        let Some(card) = cx.model_file(MODEL_CARD)? else { return Ok(0) };
        let card = Card::read(&card)?;
        let classes = card.classes.len() as u64;
        let mut windows = 0;
        for partition in cx.partitions("segments")?.iter().filter(|p| units.contains(&&p.unit)) {
            windows += cx.open("segments", partition)?.rows() as u64;
        }
        let embeddings = if cx.writes("embeddings") { 2 * card.embedding.unsigned_abs() } else { 0 };
        Ok(windows * (classes * BYTES_PER_ROW + embeddings))
    }

    fn run(&self, cx: &UnitContext<'_>, loaded: &Loaded) -> Result<(), WorkError> {
        let params = Params::of(cx)?;
        let model = loaded.model(cx, &params)?;
        let segments = cx.read("segments", SEGMENT_COLUMNS)?.ok_or("the unit has no segments")?;
        let featurize = cx.settings::<MelConfig>()?;
        let extractor = Extractor::new(&featurize, cx.value("segment.window_s")?)?;
        let mut scorer = Scorer {
            model,
            threads: params.threads,
            batch_size: params.predict.batch_size,
            min_score: params.predict.min_score,
            shape: extractor.shape().map(|n| n as i64),
            segments: &segments,
            pushed: 0,
            written: 0,
            waiting: Vec::new(),
            sink: cx.sink("predictions", &[])?,
            embeddings: params.predict.embeddings.then(|| cx.sink("embeddings", &[model.embedding])).transpose()?,
        };
        if cx.has_table("features") {
            if let Some(reader) = cx.reader("features")? {
                if reader.rows() > 0 && reader.shape() != extractor.shape() {
                    return Err(format!(
                        "features have shape {:?}, expected {:?}; run featurize again",
                        reader.shape(),
                        extractor.shape()
                    )
                    .into());
                }
                for batch in reader.batches(&[])? {
                    if cx.stopping() {
                        return Err(EngineError::Stopped.into());
                    }
                    let batch = batch?;
                    let arrays: Vec<&[u8]> = batch.arrays("logmel")?.iter().flatten().collect();
                    let bytes = arrays.concat();
                    scorer.push(&batch.texts("segment_id")?.into_iter().flatten().collect::<Vec<_>>(), &bytes)?;
                }
            }
        } else {
            for_each_group(cx, &extractor, &jobs(cx, cx.value("archive.channel")?)?, |ids, bytes| scorer.push(ids, &bytes))?;
        }
        scorer.finish()
    }
}

/// Turns windows into predictions, in batches that depend only on their order.
struct Scorer<'a> {
    model: &'a Model,
    threads: usize,
    batch_size: usize,
    min_score: f32,
    shape: [i64; 2],
    segments: &'a Batch,
    /// Windows that were pushed.
    pushed: usize,
    /// Windows that were predicted and written.
    written: usize,
    /// Arrays of the last windows pushed, which make no whole batch yet.
    waiting: Vec<u8>,
    sink: TableSink<'a>,
    embeddings: Option<TableSink<'a>>,
}

impl Scorer<'_> {
    /// Appends the embeddings `[window, value]` of `rows` windows from `first` on.
    fn write_embeddings(&mut self, first: usize, rows: usize, embeddings: &Tensor) -> Result<(), WorkError> {
        let Some(sink) = &mut self.embeddings else { return Ok(()) };
        let width = 2 * self.model.embedding;
        let halves = embeddings.f_to_kind(Kind::Half)?.f_contiguous()?;
        let mut bytes = vec![0; rows * width];
        halves.f_copy_data_u8(&mut bytes, halves.numel())?;
        let values = FixedSizeBinaryArray::try_new(i32::try_from(width)?, Buffer::from_vec(bytes), None)?;
        let (ids, recordings) = (self.segments.utf8("segment_id")?, self.segments.utf8("recording_id")?);
        let starts = self.segments.f64("start_s")?;
        let batch = sink
            .builder()
            .column("segment_id", (first..first + rows).map(|row| ids.value(row)))
            .column("recording_id", (first..first + rows).map(|row| recordings.value(row)))
            .column("start_s", (first..first + rows).map(|row| starts.value(row)))
            .array("embedding", Arc::new(values))
            .column("model_id", (first..first + rows).map(|_| &self.model.model_id))
            .build()?;
        Ok(sink.write(&batch)?)
    }

    fn width(&self) -> usize {
        2 * (self.shape[0] * self.shape[1]) as usize
    }

    /// Takes the next windows, which are those of the table `segments` in order.
    fn push(&mut self, ids: &[String], bytes: &[u8]) -> Result<(), WorkError> {
        let expected = self.segments.utf8("segment_id")?;
        for (i, id) in ids.iter().enumerate() {
            let row = self.pushed + i;
            if row >= expected.len() || expected.value(row) != id {
                return Err(format!("features hold window {id} where segments do not; run featurize again").into());
            }
        }
        self.pushed += ids.len();
        let whole = self.batch_size * self.width();
        let mut rest = bytes;
        if !self.waiting.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(whole - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            rest = later;
            if self.waiting.len() < whole {
                return Ok(());
            }
            let mut waited = std::mem::take(&mut self.waiting);
            self.score(&waited)?;
            waited.clear();
            self.waiting = waited;
        }
        let mut batches = rest.chunks_exact(whole);
        self.waiting.extend_from_slice(batches.remainder());
        batches.try_for_each(|batch| self.score(batch))
    }

    fn finish(mut self) -> Result<(), WorkError> {
        let expected = self.segments.rows();
        if self.pushed != expected {
            return Err(format!(
                "found features of {} windows, expected {expected} as in segments; run featurize again",
                self.pushed
            )
            .into());
        }
        let waited = std::mem::take(&mut self.waiting);
        if !waited.is_empty() {
            self.score(&waited)?;
        }
        self.embeddings.map_or(Ok(()), TableSink::finish)?;
        Ok(self.sink.finish()?)
    }

    /// Predicts the next windows, and writes what is found.
    fn score(&mut self, batch: &[u8]) -> Result<(), WorkError> {
        let rows = batch.len() / self.width();
        let first = self.written;
        let features = tensor(batch, rows, self.shape)?;
        let (scores, embeddings) = {
            let networks = locked(&self.model.networks);
            device::set_threads(self.threads);
            judged(&networks, &features)?
        };
        self.written += rows;
        if self.embeddings.is_some() {
            self.write_embeddings(first, rows, &embeddings)?;
        }
        let Model { model_id, classes, .. } = self.model;
        let windows = Windows { segments: self.segments, classes, model_id, min_score: self.min_score };
        windows.write(&mut self.sink, first, &scores)
    }
}

/// What the networks say about some windows: the logits and scores of one, or the mean scores of several; and the first one's embeddings
/// `[window, value]`.
fn judged(networks: &[Frozen], features: &Tensor) -> Result<(Scores, Tensor), WorkError> {
    let mut embeddings = None;
    let mut models = Vec::with_capacity(networks.len());
    for network in networks {
        let prediction = inference::predict_batch(network, features)?;
        models.push(Vec::try_from(prediction.logits.f_to_kind(Kind::Float)?.f_contiguous()?.f_view(-1)?)?);
        embeddings.get_or_insert(prediction.embeddings);
    }
    Ok((Scores::mean_of(&models), embeddings.ok_or("there is no model")?))
}
