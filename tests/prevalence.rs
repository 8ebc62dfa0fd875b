//! How often each class calls, from windows that somebody heard: `chorus clips --windows` and `chorus prevalence`.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use common::{Survey, text};
use serde_json::Value;

type Row = BTreeMap<String, String>;

/// A survey of which every stage is fresh, and that knows its own archive.
fn made() -> Survey {
    let survey = Survey::made();
    survey.run_all();
    survey
}

/// Clips of windows, in a folder beside the run: the rows of their sheet.
fn clips(survey: &Survey, folder: &str, args: &[&str]) -> Vec<Row> {
    let output = survey.chorus(&[&["clips", "--windows", "-o", folder], args].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut reader = csv::Reader::from_path(survey.folder().join(folder).join("sheet.csv")).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// Writes a sheet with these verdicts.
fn fill_in(survey: &Survey, rows: &[Row], verdict: impl Fn(&Row) -> &'static str) -> PathBuf {
    let path = survey.folder().join("heard.csv");
    let mut writer = csv::Writer::from_path(&path).unwrap();
    let columns: Vec<&String> = rows[0].keys().collect();
    writer.write_record(&columns).unwrap();
    for row in rows {
        let field = |column: &&String| if column.as_str() == "verdict" { verdict(row).to_owned() } else { row[*column].clone() };
        writer.write_record(columns.iter().map(field)).unwrap();
    }
    writer.flush().unwrap();
    path
}

fn prevalence(survey: &Survey, args: &[&str]) -> Vec<Value> {
    let output = survey.chorus(&[&["prevalence", "--format", "json"], args].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number(answer: &str) -> u64 {
    answer.lines().nth(1).unwrap().parse().unwrap()
}

/// The step of a score by which bins are told apart.
fn step(score: f32) -> usize {
    ((f64::from(score) * 1000.0) as usize).min(999)
}

#[test]
fn clips_of_windows_stand_for_all_of_them() {
    let survey = made();
    let rows = clips(&survey, "listen", &["--per-class", "10"]);
    for class in rows.iter().map(|row| row["class"].as_str()).collect::<BTreeSet<_>>() {
        let own: Vec<&Row> = rows.iter().filter(|row| row["class"] == class).collect();
        assert!(own.len() <= 10 && own.iter().all(|row| row["strata"] == "window"), "{class}");
        let bins: BTreeMap<&str, u64> =
            own.iter().map(|row| (row["score_bin"].as_str(), row["bin_detections"].parse().unwrap())).collect();
        let all = number(&survey.ask(&format!("SELECT COUNT(*) AS n FROM predictions WHERE class = '{class}'")));
        assert_eq!(bins.values().sum::<u64>(), all, "{class}");
        for row in own {
            let span = row["end_s"].parse::<f64>().unwrap() - row["start_s"].parse::<f64>().unwrap();
            assert!((span - 3.0).abs() < 1e-9, "{row:?}");
        }
    }
}

#[test]
fn a_site_where_nobody_listened_has_the_shares_of_the_bins_elsewhere() {
    let survey = made();
    let rows = clips(&survey, "listen", &["--per-class", "12", "--site", "POND01"]);
    // Something that is right in every bin now and then.
    let is_yes = |row: &Row| row["recording"].len() + row["start_s"].len() + row["score"].len();
    let sheet = fill_in(&survey, &rows, |row| if is_yes(row).is_multiple_of(3) { "yes" } else { "no" });
    let sheet = sheet.to_str().unwrap();
    let found = prevalence(&survey, &[sheet, "--by", "site"]);
    let mut told = 0;
    for elsewhere in found.iter().filter(|row| row["site"] == "MARSH02") {
        assert_eq!((&elsewhere["calibrated_here"], &elsewhere["heard_here"]), (&Value::Bool(false), &Value::from(0)));
        let class = elsewhere["class"].as_str().unwrap();
        let mut bins: BTreeMap<(usize, usize), (f64, f64)> = BTreeMap::new();
        for row in rows.iter().filter(|row| row["class"] == class) {
            let (from, to) = row["score_bin"].split_once('-').unwrap();
            let edge = |text: &str| (text.parse::<f64>().unwrap() * 1000.0).round() as usize;
            let bin = bins.entry((edge(from), edge(to))).or_default();
            *bin = (bin.0 + f64::from(u8::from(is_yes(row).is_multiple_of(3))), bin.1 + 1.0);
        }
        let scores = survey.ask(&format!("SELECT score FROM predictions WHERE class = '{class}' AND site = 'MARSH02'"));
        let scores: Vec<usize> = scores.lines().skip(1).map(|score| step(score.parse().unwrap())).collect();
        let of = |at: &usize| bins.iter().find(|((from, to), _)| (from..to).contains(&at)).map(|(_, (yes, n))| yes / n).unwrap();
        let share = scores.iter().map(of).sum::<f64>() / scores.len() as f64;
        let number = |key: &str| elsewhere[key].as_f64().unwrap();
        assert!((number("share") - share).abs() < 1e-9, "{class}: {elsewhere} {share}");
        assert!(number("ci_low") <= share && share <= number("ci_high") && number("covered") == 1.0, "{elsewhere}");
        assert_eq!(number("windows") as usize, scores.len());
        told += usize::from(share > 0.0);
    }
    assert!(told > 0);
    let here = found.iter().filter(|row| row["site"] == "POND01");
    assert!(here.clone().count() > 0 && here.clone().all(|row| row["calibrated_here"] == true), "{found:?}");
    // Nights of a site have all its windows.
    let nights = prevalence(&survey, &[sheet, "--site", "POND01"]);
    let windows = |rows: &[&Value]| rows.iter().map(|row| row["windows"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(windows(&nights.iter().collect::<Vec<_>>()), windows(&here.collect::<Vec<_>>()));
    assert!(nights.iter().all(|row| row["site"] == "POND01" && row["night"].is_string()), "{nights:?}");
}

#[test]
fn what_nobody_heard_is_rare_and_what_is_always_heard_is_common() {
    let survey = made();
    let rows = clips(&survey, "listen", &["--per-class", "10"]);
    let of = |verdict: &'static str| {
        let sheet = fill_in(&survey, &rows, |_| verdict);
        prevalence(&survey, &[sheet.to_str().unwrap()])
    };
    for row in of("no") {
        assert!(
            row["share"] == 0.0 && row["ci_low"].as_f64().unwrap() < 1e-9 && row["ci_high"].as_f64().unwrap() > 0.05,
            "{row}"
        );
    }
    for row in of("yes") {
        assert!(row["share"].as_f64().unwrap() > 1.0 - 1e-9 && row["ci_low"].as_f64().unwrap() < 0.95, "{row}");
    }
    let output = survey.chorus(&["prevalence", fill_in(&survey, &rows, |_| "unsure").to_str().unwrap()]);
    assert!(output.status.success() && text(&output.stderr).contains("nobody heard a window"), "{}", text(&output.stderr));
}

#[test]
fn without_a_sheet_labels_of_validation_and_test_say_what_is_known() {
    let survey = made();
    let judged = survey.ask(
        "SELECT l.class, COUNT(*) AS n FROM labels l JOIN splits s ON l.recording_id = s.recording_id \
         JOIN reviews r ON r.recording_id = l.recording_id \
         WHERE s.subset IN ('validation', 'test') AND r.reviewed AND l.value IS NOT NULL GROUP BY l.class",
    );
    let judged: BTreeMap<&str, &str> = judged.lines().skip(1).map(|line| line.split_once(',').unwrap()).collect();
    let found = prevalence(&survey, &[]);
    assert!(!found.is_empty());
    for row in &found {
        assert_eq!(row["heard"].to_string(), judged[row["class"].as_str().unwrap()], "{row}");
        if let Some(share) = row["share"].as_f64() {
            assert!(row["ci_low"].as_f64().unwrap() <= share && share <= row["ci_high"].as_f64().unwrap(), "{row}");
        }
    }
}

#[test]
fn windows_without_a_score_are_not_covered() {
    let survey = made();
    // Scores can be left out only where a model from elsewhere is applied.
    fs::rename(survey.run(), survey.folder().join("learnt")).unwrap();
    survey.configure(
        "ingest: {site_sheet: sites.csv}\nmodel: {path: learnt/model}\nunits: {keep_free_gib: 0}\ndetect: {classes: all}\n",
    );
    survey.run_with(&["predict", "--with-upstream", "--set", "predict.min_score=0.5"]);
    let rows = clips(&survey, "listen", &["--per-class", "10"]);
    let sheet = fill_in(&survey, &rows, |_| "yes");
    let count = |sql: &str| number(&survey.ask(sql)) as f64;
    let mut left_out = 0.0;
    for row in prevalence(&survey, &[sheet.to_str().unwrap(), "--by", "site"]) {
        let (site, class) = (row["site"].as_str().unwrap(), row["class"].as_str().unwrap());
        let all = count(&format!("SELECT COUNT(DISTINCT segment_id) AS n FROM predictions WHERE site = '{site}'"));
        let scored = count(&format!("SELECT COUNT(*) AS n FROM predictions WHERE site = '{site}' AND class = '{class}'"));
        assert_eq!(row["windows"].as_f64(), Some(all), "{row}");
        assert!((row["covered"].as_f64().unwrap() - scored / all).abs() < 1e-9, "{row}");
        left_out += all - scored;
    }
    assert!(left_out > 0.0, "the test needs windows without a score");
}

#[test]
fn sheets_of_detections_and_of_other_runs_are_refused() {
    let survey = made();
    let refused = |sheet: &str, wanted: &str| {
        let output = survey.chorus(&["prevalence", sheet]);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(wanted) && said.contains("sheet.csv"), "{said}");
    };
    let threshold = "detect.threshold=0.25";
    survey.run_with(&["detect", "--with-upstream", "--set", threshold]);
    let output = survey.chorus(&["clips", "-o", "detections", "--set", threshold]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    refused("detections/sheet.csv", "chorus clips --windows");
    let rows = clips(&survey, "listen", &["--per-class", "10"]);
    let heard = fill_in(&survey, &rows, |_| "yes");
    let sheet = survey.folder().join("other-sheet.csv");
    // Another recording, and a score that is another one by now.
    let text = fs::read_to_string(heard).unwrap();
    let recording = &rows[0]["recording"];
    fs::write(&sheet, text.replacen(recording, &format!("{recording}.other"), 1)).unwrap();
    refused("other-sheet.csv", "the run has no window of");
    let is_other = |own: &Row, row: &Row| row["score_bin"] != own["score_bin"] && row["class"] == own["class"];
    let pair = |own: usize| rows.iter().find(|row| is_other(&rows[own], row)).map(|other| (own, other["score_bin"].clone()));
    let (own, bin) = (0..rows.len()).find_map(pair).unwrap();
    let mut moved = rows.clone();
    moved[own].insert("score_bin".into(), bin);
    fs::rename(fill_in(&survey, &moved, |_| "yes"), &sheet).unwrap();
    refused("other-sheet.csv", "is not in score_bin");
}
