//! How good is a given model on the labels of another archive? It is judged without being trained, and its folder stays as it is.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use chorus_card::Decisions;
use common::{Survey, text};

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
    common::ask(&survey.folder().join("judged"), sql)
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
    let parts = ["split.source=grouped", "split.threshold_fraction=0.75"];
    // Whatever the network has learnt, one window in a hundred is easily reached, and no more is asked of a threshold here.
    let chosen = ["evaluate.min_positives=1", "evaluate.threshold_for=precision", "evaluate.precision=0.01"];
    let usable = ["evaluate.usable_positives=1", "evaluate.usable_recordings=1", "evaluate.usable_precision=0"];
    let (done, said) = judge(&survey, &[&parts[..], &chosen, &usable].concat());
    assert!(done, "{said}");
    assert_eq!(ask(&survey, "SELECT DISTINCT subset FROM splits ORDER BY subset"), ["test", "validation"]);
    // The most frequent species is on both sides.
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

/// A copy of the survey's model that detects a class in every window, as if validation had shown there that it can tell the class.
fn trusted(survey: &Survey, class: &str) -> PathBuf {
    let model = survey.folder().join("trusted");
    common::copy(&survey.run().join("model"), &model);
    let path = model.join("decisions.yaml");
    let mut decisions = Decisions::read(&path).unwrap();
    let threshold = decisions.thresholds.get_mut(class).unwrap();
    (threshold.threshold, threshold.usable, threshold.why_not) = (0.0, true, None);
    fs::write(&path, decisions.to_yaml()).unwrap();
    model
}

#[test]
fn few_verdicts_and_chosen_ones_replace_no_threshold_of_a_model_but_may_contradict_it() {
    const CLASS: &str = "FICPRI";
    let survey = Survey::made();
    let model = trusted(&survey, CLASS);
    let windows = survey.ask(
        "SELECT r.path, s.start_s, s.end_s FROM segments s JOIN recordings r USING (recording_id) ORDER BY r.path, s.start_s",
    );
    let windows: Vec<(String, f64, f64)> = csv::Reader::from_reader(windows.as_bytes())
        .records()
        .map(|row| row.unwrap())
        .map(|row| (row[0].to_owned(), row[1].parse().unwrap(), row[2].parse().unwrap()))
        .collect();
    // Windows that have no time in common, at least two of each recording.
    let mut apart: Vec<&(String, f64, f64)> = Vec::new();
    for window in &windows {
        if apart.last().is_none_or(|last| last.0 != window.0 || last.2 <= window.1) {
            apart.push(window);
        }
    }
    let mut recordings: Vec<&str> = apart.iter().map(|window| window.0.as_str()).collect();
    recordings.dedup();
    assert!(recordings.len() == 8 && apart.len() >= 16, "{apart:?}");
    let side = |at: usize| if at < 7 { "validation" } else { "test" };
    let sides: String = recordings.iter().enumerate().map(|(at, path)| format!("{path},{}\n", side(at))).collect();
    fs::write(survey.archive().join("sides.csv"), format!("recording,subset\n{sides}")).unwrap();
    fs::create_dir(survey.archive().join("reviews")).unwrap();
    // The sheet has a verdict on each of these windows, from clips of one stratum.
    let judged = |strata: &str, windows: &[(&(String, f64, f64), &str)]| {
        let mut sheet = "class,strata,recording,start_s,end_s,verdict\n".to_owned();
        for ((path, start_s, end_s), verdict) in windows {
            writeln!(sheet, "{CLASS},{strata},{path},{start_s},{end_s},{verdict}").unwrap();
        }
        fs::write(survey.archive().join("reviews/sheet.csv"), sheet).unwrap();
        let sets = ["annotate.format=review", "split.source=file", "split.file=sides.csv"];
        let (done, said) = judge_model(&survey, &model, &sets);
        assert!(done, "{said}");
        let of = |column: &str| ask(&survey, &format!("SELECT {column} FROM thresholds WHERE class = '{CLASS}'"))[0].clone();
        (of("source"), of("usable"), of("COALESCE(why_not, '')"), said)
    };
    let all = |verdict: &'static str| apart.iter().map(|window| (*window, verdict)).collect::<Vec<_>>();
    let is = |found: &(String, String, String, String), source: &str, usable: &str| {
        assert_eq!((found.0.as_str(), found.1.as_str()), (source, usable), "{}\n{}", found.2, found.3);
    };

    // Detected falsely in each of five windows, which are of too few recordings to tell.
    let few: Vec<_> = all("no").into_iter().filter(|(window, _)| recordings[..4].contains(&window.0.as_str())).take(5).collect();
    is(&judged("window", &few), "given", "true");
    // Right everywhere, by a sample and by choice.
    let sampled = judged("window", &all("yes"));
    is(&sampled, "own", "true");
    assert!(!sampled.3.contains("chosen to listen to"), "{}", sampled.3);
    assert_eq!(ask(&survey, "SELECT COUNT(*) AS n FROM chosen_labels"), ["0"]);
    let chosen = judged("uncertain", &all("yes"));
    is(&chosen, "given", "true");
    assert!(chosen.3.contains("(100 %) are of windows that were chosen to listen to"), "{}", chosen.3);
    assert_ne!(ask(&survey, "SELECT COUNT(*) AS n FROM chosen_labels"), ["0"]);
    assert_eq!(
        ask(&survey, "SELECT COUNT(*) AS n FROM chosen_labels LEFT JOIN labels USING (segment_id, class) WHERE value IS NULL"),
        ["0"]
    );
    // Wrong everywhere.
    for (strata, note) in
        [("window", " reviewed windows, a precision"), ("top+uncertain", " of them chosen to listen to and no sample")]
    {
        let wrong = judged(strata, &all("no"));
        is(&wrong, "given", "false");
        assert!(wrong.2.contains("the labels here contradict the given model: its detections are right in 0 of "), "{}", wrong.2);
        assert!(wrong.2.contains(note) && wrong.3.contains("the labels here contradict the given model"), "{}", wrong.2);
    }
    // What the model says of classes that nobody heard is told as its own.
    let others = ask(
        &survey,
        &format!(
            "SELECT DISTINCT why_not LIKE 'in the run that trained the model: %' AS own FROM thresholds WHERE class <> '{CLASS}' AND NOT usable"
        ),
    );
    assert_eq!(others, ["true"]);
}
