//! The tables of a run as an export reads them: recordings one after the other, each with its detections.
//!
//! Recordings come by site, local date and path; a unit's tables are in memory at a time and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chorus_card::{Card, MODEL_CARD, Names};
use chorus_engine::graph::Output;
use chorus_engine::{Config, RunDir, Unit, files_below, model_folder};
use chorus_score::clock::Clock;
use chorus_tables::{Batch, TableReader, read_columns, schema};
use jiff::civil::Date;

use super::clock::Start;
use super::{ExportError, Filter};
use crate::facts::cell;

/// A run.
pub(crate) struct Run {
    folder: RunDir,
    /// Names by class, from the run's table of classes, or without one from the model's card.
    names: BTreeMap<Arc<str>, Names>,
}

/// A recording that can be read.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    /// Its identity.
    pub(crate) id: String,
    /// The site.
    pub(crate) site: String,
    /// Path relative to the archive, with forward slashes.
    pub(crate) path: String,
    /// When it began.
    pub(crate) start: Start,
    /// Seconds.
    pub(crate) duration_s: f64,
    /// Frames per second.
    pub(crate) sample_rate_hz: u32,
    /// Latitude and longitude, degrees.
    pub(crate) place: Option<(f64, f64)>,
    /// Make and model of the recorder, as far as they are known.
    pub(crate) recorder: Option<String>,
    /// Serial number of the recorder.
    pub(crate) serial: Option<String>,
    /// Channels, from 1, on which nothing was recorded.
    pub(crate) dead_channels: Option<String>,
}

/// An event that was detected in a recording.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Detection {
    /// The class.
    pub(crate) class: Arc<str>,
    /// Start within the recording, seconds.
    pub(crate) start_s: f64,
    /// End within the recording, seconds.
    pub(crate) end_s: f64,
    /// Windows over the threshold.
    pub(crate) windows: u32,
    /// Largest score.
    pub(crate) peak_score: f32,
    /// Mean score of the windows.
    pub(crate) mean_score: f32,
    /// Calibrated probability of the peak.
    pub(crate) probability: Option<f64>,
    /// The threshold that was applied.
    pub(crate) threshold: f64,
    /// Hash of the model's weights.
    pub(crate) model_id: Arc<str>,
}

