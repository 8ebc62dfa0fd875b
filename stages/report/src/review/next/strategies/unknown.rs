//! The loud windows that are unlike everything that was learnt: open-set recognition as a reason to listen (the stage `unknown`).

use crate::review::next::scored::Scored;
use crate::review::next::strategy::Strategy;

/// The highest unknown scores.
pub(in crate::review::next) struct Unknown;

impl Strategy for Unknown {
    fn name(&self) -> &'static str {
        "unknown"
    }

    fn about(&self) -> &'static str {
        "loud windows that are unlike everything that was learnt, under the class that scores highest there: sounds without a class"
    }

    fn share(&self) -> f64 {
        0.2
    }

    fn looks_for_unknown(&self) -> bool {
        true
    }

    fn place(&self, window: &Scored) -> Option<(usize, f64)> {
        window.unknown.map(|unknown| (0, -unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_least_known_comes_first_and_what_is_known_never() {
        let at = |unknown| Unknown.place(&Scored { score: 0.5, threshold: 0.5, chance: 0.0, unknown });
        assert!(at(Some(0.99)).unwrap().1 < at(Some(0.96)).unwrap().1);
        assert_eq!(at(None), None);
    }
}
