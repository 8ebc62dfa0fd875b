//! From the rows of a unit's tables to recordings and detections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chorus_engine::Partition;
use chorus_score::clock::Clock;

use super::clock::Start;
use super::detection::{Detection, Expectation, Recording};
use super::error::ExportError;
use super::filter::Filter;
use crate::facts::cells::cell;

const RECORDINGS: [&str; 16] = [
    "recording_id",
    "path",
    "duration_s",
    "sample_rate_hz",
    "make",
    "model",
    "serial",
    "latitude",
    "longitude",
    "dead_channels",
    "bits_per_sample",
    "gain",
    "level_dbfs",
    "temperature_c",
    "status",
    "copy_of",
];
const DETECTIONS: [&str; 10] =
    ["recording_id", "class", "start_s", "end_s", "windows", "peak_score", "mean_score", "probability", "threshold", "model_id"];

/// The detections of a unit that the filter takes, by recording.
pub(super) fn detections(part: &Partition, filter: &Filter) -> Result<BTreeMap<String, Vec<Detection>>, ExportError> {
    let mut found: BTreeMap<String, Vec<Detection>> = BTreeMap::new();
    let mut texts = Texts::default();
    for batch in part.open()?.batches(&DETECTIONS)? {
        let batch = batch?;
        let (ids, classes, models) = (batch.utf8("recording_id")?, batch.utf8("class")?, batch.utf8("model_id")?);
        let (starts, ends, windows) = (batch.f64("start_s")?, batch.f64("end_s")?, batch.u32("windows")?);
        let (peaks, means) = (batch.f32("peak_score")?, batch.f32("mean_score")?);
        let (probabilities, thresholds) = (batch.f64("probability")?, batch.f64("threshold")?);
        for row in 0..batch.rows() {
            let detection = Detection {
                class: texts.shared(classes.value(row)),
                start_s: starts.value(row),
                end_s: ends.value(row),
                windows: windows.value(row),
                peak_score: peaks.value(row),
                mean_score: means.value(row),
                probability: cell(probabilities, row),
                threshold: thresholds.value(row),
                model_id: texts.shared(models.value(row)),
                expectation: None,
            };
            if filter.takes(&detection)? {
                match found.get_mut(ids.value(row)) {
                    Some(own) => own.push(detection),
                    None => drop(found.insert(ids.value(row).to_owned(), vec![detection])),
                }
            }
        }
    }
    Ok(found)
}

/// Tells detections how far they are to be expected.
pub(super) fn expect(part: &Partition, detections: &mut BTreeMap<String, Vec<Detection>>) -> Result<(), ExportError> {
    for batch in part.open()?.batches(&["recording_id", "class", "start_s", "expected", "plausible"])? {
        let batch = batch?;
        let (ids, classes, starts) = (batch.utf8("recording_id")?, batch.utf8("class")?, batch.f64("start_s")?);
        let (expected, plausible) = (batch.f64("expected")?, batch.bool("plausible")?);
        for row in 0..batch.rows() {
            let Some((expected, is_plausible)) = cell(expected, row).zip(cell(plausible, row)) else { continue };
            let of_recording = detections.get_mut(ids.value(row)).into_iter().flatten();
            let own = of_recording.filter(|one| one.start_s == starts.value(row) && *one.class == *classes.value(row));
            own.for_each(|one| one.expectation = Some(Expectation { expected, is_plausible }));
        }
    }
    Ok(())
}

/// Texts that occur again and again, each once in memory.
#[derive(Default)]
pub(crate) struct Texts(BTreeSet<Arc<str>>);

impl Texts {
    /// The one that is equal to this text.
    pub(crate) fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// The readable recordings of one file of the table, by path. A copy is not among them: what it holds is that of another.
pub(crate) fn recordings(part: &Partition) -> Result<Vec<Recording>, ExportError> {
    let columns = [&RECORDINGS[..], &Clock::COLUMNS].concat();
    let (batch, site) = (part.read(&columns)?, part.unit.site());
    let (ids, paths, status) = (batch.utf8("recording_id")?, batch.utf8("path")?, batch.utf8("status")?);
    let (durations, rates) = (batch.f64("duration_s")?, batch.u32("sample_rate_hz")?);
    let (makes, models, serials) = (batch.utf8("make")?, batch.utf8("model")?, batch.utf8("serial")?);
    let (latitudes, longitudes) = (batch.f64("latitude")?, batch.f64("longitude")?);
    let (levels, temperatures) = (batch.f64("level_dbfs")?, batch.f64("temperature_c")?);
    let (dead, copies) = (batch.utf8("dead_channels")?, batch.utf8("copy_of")?);
    let (bits, gains) = (batch.u32("bits_per_sample")?, batch.utf8("gain")?);
    let recording = |(row, start): (usize, Start)| {
        let recorder: Vec<&str> = [cell(makes, row), cell(models, row)].into_iter().flatten().collect();
        (status.value(row) != "rejected" && cell(copies, row).is_none()).then(|| Recording {
            id: ids.value(row).to_owned(),
            site: site.to_owned(),
            path: paths.value(row).to_owned(),
            start,
            duration_s: cell(durations, row).unwrap_or(0.0),
            sample_rate_hz: cell(&rates, row).unwrap_or(0),
            place: cell(latitudes, row).zip(cell(longitudes, row)),
            recorder: (!recorder.is_empty()).then(|| recorder.join("-")),
            serial: cell(serials, row).map(str::to_owned),
            dead_channels: cell(dead, row).map(str::to_owned),
            bits_per_sample: cell(&bits, row),
            gain: cell(gains, row).map(str::to_owned),
            level_dbfs: cell(levels, row),
            temperature_c: cell(temperatures, row),
        })
    };
    let mut found: Vec<Recording> = Start::of(&batch)?.into_iter().enumerate().filter_map(recording).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