impl Recording {
    /// The file's name.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The folder within the archive; empty where it lies in none.
    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

impl Detection {
    /// An identity that is the same in every export of the same detections.
    pub(crate) fn id(&self, recording: &Recording) -> String {
        format!("{}:{}:{}", recording.id, self.class, self.start_s)
    }
}

const RECORDINGS: [&str; 11] = [
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
    "status",
];
const DETECTIONS: [&str; 10] =
    ["recording_id", "class", "start_s", "end_s", "windows", "peak_score", "mean_score", "probability", "threshold", "model_id"];

impl Run {
    /// The run in a folder.
    ///
    /// # Errors
    /// [`ExportError::NoRun`], and those of reading the table `classes`, where the run has one.
    pub(crate) fn open(folder: &Path) -> Result<Self, ExportError> {
        let mut run = Self { folder: RunDir::new(folder), names: BTreeMap::new() };
        if !run.folder.tables().is_dir() {
            return Err(ExportError::NoRun { path: folder.to_owned() });
        }
        for (_, path) in run.parts("classes")? {
            let batch = read_columns(schema("classes")?, &path, &["class", "scientific_name", "english"])?;
            let columns = batch.utf8("class")?.iter().zip(batch.texts("scientific_name")?).zip(batch.texts("english")?);
            let names = columns.map(|((class, scientific_name), english)| {
                (class.unwrap_or_default().into(), Names { scientific_name, english })
            });
            run.names.extend(names);
        }
        if run.names.is_empty() {
            let config = Config::load(&run.resolved_config(), &[]).ok();
            let folder = config.map_or_else(|| run.folder.model(), |config| model_folder(&config, &run.folder));
            let card = folder.join(MODEL_CARD);
            // Exports do without names when the model has been moved away.
            let names = Card::read(&card).map(|card| card.names).unwrap_or_default();
            run.names.extend(names.into_iter().map(|(class, names)| (class.into(), names)));
        }
        Ok(run)
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration that it was last made with.
    pub(crate) fn resolved_config(&self) -> PathBuf {
        self.folder.resolved_config()
    }

    /// The folder of the recordings, as the run's configuration names it.
    pub(crate) fn archive(&self) -> Option<PathBuf> {
        let config = Config::load(&self.resolved_config(), &[]).ok()?;
        config.text("archive.path").map(PathBuf::from)
    }

    /// The scientific name of a class, or else its code.
    pub(crate) fn scientific<'a>(&'a self, class: &'a str) -> &'a str {
        self.names.get(class).and_then(|names| names.scientific_name.as_deref()).unwrap_or(class)
    }

    /// The common name of a class; empty where none is known.
    pub(crate) fn english(&self, class: &str) -> &str {
        self.names.get(class).and_then(|names| names.english.as_deref()).unwrap_or_default()
    }

    /// The files of a table, in the order of their units. One that the run does not make has none.
    fn parts(&self, table: &str) -> Result<Vec<(Unit, PathBuf)>, ExportError> {
        let folder = self.folder.tables().join(&schema(table)?.name);
        let part = |path: PathBuf| {
            let relative = path.strip_prefix(&folder).ok()?.to_str()?;
            path.extension().is_some_and(|e| e == "parquet").then(|| Unit::parse(relative))?.map(|unit| (unit, path.clone()))
        };
        let mut parts: Vec<_> = files_below(&folder).into_iter().filter_map(part).collect();
        parts.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(parts)
    }

    fn made_parts(&self, table: &str) -> Result<Vec<(Unit, PathBuf)>, ExportError> {
        let (parts, schema) = (self.parts(table)?, schema(table)?);
        if parts.is_empty() {
            let (table, stage) = (schema.name.clone(), schema.stage.clone());
            return Err(ExportError::NotMade { run: self.path().to_owned(), table, stage });
        }
        Ok(parts)
    }

    /// The classes that the run looked for, found or not.
    ///
    /// # Errors
    /// Those of reading `activity`, where the run has no table of classes.
    pub(crate) fn classes(&self) -> Result<BTreeSet<Arc<str>>, ExportError> {
        let mut classes: BTreeSet<Arc<str>> = self.names.keys().cloned().collect();
        // A model names those classes only that have names.
        if self.parts("classes")?.is_empty() {
            self.each_activity(&["class"], |batch| {
                for class in batch.utf8("class")?.iter().flatten() {
                    if !classes.contains(class) {
                        classes.insert(class.into());
                    }
                }
                Ok(())
            })?;
        }
        Ok(classes)
    }

    /// The sites with recordings.
    ///
    /// # Errors
    /// [`ExportError::NotMade`].
    pub(crate) fn sites(&self) -> Result<BTreeSet<String>, ExportError> {
        Ok(self.made_parts("recordings")?.into_iter().map(|(unit, _)| unit.site().to_owned()).collect())
    }

    /// Hands over the table `activity` in batches.
    fn each_activity(
        &self,
        columns: &[&str],
        mut take: impl FnMut(&Batch) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        for (_, path) in self.made_parts("activity")? {
            for batch in TableReader::open(schema("activity")?, &path)?.batches(columns)? {
                take(&batch?)?;
            }
        }
        Ok(())
    }

    /// Recorded hours by site and night (local noon to noon), of the sites that the filter takes. Recordings without a known time are
    /// in no night, and a night of which no window was scored is left out: nobody listened to it.
    ///
    /// # Errors
    /// Those of reading `activity`.
    pub(crate) fn effort_h(&self, filter: &Filter) -> Result<BTreeMap<(String, Date), f64>, ExportError> {
        let mut effort: BTreeMap<(String, Date), (f64, u64)> = BTreeMap::new();
        // An hour has a row for each class, and all of them tell of the same effort.
        let mut last: Option<(String, i32, Option<i32>)> = None;
        self.each_activity(&["site", "night", "hour", "effort_s", "windows"], |batch| {
            let (sites, nights) = (batch.utf8("site")?, batch.date("night")?);
            let (hours, seconds, windows) = (batch.i32("hour")?, batch.f64("effort_s")?, batch.u64("windows")?);
            for row in 0..batch.rows() {
                let Some(night) = cell(nights, row) else { continue };
                let (site, hour) = (sites.value(row), cell(hours, row));
                let is_new = last.as_ref().is_none_or(|(s, n, h)| (s.as_str(), *n, *h) != (site, night, hour));
                if !is_new || !filter.takes_site(site) {
                    continue;
                }
                last = Some((site.to_owned(), night, hour));
                let Some(date) = crate::facts::Day(night).date() else { continue };
                let (hours, scored) = effort.entry((site.to_owned(), date)).or_default();
                *hours += seconds.value(row) / 3600.0;
                *scored += windows.value(row);
            }
            Ok(())
        })?;
        Ok(effort.into_iter().filter(|(_, (_, scored))| *scored > 0).map(|(at, (hours, _))| (at, hours)).collect())
    }

    /// Hands over each readable recording of the sites that the filter takes, with those of its detections that the filter takes, by start
    /// and class. A detection ends with its recording, also where its last window was filled up behind that.
    ///
    /// # Errors
    /// [`ExportError::NotMade`], [`ExportError::PartMissing`], [`ExportError::Stranger`], [`ExportError::NoProbability`], those of reading, and what `take` gives.
    pub(crate) fn each_recording(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Recording, &[Detection]) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.made_parts("detections")?;
        for (unit, path) in self.made_parts("recordings")? {
            if !filter.takes_site(unit.site()) {
                continue;
            }
            let mut detections = self.detections(&unit, filter)?;
            for recording in recordings(unit.site(), &path)? {
                let mut own = detections.remove(&recording.id).unwrap_or_default();
                for detection in &mut own {
                    detection.end_s = detection.end_s.min(recording.duration_s);
                }
                own.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then_with(|| a.class.cmp(&b.class)));
                take(&recording, &own)?;
            }
            if let Some(recording_id) = detections.into_keys().next() {
                return Err(ExportError::Stranger { path: self.file("detections", &unit), recording_id });
            }
        }
        Ok(())
    }

