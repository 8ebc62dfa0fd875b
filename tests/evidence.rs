//! A class makes detections only where validation shows that it can be told. Recordings, labels and scores are written by stand-ins, so that
//! the right verdicts are known; evaluate and detect are the real stages, and `chorus query` reads what they made.
//!
//! | recordings | subset | FROG | OWL | TOAD |
//! |---|---|---|---|---|
//! | POND p1, p2 | validation | calls in 5 of 10 windows | never | calls in 5 |
//! | POND p3 | validation | calls in 5 | never | 4 false alarms |
//! | POND p4, p5 | validation | never | never | 4 false alarms each |
//! | SWAMP s1 | validation | never | never | 4 false alarms |
//! | SWAMP s2 | none | never | never | 4 false alarms |
//! | BOG b1 | none | scores as if it called in 5 | never | never |
//!
//! Nothing ever calls at SWAMP, and validation holds no recording of BOG.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "../pipeline/cli/declarations.rs"]
mod declarations;

use std::fs;
use std::path::Path;
use std::process::Command;

use chorus_card::{Card, testing};
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{
    Config, Console, Registry, RunOptions, Runner, Scan, ScanContext, Selection, Unit, UnitContext, Work, WorkError,
};
use chorus_score::{Activity, Detect, Evaluate};
use chorus_tables::{LocalMicros, UtcMicros};
use common::{CHORUS, Survey, ask, text};
use declarations::declarations;

const CLASSES: [&str; 3] = ["FROG", "OWL", "TOAD"];
const WINDOWS: u32 = 10;
const WINDOW_S: f64 = 3.0;
/// 2025-01-30T22:00:00Z.
const START_US: i64 = 1_738_274_400_000_000;

/// Of one recording: its id, site, subset, and of FROG and TOAD the windows that score high and those that hold it.
struct Recording(&'static str, &'static str, &'static str, [(u32, bool); 2]);

const SURVEY: [Recording; 8] = [
    Recording("p1", "POND", "validation", [(5, true), (5, true)]),
    Recording("p2", "POND", "validation", [(5, true), (5, true)]),
    Recording("p3", "POND", "validation", [(5, true), (4, false)]),
    Recording("p4", "POND", "validation", [(0, false), (4, false)]),
    Recording("p5", "POND", "validation", [(0, false), (4, false)]),
    Recording("s1", "SWAMP", "validation", [(0, false), (4, false)]),
    Recording("s2", "SWAMP", "unused", [(0, false), (4, false)]),
    Recording("b1", "BOG", "unused", [(5, true), (0, false)]),
];

impl Recording {
    fn unit(&self) -> Unit {
        Unit::SiteDay { site: self.1.into(), date: Some(jiff::civil::date(2025, 1, 30)), part: 0 }
    }

    /// Score of a class in a window, and whether it calls there.
    fn scored(&self, class: &str, window: u32) -> (f32, bool) {
        let (high, calls) = match class {
            "FROG" => self.3[0],
            "TOAD" => self.3[1],
            _ => (0, false),
        };
        if window < high { (0.875, calls) } else { (0.125, false) }
    }
}

/// Does the work of the passes before evaluate.
struct StandIn(Pass);

impl Work for StandIn {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
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
                Output::Table("labels") => labels(cx, &own)?,
                Output::Table("chosen_labels") => chosen_labels(cx, &own)?,
                Output::Table("splits") => splits(cx)?,
                Output::File(path) => {
                    let card = Card { classes: CLASSES.map(str::to_owned).into(), ..testing::card(Default::default()) };
                    cx.write_file(path, card.to_yaml().as_bytes())?;
                }
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
            .column("recording_id", each().map(|r| r.0))
            .column("path", each().map(|r| format!("{}.wav", r.0)))
            .column("start_utc", each().map(|_| UtcMicros(START_US)))
            .column("start_local", each().map(|_| LocalMicros(START_US)))
            .column("timezone", each().map(|_| "UTC"))
            .column("time_source", each().map(|_| "filename"))
            .column("site_source", each().map(|_| "folder"))
            .column("duration_s", each().map(|_| f64::from(WINDOWS) * WINDOW_S))
            .column("file_bytes", each().map(|_| 1_000_u64))
            .column("content_hash", each().map(|r| r.0))
            .column("status", each().map(|_| "ok"))
            .others_null()
    })?;
    Ok(())
}

/// Each window with each class.
fn rows<'a>(own: &[&'a Recording]) -> Vec<(&'a Recording, u32, &'static str)> {
    let windows = own.iter().flat_map(|r| (0..WINDOWS).map(move |window| (*r, window)));
    windows.flat_map(|(r, window)| CLASSES.map(|class| (r, window, class))).collect()
}

