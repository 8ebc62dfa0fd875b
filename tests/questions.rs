//! The questions of configs/queries: each runs on a made survey, says what it asks, and has an answer.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{CHORUS, Survey, text};

/// Questions that may rightly have no answer in a tiny survey, in which little is learnt.
const MAY_BE_EMPTY: &[&str] = &[
    "around_sunset",
    "hours_of_day",
    "nightly_index",
    "silent_nights",
    "surest",
    "together",
    "troubles",
    "first_and_last",
    "species_by_site",
];

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/queries");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn query(run: &Path, args: &[&str]) -> Output {
    Command::new(CHORUS).arg("query").arg("--run").arg(run).args(args).output().unwrap()
}

#[test]
fn every_question_is_answered() {
    let survey = Survey::made();
    let class = survey.ask("SELECT class FROM classes ORDER BY class LIMIT 1").lines().nth(1).unwrap().to_owned();
    let files = files();
    assert!(files.len() >= 12);
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for file in &files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let sql = fs::read_to_string(file).unwrap();
        assert!(
            sql.starts_with("-- ") && sql.lines().nth(1).unwrap().starts_with("-- "),
            "{name} does not say what its columns mean"
        );
        assert!(sql.lines().next().unwrap().ends_with(['?', ')']), "{name} asks nothing");
        assert!(readme.contains(&format!("`{name}`")), "the README does not mention {name}");
        let wanted = format!("wanted={class}");
        let output = query(&survey.run(), &["--format", "csv", "--param", &wanted, "-f", file.to_str().unwrap()]);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let rows = text(&output.stdout).lines().count();
        assert!(rows > 1 || (rows == 1 && MAY_BE_EMPTY.contains(&name)), "{name} has no answer");
    }
}

#[test]
fn every_view_has_columns_and_all_that_can_have_rows_have_some() {
    let survey = Survey::made();
    // tests/plausibility.rs and tests/soundscape.rs ask those whose tables are made on request.
    let on_request = ["implausible", "soundscape_hours"];
    for view in chorus_query::VIEWS.iter().filter(|view| !on_request.contains(&view.name)) {
        let columns = survey.ask(&format!("DESCRIBE {}", view.name));
        assert!(columns.lines().count() > 4, "{}: {columns}", view.name);
        let rows = survey.ask(&format!("SELECT COUNT(*) AS n FROM {}", view.name));
        let n: u64 = rows.lines().nth(1).unwrap().parse().unwrap();
        // Nothing may have been found, and with detect.classes: all no class is left out.
        assert!(n > 0 || ["events", "found", "left_out"].contains(&view.name), "{} is empty", view.name);
    }
    let help = text(&Command::new(CHORUS).args(["query", "--help"]).output().unwrap().stdout);
    // Long lines of help are broken.
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(chorus_query::VIEWS.iter().all(|view| help.contains(view.about().split([':', ',']).next().unwrap())), "{help}");
    assert!(!help.contains("configs/"), "a wheel brings no such files: {help}");
}

