//! Metrics equal scikit-learn's; the values come from `golden/metrics/make.py`.
#![allow(clippy::unwrap_used)]

use chorus_score::metrics::{Areas, Labelled, Ranking, macro_average};
use chorus_score::thresholds::best_f1;
use serde::Deserialize;

const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    #[serde(rename = "macro")]
    over_classes: Macro,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    scores: Vec<f64>,
    labels: Vec<Option<bool>>,
    threshold: f64,
    positives: u64,
    negatives: u64,
    precision: Option<f64>,
    recall: Option<f64>,
    f1: Option<f64>,
    average_precision: Option<f64>,
    auroc: Option<f64>,
    best_f1: Option<f64>,
}

#[derive(Deserialize)]
struct Macro {
    scores: Vec<Vec<f64>>,
    labels: Vec<Vec<Option<bool>>>,
    f1: f64,
    f1_classes: u64,
    average_precision: f64,
    auroc: f64,
    auroc_classes: u64,
    auroc_micro: f64,
    average_precision_micro: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/metrics/cases.json")).unwrap()
}

#[track_caller]
fn assert_near(what: &str, found: Option<f64>, expected: Option<f64>) {
    let near = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= TOLERANCE,
        (found, expected) => found == expected,
    };
    assert!(near, "{what}: found {found:?}, expected {expected:?}");
}

fn check(case: &Case, ranking: &Ranking) {
    let name = &case.name;
    let confusion = ranking.confusion(case.threshold);
    assert_eq!(ranking.positives(), case.positives, "{name}");
    assert_eq!(ranking.negatives(), case.negatives, "{name}");
    assert_near(&format!("{name}: precision"), confusion.precision(), case.precision);
    assert_near(&format!("{name}: recall"), confusion.recall(), case.recall);
    assert_near(&format!("{name}: F1"), confusion.f1(), case.f1);
    assert_near(&format!("{name}: AP"), ranking.average_precision(), case.average_precision);
    assert_near(&format!("{name}: AUROC"), ranking.auroc(), case.auroc);
    let best = best_f1(ranking).and_then(|threshold| ranking.confusion(threshold).f1());
    assert_near(&format!("{name}: best F1"), best, case.best_f1);
}

#[test]
fn each_case_equals_scikit_learn() {
    let cases = golden().cases;
    assert!(cases.len() > 30);
    for case in &cases {
        check(case, &Ranking::new(&case.scores, &case.labels).unwrap());
    }
}

#[test]
fn float32_scores_give_the_same() {
    for case in golden().cases.iter().filter(|case| case.name.starts_with("float32")) {
        let scores: Vec<f32> = case.scores.iter().map(|&score| score as f32).collect();
        check(case, &Ranking::new(&scores, &case.labels).unwrap());
    }
}

#[test]
fn averages_over_classes_equal_scikit_learn() {
    let golden = golden().over_classes;
    let rankings: Vec<Ranking> =
        golden.scores.iter().zip(&golden.labels).map(|(scores, labels)| Ranking::new(scores, labels).unwrap()).collect();
    let f1 = macro_average(rankings.iter().map(|ranking| ranking.confusion(0.5).f1()));
    let ap = macro_average(rankings.iter().map(Ranking::average_precision));
    let auroc = macro_average(rankings.iter().map(Ranking::auroc));
    assert_near("macro F1", f1.value, Some(golden.f1));
    assert_near("macro AP", ap.value, Some(golden.average_precision));
    assert_near("macro AUROC", auroc.value, Some(golden.auroc));
    assert_eq!(f1.classes, golden.f1_classes);
    assert_eq!(auroc.classes, golden.auroc_classes);

    let mut pooled = Labelled::default();
    for (scores, labels) in golden.scores.iter().zip(&golden.labels) {
        pooled.extend(scores, labels).unwrap();
    }
    let pooled = Areas::under(pooled.sorted().steps());
    assert_near("micro AUROC", pooled.auroc, Some(golden.auroc_micro));
    assert_near("micro AP", pooled.average_precision, Some(golden.average_precision_micro));
}
