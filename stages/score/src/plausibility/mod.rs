//! Stage `detect`, third pass: how far each detection is to be expected at its place and time, by a table that somebody brings along
//! (`plausibility`). No detection is changed or left out.
//!
//! It is a table of its own and no column of `detections`, so that runs without such a table, and all that is made of detections, stay as
//! they are. [`table`]: the file and its rows. [`when`]: months and weeks.

mod table;
mod when;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};

use chorus_card::{Card, MODEL_CARD};
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, Console, Fault, Scan, ScanContext, UnitContext, Work, WorkError, locked};
use chorus_keys::Keys;
use chorus_tables::{Batch, TableError};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use crate::clock::{self, Clock};
use crate::error::ScoreError;
use table::{Expectations, Spot};

/// The key that names the file.
pub(crate) const TABLE_KEY: &str = "plausibility.table";

/// The section `plausibility` of the configuration.
#[derive(Debug, Clone, Deserialize, Keys)]
#[keys(section = "plausibility")]
pub(crate) struct PlausibilitySettings {
    /// CSV file that says where and when classes are to be expected: the column class or scientific_name, any of site, min_latitude,
    /// max_latitude, min_longitude, max_longitude, months and weeks, and expected (0 to 1, or yes and no). Each detection gets a row in
    /// the table plausibility; nothing is left out. null: no such table.
    #[key(path, example = "expected.csv")]
    table: Option<String>,
    /// A detection is plausible when its expected value is above this one.
    #[key(default = "0", range = 0.0..=1.0, example = "0.01")]
    min_expected: f64,
}

impl PlausibilitySettings {
    /// What is to be expected; nothing is where no file is named.
    fn expectations(&self) -> Result<Expectations, ScoreError> {
        self.table.as_ref().map_or_else(|| Ok(Expectations::default()), |path| Expectations::read(path.as_ref()))
    }
}

/// The pass.
pub struct Plausibility;

impl Plausibility {
    /// What the pass declares of itself; a run without a file does without.
    pub fn declare(config: &Config) -> Option<Pass> {
        config.values().text(TABLE_KEY).is_some().then(|| Pass {
            name: "detect-plausibility",
            code_version: 2,
            inputs: vec![
                Input::Table("detections"),
                Input::Table("recordings"),
                Input::File(TABLE_KEY),
                Input::Model(MODEL_CARD),
            ],
            // A site that the file names and the run lacks is told, which only a look at all recordings shows.
            scanned: vec!["recordings"],
            outputs: vec![Output::Table("plausibility")],
            keys: vec!["plausibility.*"],
            hints: vec![TABLE_KEY],
            ..Pass::new("detect", Per::SiteDay)
        })
    }
}

/// What all units share, and what is told of them once.
#[derive(Debug, Default)]
pub struct Met {
    /// What the file says, or why it cannot be read. It is read once.
    expectations: OnceLock<Result<Expectations, String>>,
    /// What the file holds that has no effect.
    remarks: Vec<String>,
    /// Names of the file that no class has.
    strangers: Mutex<BTreeSet<String>>,
}

impl Met {
    fn expectations(&self, settings: &PlausibilitySettings) -> Result<&Expectations, WorkError> {
        let read = || settings.expectations().map_err(|error| error.to_string());
        self.expectations.get_or_init(read).as_ref().map_err(|error| error.clone().into())
    }
}

impl Work for Plausibility {
    type Found = Met;

    fn faults(&self, cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        let settings = cx.settings::<PlausibilitySettings>()?;
        let fault = |error: ScoreError| Fault {
            key: TABLE_KEY,
            found: format!("a file that cannot be used ({error})"),
            allowed: "a CSV file as docs/plausibility.md describes it".to_owned(),
        };
        Ok(settings.expectations().err().map(fault).into_iter().collect())
    }

    fn scan(&self, cx: &ScanContext<'_>) -> Result<Scan<Met>, WorkError> {
        let mut met = Met::default();
        if !cx.look_only {
            let settings = cx.settings::<PlausibilitySettings>()?;
            let expectations = met.expectations(&settings)?;
            let mut remarks = expectations.unused_columns();
            if expectations.names_sites() {
                let units = cx.column::<String>("recordings", "recording_id")?;
                let sites: BTreeSet<String> = units.iter().map(|(unit, _)| unit.site().to_owned()).collect();
                remarks.extend(expectations.unknown_sites(&sites));
            }
            met.remarks = remarks;
        }
        Ok(Scan { found: met, ..Scan::default() })
    }

