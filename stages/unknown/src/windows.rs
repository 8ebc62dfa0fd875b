//! Second pass of the stage `unknown`: the table `unknown`, for each site-day.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, EngineError, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_tables::halves;

use crate::reference::{REFERENCE, Reference};
use crate::rise;
use crate::scores::{Measures, of_logits};
use crate::settings::{ENABLED, UnknownSettings};

/// Rows that are written at once.
const ROWS: usize = 65_536;

/// The pass.
pub struct Unknown;

/// The reference, read with the first unit that is made.
#[derive(Default)]
pub struct Loaded(OnceLock<Result<Reference, String>>);

impl Unknown {
    /// What the pass declares of itself; a run that does not ask for it does without.
    pub fn declare(config: &Config) -> Option<Pass> {
        use Input::{Archive, Model, Table};
        config.is_on(ENABLED).then(|| Pass {
            code_version: 3,
            inputs: vec![
                Model(REFERENCE),
                Table("embeddings"),
                Table("predictions"),
                Archive,
                Table("recordings"),
                Table("segments"),
            ],
            outputs: vec![Output::Table("unknown")],
            keys: vec!["unknown.*", "archive.channel", "featurize.*", "segment.window_s"],
            hints: vec!["unknown.enabled", "unknown.reference_windows", "unknown.groups", "unknown.max_windows"],
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
        let windows = measured(cx, reference, &settings)?;
        let is_unknown = |window: &Window| f64::from(window.unknown) >= settings.threshold;
        let unlike: BTreeSet<&str> =
            windows.iter().filter(|window| is_unknown(window)).map(|window| window.segment_id.as_str()).collect();
        let rises = rise::of_windows(cx, &unlike)?;
        let rise = |window: &Window| rises.get(&window.segment_id).copied();
        let is_loud = |window: &Window| rise(window).is_some_and(|rise_db| f64::from(rise_db) >= settings.min_rise_db);
        let mut sink = cx.sink("unknown", &[])?;
        for rows in windows.chunks(ROWS) {
            let batch = sink
                .builder()
                .column("segment_id", rows.iter().map(|window| &window.segment_id))
                .column("recording_id", rows.iter().map(|window| &window.recording_id))
                .column("start_s", rows.iter().map(|window| window.start_s))
                .column("max_logit", rows.iter().map(|window| -window.measures[0]))
                .column("energy", rows.iter().map(|window| -window.measures[1]))
                .column("knn_distance", rows.iter().map(|window| window.measures[2].max(0.0)))
                .column("mahalanobis", rows.iter().map(|window| window.measures[3]))
                .column("unknown", rows.iter().map(|window| window.unknown))
                .column("is_unknown", rows.iter().map(is_unknown))
                .column("rise_db", rows.iter().map(rise))
                .column("is_loud", rows.iter().map(is_loud))
                .build()?;
            sink.write(&batch)?;
        }
        Ok(sink.finish()?)
    }
}

/// A window with its scores.
struct Window {
    segment_id: String,
    recording_id: String,
    start_s: f64,
    measures: Measures,
    /// The share of the windows of validation that are more like what was learnt.
    unknown: f32,
}

/// The windows of the unit, in the order of the table `embeddings`.
fn measured(cx: &UnitContext<'_>, reference: &Reference, settings: &UnknownSettings) -> Result<Vec<Window>, WorkError> {
    let (Some(embeddings), Some(predictions)) = (cx.reader("embeddings")?, cx.read("predictions", &["segment_id", "logit"])?)
    else {
        return Ok(Vec::new());
    };
    let (names, logits) = (predictions.utf8("segment_id")?, predictions.f32("logit")?);
    let mut at = 0;
    let mut windows = Vec::with_capacity(embeddings.rows());
    for batch in embeddings.batches(&["segment_id", "recording_id", "start_s", "embedding", "model_id"])? {
        if cx.stopping() {
            return Err(EngineError::Stopped.into());
        }
        let batch = batch?;
        let (ids, recordings, starts) = (batch.utf8("segment_id")?, batch.utf8("recording_id")?, batch.f64("start_s")?);
        let arrays = batch.arrays("embedding")?;
        if let Some(network) = batch.utf8("model_id")?.iter().flatten().next() {
            reference.check(network)?;
        }
        let values: Vec<f32> = arrays.iter().flatten().flat_map(halves).collect();
        if values.len() != batch.rows() * reference.likeness.width {
            let (found, expected) = (values.len() / batch.rows().max(1), reference.likeness.width);
            let next = "make them with the network that the model's unknown.safetensors was made with";
            return Err(format!("embeddings have {found} values, expected {expected}; {next}").into());
        }
        let distances = reference.likeness.distances(&values, settings.neighbours);
        for (row, (cosine, distance)) in distances.into_iter().enumerate() {
            let first = at;
            while at < predictions.rows() && names.value(at) == ids.value(row) {
                at += 1;
            }
            if at == first {
                return Err("embeddings and predictions hold different windows; run predict again".into());
            }
            let (highest, energy) = of_logits(logits.values()[first..at].iter().copied());
            let measures = [highest, energy, cosine, distance];
            windows.push(Window {
                segment_id: ids.value(row).to_owned(),
                recording_id: recordings.value(row).to_owned(),
                start_s: starts.value(row),
                unknown: reference.shares.of(settings.score, &measures),
                measures,
            });
        }
    }
    Ok(windows)
}

fn read(cx: &UnitContext<'_>) -> Result<Reference, WorkError> {
    let path = cx.model_file(REFERENCE)?.ok_or("the model's folder has no unknown.safetensors; run unknown again")?;
    let bytes = std::fs::read(&path).map_err(EngineError::io(&path, "cannot be read"))?;
    Reference::from_bytes(&bytes).map_err(|e| format!("{}: {e}; run unknown again", path.display()).into())
}
