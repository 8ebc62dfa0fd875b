//! Second pass of the stage `unknown`: the table `unknown`, for each site-day.

use std::sync::OnceLock;

use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, EngineError, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_tables::halves;

use crate::reference::{REFERENCE, Reference};
use crate::scores::{Measures, of_logits};
use crate::settings::{UnknownSettings, is_asked};

/// The pass.
pub struct Unknown;

/// The reference, read with the first unit that is made.
#[derive(Default)]
pub struct Loaded(OnceLock<Result<Reference, String>>);

impl Unknown {
    /// What the pass declares of itself; a run that does not ask for it does without.
    pub fn declare(config: &Config) -> Option<Pass> {
        use Input::{Model, Table};
        is_asked(config).then(|| Pass {
            inputs: vec![Model(REFERENCE), Table("embeddings"), Table("predictions")],
            outputs: vec![Output::Table("unknown")],
            keys: vec!["unknown.*"],
            hints: vec!["unknown.enabled", "unknown.reference_windows"],
            ..Pass::new("unknown", Per::SiteDay)
        })
    }
}

impl Work for Unknown {
    type Found = Loaded;

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<Loaded>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, loaded: &Loaded) -> Result<(), WorkError> {
        let settings = cx.settings::<UnknownSettings>()?;
        let reference = loaded.0.get_or_init(|| read(cx).map_err(|e| e.to_string())).as_ref().map_err(String::clone)?;
        let mut sink = cx.sink("unknown", &[])?;
        let (Some(embeddings), Some(predictions)) = (cx.reader("embeddings")?, cx.read("predictions", &["segment_id", "logit"])?)
        else {
            return Ok(sink.finish()?);
        };
        let (names, logits) = (predictions.utf8("segment_id")?, predictions.f32("logit")?);
        let mut at = 0;
        for batch in embeddings.batches(&["segment_id", "recording_id", "start_s", "embedding"])? {
            if cx.stopping() {
                return Err(EngineError::Stopped.into());
            }
            let batch = batch?;
            let (ids, recordings, starts) = (batch.utf8("segment_id")?, batch.utf8("recording_id")?, batch.f64("start_s")?);
            let arrays = batch.arrays("embedding")?;
            let values: Vec<f32> = arrays.iter().flatten().flat_map(halves).collect();
            if values.len() != batch.rows() * reference.likeness.width {
                let found = values.len() / batch.rows().max(1);
                return Err(
                    format!("embeddings have {found} values, expected {}; run train again", reference.likeness.width).into()
                );
            }
            let distances = reference.likeness.distances(&values, settings.neighbours);
            let mut measures: Vec<Measures> = Vec::with_capacity(batch.rows());
            for (row, (cosine, distance)) in distances.into_iter().enumerate() {
                let first = at;
                while at < predictions.rows() && names.value(at) == ids.value(row) {
                    at += 1;
                }
                if at == first {
                    return Err("embeddings and predictions hold different windows; run predict again".into());
                }
                let (highest, energy) = of_logits(logits.values()[first..at].iter().copied());
                measures.push([highest, energy, cosine, distance]);
            }
            let shares: Vec<f32> = measures.iter().map(|window| reference.shares.of(settings.score, window)).collect();
            let rows = sink
                .builder()
                .column("segment_id", (0..batch.rows()).map(|row| ids.value(row)))
                .column("recording_id", (0..batch.rows()).map(|row| recordings.value(row)))
                .column("start_s", (0..batch.rows()).map(|row| starts.value(row)))
                .column("max_logit", measures.iter().map(|window| -window[0]))
                .column("energy", measures.iter().map(|window| -window[1]))
                .column("knn_distance", measures.iter().map(|window| window[2].max(0.0)))
                .column("mahalanobis", measures.iter().map(|window| window[3]))
                .column("unknown", shares.iter().copied())
                .column("is_unknown", shares.iter().map(|share| f64::from(*share) >= settings.threshold))
                .build()?;
            sink.write(&rows)?;
        }
        Ok(sink.finish()?)
    }
}

fn read(cx: &UnitContext<'_>) -> Result<Reference, WorkError> {
    let path = cx.model_file(REFERENCE)?.ok_or("the model's folder has no unknown.safetensors; run unknown again")?;
    let bytes = std::fs::read(&path).map_err(EngineError::io(&path, "cannot be read"))?;
    Reference::from_bytes(&bytes).map_err(|e| format!("{}: {e}; run unknown again", path.display()).into())
}
