//! The stage as the engine runs it, over tables that stand-ins of the other stages write.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chorus_card::testing;
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{
    Config, Console, MODEL_KEYS, Registry, RunOptions, Runner, Scan, ScanContext, Selection, Unit, UnitContext, Work, WorkError,
};
use chorus_keys::Declarations;

use crate::facts::rows::{Named, bool, f32, f64, fill, i32, i64, text};
use crate::{PAGE, Report};

fn keys() -> &'static Declarations {
    chorus_engine::config::declarations()
        .and(chorus_audio::declarations())
        .and(chorus_labels::declarations())
        .and(chorus_score::declarations())
        .and(crate::declarations())
        .into_static()
}

const SITE: &str = "Pond <1>";
const NIGHT: i32 = 18_322;
/// 2020-03-01 20:00.
const START_US: i64 = NIGHT as i64 * 86_400_000_000 + 72_000_000_000;

/// Does the work of any pass: writes whatever the pass declares.
struct StandIn(Pass, String);

impl Work for StandIn {
    type Found = ();

    fn scan(&self, _cx: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        let mut scan = Scan::default();
        if self.0.per == Per::SiteDay && self.0.inputs == [Input::Archive] {
            let date = Some(jiff::civil::date(2020, 3, 1));
            let unit = |date, part| Unit::SiteDay { site: SITE.into(), date, part };
            scan.units = [unit(date, 0), unit(date, 1), unit(None, 0)].map(|u| (u, Default::default())).into();
        }
        Ok(scan)
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        for output in &self.0.outputs {
            match *output {
                Output::File(path) => cx.write_file(path, self.1.as_bytes())?,
                Output::Folder(_) => {}
                Output::Table(table) => {
                    let named = rows(table, cx.unit());
                    cx.write(table, |batch| fill(batch, table, &named))?;
                }
            }
        }
        Ok(())
    }
}

/// One recording, or one row, for each unit.
fn rows(table: &str, unit: &Unit) -> Vec<Named> {
    let (part, timed) = match unit {
        Unit::SiteDay { date, part, .. } => (*part, date.is_some()),
        Unit::Run => (0, true),
    };
    let id = format!("r{part}{timed}");
    let id = id.as_str();
    match table {
        "recordings" => vec![
            text("recording_id", [id]),
            text("path", [format!("{id}.wav").as_str()]),
            i64("start_local", [timed.then_some(START_US)]),
            f64("duration_s", [3600.0]),
            text("status", [if part == 0 { "ok" } else { "repaired" }]),
        ],
        "segments" => {
            vec![i64("index", [0, 1]), text("recording_id", [id; 2]), f64("start_s", [0.0, 3.0]), f64("end_s", [3.0, 6.0])]
        }
        "soundscape" => {
            vec![
                text("recording_id", [id]),
                f64("seconds", [60.0]),
                f64("level_dbfs", [-20.0]),
                f64("l90_dbfs", [-30.0]),
                bool("rain", [part == 0]),
            ]
        }
        "classes" => vec![text("class", ["FROG", "TOAD"]), text("scientific_name", [Some("Rana <i>"), None])],
        "annotations" => vec![text("recording_id", [id]), text("class", ["FROG"]), bool("used", [true])],
        "reviews" => vec![text("recording_id", [id]), bool("reviewed", [timed])],
        "splits" => vec![text("recording_id", ["r0false", "r0true", "r1true"]), text("subset", ["train", "test", "validation"])],
        "split_classes" => vec![
            text("class", ["FROG", "FROG", "TOAD"]),
            text("subset", ["test", "train", "train"]),
            i64("recordings", [1, 2, 1]),
            i64("windows_positive", [3, 5, 1]),
        ],
        "training_log" => vec![i64("epoch", [1, 2]), f64("train_loss", [0.5, 0.25]), bool("best", [false, true])],
        "metrics" => vec![
            text("subset", ["test"; 3]),
            text("model_id", ["cafe"; 3]),
            text("class", [None, Some("FROG"), Some("TOAD")]),
            text("metric", ["average_precision"; 3]),
            f64("value", [Some(0.75), Some(0.75), None]),
            i64("support", [1, 9, 0]),
        ],
        "thresholds" => vec![
            text("model_id", ["cafe"; 2]),
            text("class", ["FROG", "TOAD"]),
            f64("threshold", [0.25, 0.5]),
            text("source", ["own", "default"]),
        ],
        "detections" => vec![
            text("recording_id", [id]),
            text("class", ["FROG"]),
            f64("start_s", [3.0]),
            f64("end_s", [6.0]),
            f32("peak_score", [0.5 + part as f32 / 4.0]),
        ],
        "activity" => vec![
            text("site", [SITE; 4]),
            i32("night", [None, None, Some(NIGHT), Some(NIGHT)]),
            i32("hour", [None, None, Some(20), Some(20)]),
            text("class", ["FROG", "TOAD", "FROG", "TOAD"]),
            f64("effort_s", [3600.0, 3600.0, 7200.0, 7200.0]),
            i64("windows", [1200, 1200, 2400, 2400]),
            i64("windows_detected", [12, 0, 24, 0]),
            text("model_id", ["cafe"; 4]),
        ],
        _ => vec![],
    }
}

