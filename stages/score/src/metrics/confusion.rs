//! Windows by label and decision, and the metrics of these counts.

use std::iter::Sum;
use std::ops::Add;

use super::averages::ratio;

/// Windows by label and decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confusion {
    /// Positive and predicted.
    pub true_positives: u64,
    /// Negative but predicted.
    pub false_positives: u64,
    /// Positive but not predicted.
    pub false_negatives: u64,
    /// Negative and not predicted.
    pub true_negatives: u64,
}

impl Confusion {
    /// Counts a window.
    pub fn count(&mut self, positive: bool, predicted: bool) {
        let counted = match (positive, predicted) {
            (true, true) => &mut self.true_positives,
            (false, true) => &mut self.false_positives,
            (true, false) => &mut self.false_negatives,
            (false, false) => &mut self.true_negatives,
        };
        *counted += 1;
    }

    /// All counts times a number.
    #[must_use]
    pub fn times(self, n: u64) -> Self {
        Self {
            true_positives: self.true_positives * n,
            false_positives: self.false_positives * n,
            false_negatives: self.false_negatives * n,
            true_negatives: self.true_negatives * n,
        }
    }

    /// Share of the predicted windows that are positive.
    pub fn precision(&self) -> Option<f64> {
        let predicted = self.true_positives + self.false_positives;
        ratio(self.true_positives as f64, predicted as f64)
    }

    /// Share of the positive windows that are predicted.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.true_positives as f64, self.positives() as f64)
    }

    /// Harmonic mean of precision and recall.
    pub fn f1(&self) -> Option<f64> {
        let predicted = self.true_positives + self.false_positives;
        let f1 = ratio(2.0 * self.true_positives as f64, (predicted + self.positives()) as f64);
        f1.filter(|_| self.positives() > 0)
    }

    /// Share of the negative windows that are not predicted.
    pub fn specificity(&self) -> Option<f64> {
        ratio(self.true_negatives as f64, (self.true_negatives + self.false_positives) as f64)
    }

    /// Number of positive windows.
    pub fn positives(&self) -> u64 {
        self.true_positives + self.false_negatives
    }
}

impl Add for Confusion {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            true_positives: self.true_positives + other.true_positives,
            false_positives: self.false_positives + other.false_positives,
            false_negatives: self.false_negatives + other.false_negatives,
            true_negatives: self.true_negatives + other.true_negatives,
        }
    }
}

impl Sum for Confusion {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}
