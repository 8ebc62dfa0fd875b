//! A survey whose calls are known to the second: events, activity, effort, seasons, accumulation and sun must come out exactly, across
//! changes of daylight saving and nights without recordings. Recordings and scores are written by stand-ins; detect
//! is the real stage, and `chorus query` reads what it made.
//!
//! | site | recording | local time | length | calls |
//! |---|---|---|---|---|
//! | LYON | l1 | 2025-03-28 21:00 | 60 s | none |
//! | LYON | l2 | 2025-03-30 01:30, clocks go forward at 2:00 | 3600 s | FROG at 0 to 60 and 1794 to 1803 s, TOAD for one window |
//! | LYON | | 30th and 31st: nothing was recorded | | |
//! | LYON | l3 | 2025-04-01 22:00 | 60 s | FROG at 0 to 6 and 9 to 15 s, TOAD at 30 to 33 s and more faintly to 39 s |
//! | LYON | l4 | 2025-04-03 22:00 | 60 s | none |
//! | LYON | l5 | not known | 60 s | FROG at 0 to 6 s |
//! | ITHACA | i1 | 2025-11-02 00:30, clocks go back at 2:00 | 10800 s | TOAD at 3600 to 3660 and 7200 to 7260 s: twice at 1:30 |
//! | ITHACA | i2 | 2025-11-02 22:00 | 60 s | TOAD at 0 to 30 s |
#![allow(clippy::unwrap_used)]

mod common;
#[path = "../pipeline/cli/declarations.rs"]
mod declarations;

use std::path::Path;

use chorus_card::{Card, MODEL_CARD, testing};
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{
    Config, Console, MODEL_KEYS, Registry, RunOptions, Runner, Scan, ScanContext, Selection, Unit, UnitContext, Work, WorkError,
};
use chorus_score::{Activity, Detect};
use chorus_tables::{LocalMicros, UtcMicros};
use common::ask;
use declarations::declarations;

const CLASSES: [&str; 3] = ["FROG", "OWL", "TOAD"];
const WINDOW_S: f64 = 3.0;
/// Neither called nor near.
const SILENT: f32 = 0.125;
/// A call.
const LOUD: f32 = 0.875;
/// A call that carries an event on and begins none: above 0.5 x 0.5.
const FAINT: f32 = 0.375;
const SETTINGS: [&str; 4] = ["detect.threshold=0.5", "detect.max_gap_s=3", "detect.hysteresis=0.5", "detect.min_event_s=6"];

