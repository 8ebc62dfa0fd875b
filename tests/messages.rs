//! Bad input gets one clear message with the next step, the right exit status, and changes nothing.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output};

use common::{CHORUS, Survey, contents, text};

/// Asserts exit status and message; `wanted` are parts of the message.
fn refused(output: &Output, status: i32, wanted: &[&str]) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    for part in wanted {
        assert!(said.contains(part), "`{part}` is missing in: {said}");
    }
    assert_eq!(said.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{said}");
}

/// Everything beside the configuration.
fn all(survey: &Survey) -> BTreeMap<String, Vec<u8>> {
    contents(survey.folder(), "")
}

fn unchanged(survey: &Survey, args: &[&str], status: i32, wanted: &[&str]) {
    let before = all(survey);
    refused(&survey.chorus(args), status, wanted);
    let after = all(survey);
    let differing: Vec<&String> = before.keys().chain(after.keys()).filter(|k| before.get(*k) != after.get(*k)).collect();
    assert!(differing.is_empty(), "{args:?} changed {differing:?}");
}

#[test]
fn a_missing_archive() {
    let survey = Survey::tiny();
    unchanged(
        &survey,
        &["run", "--set", "archive.path=/no/such/folder"],
        2,
        &["/no/such/folder", "there is no such folder", "archive.path"],
    );
    unchanged(&survey, &["run", "--set", "archive.path=null"], 2, &["no archive is named", "archive.path"]);
}

#[test]
fn a_worker_that_is_not_where_its_variable_says() {
    let survey = Survey::tiny();
    let output = survey.command(&["run"]).env("CHORUS_TORCH", "/nowhere/chorus-torch").output().unwrap();
    refused(&output, 1, &["train, predict: the worker chorus-torch is not at /nowhere/chorus-torch", "CHORUS_TORCH"]);
}

#[test]
fn an_empty_archive() {
    let survey = Survey::tiny();
    fs::remove_dir_all(survey.archive().join("raw_data")).unwrap();
    fs::create_dir(survey.archive().join("raw_data")).unwrap();
    unchanged(&survey, &["run"], 1, &["raw_data", "no recordings found", "archive.audio"]);
}

#[test]
fn an_archive_with_neither_labels_nor_a_model() {
    let survey = Survey::tiny();
    unchanged(
        &survey,
        &["run", "--set", "annotate.format=none"],
        2,
        &["neither labels nor a model", "annotate.format", "model.path"],
    );
}

#[test]
fn ingest_alone_needs_neither_labels_nor_a_model() {
    let survey = Survey::tiny();
    survey.run_with(&["ingest", "--set", "annotate.format=none"]);
    survey.run_with(&["ingest", "segment", "featurize", "--set", "annotate.format=none"]);
    survey.run_with(&["ingest", "--set", "annotate.format=none", "--set", "model.path=nowhere"]);
    assert_eq!(survey.ask("SELECT COUNT(*) AS n FROM recordings").trim(), "n\n8");
    for args in [["status"].as_slice(), &["check"], &["run"], &["run", "split"]] {
        let args = [args, &["--set", "annotate.format=none"]].concat();
        refused(&survey.chorus(&args), 2, &["neither labels nor a model", "--set: annotate.format"]);
    }
}

#[test]
fn files_that_the_configuration_names_are_looked_at_before_anything_is_made() {
    let survey = Survey::tiny();
    let faults: [(&[&str], &[&str]); 8] = [
        (&["archive.audio=sounds"], &["--set: archive.audio: found `sounds`", "no such folder"]),
        (&["archive.audio=.."], &["--set: archive.audio: found `..`", "outside of the archive"]),
        (&["ingest.site_sheet=no.csv"], &["--set: ingest.site_sheet", "no.csv"]),
        (&["annotate.folder=no"], &["--set: annotate.folder: found `no`"]),
        (&["annotate.code_table=no.csv"], &["--set: annotate.code_table", "no.csv"]),
        (&["annotate.code_table=../species.csv"], &["--set: annotate.code_table: found `../species.csv`, which is outside"]),
        (&["annotate.classes=[NOFROG]"], &["--set: annotate.classes", "NOFROG"]),
        (&["split.file=no.csv", "archive.audio=no"], &["2 problems", "split.file: found `no.csv`", "archive.audio: found `no`"]),
    ];
    for (sets, wanted) in faults {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", *set]).collect();
        for command in ["check", "run"] {
            unchanged(&survey, &[&[command], sets.as_slice()].concat(), 2, wanted);
        }
    }
    fs::write(survey.archive().join("species.csv"), "code,class\nA,B\nA,C\n").unwrap();
    unchanged(&survey, &["check"], 2, &["survey.yaml:", "annotate.code_table", "species.csv:3: found code A again"]);
    // What the stages at hand do not read is no matter of theirs.
    survey.run_with(&["ingest"]);
}

