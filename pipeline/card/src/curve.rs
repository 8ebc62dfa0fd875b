//! Calibration curves: from a score to a probability. Stage `evaluate` fits them; here they are applied.

use serde::{Deserialize, Serialize};

/// Scores are kept this far from 0 and 1 (2^-24, half the step of float32 below 1), because the logits of 0 and 1 are not finite.
const LEAST_MARGIN: f64 = 1.0 / 16_777_216.0;

/// A fitted calibration curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "method")]
pub enum Curve {
    /// Platt scaling: p = 1 / (1 + exp(-(slope * logit + intercept))).
    Platt {
        /// Factor of the logit.
        slope: f64,
        /// Added to the product.
        intercept: f64,
    },
    /// Isotonic regression: linear between the points, constant beyond the first and the last.
    Isotonic {
        /// Scores of the points, strictly rising.
        scores: Vec<f64>,
        /// Probabilities at the points, never falling.
        probabilities: Vec<f64>,
    },
}

impl Curve {
    /// The probability that a window with this score (0 to 1) is positive.
    pub fn probability(&self, score: f64) -> f64 {
        match self {
            Self::Platt { slope, intercept } => logistic(slope * logit(score) + intercept),
            Self::Isotonic { scores, probabilities } => interpolated(scores, probabilities, score),
        }
    }

    /// Name of the method, as in the tables.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Platt { .. } => "platt",
            Self::Isotonic { .. } => "isotonic",
        }
    }
}

/// The logit of a score, always finite.
pub fn logit(score: f64) -> f64 {
    let score = score.clamp(LEAST_MARGIN, 1.0 - LEAST_MARGIN);
    (score / (1.0 - score)).ln()
}

/// The logistic function.
pub fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// The value at `x` of the polyline through these points, constant beyond the first and the last; 0 without points.
fn interpolated(xs: &[f64], ys: &[f64], x: f64) -> f64 {
    let above = xs.partition_point(|&at| at <= x);
    match (above.checked_sub(1).map(|below| (xs[below], ys[below])), xs.get(above).zip(ys.get(above))) {
        (Some((x0, y0)), Some((&x1, &y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (Some((_, y)), None) | (None, Some((_, &y))) => y,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_map_scores_to_probabilities() {
        let platt = Curve::Platt { slope: 2.0, intercept: 0.0 };
        assert_eq!(platt.probability(0.5), 0.5);
        assert!((platt.probability(0.8) - 16.0 / 17.0).abs() < 1e-12);
        assert!(platt.probability(0.0) > 0.0 && platt.probability(1.0) < 1.0);
        let isotonic = Curve::Isotonic { scores: vec![0.2, 0.6], probabilities: vec![0.1, 0.5] };
        let found = [0.0, 0.2, 0.4, 0.6, 1.0].map(|score| isotonic.probability(score));
        for (found, expected) in found.into_iter().zip([0.1, 0.1, 0.3, 0.5, 0.5]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(Curve::Isotonic { scores: vec![], probabilities: vec![] }.probability(0.5), 0.0);
    }
}
