//! How good is a given model on the labels of another archive? It is judged without being trained, and its folder stays as it is.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{CHORUS, Survey, text};

/// Runs everything with the model of the survey, into the folder `judged`, and gives back what was said.
fn judge(survey: &Survey, sets: &[&str]) -> (bool, String) {
    judge_model(survey, &survey.run().join("model"), sets)
}

fn judge_model(survey: &Survey, model: &Path, sets: &[&str]) -> (bool, String) {
    let model = format!("model.path={}", model.display());
    let run = format!("run.path={}", survey.folder().join("judged").display());
    let sets: Vec<&str> =
        [&[model.as_str(), run.as_str()][..], sets].concat().into_iter().flat_map(|set| ["--set", set]).collect();
    let output = survey.chorus(&[&["run"], &sets[..]].concat());
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

fn ask(survey: &Survey, sql: &str) -> Vec<String> {
    let run = survey.folder().join("judged");
    let output = Command::new(CHORUS).args(["query", sql, "--format", "csv", "--run"]).arg(run).output().unwrap();
    assert!(output.status.success(), "{sql}: {}", text(&output.stderr));
    text(&output.stdout).lines().skip(1).map(str::to_owned).collect()
}

const METRICS: &str = "SELECT class, metric, support, value FROM metrics WHERE subset = 'test' AND site IS NULL AND \"group\" IS NULL
    AND metric IN ('average_precision', 'auroc', 'f1_tuned', 'precision_tuned', 'recall_fixed') ORDER BY class NULLS FIRST, metric";

#[test]
fn on_the_test_set_of_its_own_survey_a_model_is_as_good_as_it_was_there() {
    let survey = Survey::made();
    let model = common::contents(&survey.run().join("model"), "");
    let (done, said) = judge(&survey, &[]);
    assert!(done, "{said}");
    let own: Vec<String> = survey.ask(METRICS).lines().skip(1).map(str::to_owned).collect();
    assert_eq!(ask(&survey, METRICS), own);
    assert!(own.len() > 30);
    // The recordings that it learnt from are on no side, and no threshold was chosen here.
    assert_eq!(ask(&survey, "SELECT subset, COUNT(*) AS n FROM splits GROUP BY subset ORDER BY subset"), ["test,4", "unused,4"]);
    assert_eq!(ask(&survey, "SELECT DISTINCT source FROM thresholds"), ["given"]);
    let judged = survey.folder().join("judged");
    common::assert_same(&common::contents(&survey.run().join("model"), ""), &model, "the given model's folder");
    assert_eq!(common::contents(&judged.join("model"), "").into_keys().collect::<Vec<_>>(), ["/decisions.yaml"]);
    let detections = |run: &Path| common::contents(&run.join("tables/detections"), "");
    common::assert_same(&detections(&judged), &detections(&survey.run()), "detections by the same thresholds");
    for pass in ["train", "featurize"] {
        assert!(!judged.join("state").join(pass).exists(), "{pass}");
    }
    let page = fs::read_to_string(judged.join("report/index.html")).unwrap();
    assert!(page.contains("The classifier was trained elsewhere.") && page.contains("What it was judged by"), "{page}");
    assert!(!page.contains("learned from are in these numbers too") && !page.contains("No epoch was trained"));
    assert!(judge(&survey, &[]).1.contains("nothing to do"));
    // Every calibration that the model brought is told, and where it comes from.
    let brought = survey.ask("SELECT class, slope, intercept FROM calibration WHERE source <> 'none' ORDER BY class");
    let told = "SELECT class, slope, intercept FROM calibration WHERE source = 'given' ORDER BY class";
    assert_eq!(ask(&survey, told), brought.lines().skip(1).collect::<Vec<_>>());
    // Where the model lies is nothing to it.
    let moved = survey.folder().join("moved");
    fs::rename(survey.run().join("model"), &moved).unwrap();
    let (done, said) = judge_model(&survey, &moved, &[]);
    assert!(done && said.contains("nothing to do"), "{said}");
}

#[test]
fn all_recordings_are_test_or_a_share_of_them_chooses_new_thresholds() {
    let survey = Survey::made();
    let sides = "SELECT subset, COUNT(*) AS n FROM splits GROUP BY subset ORDER BY subset";
    let (done, said) = judge(&survey, &["split.source=grouped"]);
    assert!(done, "{said}");
    assert_eq!(ask(&survey, sides), ["test,8"]);
    let halves = ["split.source=grouped", "split.threshold_fraction=0.5"];
    // Whatever the network has learnt, one window in a hundred is easily reached.
    let chosen = ["evaluate.min_positives=1", "evaluate.threshold_for=precision", "evaluate.precision=0.01"];
    let (done, said) = judge(&survey, &[&halves[..], &chosen].concat());
    assert!(done, "{said}");
    assert_eq!(ask(&survey, "SELECT DISTINCT subset FROM splits ORDER BY subset"), ["test", "validation"]);
    // The most frequent species is in both halves.
    assert_eq!(ask(&survey, "SELECT source FROM thresholds WHERE class = 'FICPRI'"), ["own"]);
    let decisions = fs::read_to_string(survey.folder().join("judged/model/decisions.yaml")).unwrap();
    assert!(decisions.contains("source: own") && decisions.contains("\nsites:\n- "), "{decisions}");
}

#[test]
fn classes_are_matched_by_name_through_the_code_table_and_others_are_told() {
    let survey = Survey::made();
    let known: Vec<String> = survey.ask("SELECT class FROM classes ORDER BY class").lines().skip(1).map(str::to_owned).collect();
    let archive = survey.archive();
    // Two classes of the model, one of them under a class column, and one that it does not know.
    let table = format!("code,class\n{0},{0}\n{1},{1}\n{2},NEWFROG\n", known[0], known[1], known[2]);
    fs::write(archive.join("few.csv"), table).unwrap();
    let (done, said) = judge(&survey, &["annotate.code_table=few.csv", "split.source=grouped"]);
    assert!(done, "{said}");
    assert!(said.contains("the model does not know these classes of the labels: NEWFROG"), "{said}");
    assert!(said.contains(&format!("so it cannot be judged by them: {}", known[2..].join(", "))), "{said}");
    assert_eq!(ask(&survey, "SELECT class FROM classes ORDER BY class"), known[..2]);
    assert_eq!(ask(&survey, "SELECT DISTINCT class FROM metrics WHERE class IS NOT NULL ORDER BY class"), known[..2]);
    // It still finds all that it knows, by its own thresholds.
    assert_eq!(ask(&survey, "SELECT DISTINCT class FROM activity ORDER BY class"), known);
    assert_eq!(ask(&survey, "SELECT class FROM thresholds ORDER BY class"), known);
    fs::write(archive.join("other.csv"), format!("code,class\n{},NEWFROG\n", known[0])).unwrap();
    let (done, said) = judge(&survey, &["annotate.code_table=other.csv"]);
    assert!(!done && said.contains("no class of the labels is one of the model. Classes of the labels: NEWFROG"), "{said}");
}