/// Class, first second, last second, score.
type Call = (&'static str, f64, f64, f32);

struct Recording {
    id: &'static str,
    site: &'static str,
    /// UTC.
    start: Option<&'static str>,
    seconds: f64,
    calls: &'static [Call],
}

const SURVEY: &[Recording] = &[
    Recording { id: "l1", site: "LYON", start: Some("2025-03-28T20:00:00Z"), seconds: 60.0, calls: &[] },
    Recording {
        id: "l2",
        site: "LYON",
        start: Some("2025-03-30T00:30:00Z"),
        seconds: 3600.0,
        calls: &[("FROG", 0.0, 60.0, LOUD), ("FROG", 1794.0, 1803.0, LOUD), ("TOAD", 300.0, 303.0, LOUD)],
    },
    Recording {
        id: "l3",
        site: "LYON",
        start: Some("2025-04-01T20:00:00Z"),
        seconds: 60.0,
        calls: &[("FROG", 0.0, 6.0, LOUD), ("FROG", 9.0, 15.0, LOUD), ("TOAD", 30.0, 33.0, LOUD), ("TOAD", 33.0, 39.0, FAINT)],
    },
    Recording { id: "l4", site: "LYON", start: Some("2025-04-03T20:00:00Z"), seconds: 60.0, calls: &[] },
    Recording { id: "l5", site: "LYON", start: None, seconds: 60.0, calls: &[("FROG", 0.0, 6.0, LOUD)] },
    Recording {
        id: "i1",
        site: "ITHACA",
        start: Some("2025-11-02T04:30:00Z"),
        seconds: 10_800.0,
        calls: &[("TOAD", 3600.0, 3660.0, LOUD), ("TOAD", 7200.0, 7260.0, LOUD)],
    },
    Recording {
        id: "i2",
        site: "ITHACA",
        start: Some("2025-11-03T03:00:00Z"),
        seconds: 60.0,
        calls: &[("TOAD", 0.0, 30.0, LOUD)],
    },
];

impl Recording {
    fn zone(&self) -> &'static str {
        if self.site == "LYON" { "Europe/Paris" } else { "America/New_York" }
    }

    fn place(&self) -> (f64, f64) {
        if self.site == "LYON" { (45.75, 4.85) } else { (42.44, -76.5) }
    }

    fn start_us(&self) -> Option<i64> {
        Some(self.start?.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    fn local(&self) -> Option<jiff::civil::DateTime> {
        let instant = jiff::Timestamp::from_microsecond(self.start_us()?).unwrap();
        Some(jiff::tz::TimeZone::get(self.zone()).unwrap().to_datetime(instant))
    }

    fn local_us(&self) -> Option<i64> {
        Some(jiff::tz::TimeZone::UTC.to_timestamp(self.local()?).unwrap().as_microsecond())
    }

    fn unit(&self) -> Unit {
        Unit::SiteDay { site: self.site.into(), date: self.local().map(|local| local.date()), part: 0 }
    }

    fn windows(&self) -> impl Iterator<Item = f64> {
        (0..(self.seconds / WINDOW_S) as u32).map(|i| f64::from(i) * WINDOW_S)
    }

    fn score(&self, class: &str, start_s: f64) -> f32 {
        let call = self.calls.iter().find(|(c, from, to, _)| *c == class && (*from..*to).contains(&start_s));
        call.map_or(SILENT, |(.., score)| *score)
    }
}

/// Does the work of a pass before detect: writes the survey's tables.
struct StandIn(Pass);

impl Work for StandIn {
    type Found = ();

    fn scan(&self, _cx: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        let mut scan = Scan::default();
        if self.0.inputs == [Input::Archive] {
            scan.units = SURVEY.iter().map(|recording| (recording.unit(), Default::default())).collect();
        }
        Ok(scan)
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let own: Vec<&Recording> = SURVEY.iter().filter(|recording| recording.unit() == *cx.unit()).collect();
        for output in &self.0.outputs {
            match *output {
                Output::Table("recordings") => recordings(cx, &own)?,
                Output::Table("predictions") => predictions(cx, &own)?,
                other => return Err(format!("the survey has no {other:?}").into()),
            }
        }
        Ok(())
    }
}

fn recordings(cx: &UnitContext<'_>, own: &[&Recording]) -> Result<(), WorkError> {
    let each = || own.iter();
    cx.write("recordings", |batch| {
        batch
            .column("recording_id", each().map(|r| r.id))
            .column("path", each().map(|r| format!("{}.wav", r.id)))
            .column("start_utc", each().map(|r| r.start_us().map(UtcMicros)))
            .column("start_local", each().map(|r| r.local_us().map(LocalMicros)))
            .column("timezone", each().map(|r| r.zone()))
            .column("time_source", each().map(|_| "filename"))
            .column("site_source", each().map(|_| "folder"))
            .column("duration_s", each().map(|r| r.seconds))
            .column("latitude", each().map(|r| r.place().0))
            .column("longitude", each().map(|r| r.place().1))
            .column("file_bytes", each().map(|_| 1_000_000_u64))
            .column("content_hash", each().map(|r| r.id))
            .column("status", each().map(|_| "ok"))
            .others_null()
    })?;
    Ok(())
}

fn predictions(cx: &UnitContext<'_>, own: &[&Recording]) -> Result<(), WorkError> {
    let rows: Vec<(&Recording, f64, &str)> = own
        .iter()
        .flat_map(|r| r.windows().flat_map(move |start_s| CLASSES.iter().map(move |class| (*r, start_s, *class))))
        .collect();
    let each = || rows.iter();
    cx.write("predictions", |batch| {
        batch
            .column("segment_id", each().map(|(r, start_s, _)| format!("{}-{:06}", r.id, start_s / WINDOW_S)))
            .column("recording_id", each().map(|(r, ..)| r.id))
            .column("start_utc", each().map(|(r, start_s, _)| r.start_us().map(|us| UtcMicros(us + (*start_s * 1e6) as i64))))
            .column("start_s", each().map(|(_, start_s, _)| *start_s))
            .column("end_s", each().map(|(_, start_s, _)| start_s + WINDOW_S))
            .column("class", each().map(|(.., class)| class))
            .column("logit", each().map(|(r, start_s, class)| r.score(class, *start_s).ln()))
            .column("score", each().map(|(r, start_s, class)| r.score(class, *start_s)))
            .column("model_id", each().map(|_| "cafe"))
    })?;
    Ok(())
}

/// A run with the survey's tables and what detect makes of them.
fn detected(folder: &Path) {
    let (archive, model) = (folder.join("archive"), folder.join("model"));
    std::fs::create_dir_all(&archive).unwrap();
    std::fs::create_dir_all(&model).unwrap();
    let paths = [("archive.path", &archive), ("model.path", &model), ("run.path", &folder.join("run"))];
    let sets = paths.map(|(key, path)| format!("{key}={}", path.display())).into_iter();
    let sets: Vec<String> = sets.chain(SETTINGS.map(str::to_owned)).collect();
    let config = Config::from_text("", "c", "c", &sets, declarations()).unwrap();
    let keys = config.expand(&MODEL_KEYS);
    let settings = config.values().nested(keys.iter().map(String::as_str));
    let card = Card { classes: CLASSES.map(str::to_owned).into(), ..testing::card(settings) };
    std::fs::write(model.join(MODEL_CARD), card.to_yaml()).unwrap();
    let find =
        Pass { inputs: vec![Input::Archive], outputs: vec![Output::Table("recordings")], ..Pass::new("find", Per::SiteDay) };
    let score = Pass {
        inputs: vec![Input::Table("recordings")],
        outputs: vec![Output::Table("predictions")],
        ..Pass::new("score", Per::SiteDay)
    };
    let registry = Registry::default()
        .with(Some(find.clone()), StandIn(find))
        .with(Some(score.clone()), StandIn(score))
        .with(Detect::declare(&config), Detect)
        .with(Activity::declare(&config), Activity);
    let options = RunOptions::new(Selection::All, 2);
    Runner::new(config, registry, Console::new()).run(&options).unwrap();
}

#[test]
fn what_called_when_comes_out_exactly() {
    let folder = tempfile::tempdir().unwrap();
    detected(folder.path());
    let run = folder.path().join("run");
    let check = |sql: &str, expected: &[&str]| assert_eq!(ask(&run, sql), expected, "{sql}");

    // The lone window of TOAD in l2 is too short, the gap in l3 is bridged, and the faint windows carry TOAD's event on.
    check(
        "SELECT recording_id, class, start_s, end_s, windows, start_utc FROM detections ORDER BY recording_id, class, start_s",
        &[
            "i1,TOAD,3600.0,3660.0,20,2025-11-02T05:30:00Z",
            "i1,TOAD,7200.0,7260.0,20,2025-11-02T06:30:00Z",
            "i2,TOAD,0.0,30.0,10,2025-11-03T03:00:00Z",
            "l2,FROG,0.0,60.0,20,2025-03-30T00:30:00Z",
            "l2,FROG,1794.0,1803.0,3,2025-03-30T00:59:54Z",
            "l3,FROG,0.0,15.0,4,2025-04-01T20:00:00Z",
            "l3,TOAD,30.0,39.0,3,2025-04-01T20:00:30Z",
            "l5,FROG,0.0,6.0,2,",
        ],
    );
    // 2:00 to 3:00 is missing in Lyon and 1:00 to 2:00 occurs twice in Ithaca. Nights without recordings have no row.
    let counts = "effort_s, windows, windows_detected, minutes, minutes_detected, events";
    check(
        &format!("SELECT site, night, hour, {counts} FROM activity WHERE class = 'FROG' ORDER BY site, night NULLS FIRST, hour"),
        &[
            "ITHACA,2025-11-01,0,1800.0,600,0,30,0,0",
            "ITHACA,2025-11-01,1,7200.0,2400,0,120,0,0",
            "ITHACA,2025-11-01,2,1800.0,600,0,30,0,0",
            "ITHACA,2025-11-02,22,60.0,20,0,1,0,0",
            "LYON,,,60.0,20,2,1,1,1",
            "LYON,2025-03-28,21,60.0,20,0,1,0,0",
            "LYON,2025-03-29,1,1800.0,600,22,30,2,2",
            "LYON,2025-03-29,3,1800.0,600,1,30,1,0",
            "LYON,2025-04-01,22,60.0,20,4,1,1,1",
            "LYON,2025-04-03,22,60.0,20,0,1,0,0",
        ],
    );
    check(
        &format!(
            "SELECT site, night, hour, {counts} FROM activity WHERE class = 'TOAD' AND windows_detected > 0 ORDER BY site, night, hour"
        ),
        &[
            "ITHACA,2025-11-01,1,7200.0,2400,40,120,2,2",
            "ITHACA,2025-11-02,22,60.0,20,10,1,1,1",
            "LYON,2025-04-01,22,60.0,20,3,1,1,1",
        ],
    );
    check("SELECT SUM(windows_detected) AS n, COUNT(*) AS rows FROM activity WHERE class = 'OWL'", &["0,10"]);

    check(
        "SELECT night, share_of_windows, share_of_minutes, events_per_hour FROM nightly WHERE site = 'LYON' AND class = 'FROG' ORDER BY night",
        &[
            "2025-03-28,0.0,0.0,0.0",
            "2025-03-29,0.019166666666666665,0.05,2.0",
            "2025-04-01,0.2,1.0,60.0",
            "2025-04-03,0.0,0.0,0.0",
        ],
    );
    check(
        "SELECT site, class, nights, nights_detected, first_night, last_night, nights_before, effort_before_s, night_before, \
         nights_after, effort_after_s, night_after FROM phenology WHERE class <> 'OWL' ORDER BY site NULLS FIRST, class",
        &[
            ",FROG,6,2,2025-03-29,2025-04-01,1,60.0,2025-03-28,3,10920.0,2025-04-03",
            ",TOAD,6,3,2025-04-01,2025-11-02,2,3660.0,2025-03-29,0,0.0,",
            "ITHACA,FROG,2,0,,,,,,,,",
            "ITHACA,TOAD,2,2,2025-11-01,2025-11-02,0,0.0,,0,0.0,",
            "LYON,FROG,4,2,2025-03-29,2025-04-01,1,60.0,2025-03-28,1,60.0,2025-04-03",
            "LYON,TOAD,4,1,2025-04-01,2025-04-01,2,3660.0,2025-03-29,1,60.0,2025-04-03",
        ],
    );
    check(
        "SELECT site, night, nights, site_nights, effort_s, classes, new_classes FROM accumulation ORDER BY site NULLS FIRST, night",
        &[
            ",2025-03-28,1,1,60.0,0,0",
            ",2025-03-29,2,2,3660.0,1,1",
            ",2025-04-01,3,3,3720.0,2,1",
            ",2025-04-03,4,4,3780.0,2,0",
            ",2025-11-01,5,5,14580.0,2,0",
            ",2025-11-02,6,6,14640.0,2,0",
            "ITHACA,2025-11-01,1,1,10800.0,1,1",
            "ITHACA,2025-11-02,2,2,10860.0,1,0",
            "LYON,2025-03-28,1,1,60.0,0,0",
            "LYON,2025-03-29,2,2,3660.0,1,1",
            "LYON,2025-04-01,3,3,3720.0,2,1",
            "LYON,2025-04-03,4,4,3780.0,2,0",
        ],
    );
    // By astral: 21:58:25 and 11:41:20 UTC in Ithaca, where the clocks changed in between, and 05:24:34 UTC in Lyon.
    check(
        "SELECT night, STRFTIME(sunset_local, '%H:%M') AS sunset, STRFTIME(sunrise_local, '%H:%M') AS sunrise FROM nights WHERE night = '2025-11-01'",
        &["2025-11-01,17:58,06:41"],
    );
    check("SELECT STRFTIME(sunrise_local, '%H:%M') AS sunrise FROM nights WHERE night = '2025-03-29'", &["07:24"]);
    check("SELECT COUNT(*) AS nights FROM nights", &["6"]);
    // All effort and all finds, by either anchor; l5 is in no bin.
    check(
        "SELECT anchor, class, SUM(effort_s) AS effort_s, SUM(windows_detected) AS windows, SUM(events) AS events FROM sun_activity \
         GROUP BY anchor, class ORDER BY anchor, class",
        &[
            "sunrise,FROG,14700.0,29,4",
            "sunrise,OWL,14700.0,0,0",
            "sunrise,TOAD,14700.0,53,4",
            "sunset,FROG,14700.0,29,4",
            "sunset,OWL,14700.0,0,0",
            "sunset,TOAD,14700.0,53,4",
        ],
    );
    // At 00:30 and 01:00 UTC: five hours less five minutes before sunrise, whatever the clock did in between.
    check(
        "SELECT anchor, offset_min, windows_detected FROM sun_activity WHERE night = '2025-03-29' AND class = 'FROG' AND windows_detected > 0 ORDER BY anchor, offset_min",
        &["sunrise,-300,20", "sunrise,-270,3", "sunset,360,20", "sunset,390,3"],
    );
    check(
        "SELECT DISTINCT site, anchor FROM sun_activity WHERE offset_min IS NULL ORDER BY anchor",
        &["LYON,sunrise", "LYON,sunset"],
    );
}
