//! Means over classes, and over the ranks of classes within windows.

use std::ops::Add;

/// A mean over the classes where a metric is defined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MacroAverage {
    /// The mean; `None` when no class has a value.
    pub value: Option<f64>,
    /// Number of classes in the mean: its support.
    pub classes: u64,
}

/// Unweighted mean of one metric over classes, leaving out those where it is undefined.
pub fn macro_average(values: impl IntoIterator<Item = Option<f64>>) -> MacroAverage {
    let (sum, classes) = values.into_iter().flatten().fold((0.0, 0), |(sum, classes), value| (sum + value, classes + 1));
    MacroAverage { value: ratio(sum, classes as f64), classes }
}

/// Mean of one metric over classes, each with its weight (its positive windows), leaving out those where it is undefined.
pub fn weighted_average(values: impl IntoIterator<Item = (Option<f64>, u64)>) -> Option<f64> {
    let defined = values.into_iter().filter_map(|(value, weight)| Some((value?, weight as f64)));
    let (sum, weights) = defined.fold((0.0, 0.0), |(sum, weights), (value, weight)| (sum + value * weight, weights + weight));
    ratio(sum, weights)
}

/// Precision at the ranks of positive classes within their windows, added up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RankedLabels {
    precision: f64,
    labels: u64,
}

impl RankedLabels {
    /// Counts one window: `classes` are its (score, whether positive) for every class; `of` is the place of a positive one of them. Its precision
    /// is the share of positive classes among those that score at least as much.
    pub fn count(&mut self, classes: &[(f32, bool)], of: usize) {
        let at_least = classes.iter().filter(|(score, _)| *score >= classes[of].0);
        let (ranked, right) =
            at_least.fold((0_u32, 0_u32), |(all, right), (_, positive)| (all + 1, right + u32::from(*positive)));
        self.precision += f64::from(right) / f64::from(ranked);
        self.labels += 1;
    }

    /// Label-weighted label-ranking average precision: the mean precision over the positive pairs of window and class; `None` without any.
    pub fn mean(&self) -> Option<f64> {
        ratio(self.precision, self.labels as f64)
    }
}

impl Add for RankedLabels {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { precision: self.precision + other.precision, labels: self.labels + other.labels }
    }
}

/// A quotient; `None` where the denominator is 0.
pub(super) fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macro_average_leaves_out_undefined_classes() {
        let average = macro_average([Some(1.0), None, Some(0.5)]);
        assert_eq!((average.value, average.classes), (Some(0.75), 2));
        assert_eq!(macro_average([None]), MacroAverage { value: None, classes: 0 });
    }
}
