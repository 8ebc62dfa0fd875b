//! Stage `predict`: the classifier's logit and score for every window and class, the table `predictions`.
//!
//! From the table `features`, or straight from audio with nothing written in between. Both go through the same float16 values in the
//! same batches, so the scores are identical.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::Array;
use chorus_audio::container::channels::Choice;
use chorus_audio::dsp::logmel::MelConfig;
use chorus_audio::extract::{Extractor, for_each_group, jobs};
use chorus_engine::graph::{MODEL_CARD, WEIGHTS};
use chorus_engine::{EngineError, ScanContext, TableSink, Unit, UnitContext, Work, WorkError, hash_bytes};
use chorus_tables::Batch;
use serde::Deserialize;
use tch::Kind;

use crate::card::Card;
use crate::features::tensor;
use crate::network::Network;
use crate::{device, inference, weights};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    archive: ArchiveParams,
    device: String,
    predict: PredictParams,
    featurize: MelConfig,
    segment: SegmentParams,
    train: TrainParams,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchiveParams {
    channel: Choice,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PredictParams {
    batch_size: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentParams {
    window_s: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrainParams {
    threads: usize,
}

/// Bytes of a row on disk, about.
const BYTES_PER_ROW: u64 = 12;

/// The stage. The model is loaded with the first unit and serves all.
#[derive(Default)]
pub struct Predict {
    model: Mutex<Option<Arc<Model>>>,
}

struct Model {
    card: Card,
    /// One unit at a time computes; others decode meanwhile.
    network: Mutex<Network>,
}

impl Predict {
    fn model(&self, cx: &UnitContext<'_>, device: &str) -> Result<Arc<Model>, WorkError> {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = &*model {
            return Ok(Arc::clone(model));
        }
        let missing = |name: &str| format!("the model's folder has no {name}");
        let card = Card::read(&cx.model_file(MODEL_CARD)?.ok_or_else(|| missing(MODEL_CARD))?)?;
        let path = cx.model_file(WEIGHTS)?.ok_or_else(|| missing(WEIGHTS))?;
        let bytes = std::fs::read(&path).map_err(EngineError::io(&path, "cannot be read"))?;
        if hash_bytes(&bytes)[..16] != card.model_id {
            return Err(format!(
                "{}: the weights are not those of {MODEL_CARD} (model_id {}); copy the model's folder as a whole",
                path.display(),
                card.model_id
            )
            .into());
        }
        // The first weights are overwritten, so the seed is of no account.
        let mut network = Network::new(card.network(), 0, Kind::Float, device::resolve(device)?)?;
        network.load_state_dict(&weights::from_bytes(&bytes)?)?;
        Ok(Arc::clone(model.insert(Arc::new(Model { card, network: Mutex::new(network) }))))
    }
}

impl Work for Predict {
    fn bytes_needed(&self, cx: &ScanContext<'_>, units: &[&Unit]) -> Result<u64, WorkError> {
        let Some(card) = cx.model_file(MODEL_CARD)? else { return Ok(0) };
        let classes = Card::read(&card)?.classes.len() as u64;
        let mut windows = 0;
        for partition in cx.partitions("segments")?.iter().filter(|p| units.contains(&&p.unit)) {
            windows += cx.open("segments", partition)?.rows() as u64;
        }
        Ok(windows * classes * BYTES_PER_ROW)
    }

    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let params: Params = cx.params()?;
        let model = self.model(cx, &params.device)?;
        let segments = cx
            .read("segments", &["segment_id", "recording_id", "start_s", "end_s", "start_utc"])?
            .ok_or("the unit has no segments")?;
        let extractor = Extractor::new(&params.featurize, params.segment.window_s)?;
        let mut scorer = Scorer {
            model: &model,
            threads: params.train.threads,
            batch_size: params.predict.batch_size,
            shape: extractor.shape().map(|n| n as i64),
            segments: &segments,
            pushed: 0,
            written: 0,
            waiting: Vec::new(),
            sink: cx.sink("predictions", &[])?,
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
                    let bytes: Vec<u8> = batch.arrays("logmel")?.iter().flatten().flatten().copied().collect();
                    scorer.push(&batch.texts("segment_id")?.into_iter().flatten().collect::<Vec<_>>(), &bytes)?;
                }
            }
        } else {
            for_each_group(cx, &extractor, &jobs(cx, params.archive.channel)?, |ids, bytes| scorer.push(ids, bytes))?;
        }
        scorer.finish()
    }
}

/// Turns windows into predictions, in batches that depend only on their order.
struct Scorer<'a> {
    model: &'a Model,
    threads: usize,
    batch_size: usize,
    shape: [i64; 2],
    segments: &'a Batch,
    /// Windows that were pushed.
    pushed: usize,
    /// Windows that were predicted and written.
    written: usize,
    /// Arrays of the last windows pushed, which make no whole batch yet.
    waiting: Vec<u8>,
    sink: TableSink<'a>,
}

impl Scorer<'_> {
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
        self.waiting.extend(bytes);
        let whole = self.batch_size * self.width();
        while self.waiting.len() >= whole {
            let rest = self.waiting.split_off(whole);
            self.score()?;
            self.waiting = rest;
        }
        Ok(())
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
        if !self.waiting.is_empty() {
            self.score()?;
        }
        Ok(self.sink.finish()?)
    }

    /// Predicts what waits, and writes it.
    fn score(&mut self) -> Result<(), WorkError> {
        let rows = self.waiting.len() / self.width();
        let first = self.written;
        let features = tensor(&self.waiting, rows, self.shape)?;
        let logits: Vec<f32> = {
            let network = self.model.network.lock().unwrap_or_else(PoisonError::into_inner);
            device::set_threads(self.threads);
            let logits = inference::predict_batch(&network, &features)?.logits;
            Vec::try_from(logits.f_to_kind(Kind::Float)?.f_contiguous()?.f_view(-1)?)?
        };
        self.waiting.clear();
        self.written += rows;
        let (ids, recordings) = (self.segments.utf8("segment_id")?, self.segments.utf8("recording_id")?);
        let (starts, ends, utc) =
            (self.segments.f64("start_s")?, self.segments.f64("end_s")?, self.segments.micros("start_utc")?);
        let utc: Vec<Option<i64>> = utc.iter().skip(first).take(rows).collect();
        let classes = &self.model.card.classes;
        let pairs = || (first..first + rows).flat_map(|row| classes.iter().map(move |class| (row, class)));
        let batch = self
            .sink
            .builder()
            .utf8(pairs().map(|(row, _)| ids.value(row)))
            .utf8(pairs().map(|(row, _)| recordings.value(row)))
            .utc(pairs().map(|(row, _)| utc[row - first]))
            .f64(pairs().map(|(row, _)| starts.value(row)))
            .f64(pairs().map(|(row, _)| ends.value(row)))
            .utf8(pairs().map(|(_, class)| class))
            .f32(logits.iter().copied())
            .f32(logits.iter().map(|&logit| logistic(logit)))
            .utf8(pairs().map(|_| &self.model.card.model_id))
            .build()?;
        Ok(self.sink.write(&batch)?)
    }
}

/// The logistic function.
fn logistic(logit: f32) -> f32 {
    (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_stay_within_zero_and_one() {
        for (logit, score) in [(0.0, 0.5), (-200.0, 0.0), (200.0, 1.0), (1.0, 0.731_058_6)] {
            assert!((logistic(logit) - score).abs() < 1e-6, "{logit}");
        }
    }
}
