//! The score from which a window counts as a detection, chosen per class on validation windows.
//!
//! The threshold of best F1 lies midway between the lowest score taken and the highest left out, so that a window
//! like either falls on its own side; when every window is taken it is the lowest score. Of several thresholds with
//! the same F1 the highest wins: it reports the fewest detections, and each has to be looked at by somebody.
//!
//! For a classifier that knows nothing of a class, the best F1 is that of taking every window (Lipton, Elkan, Naryanaswamy 2014,
//! "Optimal thresholding of classifiers to maximize F1 measure"), 2p / (1 + p) with p the share of positives. A class whose best is hardly
//! better gets no threshold of its own: it would be detected everywhere.

use serde::{Deserialize, Serialize};

use crate::metrics::{Ranking, Step};

/// Of the way from the F1 of taking every window to 1, the share that a threshold of a class's own has to go.
const LEAST_GAIN: f64 = 0.1;

/// Which windows a threshold was fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The class's own.
    Own,
    /// Those of all classes together, the class having too few positives or scores that hardly tell them.
    Pooled,
    /// None: all classes together have too few positives.
    Default,
}

impl Source {
    /// The name as in tables and `decisions.yaml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Pooled => "pooled",
            Self::Default => "default",
        }
    }
}

/// The decision for one class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// A window scoring at least this is a detection.
    pub threshold: f64,
    /// Where it comes from.
    pub source: Source,
    /// F1 of the class at this threshold on the windows it was chosen on; `None` without positives.
    pub f1: Option<f64>,
    /// Positive windows of the class among them.
    pub positives: u64,
}

/// The highest threshold of best F1, or `None` when there are no positives.
pub fn best_f1(ranking: &Ranking) -> Option<f64> {
    let positives = u128::from(ranking.positives());
    // F1 = 2 tp / (predicted + positives), compared as fractions so that equal means equal.
    let fraction = |step: &Step| {
        let predicted = u128::from(step.true_positives + step.false_positives);
        (u128::from(step.true_positives), predicted + positives)
    };
    let steps = ranking.steps();
    let best = steps.iter().enumerate().reduce(|best, next| {
        let ((a, b), (c, d)) = (fraction(best.1), fraction(next.1));
        if c * b > a * d { next } else { best }
    });
    best.filter(|_| positives > 0).map(|(index, step)| {
        let below = steps.get(index + 1).map(|next| next.threshold);
        midway(below.unwrap_or(step.threshold), step.threshold)
    })
}

/// A number above `low` and at most `high`, midway where floating point has one.
fn midway(low: f64, high: f64) -> f64 {
    let middle = low + (high - low) / 2.0;
    if middle > low { middle } else { high }
}

/// How far the best F1 leads from that of taking every window to 1: 0 for scores that say nothing, 1 for perfect ones.
fn gain(ranking: &Ranking, threshold: f64) -> f64 {
    let all = ranking.confusion(f64::NEG_INFINITY).f1().unwrap_or(0.0);
    let best = ranking.confusion(threshold).f1().unwrap_or(0.0);
    // Where every window is positive, taking every window is right.
    if all < 1.0 { (best - all) / (1.0 - all) } else { 1.0 }
}