#[test]
fn keys_of_another_split_are_told() {
    let survey = Survey::tiny();
    let output = survey.chorus(&["check", "--set", "split.site=POND01", "--set", "split.folds=7"]);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains(
            "warning: --set: split.site: found a value without effect; it is used only with split.source: leave_one_site_out"
        ),
        "{said}"
    );
    assert!(said.contains("split.folds") && !said.contains("split.file"), "{said}");
}

#[test]
fn a_configuration_that_cannot_be_read() {
    let survey = Survey::tiny();
    let output = Command::new(CHORUS).args(["run", "-c", "/no/such.yaml"]).output().unwrap();
    refused(&output, 2, &["/no/such.yaml", "No such file", "chorus init"]);
    fs::write(survey.config(), "archive: [\n").unwrap();
    unchanged(&survey, &["run"], 2, &["survey.yaml:", "text that is not YAML"]);
    refused(&Command::new(CHORUS).arg("run").output().unwrap(), 2, &["-c FILE", "chorus init"]);
}

#[test]
fn misspelt_keys_and_wrong_types_all_at_once() {
    let survey = Survey::tiny();
    let text = fs::read_to_string(survey.config())
        .unwrap()
        .replace("n_mels: 32", "n_melz: 32")
        .replace("hop_length: 512", "hop_length: short");
    fs::write(survey.config(), text).unwrap();
    unchanged(
        &survey,
        &["run", "--set", "train.epochs=0"],
        2,
        &[
            "3 problems",
            "survey.yaml:",
            "featurize.n_melz",
            "did you mean featurize.n_mels?",
            "featurize.hop_length: found `short`",
            "--set: train.epochs: found `0`",
        ],
    );
}

#[test]
fn a_stage_with_stale_inputs() {
    let survey = Survey::made();
    let output = survey.chorus(&["run", "predict", "--set", "featurize.n_mels=40"]);
    refused(
        &output,
        1,
        &["predict cannot run", "featurize is not fresh", "featurize.n_mels 32 -> 40", "chorus run predict --with-upstream"],
    );
    let unknown = survey.chorus(&["run", "featurise"]);
    refused(&unknown, 2, &["no stage `featurise`", "ingest, segment"]);
    // The copied files are other files to ingest, and featurize waits until it has looked at them.
    refused(&survey.chorus(&["run", "featurize"]), 1, &["ingest is not fresh", "may have changed", "--with-upstream"]);
    survey.run_with(&["ingest"]);
    let unit = survey.chorus(&["run", "featurize", "--unit", "site=NOWHERE"]);
    refused(&unit, 2, &["no unit matches `site=NOWHERE`", "chorus status --units"]);
}

#[test]
fn a_model_made_with_other_settings() {
    let survey = Survey::made();
    let model = survey.run().join("model");
    let sets = |more: &str| -> Vec<String> {
        let model = format!("model.path={}", model.display());
        ["run", "--set", "annotate.format=none", "--set", &model, "--set", "run.path=other", "--set", more]
            .map(str::to_owned)
            .to_vec()
    };
    let args = sets("featurize.n_mels=64");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    unchanged(
        &survey,
        &args,
        2,
        &["--set: featurize.n_mels: found `64`; the model was trained with `32`", "model.yaml", "leave the key out"],
    );
    fs::remove_file(model.join("decisions.yaml")).unwrap();
    let args = sets("featurize.n_mels=32");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    unchanged(&survey, &args, 2, &["decisions.yaml", "detect.threshold"]);
    unchanged(
        &survey,
        &["run", "--set", "annotate.format=none", "--set", "model.path=nowhere", "--set", "run.path=other"],
        2,
        &["nowhere", "weights.safetensors"],
    );
}