fn predictions(cx: &UnitContext<'_>, own: &[&Recording]) -> Result<(), WorkError> {
    let rows = rows(own);
    let each = || rows.iter();
    let score = |row: &(&Recording, u32, &str)| row.0.scored(row.2, row.1).0;
    cx.write("predictions", |batch| {
        batch
            .column("segment_id", each().map(|(r, window, _)| format!("{}-{window:06}", r.0)))
            .column("recording_id", each().map(|(r, ..)| r.0))
            .column("start_utc", each().map(|(_, window, _)| UtcMicros(START_US + i64::from(*window) * 3_000_000)))
            .column("start_s", each().map(|(_, window, _)| f64::from(*window) * WINDOW_S))
            .column("end_s", each().map(|(_, window, _)| f64::from(window + 1) * WINDOW_S))
            .column("class", each().map(|(.., class)| class))
            .column("logit", each().map(|row| (score(row) / (1.0 - score(row))).ln()))
            .column("score", each().map(score))
            .column("model_id", each().map(|_| "cafe"))
    })?;
    Ok(())
}

fn labels(cx: &UnitContext<'_>, own: &[&Recording]) -> Result<(), WorkError> {
    let rows = rows(own);
    let each = || rows.iter();
    let calls = |row: &(&Recording, u32, &str)| row.0.scored(row.2, row.1).1;
    cx.write("labels", |batch| {
        batch
            .column("segment_id", each().map(|(r, window, _)| format!("{}-{window:06}", r.0)))
            .column("recording_id", each().map(|(r, ..)| r.0))
            .column("class", each().map(|(.., class)| class))
            .column("value", each().map(|row| i32::from(calls(row))))
            .column("overlap_s", each().map(|row| if calls(row) { WINDOW_S } else { 0.0 }))
    })?;
    Ok(())
}

/// Where the configuration has review sheets, all labels of p5 rest on clips that were chosen to listen to.
fn chosen_labels(cx: &UnitContext<'_>, own: &[&Recording]) -> Result<(), WorkError> {
    let rows: Vec<_> = rows(own).into_iter().filter(|(r, ..)| r.0 == "p5").collect();
    cx.write("chosen_labels", |batch| {
        batch
            .column("segment_id", rows.iter().map(|(r, window, _)| format!("{}-{window:06}", r.0)))
            .column("recording_id", rows.iter().map(|(r, ..)| r.0))
            .column("class", rows.iter().map(|(.., class)| class))
    })?;
    Ok(())
}

fn splits(cx: &UnitContext<'_>) -> Result<(), WorkError> {
    let mut all: Vec<&Recording> = SURVEY.iter().collect();
    all.sort_by_key(|recording| recording.0);
    cx.write("splits", |batch| {
        batch
            .column("recording_id", all.iter().map(|r| r.0))
            .column("group_id", all.iter().map(|r| r.0))
            .column("subset", all.iter().map(|r| r.2))
            .column("reason", all.iter().map(|_| "file"))
    })?;
    Ok(())
}

/// A run with what evaluate and detect make of the survey.
fn made(folder: &Path, sets: &[&str]) {
    let (archive, run) = (folder.join("archive"), folder.join("run"));
    fs::create_dir_all(&archive).unwrap();
    let paths = [("archive.path", &archive), ("run.path", &run)].map(|(key, path)| format!("{key}={}", path.display()));
    let sets: Vec<String> = paths.into_iter().chain(sets.iter().map(|set| (*set).to_owned())).collect();
    let config = Config::from_text("annotate: {format: anuraset_raw}", "c", "c", &sets, declarations()).unwrap();
    let table =
        |name: &'static str, per: Per, inputs: Vec<Input>, outputs: Vec<Output>| Pass { inputs, outputs, ..Pass::new(name, per) };
    let found = || vec![Input::Table("recordings")];
    let find = table("find", Per::SiteDay, vec![Input::Archive], vec![Output::Table("recordings")]);
    let scores = ["predictions", "labels", "chosen_labels"].map(Output::Table).to_vec();
    let score = table("score", Per::SiteDay, found(), scores);
    let split = table("part", Per::Run, found(), vec![Output::Table("splits"), Output::File("model/model.yaml")]);
    let registry =
        [find, score, split].into_iter().fold(Registry::default(), |all, pass| all.with(Some(pass.clone()), StandIn(pass)));
    let registry = registry
        .with(Evaluate::declare(&config), Evaluate)
        .with(Detect::declare(&config), Detect)
        .with(Activity::declare(&config), Activity);
    Runner::new(config, registry, Console::new()).run(&RunOptions::new(Selection::All, 2)).unwrap();
}

