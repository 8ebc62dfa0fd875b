//! Windows that sound like an example, and groups of what is in an archive: from the tables of a run to a sheet that becomes labels.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use common::{CHORUS, Survey, contents, copy, text};
use half::f16;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

type Row = BTreeMap<String, String>;

/// A survey of which every window has an embedding.
fn embedded() -> Survey {
    let survey = Survey::made();
    survey.run_with(&["predict", "--with-upstream", "--set", "predict.embeddings=true"]);
    survey
}

/// The rows of a CSV.
fn rows(csv: &str) -> Vec<Row> {
    csv::Reader::from_reader(csv.as_bytes()).deserialize().map(|row| row.unwrap()).collect()
}

fn found(output: &Output) -> Vec<Row> {
    assert!(output.status.success(), "{}", text(&output.stderr));
    rows(&text(&output.stdout))
}

fn search(survey: &Survey, args: &[&str]) -> Vec<Row> {
    found(&survey.chorus(&[&["search", "--format", "csv"], args].concat()))
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    text(&output.stderr)
}

/// Every window's vector by its segment, read without Chorus.
fn vectors(folder: &Path, found: &mut BTreeMap<String, Vec<f64>>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            vectors(&entry.path(), found);
            continue;
        }
        for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(entry.path()).unwrap()).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let (ids, arrays) = (batch["segment_id"].as_string::<i32>(), batch["embedding"].as_fixed_size_binary());
            assert_eq!(batch["start_s"].as_primitive::<Float64Type>().null_count(), 0);
            for row in 0..batch.num_rows() {
                let values = arrays.value(row).chunks(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f64());
                found.insert(ids.value(row).to_owned(), values.collect());
            }
        }
    }
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

#[test]
fn a_window_finds_those_that_are_nearest_by_a_plain_comparison() {
    let survey = embedded();
    let mut all = BTreeMap::new();
    vectors(&survey.run().join("tables/embeddings"), &mut all);
    let first = survey.ask("SELECT r.path, e.segment_id FROM embeddings e JOIN recordings r ON r.recording_id = e.recording_id WHERE e.start_s = 3 ORDER BY r.path LIMIT 1");
    let row = &rows(&first)[0];
    let (path, segment) = (row["path"].as_str(), row["segment_id"].as_str());
    let own = search(&survey, &["--recording", path, "--at", "4", "--top", "30", "--with-examples"]);
    let mut wanted: Vec<(&String, f64)> = all.iter().map(|(id, vector)| (id, cosine(vector, &all[segment]))).collect();
    wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
    let similarity = |row: &Row| row["similarity"].parse::<f64>().unwrap();
    assert_eq!((own.len(), own[0]["segment_id"].as_str(), own[0]["rank"].as_str()), (30, segment, "1"));
    assert_eq!((own[0]["recording"].as_str(), own[0]["start_s"].as_str(), own[0]["end_s"].as_str()), (path, "3.0", "6.0"));
    for (row, (_, wanted)) in own.iter().zip(&wanted) {
        assert!((similarity(row) - wanted).abs() < 1e-5, "{row:?}, expected {wanted}");
        assert!((cosine(&all[&row["segment_id"]], &all[segment]) - wanted).abs() < 1e-5);
    }
    // The example is left out unless it is asked for, and so is what the filter rules out.
    let others = search(&survey, &["--recording", path, "--at", "4", "--top", "29"]);
    assert!(others.iter().all(|row| row["segment_id"] != segment) && others[0]["segment_id"] == own[1]["segment_id"]);
    let site = own.iter().map(|row| row["site"].clone()).max().unwrap();
    let pattern = format!("{}*", &site[..2]);
    let of_site = search(&survey, &["--recording", path, "--top", "100000", "--site", &pattern, "--with-examples"]);
    let number = survey.ask(&format!("SELECT COUNT(*) AS n FROM embeddings WHERE site = '{site}'"));
    assert_eq!(of_site.len().to_string(), rows(&number)[0]["n"]);
    let hours: BTreeSet<String> = search(&survey, &["--recording", path, "--top", "100000", "--hours", "20-2"])
        .iter()
        .map(|row| row["start_local"].split(['T', ' ']).nth(1).unwrap()[..2].to_owned())
        .collect();
    assert!(
        !hours.is_empty() && hours.iter().all(|hour| ["20", "21", "22", "23", "00", "01"].contains(&hour.as_str())),
        "{hours:?}"
    );
    // A run and its copy: every window twice, that of the run named first before that of the other.
    copy(&survey.run(), &survey.folder().join("twin"));
    let twice = Command::new(CHORUS)
        .args([
            "search",
            "--run",
            "twin",
            "--run",
            "run",
            "--format",
            "csv",
            "--table",
            "embeddings",
            "--with-examples",
            "--where",
        ])
        .arg(format!("segment_id = '{segment}' AND run = 'run'"))
        .current_dir(survey.folder())
        .output()
        .unwrap();
    let runs: Vec<(String, String)> = found(&twice).iter().map(|row| (row["run"].clone(), row["segment_id"].clone())).collect();
    assert_eq!(runs[..2], [("twin".to_owned(), segment.to_owned()), ("run".to_owned(), segment.to_owned())]);
}

