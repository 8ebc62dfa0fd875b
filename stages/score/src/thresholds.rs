//! The score from which a window counts as a detection, chosen per class on validation windows: that of the best F1 or of the least expected
//! cost, or the one of the best recall that keeps a wanted precision or a wanted number of false alarms an hour.
//!
//! A threshold lies midway between the lowest score taken and the highest left out, so that a window
//! like either falls on its own side; when every window is taken it is the lowest score. Of several thresholds with
//! the same F1 the highest wins: it reports the fewest detections, and each has to be looked at by somebody.
//!
//! For a classifier that knows nothing of a class, the best F1 is that of taking every window (Lipton, Elkan, Naryanaswamy 2014,
//! "Optimal thresholding of classifiers to maximize F1 measure"), 2p / (1 + p) with p the share of positives. A class whose best is hardly
//! better gets no threshold of its own: it would be detected everywhere.

pub use chorus_card::{Source, Threshold};

use crate::metrics::{Ranking, Step};

/// Of the way from the F1 of taking every window to 1, the share that a threshold of a class's own has to go.
const LEAST_GAIN: f64 = 0.1;

/// What a threshold is chosen for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aim {
    /// The best F1.
    F1,
    /// The best recall of those with at least this precision.
    Precision(f64),
    /// The least cost, where a missed window costs 1 and a false alarm this much.
    Cost(f64),
    /// The best recall of those with at most so many false alarms an hour.
    FalseAlarms(f64),
}

/// How thresholds are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// What for.
    pub aim: Aim,
    /// Positive windows from which a class has a threshold of its own.
    pub min_positives: u64,
    /// The threshold where even all classes together have fewer.
    pub default: f64,
}

/// A threshold with its figures on the windows of a class.
pub fn at(ranking: &Ranking, threshold: f64, source: Source) -> Threshold {
    let confusion = ranking.confusion(threshold);
    Threshold {
        threshold,
        source,
        f1: confusion.f1(),
        precision: confusion.precision(),
        recall: confusion.recall(),
        positives: ranking.positives(),
        // What the windows show of it depends on their recordings, which a ranking does not know.
        recordings: None,
        precision_low: None,
        usable: true,
        why_not: None,
    }
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
    best.filter(|_| positives > 0).map(|(index, _)| taking(steps, index))
}

/// The lowest threshold at which at least this share of the detected windows is positive, `None` where there is none.
pub fn for_precision(ranking: &Ranking, wanted: f64) -> Option<f64> {
    let steps = ranking.steps();
    let index = steps.iter().rposition(|step| step.true_positives > 0 && precision(step) >= wanted)?;
    Some(taking(steps, index))
}

/// The highest threshold of least cost, where a missed window costs 1 and a false alarm `false_alarm`. `None` where no threshold costs less
/// than to detect nothing.
pub fn least_cost(ranking: &Ranking, false_alarm: f64) -> Option<f64> {
    let positives = ranking.positives();
    let cost = |step: &Step| false_alarm * step.false_positives as f64 + (positives - step.true_positives) as f64;
    let steps = ranking.steps();
    // The first of equal ones.
    let best = steps.iter().enumerate().min_by(|(_, a), (_, b)| cost(a).total_cmp(&cost(b)))?;
    (cost(best.1) < positives as f64).then(|| taking(steps, best.0))
}

/// The lowest threshold with at most so many false alarms an hour, of windows that last `hours` together; `None` where even the highest score
/// of a positive window has more.
pub fn for_false_alarms(ranking: &Ranking, hours: f64, per_hour: f64) -> Option<f64> {
    let steps = ranking.steps();
    let index = steps.iter().rposition(|step| step.true_positives > 0 && step.false_positives as f64 <= per_hour * hours)?;
    Some(taking(steps, index))
}

/// The threshold of the highest precision, of several the lowest; `None` without positives.
fn most_precise(ranking: &Ranking) -> Option<f64> {
    let steps = ranking.steps().iter().enumerate().filter(|(_, step)| step.true_positives > 0);
    let best = steps.max_by(|(_, a), (_, b)| precision(a).total_cmp(&precision(b)))?;
    Some(taking(ranking.steps(), best.0))
}

fn precision(step: &Step) -> f64 {
    step.true_positives as f64 / (step.true_positives + step.false_positives) as f64
}