#[test]
fn a_class_that_is_mostly_detected_falsely_makes_no_detections_and_its_reason_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    made(folder.path(), &[]);
    // Six validation recordings. FROG is right in 15 windows of 15, so that its bound is 0.1^(1 / 15). TOAD is right in 10 of 26; in more than
    // a tenth of the replicates, one recording of six has its calls, and 5 windows of 25 are right.
    let columns = "usable, validation_positives, validation_recordings, ROUND(validation_precision, 3) AS precision, \
                   ROUND(validation_precision_low, 3) AS low";
    assert_eq!(
        ask(&run, &format!("SELECT class, {columns} FROM thresholds ORDER BY class")),
        ["FROG,true,15,3,1.0,0.858", "OWL,false,0,0,,", "TOAD,false,10,2,0.385,0.2"]
    );
    let why = ask(&run, "SELECT class || ': ' || why_not AS told FROM left_out ORDER BY class");
    assert!(
        why[0].contains("OWL: no validation window holds it and 5 are needed; label more recordings in which it calls"),
        "{why:?}"
    );
    assert!(
        why[1].contains("TOAD: its precision on validation is 0.38, at least 0.20 with 90 % confidence, and 0.5 is needed"),
        "{why:?}"
    );
    assert_eq!(why.len(), 2);

    // FROG alone, and nothing where nothing calls. Where validation has no recording, detections say so.
    assert_eq!(
        ask(&run, "SELECT recording_id, class, start_s, end_s, calibrated_here FROM detections ORDER BY recording_id"),
        ["b1,FROG,0.0,15.0,false", "p1,FROG,0.0,15.0,true", "p2,FROG,0.0,15.0,true", "p3,FROG,0.0,15.0,true"]
    );
    assert_eq!(
        ask(&run, "SELECT site, class, windows, windows_detected FROM activity ORDER BY site, class"),
        ["BOG,FROG,10,5", "POND,FROG,50,15", "SWAMP,FROG,20,0"],
        "a class that was not looked for has no row of zeros"
    );
    assert_eq!(
        ask(&run, "SELECT site, windows, classes_detected FROM nights ORDER BY site"),
        ["BOG,10,1", "POND,50,1", "SWAMP,20,0"],
        "effort counts whatever is left out"
    );
    assert_eq!(ask(&run, "SELECT class, nights_detected FROM phenology WHERE site IS NULL"), ["FROG,1"]);

    // All classes on request: only the decisions' use changes, not the decisions.
    let decisions = fs::read(run.join("model/decisions.yaml")).unwrap();
    made(folder.path(), &["detect.classes=all"]);
    assert_eq!(fs::read(run.join("model/decisions.yaml")).unwrap(), decisions);
    assert_eq!(
        ask(
            &run,
            "SELECT site, class, SUM(windows_detected) AS n FROM activity WHERE class <> 'FROG' GROUP BY site, class ORDER BY site, class"
        ),
        ["BOG,OWL,0", "BOG,TOAD,0", "POND,OWL,0", "POND,TOAD,22", "SWAMP,OWL,0", "SWAMP,TOAD,8"]
    );
    let none_left_out = || assert_eq!(ask(&run, "SELECT COUNT(*) AS n FROM left_out"), ["0"]);
    none_left_out();
    // A threshold for all classes takes all in, too.
    made(folder.path(), &["detect.threshold=0.5"]);
    none_left_out();
    // What is asked of the evidence is the user's own.
    made(folder.path(), &["evaluate.usable_recordings=4"]);
    assert_eq!(
        ask(&run, "SELECT why_not FROM left_out WHERE class = 'FROG'"),
        ["3 validation recordings hold it and 4 are needed; label more recordings in which it calls"]
    );
    assert_eq!(ask(&run, "SELECT COUNT(*) AS n FROM detections"), ["0"]);
}

/// The decisions of a model that another run trained, for the same classes.
const GIVEN: &str = "
model_id: cafe
thresholds:
  FROG: {threshold: 0.625, source: own, f1: 0.9, positives: 90, usable: true}
  OWL: {threshold: 0.625, source: own, f1: 0.1, positives: 9, usable: false, why_not: noise}
  TOAD: {threshold: 0.625, source: own, f1: 0.9, positives: 90, usable: true}
";

