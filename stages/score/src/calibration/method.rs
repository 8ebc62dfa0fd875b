//! What a calibration method is.

use std::fmt::Debug;

use serde_yaml::Mapping;

use crate::metrics::Ranking;

/// A way to turn scores into probabilities. To add one: a file with its fit and its curve, and a line in [`super::METHODS`].
pub trait Method: Debug + Sync {
    /// The name in the configuration (`evaluate.calibration`), in the table `calibration` and in `decisions.yaml`.
    fn name(&self) -> &'static str;

    /// One sentence for people.
    fn about(&self) -> &'static str;

    /// Whether it makes probabilities at all.
    fn is_fitted(&self) -> bool {
        true
    }

    /// The curve for the windows of a ranking, which holds at least one positive and one negative window.
    fn fit(&self, ranking: &Ranking) -> Option<Box<dyn Curve>>;

    /// The curve with these parameters, as [`Curve::parameters`] gave them.
    ///
    /// # Errors
    /// The parameter that is missing or malformed.
    fn read(&self, parameters: &Mapping) -> Result<Box<dyn Curve>, String>;
}

/// A fitted curve from scores to probabilities.
pub trait Curve: Debug + Send + Sync {
    /// The probability (0 to 1) that a window with this score (0 to 1) is positive.
    fn probability(&self, score: f64) -> f64;

    /// Whether the probability rises with the score somewhere and falls nowhere. Any other curve has learnt nothing from the scores.
    fn is_rising(&self) -> bool;

    /// The numbers and lists of numbers that define it, by name, for `decisions.yaml`. `slope` and `intercept` are also columns of the
    /// table `calibration`.
    fn parameters(&self) -> Mapping;

    /// The curve as a formula, for programs that are not ours; `None` for a curve that has none of these forms.
    fn form(&self) -> Option<Form> {
        None
    }
}

/// A curve as a formula.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// `1 / (1 + exp(-(slope * logit + intercept)))`, of the logit of a score that is kept [`super::LEAST_MARGIN`] from 0 and 1.
    Logistic {
        /// Factor of the logit.
        slope: f64,
        /// Added to the product.
        intercept: f64,
    },
    /// Straight lines between points, level beyond the first and the last; 0 without points.
    Lines {
        /// Scores of the points, strictly rising.
        scores: Vec<f64>,
        /// Probabilities at the points.
        probabilities: Vec<f64>,
    },
}
