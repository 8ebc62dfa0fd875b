//! From scores to probabilities, fitted per class on validation windows.
//!
//! - Platt: p = 1 / (1 + exp(-(slope * logit + intercept))), by maximum likelihood against the targets (P + 1) / (P + 2) for the P positive and 1 / (N + 2) for the N
//!   negative windows in the place of 1 and 0, so that the fit is finite where classes are told apart perfectly. Sources: Platt 1999, "Probabilistic
//!   outputs for support vector machines"; Newton's method with line search of Lin, Lin, Weng 2007.
//! - Isotonic: the rising curve of least squared error, by pooling adjacent violators (Zadrozny, Elkan 2002), linear between its points and level
//!   beyond them, as in scikit-learn's `IsotonicRegression(out_of_bounds="clip")`.
//!
//! A probability is one of windows like those of validation: where a class calls more or less often, it is off.

pub use chorus_card::{Calibration, Curve};
use chorus_card::{logistic, logit};
use chorus_keys::Choices;
use serde::Deserialize;

use crate::metrics::{Ranking, Step};

/// Newton's method needs about ten steps; where it needs more something is degenerate, and the last step is as good as any.
const MOST_STEPS: usize = 100;
/// When a step promises to lower the loss by less than this, per window, it is the last: Newton's method doubles the right digits with each.
const LEAST_PROMISE: f64 = 1e-12;
/// Keeps the second derivatives invertible where all scores are equal: so much of their trace is added.
const RIDGE: f64 = 1e-10;
/// Of the decrease that the gradient promises, the share that a step has to bring.
const LEAST_DECREASE: f64 = 1e-4;
/// A step is not halved further than this.
const SHORTEST: f64 = 1e-10;

/// How scores become probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// No calibration; detections have no probability.
    None,
    /// Platt scaling: a logistic curve over the logit.
    Platt,
    /// Isotonic regression: any rising curve. It needs many positives.
    Isotonic,
}

/// The curve for the windows of a ranking, where it has at least `min_positives` positive windows, a negative one, and scores that rise with them.
pub fn fit(ranking: &Ranking, method: Method, min_positives: u64) -> Option<Curve> {
    if ranking.positives() < min_positives || ranking.negatives() == 0 {
        return None;
    }
    let curve = match method {
        Method::None => return None,
        Method::Platt => platt(ranking),
        Method::Isotonic => isotonic(ranking),
    };
    Some(curve).filter(is_rising)
}

/// Whether the probability rises with the score somewhere and falls nowhere. Any other curve has learnt nothing from the scores.
fn is_rising(curve: &Curve) -> bool {
    match curve {
        Curve::Platt { slope, .. } => *slope > 0.0,
        Curve::Isotonic { probabilities, .. } => probabilities.first() < probabilities.last(),
    }
}

/// ln(1 + exp(z)), also where exp(z) overflows.
fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// Windows of equal score: their logit, how many there are, and the sum of their targets.
struct Tied {
    logit: f64,
    windows: f64,
    target: f64,
}

/// What a curve is fitted to. A ranking of all classes is large: its logits are made anew for each walk along it, and not kept.
struct Targets<'a> {
    ranking: &'a Ranking,
    /// The target of a positive window, and of a negative one.
    ends: (f64, f64),
}

impl Targets<'_> {
    fn tied(&self) -> impl Iterator<Item = Tied> {
        self.ranking.increments().map(|Step { threshold, true_positives, false_positives }| Tied {
            logit: logit(threshold),
            windows: (true_positives + false_positives) as f64,
            target: true_positives as f64 * self.ends.0 + false_positives as f64 * self.ends.1,
        })
    }

    fn windows(&self) -> f64 {
        (self.ranking.positives() + self.ranking.negatives()) as f64
    }

    /// Cross-entropy of the curve with this slope and intercept, summed over windows.
    fn loss(&self, (slope, intercept): (f64, f64)) -> f64 {
        let of = |t: Tied| t.windows * softplus(slope * t.logit + intercept) - t.target * (slope * t.logit + intercept);
        self.tied().map(of).sum()
    }

    fn slopes(&self, (slope, intercept): (f64, f64)) -> Slopes {
        self.tied().fold(Slopes::default(), |Slopes { first: (g0, g1), second: (h00, h01, h11) }, t| {
            let p = logistic(slope * t.logit + intercept);
            let (error, bend) = (t.windows * p - t.target, t.windows * p * (1.0 - p));
            Slopes {
                first: (g0 + error * t.logit, g1 + error),
                second: (h00 + bend * t.logit * t.logit, h01 + bend * t.logit, h11 + bend),
            }
        })
    }
}