#[test]
fn a_given_model_is_believed_where_labels_are_few_and_not_where_they_contradict_it() {
    let folder = tempfile::tempdir().unwrap();
    let (model, run) = (folder.path().join("given"), folder.path().join("run"));
    fs::create_dir(&model).unwrap();
    fs::write(model.join("decisions.yaml"), GIVEN).unwrap();
    let card = Card { classes: CLASSES.map(str::to_owned).into(), ..testing::card(Default::default()) };
    fs::write(model.join("model.yaml"), card.to_yaml()).unwrap();
    let given = format!("model.path={}", model.display());
    let of = |sets: &[&str]| {
        made(folder.path(), &[&[given.as_str()][..], sets].concat());
        ask(&run, "SELECT class, threshold, source, usable, validation_positives FROM thresholds ORDER BY class")
    };
    // FROG is right in 15 windows of 15 and has a threshold of its own. TOAD is right in 10 of 26, of which six recordings tell little.
    assert_eq!(of(&[]), ["FROG,0.5,own,true,15", "OWL,0.625,given,false,0", "TOAD,0.625,given,true,10"]);
    assert_eq!(
        ask(&run, "SELECT class, COUNT(*) AS n FROM detections GROUP BY class ORDER BY class"),
        ["FROG,4", "TOAD,7"],
        "what the model finds by its own evidence"
    );
    // FROG calls in three recordings.
    assert_eq!(of(&["evaluate.usable_recordings=4"])[0], "FROG,0.625,given,true,15");
    // Where more is asked, what the labels show of TOAD is a contradiction.
    assert_eq!(of(&["evaluate.usable_precision=0.8"])[2], "TOAD,0.625,given,false,10");
    let why = ask(&run, "SELECT class || ': ' || why_not AS told FROM left_out ORDER BY class");
    assert!(why[0].contains("OWL: in the run that trained the model: noise; here: no validation window holds it"), "{why:?}");
    let told = "TOAD: the labels here contradict the given model: its detections are right in 10 of 26 reviewed windows, a precision of at most 0.";
    assert!(why[1].contains(told) && why.len() == 2, "{why:?}");
    assert_eq!(ask(&run, "SELECT DISTINCT class FROM detections"), ["FROG"]);
    // Without the labels of p5, which were chosen, five recordings remain; they count in a contradiction all the same.
    let chosen = ["annotate.review_sheets=reviews", "evaluate.usable_precision=0.8"];
    assert_eq!(of(&chosen)[2], "TOAD,0.625,given,false,10");
    let why = ask(&run, "SELECT why_not FROM left_out WHERE class = 'TOAD'");
    assert!(why[0].contains("right in 10 of 26 reviewed windows, 4 of them chosen to listen to and no sample"), "{why:?}");
    let windows = "SELECT SUM(windows) AS n FROM reliability WHERE subset = 'validation' AND scale = 'score' AND class = 'FROG'";
    assert_eq!(ask(&run, windows), ["50"], "no figure of validation counts them");
}