#[test]
fn runs_are_asked_together_and_errors_show_their_place() {
    let (one, two) = (Survey::made(), Survey::made());
    let other = two.folder().join("other");
    fs::rename(two.run(), &other).unwrap();
    let sql = "SELECT run, COUNT(*) AS sites FROM (SELECT DISTINCT run, site FROM effort) t GROUP BY run ORDER BY run";
    let output = query(&one.run(), &["--format", "csv", "--run", other.to_str().unwrap(), sql]);
    let said = text(&output.stdout);
    assert!(said.starts_with("run,sites\nother,") && said.contains("\nrun,"), "{said}{}", text(&output.stderr));
    let output = query(&one.run(), &["SELECT clas FROM nightly"]);
    let said = text(&output.stderr);
    assert!(
        said.contains("did you mean `class`?") && said.ends_with("1 | SELECT clas FROM nightly\n           ^^^^\n"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(2));
    let output = query(&one.run(), &["SELECT 1", "--param", "No=1"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn an_answer_goes_to_a_file_whole_and_neither_into_the_run_nor_into_the_archive() {
    let survey = Survey::made();
    // The copy's own archive, and not that of what it is a copy of.
    survey.run_all();
    let sql = "SELECT segment_id, class FROM predictions ORDER BY segment_id, class";
    let ask = |args: &[&str]| survey.chorus(&[&["query", sql], args].concat());
    let shown = text(&ask(&[]).stdout);
    assert!(shown.contains("rows left out"), "the test needs more rows than a screen shows: {shown}");
    assert!(ask(&["-o", "all.txt"]).status.success());
    let all = fs::read_to_string(survey.folder().join("all.txt")).unwrap();
    assert!(!all.contains("left out") && all.lines().count() > 102, "{all}");
    let rows = text(&ask(&["--format", "csv"]).stdout);
    assert_eq!(all.lines().count(), rows.lines().count() + 1);
    assert!(ask(&["-o", "all.csv"]).status.success());
    assert_eq!(fs::read_to_string(survey.folder().join("all.csv")).unwrap(), rows);
    let left = |folder: PathBuf| {
        fs::read_dir(folder).unwrap().filter(|e| e.as_ref().unwrap().path().to_str().unwrap().ends_with(".csv")).count()
    };
    for (place, wanted) in [
        ("run/tables/a.csv", "lies within the run"),
        ("other/../run/a.csv", "lies within the run"),
        ("archive/raw_data/a.csv", "lies within the archive"),
        ("all.tsv", "expected csv, json, parquet, arrow or txt"),
        ("all", "expected csv, json, parquet, arrow or txt"),
    ] {
        fs::create_dir_all(survey.folder().join("other")).unwrap();
        let output = ask(&["-o", place]);
        assert_eq!(output.status.code(), Some(2), "{place}");
        assert!(text(&output.stderr).contains(wanted), "{place}: {}", text(&output.stderr));
    }
    assert_eq!((left(survey.run().join("tables")), left(survey.archive().join("raw_data"))), (0, 0));
    // What is no file stays what it is.
    let output = ask(&["-o", "/dev/stdout", "--format", "csv"]);
    assert_eq!(text(&output.stdout), rows, "{}", text(&output.stderr));
}

#[test]
fn what_may_be_unknown_is_told_apart_from_what_is_not() {
    let survey = Survey::made();
    survey.run_with(&["detect", "--with-upstream", "--set", "detect.threshold=0.01"]);
    // Nobody knows whether a threshold that was given for all classes holds here.
    let all = survey.ask("SELECT DISTINCT class FROM detections ORDER BY class");
    assert!(all.lines().count() > 1, "the test needs detections");
    for (test, value) in [
        ("calibrated_here IS TRUE", "false"),
        ("calibrated_here IS NOT TRUE", "true"),
        ("calibrated_here IS FALSE", "false"),
        ("calibrated_here IS NOT FALSE", "true"),
        ("calibrated_here IS UNKNOWN", "true"),
        ("calibrated_here IS NOT NULL", "false"),
        ("calibrated_here IS DISTINCT FROM TRUE", "true"),
        ("unknown IS NULL", "true"),
    ] {
        let found = survey.ask(&format!("SELECT DISTINCT class, {test} AS told FROM detections ORDER BY class"));
        let wanted: Vec<String> = all.lines().skip(1).map(|class| format!("{class},{value}")).collect();
        assert_eq!(found.lines().skip(1).collect::<Vec<_>>(), wanted, "{test}");
    }
}

#[test]
fn the_summary_counts_windows_without_a_time_too() {
    let (made, survey) = (Survey::made(), Survey::tiny());
    let folder = survey.archive().join("raw_data/POND01");
    fs::rename(folder.join("POND01_20250130_183000.wav"), folder.join("untimed.wav")).unwrap();
    let model = format!("model.path={}", made.run().join("model").display());
    survey.run_with(&["--set", "annotate.format=none", "--set", &model, "--set", "detect.threshold=0.5"]);
    assert!(survey.ask("SELECT COUNT(*) AS n FROM recordings WHERE start_local IS NULL").ends_with("n\n1\n"));
    assert_eq!(survey.ask("SELECT windows FROM summary"), survey.ask("SELECT COUNT(*) AS windows FROM segments"));
}
