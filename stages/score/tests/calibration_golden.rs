//! Calibrations equal scikit-learn's; the values come from `golden/calibration/make.py`.
#![allow(clippy::unwrap_used)]

use chorus_score::calibration::{Curve, Logistic, isotonic, platt};
use chorus_score::metrics::Ranking;
use serde::Deserialize;

const TOLERANCE: f64 = 1e-9;
/// scikit-learn's solver stops a little earlier than ours.
const LOGISTIC_TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Golden {
    at: Vec<f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    scores: Vec<f64>,
    labels: Vec<bool>,
    platt: Option<Line>,
    isotonic: Vec<f64>,
}

#[derive(Deserialize)]
struct Line {
    slope: f64,
    intercept: f64,
    at: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/calibration/cases.json")).unwrap()
}

fn ranking(case: &Case) -> Ranking {
    let labels: Vec<_> = case.labels.iter().copied().map(Some).collect();
    Ranking::new(&case.scores, &labels).unwrap()
}

#[track_caller]
fn assert_curve(name: &str, curve: &dyn Curve, at: &[f64], expected: &[f64], tolerance: f64) {
    for (&score, expected) in at.iter().zip(expected) {
        let found = curve.probability(score);
        assert!((found - expected).abs() <= tolerance, "{name} at {score}: found {found}, expected {expected}");
    }
}

#[test]
fn isotonic_curves_equal_scikit_learn() {
    let golden = golden();
    assert!(golden.cases.len() > 12);
    for case in &golden.cases {
        assert_curve(&case.name, &isotonic(&ranking(case)), &golden.at, &case.isotonic, TOLERANCE);
    }
}

#[test]
fn platts_curves_equal_scikit_learn() {
    let golden = golden();
    for case in &golden.cases {
        let Some(line) = &case.platt else { continue };
        let curve = platt(&ranking(case));
        assert_curve(&case.name, &curve, &golden.at, &line.at, LOGISTIC_TOLERANCE);
        let Logistic { slope, intercept } = curve;
        assert!((slope - line.slope).abs() <= LOGISTIC_TOLERANCE, "{}: {slope}", case.name);
        assert!((intercept - line.intercept).abs() <= LOGISTIC_TOLERANCE, "{}: {intercept}", case.name);
    }
}
