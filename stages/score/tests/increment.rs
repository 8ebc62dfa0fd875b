//! A new night costs a night: the pass over the whole run adds up counts and opens no predictions of older nights, and what it writes is
//! what a run made from nothing writes.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chorus_card::{Card, MODEL_CARD, testing};
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{
    Config, Console, External, Registry, RunOptions, Runner, Scan, ScanContext, Selection, Unit, UnitContext, Work, WorkError,
};
use chorus_keys::{Declarations, Keys};
use chorus_score::{Activity, Detect};
use chorus_tables::{LocalMicros, UtcMicros};
use jiff::civil::{Date, date};

const SITES: [&str; 2] = ["MARSH", "POND"];
const CLASSES: [&str; 3] = ["FROG", "OWL", "TOAD"];
const WINDOW_S: f64 = 3.0;
const WINDOWS: u32 = 40;
/// Enough to reach over midnight, noon and a change of daylight saving.
const NIGHTS: usize = 4;
const STAGES: [&str; 3] = ["find", "score", "detect"];
const SUMS: [&str; 5] = ["activity", "sun_activity", "nights", "phenology", "accumulation"];

/// Recordings of a day: begin by the local clock, whether the place is known.
const RECORDINGS: [(i8, i8, bool); 4] = [(3, 59, false), (11, 59, true), (19, 10, true), (23, 59, false)];

fn first_day() -> Date {
    date(2025, 3, 28)
}

/// How long a survey is, and into how many parts of a day `units.max_recordings` cuts it.
#[derive(Debug, Clone, Copy)]
struct Survey {
    days: usize,
    parts: u32,
}

fn units(Survey { days, parts }: Survey) -> Vec<Unit> {
    let dates = first_day().series(jiff::Span::new().days(1)).take(days);
    let parts = dates.flat_map(|date| (0..parts).map(move |part| (date, part)));
    parts.flat_map(|(date, part)| SITES.map(|site| Unit::SiteDay { site: site.into(), date: Some(date), part })).collect()
}

/// The recordings of a unit: id, start in UTC and by the local clock, and whether the place is known.
fn recordings(unit: &Unit, parts: u32) -> Vec<(String, i64, i64, bool)> {
    let Unit::SiteDay { site, date: Some(date), part } = unit else { return Vec::new() };
    let zone = jiff::tz::TimeZone::get("Europe/Paris").unwrap();
    let each = RECORDINGS.len() / parts as usize;
    let own = RECORDINGS.iter().enumerate().skip(each * *part as usize).take(each);
    own.map(|(i, (hour, minute, placed))| {
        let local = date.at(*hour, *minute, 0, 0);
        let utc = |zone: &jiff::tz::TimeZone| zone.to_timestamp(local).unwrap().as_microsecond();
        (format!("{site}{date}-{i}"), utc(&zone), utc(&jiff::tz::TimeZone::UTC), *placed)
    })
    .collect()
}

/// Does the work of any pass before detect.
struct StandIn(Pass, Survey);

impl Work for StandIn {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        let is_first = self.0.inputs == [Input::Archive] && self.0.per == Per::SiteDay;
        let units = if is_first { units(self.1) } else { Vec::new() };
        Ok(Scan { units: units.into_iter().map(|unit| (unit, External::new())).collect(), ..Scan::default() })
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let own = recordings(cx.unit(), self.1.parts);
        for output in &self.0.outputs {
            match *output {
                Output::Table("recordings") => write_recordings(cx, &own)?,
                Output::Table("predictions") => write_predictions(cx, &own)?,
                Output::Table(table) => cx.sink(table, &[])?.finish()?,
                Output::File(path) => cx.write_file(path, b"")?,
                Output::Folder(_) => {}
            }
        }
        Ok(())
    }
}

fn write_recordings(cx: &UnitContext<'_>, own: &[(String, i64, i64, bool)]) -> Result<(), WorkError> {
    let text = |value: &'static str| own.iter().map(move |_| value);
    Ok(cx.write("recordings", |batch| {
        batch
            .column("recording_id", own.iter().map(|r| &r.0))
            .column("path", own.iter().map(|r| format!("{}.wav", r.0)))
            .column("start_utc", own.iter().map(|r| UtcMicros(r.1)))
            .column("start_local", own.iter().map(|r| LocalMicros(r.2)))
            .column("timezone", text("Europe/Paris"))
            .column("time_source", text("filename"))
            .column("site_source", text("folder"))
            .column("duration_s", own.iter().map(|_| f64::from(WINDOWS) * WINDOW_S + 1.0))
            .column("latitude", own.iter().map(|r| r.3.then_some(45.75)))
            .column("longitude", own.iter().map(|r| r.3.then_some(4.85)))
            .column("file_bytes", own.iter().map(|_| 1_000_u64))
            .column("content_hash", own.iter().map(|r| &r.0))
            .column("status", text("ok"))
            .others_null()
    })?)
}