#[test]
fn thresholds_for_a_cost_and_for_false_alarms_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let of = |sets: &[&str]| {
        made(folder.path(), sets);
        ask(&run, "SELECT class, threshold, source FROM thresholds WHERE class <> 'OWL' ORDER BY class")
    };
    // 60 windows of 3 s are a twentieth of an hour. TOAD's 16 false alarms are 320 an hour; 26 windows score high, 10 of them rightly.
    let alarms = |n: &str| [String::from("evaluate.threshold_for=false_alarms"), format!("evaluate.false_alarms_per_hour={n}")];
    let with = |n: &str| {
        let sets = alarms(n);
        of(&sets.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(with("319"), ["FROG,0.5,own", "TOAD,0.5,unreached"]);
    assert_eq!(with("320"), ["FROG,0.5,own", "TOAD,0.5,own"]);
    // Detecting TOAD costs 16 false alarms and saves 10 misses.
    let cost = |cost: &str| {
        let cost = format!("evaluate.false_alarm_cost={cost}");
        of(&["evaluate.threshold_for=cost", &cost])
    };
    assert_eq!(cost("0.63"), ["FROG,0.5,own", "TOAD,0.5,unreached"]);
    assert_eq!(cost("0.62"), ["FROG,0.5,own", "TOAD,0.5,own"]);
}

#[test]
fn a_survey_too_small_to_tell_says_so_everywhere() {
    let survey = Survey::made();
    let said = survey.run_with(&["--set", "detect.classes=usable"]);
    assert!(said.contains("8 of 8 classes can't be told yet and are left out (detect.classes: all takes them in)"), "{said}");
    let classes = survey.ask("SELECT class FROM classes ORDER BY class");
    let page = fs::read_to_string(survey.run().join("report/index.html")).unwrap();
    assert!(page.contains("8 of 8 classes can't be told yet"));
    for class in classes.lines().skip(1) {
        let is_told = said.lines().any(|line| line.starts_with("    ") && line.contains(class));
        assert!(is_told && page.contains(&format!("<bdi>{class}</bdi>")), "{class}: {said}");
    }
    for (sql, wanted) in [
        ("SELECT COUNT(*) AS n FROM detections", "0"),
        ("SELECT COUNT(*) AS n FROM activity", "0"),
        ("SELECT COUNT(*) AS n FROM found", "0"),
        ("SELECT COUNT(*) AS n FROM left_out", "8"),
        ("SELECT classes FROM summary", "0"),
        ("SELECT SUM(classes_detected) AS n FROM nights", "0"),
    ] {
        assert_eq!(survey.ask(sql).lines().nth(1), Some(wanted), "{sql}");
    }
    assert_eq!(survey.ask("SELECT windows FROM summary"), survey.ask("SELECT SUM(windows) AS windows FROM nights"));
    let output = survey.chorus(&["export", "detection-histories", "-o", "histories", "--set", "detect.classes=usable"]);
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success() && told.contains("8 of 8 classes can't be told yet"), "{told}");
    assert!(survey.folder().join("histories/effort_h.csv").is_file() && !survey.folder().join("histories/histories").exists());
    let output = survey.chorus(&["export", "occupancy", "-o", "visits", "--set", "detect.classes=usable"]);
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success() && told.contains("8 of 8 classes can't be told yet"), "{told}");
    let visits = fs::read_to_string(survey.folder().join("visits/visits.csv")).unwrap();
    assert!(visits.starts_with("class,site,visit,") && visits.lines().count() == 1, "no row of zeros: {visits}");
    let shown = Command::new(CHORUS).args(["model", "show"]).arg(survey.run().join("model")).output().unwrap();
    assert!(text(&shown.stdout).contains("validation recording"), "{}", text(&shown.stdout));
}

#[test]
fn a_given_model_brings_its_verdicts_and_one_of_an_older_version_detects_as_before() {
    let survey = Survey::made();
    let model = survey.folder().join("given");
    common::copy(&survey.run().join("model"), &model);
    let (other, path) = (survey.folder().join("applied"), format!("model.path={}", model.display()));
    let run = format!("run.path={}", other.display());
    let applied = |classes: &str| {
        let args = ["run", "--set", "annotate.format=none", "--set", &path, "--set", &run, "--set", classes];
        let output = survey.chorus(&args);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let detections = common::contents(&other.join("tables/detections"), "");
        (detections, ask(&other, "SELECT COUNT(*) AS n FROM detections")[0].clone(), text(&output.stderr))
    };
    let (_, none, said) = applied("detect.classes=usable");
    assert!(none == "0" && said.contains("8 of 8 classes can't be told yet"), "{none} {said}");
    let listed = Command::new(CHORUS).args(["query", "SELECT * FROM left_out", "--run"]).arg(&other).output().unwrap();
    let told = text(&listed.stderr);
    assert!(told.contains("this run makes no table `thresholds` (the view `left_out` reads it): it needs labels"), "{told}");
    assert!(told.contains(&format!("`chorus run --run {}` makes it", other.display())), "{told}");
    let (all, ..) = applied("detect.classes=all");
    common::assert_same(&all, &common::contents(&survey.run().join("tables/detections"), ""), "all classes");
    // Before there were verdicts, decisions had neither them nor the sites that they come from.
    let decisions = model.join("decisions.yaml");
    let former = fs::read_to_string(&decisions).unwrap();
    let former = former.split("\nsites:").next().unwrap();
    let is_former =
        |line: &&str| !["usable:", "why_not:", "precision_low:", "recordings:"].iter().any(|key| line.trim().starts_with(key));
    let former: String = former.lines().filter(is_former).map(|line| format!("{line}\n")).collect();
    fs::write(&decisions, former).unwrap();
    let (_, n, said) = applied("detect.classes=usable");
    assert!(
        n == ask(&survey.run(), "SELECT COUNT(*) AS n FROM detections")[0] && !said.contains("can't be told yet"),
        "{n} {said}"
    );
    assert_eq!(ask(&other, "SELECT COUNT(*) AS n FROM detections WHERE calibrated_here IS NOT NULL"), ["0"]);
}
