//! Windows of all scores alike: what the other strategies never show, such as calls that score low.

use crate::review::next::scored::Scored;
use crate::review::next::strategy::Strategy;

/// Bins of scores, of equal width.
const BINS: usize = 10;

/// A sample by chance from each bin of scores; the bins take turns.
pub(in crate::review::next) struct Stratified;

/// The bin of a score.
pub(super) fn bin(score: f64) -> usize {
    ((score * BINS as f64) as usize).min(BINS - 1)
}

impl Strategy for Stratified {
    fn name(&self) -> &'static str {
        "stratified"
    }

    fn about(&self) -> &'static str {
        "a sample by chance of each tenth of the scores: calls that score low, and noise that scores high"
    }

    fn share(&self) -> f64 {
        0.2
    }

    fn place(&self, window: &Scored) -> Option<(usize, f64)> {
        Some((bin(window.score), window.chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_tenths() {
        assert_eq!([0.0, 0.0999, 0.1, 0.55, 0.95, 1.0].map(bin), [0, 0, 1, 5, 9, 9]);
        let window = Scored { score: 0.55, threshold: 0.5, chance: 0.25, unknown: None };
        assert_eq!(Stratified.place(&window), Some((5, 0.25)));
    }
}