fn write_predictions(cx: &UnitContext<'_>, own: &[(String, i64, i64, bool)]) -> Result<(), WorkError> {
    let windows = own.iter().flat_map(|r| (0..WINDOWS).map(move |window| (r, window)));
    let rows: Vec<_> = windows
        .flat_map(|(r, window)| CLASSES.iter().enumerate().map(move |(class, name)| (r, window, class as u32, name)))
        .collect();
    // Differs from night to night, and never calls an owl.
    let score = |day: i64, window: u32, class: u32| {
        let call = (day as u32 + window * (class + 2)) % 7 < 2;
        if call && class != 1 { 0.875_f32 } else { 0.125 }
    };
    let score = |row: &(&(String, i64, i64, bool), u32, u32, &&str)| score(row.0.1 / 86_400_000_000, row.1, row.2);
    Ok(cx.write("predictions", |batch| {
        batch
            .column("segment_id", rows.iter().map(|(r, window, ..)| format!("{}-{window:06}", r.0)))
            .column("recording_id", rows.iter().map(|(r, ..)| &r.0))
            .column("start_utc", rows.iter().map(|(r, window, ..)| UtcMicros(r.1 + i64::from(*window) * 3_000_000)))
            .column("start_s", rows.iter().map(|(_, window, ..)| f64::from(*window) * WINDOW_S))
            .column("end_s", rows.iter().map(|(_, window, ..)| f64::from(window + 1) * WINDOW_S))
            .column("class", rows.iter().map(|(.., name)| **name))
            .column("logit", rows.iter().map(|row| score(row).ln()))
            .column("score", rows.iter().map(score))
            .column("model_id", rows.iter().map(|_| "cafe"))
    })?)
}

/// The key of predict that detect reads.
#[derive(Keys)]
#[keys(section = "predict")]
#[allow(dead_code)]
struct PredictSettings {
    /// Lower scores are not in the table.
    #[key(default = "0", range = 0.0..=1.0)]
    min_score: f64,
}

fn keys() -> &'static Declarations {
    let declared = chorus_engine::config::declarations().and(chorus_score::declarations());
    declared.section::<PredictSettings>().into_static()
}

/// Makes a survey's run; gives the seconds that `detect` took.
fn run(folder: &Path, survey: Survey) -> f64 {
    let (archive, model) = (folder.join("archive"), folder.join("model"));
    let sets = [("archive.path", &archive), ("model.path", &model), ("run.path", &folder.join("run"))]
        .map(|(key, path)| format!("{key}={}", path.display()));
    let sets = [&sets[..], &["detect.threshold=0.5", "units.keep_free_gib=0"].map(str::to_owned)].concat();
    let config = Config::from_text("", "c", "c", &sets, keys()).unwrap();
    if !model.exists() {
        std::fs::create_dir_all(&archive).unwrap();
        std::fs::create_dir_all(&model).unwrap();
        let card = Card { classes: CLASSES.map(str::to_owned).into(), ..testing::card(serde_yaml::Mapping::new()) };
        std::fs::write(model.join(MODEL_CARD), card.to_yaml()).unwrap();
        std::fs::write(model.join("weights.safetensors"), "").unwrap();
    }
    let mut seconds = 0.0;
    for stage in STAGES {
        let find =
            Pass { inputs: vec![Input::Archive], outputs: vec![Output::Table("recordings")], ..Pass::new("find", Per::SiteDay) };
        let score = Pass {
            inputs: vec![Input::Table("recordings")],
            outputs: vec![Output::Table("predictions")],
            ..Pass::new("score", Per::SiteDay)
        };
        let registry = Registry::default()
            .with(Some(find.clone()), StandIn(find, survey))
            .with(Some(score.clone()), StandIn(score, survey))
            .with(Detect::declare(&config), Detect)
            .with(Activity::declare(&config), Activity);
        let runner = Runner::new(config.clone(), registry, Console::new());
        let selection = Selection::Only(vec![stage.to_owned()]);
        let begin = Instant::now();
        runner.run(&RunOptions::new(selection, 2)).unwrap();
        seconds = begin.elapsed().as_secs_f64();
    }
    seconds
}

fn tables(folder: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    SUMS.map(|table| (table, std::fs::read(folder.join(format!("run/tables/{table}/part-000.parquet"))).unwrap())).into()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// `CHORUS_NIGHTS=1000` measures a long survey: what the first making takes, and what a night more.
#[test]
fn a_new_night_opens_no_old_predictions_and_the_sums_are_those_of_a_run_from_nothing() {
    let nights = std::env::var("CHORUS_NIGHTS").map_or(NIGHTS, |nights| nights.parse().unwrap());
    let (grown, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first_s = run(grown.path(), Survey { days: nights, parts: 2 });
    // Of the same size and no table any more: whoever opens one of them fails.
    let old = files_below(&grown.path().join("run/tables/predictions"));
    assert_eq!(old.len(), nights * SITES.len() * 2);
    for path in &old {
        std::fs::write(path, vec![0; std::fs::metadata(path).unwrap().len() as usize]).unwrap();
    }
    let next_s = run(grown.path(), Survey { days: nights + 1, parts: 2 });
    eprintln!("detect: {nights} nights of {} sites {first_s:.2} s, a night more {next_s:.2} s", SITES.len());
    // Nor does it matter into how many parts a day is cut.
    run(whole.path(), Survey { days: nights + 1, parts: 1 });
    assert_eq!(tables(grown.path()), tables(whole.path()));
}
