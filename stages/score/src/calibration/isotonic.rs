//! Isotonic regression: the rising curve of least squared error, by pooling adjacent violators (Zadrozny, Elkan 2002), linear between its
//! points and constant beyond them, as in scikit-learn's `IsotonicRegression(out_of_bounds="clip")`.

use serde::{Deserialize, Serialize};
use serde_yaml::{Mapping, Value};

use super::method::{Curve, Form, Method};
use crate::metrics::{Ranking, Step};

/// The method `isotonic`.
#[derive(Debug)]
pub struct Isotonic;

impl Method for Isotonic {
    fn name(&self) -> &'static str {
        "isotonic"
    }

    fn about(&self) -> &'static str {
        "Isotonic regression: any rising curve. It needs many positives."
    }

    fn fit(&self, ranking: &Ranking) -> Option<Box<dyn Curve>> {
        Some(Box::new(isotonic(ranking)))
    }

    fn read(&self, parameters: &Mapping) -> Result<Box<dyn Curve>, String> {
        let curve: Rising = serde_yaml::from_value(Value::Mapping(parameters.clone())).map_err(|e| e.to_string())?;
        if curve.scores.len() != curve.probabilities.len() {
            return Err(format!("{} scores and {} probabilities", curve.scores.len(), curve.probabilities.len()));
        }
        Ok(Box::new(curve))
    }
}

/// A polyline that never falls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rising {
    /// Scores of the points, strictly rising.
    pub scores: Vec<f64>,
    /// Probabilities at the points, never falling.
    pub probabilities: Vec<f64>,
}

impl Curve for Rising {
    fn probability(&self, score: f64) -> f64 {
        interpolated(&self.scores, &self.probabilities, score)
    }

    fn is_rising(&self) -> bool {
        self.probabilities.first() < self.probabilities.last()
    }

    fn parameters(&self) -> Mapping {
        let list = |values: &[f64]| Value::Sequence(values.iter().map(|value| (*value).into()).collect());
        [("scores", list(&self.scores)), ("probabilities", list(&self.probabilities))]
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect()
    }

    fn form(&self) -> Option<Form> {
        Some(Form::Lines { scores: self.scores.clone(), probabilities: self.probabilities.clone() })
    }
}

/// Neighbouring scores that share one probability.
#[derive(Clone, Copy)]
struct Block {
    low: f64,
    high: f64,
    positives: u64,
    windows: u64,
}

impl Block {
    fn probability(&self) -> f64 {
        self.positives as f64 / self.windows as f64
    }
}

/// The isotonic curve for the windows of a ranking.
pub fn isotonic(ranking: &Ranking) -> Rising {
    let mut blocks: Vec<Block> = Vec::new();
    for Step { threshold, true_positives, false_positives } in ranking.increments().rev() {
        let windows = true_positives + false_positives;
        let mut block = Block { low: threshold, high: threshold, positives: true_positives, windows };
        while let Some(below) = blocks.pop_if(|below| below.probability() >= block.probability()) {
            let (positives, windows) = (below.positives + block.positives, below.windows + block.windows);
            block = Block { low: below.low, high: block.high, positives, windows };
        }
        blocks.push(block);
    }
    let ends = |block: &Block| {
        let both = [(block.low, block.probability()), (block.high, block.probability())];
        both.into_iter().take(if block.low < block.high { 2 } else { 1 })
    };
    let (scores, probabilities) = blocks.iter().flat_map(ends).unzip();
    Rising { scores, probabilities }
}

/// The value at `x` of the line through these points, level beyond the first and the last; 0 without points.
fn interpolated(xs: &[f64], ys: &[f64], x: f64) -> f64 {
    let above = xs.partition_point(|&at| at <= x);
    match (above.checked_sub(1).map(|below| (xs[below], ys[below])), xs.get(above).zip(ys.get(above))) {
        (Some((x0, y0)), Some((&x1, &y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (Some((_, y)), None) | (None, Some((_, &y))) => y,
        (None, None) => 0.0,
    }
}