/// A threshold that takes the steps up to this one.
fn taking(steps: &[Step], index: usize) -> f64 {
    let lowest = steps[index].threshold;
    midway(steps.get(index + 1).map_or(lowest, |next| next.threshold), lowest)
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

/// The threshold of classes without their own: that of all classes pooled where there is one, else the default. The windows last `hours`
/// together, each as often as there are classes in it.
pub fn fallback(pooled: &Ranking, hours: f64, rule: &Rule) -> (f64, Source) {
    let pooled = own(pooled, hours, rule).filter(|fit| fit.source == Source::Own);
    pooled.map_or((rule.default, Source::Default), |fit| (fit.threshold, Source::Pooled))
}

/// A class's own threshold, where it has enough positive windows and its scores tell them from others. The windows last `hours` together.
pub fn own(ranking: &Ranking, hours: f64, rule: &Rule) -> Option<Threshold> {
    if ranking.positives() < rule.min_positives {
        return None;
    }
    let reached = match rule.aim {
        Aim::F1 => {
            let told = best_f1(ranking).filter(|&threshold| gain(ranking, threshold) >= LEAST_GAIN)?;
            return Some(at(ranking, told, Source::Own));
        }
        Aim::Precision(wanted) => for_precision(ranking, wanted),
        Aim::Cost(false_alarm) => least_cost(ranking, false_alarm),
        Aim::FalseAlarms(per_hour) => for_false_alarms(ranking, hours, per_hour),
    };
    let reached = reached.map(|threshold| at(ranking, threshold, Source::Own));
    reached.or_else(|| Some(at(ranking, most_precise(ranking)?, Source::Unreached)))
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

    /// What all windows of a test last together.
    const HOURS: f64 = 2.0;

    type Windows<'a> = (&'a [f64], &'a [bool]);

    /// Tunes classes with these scores and labels.
    fn tuned(classes: &[Windows<'_>], min_positives: u64, default: f64) -> Vec<Threshold> {
        let mut pooled = Labelled::default();
        for (scores, positives) in classes {
            pooled.extend(scores, &positives.iter().copied().map(Some).collect::<Vec<_>>()).unwrap();
        }
        let rule = Rule { aim: Aim::F1, min_positives, default };
        let (threshold, source) = fallback(&Ranking::from(pooled), HOURS, &rule);
        let of = |ranking: Ranking| own(&ranking, HOURS, &rule).unwrap_or_else(|| at(&ranking, threshold, source));
        classes.iter().map(|(scores, positives)| of(ranking(scores, positives))).collect()
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

    #[test]
    fn a_wanted_precision_gives_the_most_recall_that_has_it() {
        let scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4];
        let ranking = ranking(&scores, &[true, true, false, true, true, false]);
        // Precision by depth: 1, 1, 2/3, 3/4, 4/5, 2/3.
        assert_eq!(for_precision(&ranking, 0.8), Some(0.45));
        assert!((for_precision(&ranking, 0.9).unwrap() - 0.75).abs() < 1e-12);
        let rule = Rule { aim: Aim::Precision(0.8), min_positives: 2, default: 0.5 };
        let found = own(&ranking, HOURS, &rule).unwrap();
        assert_eq!((found.source, found.precision, found.recall), (Source::Own, Some(0.8), Some(1.0)));
    }

    #[test]
    fn a_precision_that_is_never_reached_gives_the_best_there_is_and_says_so() {
        let ranking = ranking(&[0.9, 0.8, 0.7, 0.6], &[false, true, true, false]);
        let rule = Rule { aim: Aim::Precision(0.9), min_positives: 2, default: 0.5 };
        let found = own(&ranking, HOURS, &rule).unwrap();
        assert_eq!((found.source, found.precision, found.recall), (Source::Unreached, Some(2.0 / 3.0), Some(1.0)));
        let few = Rule { min_positives: 3, ..rule };
        assert_eq!((own(&ranking, HOURS, &few), fallback(&ranking, HOURS, &few)), (None, (0.5, Source::Default)));
        assert_eq!(
            fallback(&ranking, HOURS, &rule),
            (0.5, Source::Default),
            "what the classes together do not reach is no threshold for one"
        );
        assert_eq!(for_precision(&self::ranking(&[0.5], &[false]), 0.0), None);
    }

    #[test]
    fn the_least_cost_weighs_false_alarms_against_misses() {
        let ranking = ranking(&[0.9, 0.8, 0.7, 0.6, 0.5, 0.4], &[true, false, true, true, false, false]);
        // Misses and false alarms by depth: 2 and 0, 2 and 1, 1 and 1, 0 and 1, 0 and 2, 0 and 3.
        assert_eq!(least_cost(&ranking, 1.0), Some(0.55), "cost 1 at depth 4, 2 at depth 1");
        assert!((least_cost(&ranking, 3.0).unwrap() - 0.85).abs() < 1e-12, "cost 2 at depth 1, 3 at depth 4");
        assert!((least_cost(&ranking, 2.0).unwrap() - 0.85).abs() < 1e-12, "of equal ones the highest");
        let worse = self::ranking(&[0.9, 0.8], &[false, true]);
        assert_eq!((least_cost(&worse, 0.5), least_cost(&worse, 1.0)), (Some(0.8), None), "nothing at all costs 1");
        let rule = Rule { aim: Aim::Cost(1.0), min_positives: 1, default: 0.5 };
        assert_eq!(own(&worse, HOURS, &rule).unwrap().source, Source::Unreached);
    }

    #[test]
    fn a_wanted_number_of_false_alarms_an_hour_gives_the_most_recall_that_keeps_it() {
        let ranking = ranking(&[0.9, 0.8, 0.7, 0.6, 0.5, 0.4], &[true, false, true, true, false, false]);
        // False alarms by depth: 0, 1, 1, 1, 2, 3; in two hours.
        let of = |per_hour| for_false_alarms(&ranking, HOURS, per_hour);
        assert_eq!((of(0.5), of(1.0), of(1.5)), (Some(0.55), Some(0.45), Some(0.4)));
        assert!((of(0.0).unwrap() - 0.85).abs() < 1e-12);
        assert_eq!(for_false_alarms(&self::ranking(&[0.9, 0.8], &[false, true]), HOURS, 0.25), None);
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