    fn file(&self, table: &'static str, unit: &Unit) -> PathBuf {
        self.path().join(RunDir::output(Output::Table(table), unit))
    }

    /// The detections of a unit that the filter takes, by recording.
    fn detections(&self, unit: &Unit, filter: &Filter) -> Result<BTreeMap<String, Vec<Detection>>, ExportError> {
        let mut found: BTreeMap<String, Vec<Detection>> = BTreeMap::new();
        let (path, schema) = (self.file("detections", unit), schema("detections")?);
        if !path.exists() {
            // A unit without detections has an empty part.
            return Err(ExportError::PartMissing { path, unit: unit.to_string(), stage: schema.stage.clone() });
        }
        let mut texts = Texts::default();
        for batch in TableReader::open(schema, &path)?.batches(&DETECTIONS)? {
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
}

/// Texts that occur again and again, each once in memory.
#[derive(Default)]
struct Texts(BTreeSet<Arc<str>>);

impl Texts {
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// The readable recordings of one file of the table, by path.
fn recordings(site: &str, path: &Path) -> Result<Vec<Recording>, ExportError> {
    let columns = [&RECORDINGS[..], &Clock::COLUMNS].concat();
    let batch = read_columns(schema("recordings")?, path, &columns)?;
    let (ids, paths, status) = (batch.utf8("recording_id")?, batch.utf8("path")?, batch.utf8("status")?);
    let (durations, rates) = (batch.f64("duration_s")?, batch.u32("sample_rate_hz")?);
    let (makes, models, serials) = (batch.utf8("make")?, batch.utf8("model")?, batch.utf8("serial")?);
    let (latitudes, longitudes) = (batch.f64("latitude")?, batch.f64("longitude")?);
    let dead = batch.utf8("dead_channels")?;
    let recording = |(row, start): (usize, Start)| {
        let recorder: Vec<&str> = [cell(makes, row), cell(models, row)].into_iter().flatten().collect();
        (status.value(row) != "rejected").then(|| Recording {
            id: ids.value(row).to_owned(),
            site: site.to_owned(),
            path: paths.value(row).to_owned(),
            start,
            duration_s: cell(durations, row).unwrap_or(0.0),
            sample_rate_hz: cell(rates, row).unwrap_or(0),
            place: cell(latitudes, row).zip(cell(longitudes, row)),
            recorder: (!recorder.is_empty()).then(|| recorder.join("-")),
            serial: cell(serials, row).map(str::to_owned),
            dead_channels: cell(dead, row).map(str::to_owned),
        })
    };
    let mut found: Vec<Recording> = Start::of(&batch)?.into_iter().enumerate().filter_map(recording).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A recording of a minute without a known start.
    pub(crate) fn recording(id: &str) -> Recording {
        Recording {
            id: id.into(),
            site: "A".into(),
            path: format!("A/{id}.wav"),
            start: Start::Unknown,
            duration_s: 60.0,
            sample_rate_hz: 16_000,
            place: None,
            recorder: None,
            serial: None,
            dead_channels: None,
        }
    }

    /// A detection of 3 s.
    pub(crate) fn detection_at(class: &str, start_s: f64, peak_score: f32) -> Detection {
        Detection {
            class: class.into(),
            start_s,
            end_s: start_s + 3.0,
            windows: 1,
            peak_score,
            mean_score: peak_score,
            probability: None,
            threshold: 0.25,
            model_id: "cafe".into(),
        }
    }

    #[test]
    fn a_recording_knows_its_name_and_its_folder() {
        let recording = recording("r");
        assert_eq!((recording.name(), recording.folder()), ("r.wav", "A"));
        let alone = Recording { path: "r.wav".into(), ..recording };
        assert_eq!((alone.name(), alone.folder()), ("r.wav", ""));
        assert_eq!(detection_at("FROG", 1.5, 0.5).id(&alone), "r:FROG:1.5");
    }
}