/// First and second derivatives of the loss by slope (0) and intercept (1).
#[derive(Default)]
struct Slopes {
    first: (f64, f64),
    second: (f64, f64, f64),
}

impl Slopes {
    /// Newton's step, and by how much it would change the loss if that were a plane.
    fn step(&self) -> ((f64, f64), f64) {
        let (g0, g1) = self.first;
        let (h00, h01, h11) = self.second;
        let ridge = RIDGE * (h00 + h11);
        let (h00, h11) = (h00 + ridge, h11 + ridge);
        let determinant = h00 * h11 - h01 * h01;
        let step = ((h01 * g1 - h11 * g0) / determinant, (h01 * g0 - h00 * g1) / determinant);
        (step, g0 * step.0 + g1 * step.1)
    }
}

/// Platt's curve for the windows of a ranking.
pub fn platt(ranking: &Ranking) -> Curve {
    let (positives, negatives) = (ranking.positives() as f64, ranking.negatives() as f64);
    let ends = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let start = (0.0, ((positives + 1.0) / (negatives + 1.0)).ln());
    let (slope, intercept) = minimised(&Targets { ranking, ends }, start);
    Curve::Platt { slope, intercept }
}

/// Slope and intercept of least loss, by Newton's method with halved steps.
fn minimised(targets: &Targets<'_>, mut line: (f64, f64)) -> (f64, f64) {
    let mut least = targets.loss(line);
    for _ in 0..MOST_STEPS {
        let (step, promised) = targets.slopes(line).step();
        let halves = std::iter::successors(Some(1.0), |share| Some(share / 2.0)).take_while(|&share| share > SHORTEST);
        let better = halves
            .map(|share| (share, (line.0 + share * step.0, line.1 + share * step.1)))
            .map(|(share, line)| (share, line, targets.loss(line)))
            .find(|(share, _, loss)| *loss <= least + LEAST_DECREASE * share * promised);
        let Some((_, better, loss)) = better.filter(|_| promised < 0.0) else { break };
        (line, least) = (better, loss);
        if -promised <= LEAST_PROMISE * targets.windows() {
            break;
        }
    }
    line
}

/// Neighbouring scores that share one probability.
#[derive(Clone, Copy)]
struct Block {
    low: f64,
    high: f64,
    positives: u64,
    windows: u64,
}

impl Block {
    fn probability(&self) -> f64 {
        self.positives as f64 / self.windows as f64
    }
}

