//! The windows of which the model is least sure: uncertainty sampling (Lewis and Gale, SIGIR 1994).

use crate::review::next::scored::Scored;
use crate::review::next::strategy::Strategy;

/// The scores nearest to the threshold.
pub(in crate::review::next) struct Uncertain;

impl Strategy for Uncertain {
    fn name(&self) -> &'static str {
        "uncertain"
    }

    fn about(&self) -> &'static str {
        "the scores nearest to the class's threshold: each verdict moves the boundary"
    }

    fn share(&self) -> f64 {
        0.3
    }

    fn tests_model(&self) -> bool {
        true
    }

    fn place(&self, window: &Scored) -> Option<(usize, f64)> {
        Some((0, (window.score - window.threshold).abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_the_sites_own() {
        let at = |score, threshold| Uncertain.place(&Scored { score, threshold, chance: 0.0, unknown: None }).unwrap().1;
        assert!(at(0.5, 0.5) < at(0.6, 0.5) && at(0.4, 0.4) < at(0.5, 0.4));
        assert_eq!(at(0.25, 0.5), at(0.75, 0.5));
    }
}