/// Thresholds for all classes: a class's own best where it has at least `min_positives` positive windows and scores that tell them, else
/// the best for all classes pooled where they have as many, else `default`.
pub fn tune(rankings: &[Ranking], pooled: &Ranking, min_positives: u64, default: f64) -> Vec<Threshold> {
    let fit = |ranking: &Ranking| {
        let enough = ranking.positives() >= min_positives;
        best_f1(ranking).filter(|&threshold| enough && gain(ranking, threshold) >= LEAST_GAIN)
    };
    let fallback = fit(pooled).map_or((default, Source::Default), |threshold| (threshold, Source::Pooled));
    rankings
        .iter()
        .map(|ranking| {
            let (threshold, source) = fit(ranking).map_or(fallback, |threshold| (threshold, Source::Own));
            Threshold { threshold, source, f1: ranking.confusion(threshold).f1(), positives: ranking.positives() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Confusion, Labelled};
    use proptest::prelude::*;

    fn ranking(scores: &[f64], positives: &[bool]) -> Ranking {
        let labels: Vec<_> = positives.iter().copied().map(Some).collect();
        Ranking::new(scores, &labels).unwrap()
    }

    #[test]
    fn the_threshold_lies_midway_between_kept_and_left() {
        let ranking = ranking(&[0.9, 0.5, 0.25, 0.1], &[true, true, false, false]);
        assert_eq!(best_f1(&ranking), Some(0.375));
    }

    #[test]
    fn taking_all_puts_it_at_the_lowest_score() {
        assert_eq!(best_f1(&ranking(&[0.9, 0.2], &[false, true])), Some(0.2));
    }

    #[test]
    fn of_equals_the_highest_wins() {
        // F1 is 2/3 both for {0.9} and for all four.
        let ranking = ranking(&[0.9, 0.6, 0.5, 0.1], &[true, false, false, true]);
        assert_eq!(ranking.confusion(0.1).f1(), ranking.confusion(0.9).f1());
        assert_eq!(best_f1(&ranking), Some(0.75));
    }

    #[test]
    fn neighbouring_floats_are_still_told_apart() {
        let high = 0.5_f64;
        let low = high.next_down();
        let ranking = ranking(&[high, low], &[true, false]);
        let threshold = best_f1(&ranking).unwrap();
        assert_eq!(ranking.confusion(threshold).f1(), Some(1.0));
    }

    type Windows<'a> = (&'a [f64], &'a [bool]);

    /// Tunes classes with these scores and labels.
    fn tuned(classes: &[Windows<'_>], min_positives: u64, default: f64) -> Vec<Threshold> {
        let mut pooled = Labelled::default();
        for (scores, positives) in classes {
            pooled.extend(scores, &positives.iter().copied().map(Some).collect::<Vec<_>>()).unwrap();
        }
        let rankings: Vec<_> = classes.iter().map(|(scores, positives)| ranking(scores, positives)).collect();
        tune(&rankings, &Ranking::from(pooled), min_positives, default)
    }

    #[test]
    fn few_positives_fall_back_and_say_so() {
        let rich: Windows<'_> = (&[0.9, 0.8, 0.4, 0.1], &[true, true, false, false]);
        let poor: Windows<'_> = (&[0.2, 0.1], &[true, false]);
        let none: Windows<'_> = (&[0.7], &[false]);
        let fitted = tuned(&[rich, poor, none], 2, 0.5);
        let sources: Vec<_> = fitted.iter().map(|t| t.source.as_str()).collect();
        assert_eq!(sources, ["own", "pooled", "pooled"]);
        assert!((fitted[0].threshold - 0.6).abs() < 1e-12);
        // Pooled: 0.9 and 0.8 are positive, 0.7 negative; F1 4/5 there is the best.
        assert!((fitted[1].threshold - 0.75).abs() < 1e-12);
        assert_eq!((fitted[1].f1, fitted[1].positives), (Some(0.0), 1));
        assert_eq!(fitted[2].f1, None);

        let too_few = tuned(&[poor, none], 2, 0.5);
        assert!(too_few.iter().all(|t| t.source == Source::Default && t.threshold == 0.5));
        assert_eq!(tuned(&[none], 0, 0.4)[0].source, Source::Default);
    }

    #[test]
    fn scores_that_say_nothing_give_no_threshold_of_their_own() {
        // Two positives of twenty, in the middle of the ranking: the best F1 takes nearly all.
        let scores: Vec<f64> = (0..20).map(|i| f64::from(i) / 20.0).collect();
        let useless: Vec<bool> = (0..20).map(|i| i == 3 || i == 9).collect();
        let good: Vec<bool> = (0..20).map(|i| i >= 15).collect();
        assert!(best_f1(&ranking(&scores, &useless)).unwrap() < 0.2);
        let fitted = tuned(&[(&scores, &useless), (&scores, &good)], 2, 0.5);
        assert_eq!((fitted[0].source, fitted[1].source), (Source::Pooled, Source::Own));
        assert_eq!(fitted[1].threshold, 0.725);
        assert_eq!(tuned(&[(&[0.1, 0.2], &[true, true])], 1, 0.5)[0].source, Source::Own);
    }

    proptest! {
        #[test]
        fn no_threshold_is_better(windows in prop::collection::vec((0_u8..20, any::<bool>()), 1..60)) {
            let scores: Vec<f64> = windows.iter().map(|w| f64::from(w.0) / 16.0).collect();
            let positives: Vec<bool> = windows.iter().map(|w| w.1).collect();
            let ranking = ranking(&scores, &positives);
            let best = best_f1(&ranking);
            prop_assert_eq!(best.is_some(), positives.contains(&true));
            let Some(best) = best else { return Ok(()) };
            let taken = |c: Confusion| c.true_positives + c.false_positives;
            let chosen = ranking.confusion(best);
            for &score in &scores {
                let other = ranking.confusion(score);
                prop_assert!(other.f1() <= chosen.f1());
                prop_assert!(other.f1() < chosen.f1() || taken(chosen) <= taken(other));
            }
        }
    }
}