    fn run(&self, cx: &UnitContext<'_>, met: &Met) -> Result<(), WorkError> {
        let settings = cx.settings::<PlausibilitySettings>()?;
        let (expectations, min_expected) = (met.expectations(&settings)?, settings.min_expected);
        let card = cx.model_file(MODEL_CARD)?.map(|path| Card::read(&path)).transpose()?;
        let scientific = scientific_names(card.as_ref());
        let classes = card.iter().flat_map(|card| card.classes.iter().map(String::as_str));
        locked(&met.strangers).extend(expectations.strangers(classes, &scientific));
        let site = cx.unit().site();
        let recordings = cx.read("recordings", &[&["recording_id", "latitude", "longitude"][..], &Clock::COLUMNS].concat())?;
        let recordings = recordings.as_ref().map(recordings_of).transpose()?.unwrap_or_default();
        let mut sink = cx.sink("plausibility", &[])?;
        if let Some(reader) = cx.reader("detections")? {
            for batch in reader.batches(&["recording_id", "class", "start_s"])? {
                let batch = batch?;
                let (ids, classes, starts) = (batch.utf8("recording_id")?, batch.utf8("class")?, batch.f64("start_s")?);
                let mut expected = Vec::with_capacity(batch.rows());
                for row in 0..batch.rows() {
                    let recording = recordings.get(ids.value(row));
                    let recording = recording.ok_or("detections name a recording that recordings lacks; run detect again")?;
                    let date = recording.clock.as_ref().map(|clock| local_date(clock, starts.value(row))).transpose()?;
                    let spot = Spot { site, place: recording.place, date };
                    let class = classes.value(row);
                    expected.push(expectations.expected(class, scientific.get(class).map(String::as_str), &spot));
                }
                let rows = sink
                    .builder()
                    .column("recording_id", ids.iter().map(Option::unwrap_or_default))
                    .column("class", classes.iter().map(Option::unwrap_or_default))
                    .column("start_s", starts.values().iter().copied())
                    .column("expected", expected.iter().copied())
                    .column("plausible", expected.iter().map(|expected| expected.map(|value| value > min_expected)))
                    .build()?;
                sink.write(&rows)?;
            }
        }
        Ok(sink.finish()?)
    }

    fn summarise(&self, console: &Console, met: &Met) {
        met.remarks.iter().for_each(|remark| console.warn(&format!("detect: {TABLE_KEY}: {remark}")));
        let strangers = locked(&met.strangers);
        if !strangers.is_empty() {
            let names = strangers.iter().cloned().collect::<Vec<_>>().join(", ");
            console.warn(&format!(
                "detect: {TABLE_KEY} names what the model does not know, neither as a class nor as a scientific name: {names}"
            ));
        }
    }
}

/// The scientific names of the model's classes.
fn scientific_names(card: Option<&Card>) -> BTreeMap<String, String> {
    let names = card.into_iter().flat_map(|card| &card.names);
    names.filter_map(|(class, names)| Some((class.clone(), names.scientific_name.clone()?))).collect()
}

/// When and where a recording was made.
struct Recorded {
    clock: Option<Clock>,
    /// Latitude and longitude, degrees.
    place: Option<(f64, f64)>,
}

fn recordings_of(batch: &Batch) -> Result<BTreeMap<String, Recorded>, TableError> {
    let places = batch.f64("latitude")?.iter().zip(batch.f64("longitude")?).map(|(latitude, longitude)| latitude.zip(longitude));
    let recorded = Clock::of(batch)?.into_iter().zip(places).map(|(clock, place)| Recorded { clock, place });
    Ok(batch.texts("recording_id")?.into_iter().flatten().zip(recorded).collect())
}

/// The date that a clock at the site showed so many seconds after the start of a recording.
fn local_date(clock: &Clock, seconds: f64) -> Result<Date, ScoreError> {
    let at_us = clock::at(clock, seconds)?;
    let outside = |_| ScoreError::Span { start_utc_us: at_us, end_utc_us: at_us };
    Ok(clock.zone.to_datetime(Timestamp::from_microsecond(at_us).map_err(outside)?).date())
}
