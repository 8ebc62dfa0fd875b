//! The loop with the listener: which windows are chosen to listen to next, what their verdicts teach, and when a class can stop. The review
//! page itself is tested in a browser by tests/interop/review.py.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use common::{CHORUS, Survey, contents, text};

type Row = BTreeMap<String, String>;

/// The site that loses its annotations, and a night of the other one.
const NEW_SITE: &str = "MARSH02";
const NIGHT: &str = "POND01_20250130_183000";
const EMBEDDINGS: &str = "predict.embeddings=true";

/// A survey in which one site and a recording of the other are not labelled.
fn half_labelled(args: &[&str]) -> Survey {
    let survey = Survey::made();
    let labels = survey.archive().join("strong_labels");
    fs::remove_dir_all(labels.join(NEW_SITE)).unwrap();
    fs::remove_file(labels.join("POND01").join(format!("{NIGHT}.txt"))).unwrap();
    survey.run_with(&[&["evaluate", "--with-upstream"], args].concat());
    survey
}

/// The rows of a sheet that `chorus next` writes to a folder, and what it says on stderr.
fn next(survey: &Survey, folder: &str, args: &[&str]) -> (Vec<Row>, String) {
    let output = survey.chorus(&[&["next", "-o", folder], args].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut reader = csv::Reader::from_path(survey.folder().join(folder).join("sheet.csv")).unwrap();
    (reader.deserialize().map(|row| row.unwrap()).collect(), text(&output.stderr))
}

fn refused(survey: &Survey, args: &[&str]) -> String {
    let output = survey.chorus(&[&["next", "-o", "refused"], args].concat());
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(!survey.folder().join("refused").exists());
    text(&output.stderr)
}

/// Windows that nobody judged, by class: recording and start, with their scores.
fn open(survey: &Survey) -> BTreeMap<String, BTreeMap<(String, String), f64>> {
    let rows = survey.ask(
        "SELECT p.class, r.path, p.start_s, p.score FROM predictions p JOIN recordings r ON r.recording_id = p.recording_id \
         JOIN labels l ON l.segment_id = p.segment_id AND l.class = p.class WHERE l.value IS NULL",
    );
    let mut found: BTreeMap<String, BTreeMap<(String, String), f64>> = BTreeMap::new();
    for row in csv::Reader::from_reader(rows.as_bytes()).records().map(|row| row.unwrap()) {
        let start_s = row[2].parse::<f64>().unwrap().to_string();
        found.entry(row[0].to_owned()).or_default().insert((row[1].to_owned(), start_s), row[3].parse().unwrap());
    }
    found
}

fn place(row: &Row) -> (String, String) {
    (row["recording"].clone(), row["start_s"].clone())
}

fn of_site(rows: &[Row], site: &str) -> usize {
    rows.iter().filter(|row| row["site"] == site).count()
}

#[test]
fn what_nobody_judged_is_asked_for_by_every_strategy() {
    let survey = half_labelled(&["--set", EMBEDDINGS]);
    let args = ["--per-class", "10", "--per-hour", "2", "--set", EMBEDDINGS];
    let (rows, said) = next(&survey, "round", &args);
    assert_eq!(said, "");
    let open = open(&survey);
    let mut hours: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in &rows {
        let score = open[&row["class"]].get(&place(row)).unwrap_or_else(|| panic!("was judged already: {row:?}"));
        assert!((score - row["score"].parse::<f64>().unwrap()).abs() < 1e-6, "{row:?}");
        // A recording of this survey begins at half past and has 15 s.
        *hours.entry((row["class"].clone(), row["recording"].clone())).or_default() += 1;
        for file in [row["clip"].clone(), row["clip"].replace(".wav", ".png")] {
            assert!(survey.folder().join("round").join(file).is_file(), "{row:?}");
        }
    }
    assert!(hours.values().all(|n| *n <= 2), "{hours:?}");
    let places: BTreeSet<_> = rows.iter().map(|row| (row["class"].clone(), place(row))).collect();
    assert_eq!(places.len(), rows.len(), "a window is asked for once");
    let strata: BTreeSet<&str> = rows.iter().map(|row| row["strata"].as_str()).collect();
    assert_eq!(strata, ["diverse", "stratified", "top", "uncertain"].into());
    // The highest score of each class is among them; thresholds are those of the model.
    for (class, windows) in &open {
        let best = windows.values().copied().fold(0.0, f64::max);
        let top = rows.iter().filter(|row| row["class"] == *class && row["strata"] == "top");
        let highest = top.map(|row| row["score"].parse::<f64>().unwrap()).fold(0.0, f64::max);
        assert!((highest - best).abs() < 1e-6, "{class}: {highest} {best}");
    }
    let thresholds = survey.ask("SELECT class, threshold FROM thresholds WHERE site IS NULL");
    for row in csv::Reader::from_reader(thresholds.as_bytes()).records().map(|row| row.unwrap()) {
        let threshold = row[1].parse::<f64>().unwrap();
        assert!(rows.iter().filter(|own| own["class"] == row[0]).all(|own| own["threshold"].parse() == Ok(threshold)), "{row:?}");
    }
    let page = fs::read_to_string(survey.folder().join("round/review.html")).unwrap();
    assert!(rows.iter().all(|row| page.contains(&row["clip"])));
    next(&survey, "again", &args);
    let files = |folder: &str| contents(&survey.folder().join(folder), "");
    common::assert_same(&files("again"), &files("round"), "the same seed");
    let (other, _) = next(&survey, "other", &[&args[..], &["--seed", "1"]].concat());
    assert_ne!(other.iter().map(place).collect::<Vec<_>>(), rows.iter().map(place).collect::<Vec<_>>());
}

#[test]
fn shares_quotas_and_filters_are_kept() {
    let survey = half_labelled(&[]);
    let args = ["--per-class", "4", "--per-hour", "9"];
    // Without embeddings the others take the share of `diverse`, and that is said.
    let (rows, said) = next(&survey, "all", &args);
    assert!(said.contains("gave their share to the others") && said.contains("predict.embeddings"), "{said}");
    assert!(rows.iter().all(|row| row["strata"] != "diverse"));
    let classes: BTreeSet<&str> = rows.iter().map(|row| row["class"].as_str()).collect();
    assert_eq!(rows.len(), 4 * classes.len());
    let of = |folder: &str, more: &[&str]| next(&survey, folder, &[&args[..], more].concat()).0;
    let new = of("new", &["--new-sites", "1", "--shares", "top=1"]);
    assert!(of_site(&new, NEW_SITE) == new.len() && new.iter().all(|row| row["strata"] == "top"));
    let half = of("half", &["--new-sites", "0.5"]);
    assert!(classes.iter().all(|class| {
        let own: Vec<Row> = half.iter().filter(|row| row["class"] == **class).cloned().collect();
        of_site(&own, NEW_SITE) >= 2
    }));
    let known = of("known", &["--site", "POND01", "--class", "FICPRI"]);
    assert!(known.iter().all(|row| row["recording"].contains(NIGHT) && row["class"] == "FICPRI") && !known.is_empty());
    for (more, wanted) in [
        (["--shares", "best=1"], "expected one of: top, uncertain, stratified, unknown, diverse"),
        (["--per-hour", "0"], "at least 1"),
        (["--site", "NOWHERE"], "this run has no site `NOWHERE`"),
    ] {
        let said = refused(&survey, &more);
        assert!(said.contains(wanted), "{said}");
    }
    let labelled = Survey::made();
    labelled.run_all();
    let said = refused(&labelled, &[]);
    assert!(said.contains("there is no window to listen to: all are labelled"), "{said}");
}

#[test]
fn loud_windows_that_are_unlike_all_that_was_learnt_are_a_reason_to_listen() {
    // Windows of a class that is held out have no labels of the others.
    let survey = Survey::made();
    survey.run_with(&["split", "--with-upstream"]);
    let classes = survey.ask(
        "SELECT class FROM labels JOIN splits USING (recording_id) WHERE value = 1 AND subset = 'test' GROUP BY class \
         ORDER BY COUNT(*), class",
    );
    let held_out = format!("split.held_out_classes=[{}]", classes.lines().nth(1).unwrap());
    let sets = [held_out.as_str(), "unknown.enabled=true", EMBEDDINGS, "unknown.threshold=0.5", "unknown.min_rise_db=1"];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", *set]).collect();
    survey.run_with(&[&["evaluate", "--with-upstream"], &sets[..]].concat());
    // Without the table `unknown` the others take over, or the command says why there is nothing.
    let (rows, said) = next(&survey, "before", &["--shares", "unknown=1,top=1", "--per-class", "2"]);
    assert!(said.contains("`unknown` gave its share to the others") && rows.iter().all(|row| row["strata"] == "top"), "{said}");
    assert!(!next(&survey, "usual", &[]).1.contains("unknown"), "nobody asked for it");
    assert!(refused(&survey, &["--shares", "unknown"]).contains("set unknown.enabled: true"));
    survey.run_with(&[&["unknown"], &sets[..]].concat());
    let (rows, _) = next(&survey, "unlike", &["--shares", "unknown", "--per-class", "4", "--per-hour", "9"]);
    assert!(!rows.is_empty() && rows.iter().all(|row| row["strata"] == "unknown"), "{rows:?}");
    let places: BTreeSet<_> = rows.iter().map(place).collect();
    assert_eq!(places.len(), rows.len(), "a window is asked for under one class");
    let asked = survey.ask(
        "SELECT r.path, u.start_s, p.class FROM unknown u JOIN recordings r USING (recording_id) \
         JOIN predictions p ON p.segment_id = u.segment_id AND p.logit = u.max_logit WHERE u.is_loud",
    );
    let loud: BTreeSet<(String, String, String)> = csv::Reader::from_reader(asked.as_bytes())
        .records()
        .map(|row| row.unwrap())
        .map(|row| (row[0].to_owned(), row[1].parse::<f64>().unwrap().to_string(), row[2].to_owned()))
        .collect();
    assert!(rows.iter().all(|row| loud.contains(&(place(row).0, place(row).1, row["class"].clone()))), "{rows:?}\n{loud:?}");
}

#[test]
fn verdicts_are_not_asked_for_again_and_rounds_tell_what_they_taught() {
    let survey = half_labelled(&[]);
    let args = ["--per-class", "3", "--per-hour", "9"];
    let (rows, _) = next(&survey, "first", &args);
    // Every third clip is unsure; of the others, what scores above its threshold is right.
    let number = |row: &Row, name: &str| row[name].parse::<f64>().unwrap();
    let verdict = |(i, row): (usize, &Row)| match i % 3 {
        2 => "unsure",
        _ if number(row, "score") >= number(row, "threshold") => "yes",
        _ => "no",
    };
    let verdicts: Vec<&str> = rows.iter().enumerate().map(verdict).collect();
    let folder = survey.archive().join("reviews");
    fs::create_dir(&folder).unwrap();
    let sheet = folder.join("first.csv");
    let mut writer = csv::Writer::from_path(&sheet).unwrap();
    writer.write_record(rows[0].keys()).unwrap();
    for (row, verdict) in rows.iter().zip(&verdicts) {
        let mut row = row.clone();
        row.insert("verdict".to_owned(), (*verdict).to_owned());
        writer.write_record(row.values()).unwrap();
    }
    writer.flush().unwrap();
    let before = survey.folder().join("before");
    common::copy(&survey.run(), &before);
    let sets = ["--set", "annotate.review_sheets=reviews"];
    let said = survey.run_with(&[&["evaluate", "--with-upstream"][..], &sets].concat());
    // What was chosen to listen to is no sample of test, and metrics take it for one.
    let of_test = "SELECT COUNT(*) AS n FROM chosen_labels JOIN splits USING (recording_id) WHERE subset = 'test'";
    let of_test = survey.ask(of_test).lines().nth(1).unwrap().to_owned();
    assert_ne!(of_test, "0");
    assert!(said.lines().any(|line| line.contains(&format!("{of_test} of ")) && line.contains(" test labels (")), "{said}");
    assert!(said.contains("are of windows that were chosen to listen to") && said.contains("chorus clips --windows"), "{said}");
    let (again, _) = next(&survey, "second", &[&args[..], &sets].concat());
    let judged: BTreeSet<_> = rows.iter().map(|row| (row["class"].clone(), place(row))).collect();
    assert!(!again.is_empty() && again.iter().all(|row| !judged.contains(&(row["class"].clone(), place(row)))));
    let rounds = |args: &[&std::ffi::OsStr]| Command::new(CHORUS).arg("rounds").arg(&sheet).args(args).output().unwrap();
    let run = "--run".as_ref();
    let output = rounds(&[run, before.as_os_str(), run, survey.run().as_os_str(), "--format".as_ref(), "json".as_ref()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Vec<serde_json::Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let all = |round: u64| told.iter().find(|row| row["round"] == round && row["class"].is_null()).unwrap();
    let count = |word: &str| verdicts.iter().filter(|verdict| **verdict == word).count() as u64;
    assert_eq!((all(0)["yes"].as_u64(), all(1)["yes"].as_u64()), (Some(0), Some(count("yes"))));
    assert_eq!((all(1)["no"].as_u64(), all(1)["unsure"].as_u64()), (Some(count("no")), Some(count("unsure"))));
    // They are all as the model says.
    assert_eq!(all(1)["agreed"], all(1)["agreed_of"]);
    assert!(all(1)["agreed_of"].as_u64() > Some(0));
    let ask = |run: &std::path::Path| {
        let sql = "SELECT value FROM metrics WHERE metric = 'average_precision' AND subset = 'validation' AND class IS NULL AND site IS NULL AND \"group\" IS NULL";
        common::ask(run, sql)[0].parse::<f64>().ok()
    };
    assert_eq!((all(0)["average_precision"].as_f64(), all(1)["average_precision"].as_f64()), (ask(&before), ask(&survey.run())));
    let table = text(&rounds(&[]).stdout);
    assert!(table.starts_with("round  class ") && table.contains("(all)"), "{table}");
    let many = rounds(&[run, before.as_os_str(), run, survey.run().as_os_str(), run, before.as_os_str()]);
    assert!(many.status.code() == Some(2) && text(&many.stderr).contains("at most 2"), "{}", text(&many.stderr));
}