/// The isotonic curve for the windows of a ranking.
pub fn isotonic(ranking: &Ranking) -> Curve {
    let mut blocks: Vec<Block> = Vec::new();
    for Step { threshold, true_positives, false_positives } in ranking.increments().rev() {
        let windows = true_positives + false_positives;
        let mut block = Block { low: threshold, high: threshold, positives: true_positives, windows };
        while let Some(below) = blocks.pop_if(|below| below.probability() >= block.probability()) {
            let (positives, windows) = (below.positives + block.positives, below.windows + block.windows);
            block = Block { low: below.low, high: block.high, positives, windows };
        }
        blocks.push(block);
    }
    let ends = |block: &Block| {
        let both = [(block.low, block.probability()), (block.high, block.probability())];
        both.into_iter().take(if block.low < block.high { 2 } else { 1 })
    };
    let (scores, probabilities) = blocks.iter().flat_map(ends).unzip();
    Curve::Isotonic { scores, probabilities }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Labelled;
    use proptest::prelude::*;

    fn ranking(windows: &[(f64, bool)]) -> Ranking {
        let (scores, labels): (Vec<f64>, Vec<_>) = windows.iter().map(|&(score, positive)| (score, Some(positive))).unzip();
        Ranking::new(&scores, &labels).unwrap()
    }

    #[test]
    fn a_rising_curve_pools_what_falls() {
        let curve = isotonic(&ranking(&[(0.1, false), (0.2, true), (0.3, false), (0.6, true)]));
        let found: Vec<f64> = [0.0, 0.1, 0.2, 0.25, 0.3, 0.45, 0.6, 1.0].map(|score| curve.probability(score)).into();
        assert_eq!(found, [0.0, 0.0, 0.5, 0.5, 0.5, 0.75, 1.0, 1.0]);
    }

    #[test]
    fn perfectly_told_windows_give_a_finite_curve_and_equal_scores_the_smoothed_share() {
        let Curve::Platt { slope, intercept } = platt(&ranking(&[(1.0, true), (0.0, false)])) else { panic!("platt") };
        assert!(slope.is_finite() && intercept.is_finite() && slope > 0.0);
        // Targets are 3/4, 3/4 and 1/3.
        for score in [0.0, 0.001, 0.5, 0.9] {
            let level = platt(&ranking(&[(score, true), (score, true), (score, false)])).probability(score);
            assert!((level - (0.75 + 0.75 + 1.0 / 3.0) / 3.0).abs() < 1e-9, "{score}: {level}");
        }
    }

    #[test]
    fn few_positives_or_scores_that_fall_give_no_curve() {
        let good = [(0.9, true), (0.8, true), (0.3, true), (0.2, false), (0.1, false)];
        let falling = [(0.1, true), (0.2, true), (0.9, false)];
        for (method, name) in [(Method::Platt, "platt"), (Method::Isotonic, "isotonic")] {
            assert_eq!(fit(&ranking(&good), method, 3).unwrap().method(), name);
            assert_eq!((fit(&ranking(&good), method, 4), fit(&ranking(&falling), method, 2)), (None, None));
            assert_eq!(fit(&ranking(&good[..3]), method, 1), None, "without a negative one");
        }
        assert_eq!(fit(&ranking(&good), Method::None, 1), None);
    }

    proptest! {
        #[test]
        fn probabilities_never_fall_with_the_score_and_keep_the_mean(windows in prop::collection::vec((0_u8..=20, any::<bool>()), 1..50)) {
            let windows: Vec<(f64, bool)> = windows.iter().map(|&(score, positive)| (f64::from(score) / 20.0, positive)).collect();
            let ranking = ranking(&windows);
            let curve = isotonic(&ranking);
            let found: Vec<f64> = (0..=100).map(|at| curve.probability(f64::from(at) / 100.0)).collect();
            prop_assert!(found.is_sorted() && found.iter().all(|p| (0.0..=1.0).contains(p)));
            let sum: f64 = windows.iter().map(|&(score, _)| curve.probability(score)).sum();
            prop_assert!((sum - ranking.positives() as f64).abs() < 1e-9);
            let platt = platt(&ranking);
            prop_assert!((0..=10).all(|at| (0.0..=1.0).contains(&platt.probability(f64::from(at) / 10.0))));
        }

        #[test]
        fn pooling_classes_is_pooling_windows(windows in prop::collection::vec((0.0..1.0_f64, any::<bool>()), 2..40)) {
            let (left, right) = windows.split_at(windows.len() / 2);
            let mut pooled = Labelled::default();
            for part in [left, right] {
                let (scores, labels): (Vec<f64>, Vec<_>) = part.iter().map(|&(score, positive)| (score, Some(positive))).unzip();
                pooled.extend(&scores, &labels).unwrap();
            }
            prop_assert_eq!(isotonic(&Ranking::from(pooled)), isotonic(&ranking(&windows)));
        }
    }
}