#[test]
fn reviewed_windows_and_rows_of_tables_are_examples_and_verdicts_on_clips_become_labels() {
    let survey = embedded();
    let class = rows(
        &survey.ask("SELECT class, COUNT(*) AS n FROM labels WHERE value = 1 GROUP BY class ORDER BY n DESC, class"),
    )[0]["class"]
        .clone();
    let by_class = search(&survey, &["--class", &class, "--top", "12", "--clips", "listen"]);
    let condition = format!("class = '{class}' AND value = 1 -- reviewed");
    assert_eq!(search(&survey, &["--table", "labels", "--where", &condition, "--top", "12"]), by_class);
    let mean = search(&survey, &["--class", &class, "--top", "12", "--mean"]);
    assert!(mean != by_class && mean.len() == 12);
    let label = rows(&survey.ask("SELECT label FROM annotations WHERE used ORDER BY label"))[0]["label"].clone();
    assert_eq!(search(&survey, &["--table", "annotations", "--where", &format!("label = '{label}'"), "--top", "3"]).len(), 3);
    // The sheet.
    let sheet = fs::read_to_string(survey.folder().join("listen/sheet.csv")).unwrap();
    let listed = rows(&sheet);
    let starts = |rows: &[Row]| rows.iter().map(|row| row["start_s"].parse::<f64>().unwrap()).collect::<Vec<_>>();
    assert_eq!(starts(&listed), starts(&by_class));
    for row in &listed {
        assert_eq!((&row["class"], row["strata"].as_str()), (&class, "nearest"));
        for file in [row["clip"].clone(), row["clip"].replace(".wav", ".png")] {
            assert!(fs::metadata(survey.folder().join("listen").join(&file)).unwrap().len() > 1000, "{file}");
        }
    }
    let judged = survey.archive().join("reviews/sheet.csv");
    fs::create_dir_all(judged.parent().unwrap()).unwrap();
    fs::write(
        &judged,
        sheet
            .lines()
            .map(|line| if line.ends_with(",,") { format!("{}yes,\n", &line[..line.len() - 1]) } else { format!("{line}\n") })
            .collect::<String>(),
    )
    .unwrap();
    let reviewed = Command::new(CHORUS).arg("review").arg(&judged).args(["--format", "csv"]).output().unwrap();
    assert_eq!(found(&reviewed)[0]["yes"], "12");
    let run = format!("run.path={}", survey.folder().join("reviewed").display());
    let sets = ["--set", "annotate.format=review", "--set", &run];
    let made = survey.chorus(&[&["run", "split", "--with-upstream"][..], &sets].concat());
    assert!(made.status.success(), "{}", text(&made.stderr));
    let labels = found(
        &survey.chorus(&[&["query", "SELECT segment_id FROM labels WHERE value = 1", "--format", "csv"][..], &sets].concat()),
    );
    let of = |rows: &[Row]| rows.iter().map(|row| row["segment_id"].clone()).collect::<BTreeSet<_>>();
    assert_eq!(of(&labels), of(&by_class));
}