/// Passes that write what the report reads: parts of tables by site-day, the other tables, and the card of a model that is trained.
fn stand_ins(config: &Config) -> [Pass; 2] {
    let tables = Report::declare(config).unwrap().inputs.into_iter().filter_map(Input::table);
    let (parts, whole): (Vec<&str>, Vec<&str>) = tables.partition(|table| chorus_tables::schema(table).unwrap().partitioned);
    let outputs = |tables: Vec<&'static str>| tables.into_iter().map(Output::Table).collect::<Vec<_>>();
    let card = config.text("model.path").is_none().then_some(Output::File("model/model.yaml"));
    [
        Pass { inputs: vec![Input::Archive], outputs: outputs(parts), ..Pass::new("parts", Per::SiteDay) },
        Pass { outputs: [outputs(whole), card.into_iter().collect()].concat(), ..Pass::new("whole", Per::Run) },
    ]
}

/// Runs the stand-ins and the report.
fn run_again(folder: &Path, sets: &[&str], force: bool) -> Result<(), String> {
    let (archive, run) = (folder.join("archive"), folder.join("run"));
    std::fs::create_dir_all(&archive).unwrap();
    let mut sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    sets.extend([format!("archive.path={}", archive.display()), format!("run.path={}", run.display())]);
    let config = Config::from_text("", "c", "c", &sets, keys()).unwrap();
    std::fs::write(archive.join("r1true.wav"), crate::clip::tests::tone(1000.0, 10.0, 8000)).unwrap();
    let keys = config.expand(&MODEL_KEYS);
    let card = testing::card(config.values().nested(keys.iter().map(String::as_str))).to_yaml();
    let stand_ins = stand_ins(&config).into_iter();
    let registry = stand_ins.fold(Registry::default(), |r, p| r.with(Some(p.clone()), StandIn(p, card.clone())));
    let runner = Runner::new(config.clone(), registry.with(Report::declare(&config), Report), Console::new());
    let selection = if force { Selection::Only(vec!["report".to_owned()]) } else { Selection::All };
    let options = RunOptions { force, ..RunOptions::new(selection, 1) };
    runner.run(&options).map(drop).map_err(|error| error.to_string())
}

/// Runs the stand-ins and the report, and gives back the page.
fn run(folder: &Path, sets: &[&str]) -> String {
    run_again(folder, sets, false).unwrap();
    std::fs::read_to_string(folder.join("run").join(PAGE)).unwrap()
}

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn each_declared_table_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let sets = ["annotate.format=anuraset_raw", "soundscape.enabled=true"];
    run(folder.path(), &sets);
    let mut tables = 0;
    for table in std::fs::read_dir(folder.path().join("run/tables")).unwrap().map(|entry| entry.unwrap()) {
        let files: Vec<(PathBuf, Vec<u8>)> =
            files_below(&table.path()).into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
        // The size stays the same, so only a reader of the file notices that it is not a table any more.
        for (path, bytes) in &files {
            std::fs::write(path, vec![0; bytes.len()]).unwrap();
        }
        assert!(run_again(folder.path(), &sets, true).is_err(), "{} is declared and not read", table.path().display());
        for (path, bytes) in &files {
            std::fs::write(path, bytes).unwrap();
        }
        tables += 1;
    }
    assert_eq!(tables, 19);
}

