//! How far scores can be read as probabilities.
//!
//! | figure | definition |
//! |---|---|
//! | Brier score | mean of (score - label)^2, label 0 or 1 |
//! | expected calibration error | over [`BINS`] bins of equal width, the mean of abs(mean score - share of positives), each bin by its windows |
//!
//! A bin holds its lower end and not its upper one, the last both. Sources: Brier 1950; Naeini, Cooper, Hauskrecht 2015, with the number of bins of
//! Guo, Pleiss, Sun, Weinberger 2017 ("On calibration of modern neural networks").

use std::ops::Add;

/// Number of bins, of equal width from 0 to 1.
pub const BINS: usize = 15;

/// Windows whose scores fall into one bin.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bin {
    /// How many.
    pub windows: u64,
    /// How many of them are positive.
    pub positives: u64,
    sum: f64,
}

impl Bin {
    /// Mean of the scores; `None` without windows.
    pub fn mean(&self) -> Option<f64> {
        (self.windows > 0).then(|| self.sum / self.windows as f64)
    }
}

/// Labelled windows by score, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reliability {
    bins: [Bin; BINS],
    squared: f64,
}

impl Reliability {
    /// Counts a window.
    pub fn count(&mut self, score: f64, positive: bool) {
        let bin = &mut self.bins[((score * BINS as f64) as usize).min(BINS - 1)];
        bin.windows += 1;
        bin.positives += u64::from(positive);
        bin.sum += score;
        self.squared += (score - f64::from(u8::from(positive))).powi(2);
    }

    /// The bins that hold windows, each with its lower and upper end.
    pub fn bins(&self) -> impl Iterator<Item = (f64, f64, &Bin)> {
        let end = |bin: usize| bin as f64 / BINS as f64;
        self.bins.iter().enumerate().filter(|(_, bin)| bin.windows > 0).map(move |(at, bin)| (end(at), end(at + 1), bin))
    }

    /// Brier score; `None` without windows.
    pub fn brier(&self) -> Option<f64> {
        self.mean(self.squared)
    }

    /// Expected calibration error; `None` without windows.
    pub fn expected_calibration_error(&self) -> Option<f64> {
        self.mean(self.bins.iter().map(|bin| (bin.sum - bin.positives as f64).abs()).sum())
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        let windows: u64 = self.bins.iter().map(|bin| bin.windows).sum();
        // Rounding alone can bring a sum of worst cases above 1.
        (windows > 0).then(|| (sum / windows as f64).min(1.0))
    }
}

impl Add for Reliability {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        for (bin, other) in self.bins.iter_mut().zip(other.bins) {
            bin.windows += other.windows;
            bin.positives += other.positives;
            bin.sum += other.sum;
        }
        self.squared += other.squared;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(windows: &[(f64, bool)]) -> Reliability {
        let mut reliability = Reliability::default();
        windows.iter().for_each(|&(score, positive)| reliability.count(score, positive));
        reliability
    }

    #[test]
    fn ends_of_bins_and_nothing_at_all() {
        let reliability = of(&[(0.0, false), (1.0 / 15.0, false), (1.0, true)]);
        let bins: Vec<_> = reliability.bins().map(|(low, high, bin)| (low, high, bin.windows, bin.positives)).collect();
        assert_eq!(bins, [(0.0, 1.0 / 15.0, 1, 0), (1.0 / 15.0, 2.0 / 15.0, 1, 0), (14.0 / 15.0, 1.0, 1, 1)]);
        assert_eq!((of(&[]).brier(), of(&[]).expected_calibration_error(), Bin::default().mean()), (None, None, None));
    }

    #[test]
    fn half_right_at_one_half_is_calibrated() {
        let reliability = of(&[(0.5, true), (0.5, false)]);
        assert_eq!((reliability.expected_calibration_error(), reliability.brier()), (Some(0.0), Some(0.25)));
        assert_eq!(of(&[(1.0, false)]).expected_calibration_error(), Some(1.0));
    }

    proptest! {
        #[test]
        fn parts_add_up(windows in prop::collection::vec((0.0..=1.0_f64, any::<bool>()), 0..60), cut in 0_usize..60) {
            let (left, right) = windows.split_at(cut.min(windows.len()));
            let (sum, whole) = (of(left) + of(right), of(&windows));
            let near = |a: Option<f64>, b: Option<f64>| a.zip(b).is_none_or(|(a, b)| (a - b).abs() < 1e-12);
            prop_assert!(near(sum.brier(), whole.brier()));
            prop_assert!(near(sum.expected_calibration_error(), whole.expected_calibration_error()));
            prop_assert_eq!(sum.bins().count(), whole.bins().count());
        }
    }
}
