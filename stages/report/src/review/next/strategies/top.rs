//! The windows with the highest scores.

use crate::review::next::scored::Scored;
use crate::review::next::strategy::Strategy;

/// The highest scores.
pub(in crate::review::next) struct Top;

impl Strategy for Top {
    fn name(&self) -> &'static str {
        "top"
    }

    fn about(&self) -> &'static str {
        "the highest scores: first examples of a class, and its worst false alarms"
    }

    fn share(&self) -> f64 {
        0.2
    }

    fn place(&self, window: &Scored) -> Option<(usize, f64)> {
        Some((0, -window.score))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_score_comes_first() {
        let at = |score| Top.place(&Scored { score, threshold: 0.5, chance: 0.0, unknown: None }).unwrap();
        assert!(at(0.9).1 < at(0.3).1 && at(0.9).0 == at(0.3).0);
    }
}