#[test]
fn a_run_that_learns_and_a_run_that_applies_its_model() {
    let (learns, applies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sets = ["annotate.format=anuraset_raw", "report.title=Two ponds & a half", "soundscape.enabled=true"];
    let learned = run(learns.path(), &sets);
    for wanted in [
        "<h1>Two ponds &amp; a half</h1>",
        "On 1 March 2020, recorders at 1 site made 3 recordings, and 3 hours of sound can be read. 1 file could be read in part only.",
        "Pond &lt;1&gt;, 2020-03-01: 2 h recorded",
        "Not in the calendar: 1 recording without",
        "(model <code>cafe</code>) listened for 2 classes. It detected 1: ",
        "<i lang=\"la\"><bdi>Rana &lt;i&gt;</bdi></i>",
        "<span class=\"when\"><bdi>Pond &lt;1&gt;</bdi>, 2020-03-01 20:00:03</span><span>score 0.750</span>",
        "src=\"clips/001-FROG-1.png\" width=\"720\"",
        "<bdi>r1true.wav</bdi> from 0:03 to 0:06",
        "its average precision is 0.75, for 1 class.",
        "No window of the subset test holds <bdi>TOAD</bdi>",
        "weights kept: epoch 2",
        "<td class=\"n\">2 <small>5 windows</small></td>",
        "No test recording holds <bdi>TOAD</bdi>, so it cannot be tested.",
        "2 recordings of 3 were reviewed",
        "6 windows of 3 s",
        "<td class=\"n\">-20.0</td><td class=\"n\">-30.0</td><td class=\"n\">66.7 %</td><td class=\"n\">–</td>",
        "<code>recordings</code>, <code>soundscape</code>",
    ] {
        assert!(learned.contains(wanted), "{wanted}\n{learned}");
    }
    // Of three recordings one can be read; the places of the others say so.
    assert_eq!((learned.matches("<audio").count(), learned.matches("The sound is not there").count()), (1, 2));
    let wav = std::fs::read(learns.path().join("run/report/clips/001-FROG-1.wav")).unwrap();
    // From 2 to 7 s of a recording of 16 bits.
    assert_eq!(wav[44..], std::fs::read(learns.path().join("archive/r1true.wav")).unwrap()[44 + 32_000..][..80_000]);
    let model = format!("model.path={}", learns.path().join("run/model").display());
    let owl = "{threshold: 0.5, source: pooled, f1: null, positives: 1, usable: false, why_not: 1 validation window holds it}";
    let decisions = format!("model_id: cafe\nthresholds:\n  OWL: {owl}\n");
    std::fs::write(learns.path().join("run/model/decisions.yaml"), decisions).unwrap();
    let applied = run(applies.path(), &[&model]);
    assert!(applied.contains("<h1>Acoustic survey</h1>") && applied.contains("nothing in it is labelled"));
    assert!(applied.contains("listened for 2 classes. It detected 1: ") && !applied.contains("Training"));
    assert!(!applied.contains("Sound levels") && !applied.contains("soundscape"), "this run did not measure them");
    let left_out =
        "1 of 3 classes can't be told yet: validation does not show that the classifier tells it, so nothing is said of it";
    assert!(applied.contains(left_out) && applied.contains("<td>1 validation window holds it</td>"), "{applied}");
    assert!(!learned.contains("can't be told yet"));

    // Neither the folder nor the time is in the page.
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(run(elsewhere.path(), &[&model]), applied);
    let paths: BTreeSet<String> = [&learns, &applies].map(|d| d.path().display().to_string()).into();
    assert!(paths.iter().all(|p| !applied.contains(p) && !learned.contains(p)));
}