#[test]
fn groups_hold_every_window_once_and_tell_what_is_known_of_them() {
    let survey = embedded();
    let clusters = |args: &[&str]| survey.chorus(&[&["clusters", "--format", "csv"], args].concat());
    let output = clusters(&["--groups", "8", "--examples", "2", "--clips", "groups"]);
    let groups = found(&output);
    let number = |row: &Row, column: &str| row[column].parse::<f64>().unwrap();
    let windows: Vec<f64> = groups.iter().map(|row| number(row, "windows")).collect();
    let all = number(&rows(&survey.ask("SELECT COUNT(*) AS n FROM embeddings"))[0], "n");
    assert_eq!(windows.iter().sum::<f64>(), all);
    assert!(groups.len() > 4 && windows.windows(2).all(|pair| pair[0] >= pair[1]), "{windows:?}");
    let labelled = rows(&survey.ask("SELECT COUNT(DISTINCT segment_id) AS n FROM labels WHERE value IS NOT NULL"));
    assert_eq!(groups.iter().map(|row| number(row, "labelled")).sum::<f64>(), number(&labelled[0], "n"));
    assert!(groups.iter().any(|row| row["labels"].contains('%')) && groups.iter().all(|row| row["sites"].contains('%')));
    assert!((groups.iter().map(|row| number(row, "share")).sum::<f64>() - 1.0).abs() < 0.01);
    let files = contents(&survey.folder().join("groups"), "");
    assert!(
        files.contains_key("/clips/group-001/002.wav")
            && files.contains_key("/clips/group-001/002.png")
            && files.contains_key("/sheet.csv")
    );
    let again = clusters(&["--groups", "8", "--examples", "2", "--clips", "again"]);
    assert_eq!(again.stdout, output.stdout);
    common::assert_same(&contents(&survey.folder().join("again"), ""), &files, "the same groups");
    // Other formats go through the same writers.
    assert!(survey.chorus(&["clusters", "-o", "groups.parquet", "--from", "2025-01-31"]).status.success());
    assert!(fs::read(survey.folder().join("groups.parquet")).unwrap().starts_with(b"PAR1"));
}

#[test]
fn what_cannot_be_searched_is_refused_with_the_next_step() {
    let survey = Survey::made();
    let without = refused(&survey.chorus(&["search", "--class", "X"]));
    assert!(without.contains("no table `embeddings`") && without.contains("chorus run"), "{without}");
    survey.run_with(&["predict", "--with-upstream", "--set", "predict.embeddings=true"]);
    for (args, wanted) in [
        (&["search"][..], "--recording"),
        (&["search", "--class", "NONE"], "no reviewed window has the class `NONE`"),
        (&["search", "--recording", "no/such.wav"], "no recording has the path or the recording_id `no/such.wav`"),
        (&["search", "--clip", "a.wav"], "search with --recording"),
        (&["search", "--table", "metrics", "--where", "true"], "the rows of metrics are about no window"),
        (&["search", "--table", "nothing", "--where", "true"], "no table is called `nothing`"),
        (&["search", "--table", "labels", "--where", "class = 'NONE'"], "--where: no row fits"),
        (&["search", "--class", "X", "--at", "3"], "--at"),
        (&["clusters", "--site", "RIVER*"], "no site is called `RIVER*`"),
        (&["clusters", "--hours", "5-5"], "expected two hours"),
        (&["clusters", "--from", "2031-01-01"], "no window is left"),
        (&["clusters", "-o", "run/groups.csv"], "lies within the run"),
        (&["clusters", "--clips", "run/clips"], "lies within the run"),
    ] {
        let said = refused(&survey.chorus(args));
        assert!(said.contains(wanted), "{args:?}: {said}");
    }
}
