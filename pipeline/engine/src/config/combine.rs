//! Combinations of values of train and predict that cannot work together.

use chorus_keys::{Finding, Values};
use serde_yaml::Value;

/// All impossible combinations.
pub(super) fn problems(values: &Values) -> Vec<Finding> {
    let mut findings = Vec::new();
    let min_score = values.number("predict.min_score");
    if values.text("model.path").is_none() && min_score > 0.0 {
        findings.push(Finding::new(
            "predict.min_score",
            format!("{min_score} in a run that evaluates its model"),
            "evaluate needs every score: leave it at 0, or apply the model in a run of its own with model.path",
        ));
    }
    let probabilities = values.get("train.mix2_probabilities").as_sequence();
    let sum: f64 = probabilities.into_iter().flatten().filter_map(Value::as_f64).sum();
    if (sum - 1.0).abs() > 1e-6 {
        findings.push(Finding::new("train.mix2_probabilities", format!("a sum of {sum}"), "allowed: a sum of 1"));
    }
    findings
}
