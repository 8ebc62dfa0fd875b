//! What a person is told about tables that do not follow any more from what they were made from.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::process::Command;

use common::{CHORUS, Survey, contents, text};

const COUNT: &str = "SELECT COUNT(*) AS n FROM predictions";

/// Exit status, stdout and stderr.
fn said(survey: &Survey, args: &[&str]) -> (i32, String, String) {
    let output = survey.chorus(args);
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_fresh_run_is_silent() {
    let survey = Survey::made();
    let views =
        ["SELECT * FROM summary", "SELECT * FROM quality", "SELECT * FROM events", "SHOW TABLES", "DESCRIBE nightly", COUNT];
    for args in views.map(|sql| ["query", sql, "--fresh"]) {
        let (status, _, stderr) = said(&survey, &args);
        assert_eq!((status, stderr.as_str()), (0, ""), "{args:?}");
    }
    let (status, _, stderr) = said(&survey, &["export", "darwin-core", "-o", "out", "--fresh"]);
    assert!(status == 0 && !stderr.contains("warning"), "{stderr}");
}

#[test]
fn after_training_without_predicting_the_predictions_are_stale() {
    let survey = Survey::made();
    let (_, before, _) = said(&survey, &["query", COUNT]);
    survey.run_with(&["train", "--with-upstream", "--set", "train.seed=7"]);
    let (status, stdout, stderr) = said(&survey, &["query", COUNT]);
    assert_eq!((status, stdout), (0, before));
    assert!(stderr.starts_with("warning: the table predictions is stale: "), "{stderr}");
    let mend = format!("older than model/model.yaml; run `chorus run predict --with-upstream -c {}`", survey.config().display());
    assert!(stderr.contains(&mend), "{stderr}");
    let by_run = Command::new(CHORUS).args(["query", COUNT, "--run"]).arg(survey.run()).output().unwrap();
    let mend = format!("run `chorus run predict --with-upstream --run {}`", survey.run().display());
    assert!(text(&by_run.stderr).contains(&mend), "{}", text(&by_run.stderr));
    let files = contents(survey.folder(), "");
    for args in [
        &["query", COUNT, "-o", "n.csv", "--fresh"][..],
        &["export", "csv", "-o", "out", "--fresh"],
        &["clips", "-o", "listen", "--fresh"],
    ] {
        let (status, stdout, stderr) = said(&survey, args);
        assert_eq!((status, stdout.as_str()), (1, ""), "{args:?}: {stderr}");
        assert!(stderr.starts_with("error: --fresh: nothing was written") && stderr.contains("stale"), "{args:?}: {stderr}");
        assert_eq!(contents(survey.folder(), "").keys().collect::<Vec<_>>(), files.keys().collect::<Vec<_>>());
    }
    let (status, _, stderr) = said(&survey, &["export", "csv", "-o", "out"]);
    assert_eq!(status, 0);
    assert!(
        stderr.contains("warning: the table detections is stale: ") && stderr.contains(" of predictions are older than"),
        "{stderr}"
    );
    // What does not come from the model is as fresh as before.
    assert_eq!(said(&survey, &["query", "SELECT COUNT(*) AS n FROM labels", "--fresh"]).2, "");
    survey.run_with(&["--set", "train.seed=7"]);
    assert_eq!(said(&survey, &["query", COUNT, "--fresh"]).2, "");
}

#[test]
fn a_deleted_partition_and_a_copy_without_states_are_told() {
    let survey = Survey::made();
    let tables = survey.run().join("tables/predictions");
    let file = contents(&tables, "").into_keys().next().unwrap();
    fs::remove_file(format!("{}{file}", tables.display())).unwrap();
    let (status, _, stderr) = said(&survey, &["query", COUNT]);
    assert_eq!(status, 0);
    assert!(stderr.starts_with("warning: the table predictions is incomplete: 1 of "), "{stderr}");
    assert_eq!(said(&survey, &["query", COUNT, "--fresh"]).0, 1);
    fs::remove_dir_all(survey.run().join("state")).unwrap();
    let (status, stdout, stderr) = said(&survey, &["query", "SELECT COUNT(*) AS n FROM recordings"]);
    assert!(status == 0 && stdout.contains('n'), "{stderr}");
    assert!(stderr.starts_with("note: whether the table recordings is fresh is not known: "), "{stderr}");
    assert_eq!(said(&survey, &["query", "SELECT 1 FROM recordings", "--fresh"]).0, 1);
}
