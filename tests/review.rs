//! Clips that somebody listens to: what is cut, what a filled-in sheet labels, and what it says of all detections; and the clips beside a
//! report.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use common::{CHORUS, Survey, contents, text};

/// A threshold under which the tiny network detects something of several classes.
const THRESHOLD: &str = "detect.threshold=0.25";

type Row = BTreeMap<String, String>;

/// A survey with detections, and the rows of a sheet of clips in the folder `listen`.
fn listened(args: &[&str]) -> (Survey, Vec<Row>) {
    let survey = Survey::made();
    survey.run_with(&["detect", "--with-upstream", "--set", THRESHOLD]);
    let output = survey.chorus(&[&["clips", "-o", "listen", "--set", THRESHOLD], args].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    let mut reader = csv::Reader::from_path(survey.folder().join("listen/sheet.csv")).unwrap();
    let rows: Vec<Row> = reader.deserialize().map(|row| row.unwrap()).collect();
    assert!(rows.len() > 8, "the test needs clips");
    (survey, rows)
}

/// Writes a sheet with these verdicts, in the order of the rows, into the survey's archive.
fn fill_in(survey: &Survey, rows: &[Row], verdict: impl Fn(usize, &Row) -> &'static str) -> Vec<&'static str> {
    let folder = survey.archive().join("reviews");
    fs::create_dir_all(&folder).unwrap();
    let mut writer = csv::Writer::from_path(folder.join("sheet.csv")).unwrap();
    let columns: Vec<&String> = rows[0].keys().collect();
    writer.write_record(&columns).unwrap();
    let verdicts: Vec<&str> = rows.iter().enumerate().map(|(i, row)| verdict(i, row)).collect();
    for (row, verdict) in rows.iter().zip(&verdicts) {
        let field = |column: &&String| if column.as_str() == "verdict" { (*verdict).to_owned() } else { row[*column].clone() };
        writer.write_record(columns.iter().map(field)).unwrap();
    }
    writer.flush().unwrap();
    verdicts
}

/// Frames of a WAV file with the shortest header, 16 bits and one channel.
fn frames(bytes: &[u8]) -> &[u8] {
    assert_eq!((&bytes[..4], &bytes[36..40]), (&b"RIFF"[..], &b"data"[..]));
    &bytes[44..]
}

#[test]
fn clips_hold_the_recordings_own_samples_and_are_the_same_again() {
    let (survey, rows) = listened(&["--per-class", "10", "--context-s", "1.5"]);
    let page = fs::read_to_string(survey.folder().join("listen/review.html")).unwrap();
    for row in &rows {
        let clip = fs::read(survey.folder().join("listen").join(&row["clip"])).unwrap();
        let recording = fs::read(survey.archive().join(&row["recording"])).unwrap();
        let number = |column: &str| row[column].parse::<f64>().unwrap();
        // 16 kHz, 2 bytes a frame; detections begin on whole seconds here.
        let at = |seconds: f64| (seconds * 16_000.0).round() as usize * 2;
        let (start, end) = ((number("start_s") - 1.5).max(0.0), number("end_s") + 1.5);
        let (own, all) = (frames(&clip), frames(&recording));
        assert_eq!(own, &all[at(start)..at(end).min(all.len())], "{row:?}");
        assert!((number("clip_start_s") - (number("start_s") - start)).abs() < 1e-6);
        assert!(page.contains(&format!("\"{}\"", row["clip"])), "{row:?}");
        let picture = fs::read(survey.folder().join("listen").join(row["clip"].replace(".wav", ".png"))).unwrap();
        assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
    }
    // Each class gives its highest score, and the sample stands for all detections.
    let detected = survey.ask("SELECT class, COUNT(*) AS n, MAX(peak_score) AS best FROM detections GROUP BY class");
    for line in detected.lines().skip(1) {
        let [class, n, best] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let own: Vec<&Row> = rows.iter().filter(|row| row["class"] == class).collect();
        assert!(own.len() <= 10);
        let top: Vec<f64> = own.iter().filter(|r| r["strata"].contains("top")).map(|r| r["score"].parse().unwrap()).collect();
        assert!((top.iter().copied().fold(0.0, f64::max) - best.parse::<f64>().unwrap()).abs() < 1e-6, "{class}");
        let bins: BTreeMap<&str, u64> =
            own.iter().map(|row| (row["score_bin"].as_str(), row["bin_detections"].parse().unwrap())).collect();
        assert_eq!(bins.values().sum::<u64>(), n.parse::<u64>().unwrap(), "{class}");
    }
    let again = survey.chorus(&["clips", "-o", "again", "--per-class", "10", "--context-s", "1.5", "--set", THRESHOLD]);
    assert!(again.status.success());
    let (first, second) = (contents(&survey.folder().join("listen"), ""), contents(&survey.folder().join("again"), ""));
    common::assert_same(&second, &first, "the same seed");
    for (args, wanted) in [(&["--per-class", "0"][..], "--per-class"), (&["--context-s", "99"], "--context-s"), (&[], "--force")]
    {
        let refused = survey.chorus(&[&["clips", "-o", "listen", "--set", THRESHOLD], args].concat());
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
        assert!(text(&refused.stderr).contains(wanted), "{}", text(&refused.stderr));
    }
}

#[test]
fn a_filled_in_sheet_labels_its_class_in_its_spans_alone() {
    let (survey, rows) = listened(&[]);
    let verdicts = fill_in(&survey, &rows, |i, _| ["yes", "no", "no", "unsure", ""][i % 5]);
    let run = format!("run.path={}", survey.folder().join("reviewed").display());
    let sets = ["--set", "annotate.format=review", "--set", &run];
    let output = survey.chorus(&[&["run", "split", "--with-upstream"][..], &sets].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let ask = |sql: &str| {
        let output = survey.chorus(&[&["query", sql, "--format", "csv"][..], &sets].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let labels =
        ask("SELECT r.path, l.class, s.start_s, s.end_s, l.value FROM labels l JOIN segments s ON l.segment_id = s.segment_id \
                      JOIN recordings r ON l.recording_id = r.recording_id");
    let mut reader = csv::Reader::from_reader(labels.as_bytes());
    let mut seen = [0; 3];
    for label in reader.records().map(|label| label.unwrap()) {
        let (start_s, end_s): (f64, f64) = (label[2].parse().unwrap(), label[3].parse().unwrap());
        let own = rows.iter().zip(&verdicts).filter(|(row, _)| row["recording"] == label[0] && row["class"] == label[1]);
        let holds =
            |row: &Row| row["start_s"].parse::<f64>().unwrap() <= start_s && end_s <= row["end_s"].parse::<f64>().unwrap();
        let said: Vec<&str> = own.filter(|(row, _)| holds(row)).map(|(_, verdict)| *verdict).collect();
        let wanted = if said.contains(&"yes") {
            "1"
        } else if said.contains(&"no") {
            "0"
        } else {
            ""
        };
        assert_eq!(&label[4], wanted, "{label:?} {said:?}");
        seen[usize::from(wanted == "1") + 2 * usize::from(wanted.is_empty())] += 1;
    }
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}");
    // Every line is accounted for, and what was heard reaches the split.
    let unused = ask("SELECT reason, COUNT(*) AS n FROM annotations WHERE NOT used GROUP BY reason ORDER BY reason");
    assert!(unused.contains("no verdict yet") && unused.contains("the verdict is unsure"), "{unused}");
    assert_eq!(ask("SELECT COUNT(*) AS n FROM annotations").trim(), format!("n\n{}", rows.len()));
    assert_ne!(ask("SELECT SUM(windows_positive) AS n FROM split_classes WHERE subset = 'train'").trim(), "n\n0");
}

#[test]
fn a_sheet_beside_annotations_adds_what_they_lack() {
    let (survey, rows) = listened(&[]);
    let before = survey.ask("SELECT SUM(value) AS n, COUNT(value) AS known FROM labels");
    fill_in(&survey, &rows, |_, _| "yes");
    let sets = ["--set", "annotate.review_sheets=reviews/sheet.csv"];
    survey.run_with(&[&["annotate", "--with-upstream"][..], &sets].concat());
    let after = survey.ask("SELECT SUM(value) AS n, COUNT(value) AS known FROM labels");
    let number =
        |answer: &str, column: usize| -> u64 { answer.lines().nth(1).unwrap().split(',').nth(column).unwrap().parse().unwrap() };
    assert!(number(&after, 0) > number(&before, 0), "{before} {after}");
    assert_eq!(number(&after, 1), number(&before, 1), "all windows were reviewed already");
    // Each window of a detection that was heard is positive.
    let windows = survey.ask(
        "SELECT COUNT(*) AS n, SUM(l.value) AS positive FROM detections d JOIN segments s ON d.recording_id = s.recording_id \
         JOIN labels l ON l.segment_id = s.segment_id AND l.class = d.class JOIN annotations a ON a.recording_id = d.recording_id AND a.class = d.class \
         WHERE a.file = 'reviews/sheet.csv' AND a.start_s = d.start_s AND s.start_s >= d.start_s AND s.end_s <= d.end_s",
    );
    assert!(number(&windows, 0) > 0 && number(&windows, 0) == number(&windows, 1), "{windows}");
    let missing = survey.chorus(&["check", "--set", "annotate.review_sheets=nowhere"]);
    assert!(text(&missing.stderr).contains("annotate.review_sheets"), "{}", text(&missing.stderr));
}

#[test]
fn verdicts_tell_the_precision_of_all_detections() {
    let (survey, rows) = listened(&["--per-class", "20"]);
    // A score of 0.6 or more is right, and a lower one is not.
    let verdicts = fill_in(&survey, &rows, |_, row| if row["score"].parse::<f64>().unwrap() >= 0.6 { "yes" } else { "no" });
    let sheet = survey.archive().join("reviews/sheet.csv");
    let review = |args: &[&str]| text(&Command::new(CHORUS).arg("review").arg(&sheet).args(args).output().unwrap().stdout);
    let mut told = 0;
    for line in review(&["--format", "json"]).lines() {
        let found: serde_json::Value = serde_json::from_str(line).unwrap();
        let class = found["class"].as_str().unwrap();
        let own = || rows.iter().zip(&verdicts).filter(|(row, _)| row["class"] == class && row["strata"].contains("random"));
        let mut bins: BTreeMap<&str, (f64, f64, f64)> = BTreeMap::new();
        for (row, verdict) in own() {
            let bin = bins.entry(&row["score_bin"]).or_default();
            *bin = (bin.0 + 1.0, bin.1 + f64::from(u8::from(*verdict == "yes")), row["bin_detections"].parse().unwrap());
        }
        let all: f64 = bins.values().map(|bin| bin.2).sum();
        let precision: f64 = bins.values().map(|(n, yes, size)| yes / n * size / all).sum();
        assert!((found["precision"].as_f64().unwrap() - precision).abs() < 1e-9, "{class}");
        assert!(found["ci_low"].as_f64().unwrap() <= precision && precision <= found["ci_high"].as_f64().unwrap());
        assert_eq!(found["covered"], 1.0);
        let scores = own().filter(|(_, verdict)| **verdict == "yes").map(|(row, _)| row["score"].parse::<f64>().unwrap());
        if let Some(lowest) = scores.reduce(f64::min) {
            let exact = review(&["--format", "json", "--precision", "1"]);
            let exact = exact.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            let exact = exact.into_iter().find(|found| found["class"] == class).unwrap();
            assert_eq!(exact["threshold"].as_f64(), Some(lowest), "{class}");
            told += 1;
        }
    }
    assert!(told > 0);
    assert!(review(&[]).starts_with("class ") && review(&["--format", "csv"]).starts_with("class,yes,no,unsure,open,"));
    let bad = fs::read_to_string(&sheet).unwrap().replacen("yes", "perhaps so", 1);
    fs::write(&sheet, bad).unwrap();
    let output = Command::new(CHORUS).arg("review").arg(&sheet).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("1 sheet or row of a sheet was not used: "), "{said}");
    assert!(said.contains("`perhaps so`, expected yes, no or unsure") && said.contains("sheet.csv, line "), "{said}");
}

#[test]
fn the_reports_clips_are_the_highest_detections_and_are_looked_after() {
    let survey = Survey::made();
    let made = |args: &[&str]| {
        survey.run_with(&[&["detect", "report", "--with-upstream", "--set", THRESHOLD], args].concat());
        contents(&survey.run().join("report"), "")
    };
    let first = made(&[]);
    let page = text(&first["/index.html"]);
    let clips = |files: &BTreeMap<String, Vec<u8>>| files.keys().filter(|path| path.ends_with(".wav")).count();
    assert!(clips(&first) > 4, "the test needs clips");
    // Each class's first clip holds the samples of its highest detection.
    let all = survey.ask(
        "SELECT d.class, r.path, d.start_s, d.end_s, d.peak_score FROM detections d JOIN recordings r ON d.recording_id = r.recording_id \
         ORDER BY d.peak_score DESC, d.site, d.date, d.recording_id, d.start_s",
    );
    let mut best: BTreeMap<String, csv::StringRecord> = BTreeMap::new();
    for row in csv::Reader::from_reader(all.as_bytes()).records().map(|row| row.unwrap()) {
        best.entry(row[0].to_owned()).or_insert(row);
    }
    for row in best.into_values() {
        let ending = format!("-{}-1.wav", &row[0]);
        let clip = first.iter().find(|(path, _)| path.ends_with(&ending)).unwrap_or_else(|| panic!("no clip of {}", &row[0])).1;
        let recording = fs::read(survey.archive().join(&row[1])).unwrap();
        // 16 kHz, 2 bytes a frame; a second of context, and 10 s of a detection at most.
        let (start, end): (f64, f64) = (row[2].parse().unwrap(), row[3].parse().unwrap());
        let at = |seconds: f64| (seconds * 16_000.0).round() as usize * 2;
        let all = frames(&recording);
        assert_eq!(frames(clip), &all[at((start - 1.0).max(0.0))..at(end.min(start + 10.0) + 1.0).min(all.len())], "{row:?}");
    }
    // Each file is shown, each that is shown is there, and no other lies about.
    for path in first.keys().filter(|path| *path != "/index.html") {
        assert!(page.contains(&format!("src=\"{}\"", &path[1..])), "{path}");
    }
    assert_eq!(page.matches("src=").count(), first.len() - 1);
    common::assert_same(&made(&["--force"]), &first, "made again");
    // A file that a killed process left goes with the next making, as do clips that are no longer wanted.
    fs::write(survey.run().join("report/clips/stray.wav"), "half").unwrap();
    let fewer = made(&["--set", "report.clips=1"]);
    assert!(clips(&fewer) < clips(&first) && !fewer.contains_key("/clips/stray.wav"));
    assert!(fewer.iter().filter(|(path, _)| path.ends_with(".wav")).all(|(path, bytes)| first[path] == *bytes));
    assert_eq!(clips(&made(&["--set", "report.max_clips=2"])), 2);
    let none = made(&["--set", "report.clips=0"]);
    assert_eq!(none.len(), 1);
    assert!(text(&none["/index.html"]).contains("Strongest detection of each class"));
    assert!(!survey.run().join("report/clips").exists());
    // A damaged clip and a missing one are noticed and made anew.
    common::assert_same(&made(&[]), &first, "as before");
    let clip = survey.run().join("report").join(&first.keys().find(|path| path.ends_with(".png")).unwrap()[1..]);
    let state = |args: &[&str]| text(&survey.chorus(&[&["status", "--set", THRESHOLD], args].concat()).stdout);
    let mut damaged = fs::read(&clip).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    fs::remove_file(&clip).unwrap();
    assert!(state(&[]).contains("is missing"), "{}", state(&[]));
    fs::write(&clip, damaged).unwrap();
    assert!(state(&["--verify"]).contains("is damaged"), "{}", state(&["--verify"]));
    common::assert_same(&made(&["--verify"]), &first, "mended");
    // A run with a base has the clips too.
    let derived = survey.folder().join("derived");
    let (run, base) = (format!("run.path={}", derived.display()), format!("run.base={}", survey.run().display()));
    survey.run_with(&["--set", THRESHOLD, "--set", &run, "--set", &base]);
    common::assert_same(&contents(&derived.join("report"), ""), &first, "taken over");
}