#[test]
fn thresholds_of_other_weights_and_a_run_of_the_other_mode() {
    let survey = Survey::made();
    let model = survey.folder().join("model");
    common::copy(&survey.run().join("model"), &model);
    let model_path = format!("model.path={}", model.display());
    let args = ["run", "--set", "annotate.format=none", "--set", &model_path];
    unchanged(&survey, &args, 2, &["trained a model of its own", "run.path"]);
    let decisions = fs::read_to_string(model.join("decisions.yaml")).unwrap();
    let other = decisions.replacen("model_id: ", "model_id: x", 1);
    fs::write(model.join("decisions.yaml"), other).unwrap();
    unchanged(&survey, &[&args[..], &["--set", "run.path=other"]].concat(), 2, &["decisions.yaml", "other weights"]);
}

#[test]
fn a_run_within_the_archive() {
    let survey = Survey::tiny();
    for path in ["archive", "archive/run", "archive/raw_data/POND01"] {
        let set = format!("run.path={path}");
        unchanged(&survey, &["run", "--set", &set], 2, &["within the archive", "run.path"]);
    }
}

#[test]
fn pipes_and_loops_in_the_archive_stop_nothing() {
    let survey = Survey::tiny();
    let folder = survey.archive().join("raw_data/POND01");
    std::os::unix::fs::symlink("../POND01", folder.join("loop")).unwrap();
    std::os::unix::fs::symlink("self.wav", folder.join("self.wav")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("POND01_20250401_190000.wav")).status().unwrap().success());
    survey.run_with(&["ingest"]);
    assert_eq!(survey.ask("SELECT COUNT(*) AS n FROM recordings WHERE status = 'ok'").trim(), "n\n8");
    let missing = survey.ask("SELECT path FROM recordings WHERE reason_code = 'missing_file'");
    assert_eq!(missing.trim(), "path\nraw_data/POND01/self.wav", "a link to itself is told");
}

#[test]
fn too_little_disk() {
    let survey = Survey::tiny();
    unchanged(&survey, &["run", "--set", "units.keep_free_gib=1000000000"], 1, &["are free", "units.keep_free_gib", "run.path"]);
    // Where the run is under way already, what is there stays.
    let survey = Survey::made();
    survey.run_with(&["ingest"]);
    unchanged(
        &survey,
        &["run", "featurize", "--force", "--set", "units.keep_free_gib=1000000000"],
        1,
        &["featurize needs about", "are free"],
    );
}

#[test]
fn too_many_recordings_that_cannot_be_read() {
    let survey = Survey::tiny();
    for i in 0..9 {
        fs::write(survey.archive().join(format!("raw_data/POND01/POND01_20250401_19000{i}.wav")), "<html>not found</html>")
            .unwrap();
    }
    let output = survey.chorus(&["run"]);
    refused(&output, 1, &["9 of 17 recordings cannot be read", "ingest.max_rejected_fraction", "text that begins"]);
    let said = survey.run_with(&["--set", "ingest.max_rejected_fraction=1"]);
    assert!(said.contains("warning: 9 of 17 recordings cannot be read"), "{said}");
    assert_eq!(
        survey.ask("SELECT COUNT(*) AS n FROM recordings WHERE status = 'rejected' AND reason_code = 'not_audio'").trim(),
        "n\n9"
    );
}

#[test]
fn questions_that_cannot_be_answered() {
    let survey = Survey::made();
    let ask = |sql: &str| survey.chorus(&["query", sql]);
    refused(&ask("SELECT scor FROM predictions"), 2, &["scor", "score"]);
    refused(&ask("SELECT * FROM prediction"), 2, &["prediction", "predictions"]);
    refused(&ask("SELEC 1"), 2, &["SELEC"]);
    refused(&survey.chorus(&["query", "SELECT 1", "--format", "xlsx"]), 2, &["xlsx", "parquet"]);
    refused(&Command::new(CHORUS).args(["schema", "recording"]).output().unwrap(), 2, &["`recording`", "recordings"]);
}
