//! Platt scaling: p = 1 / (1 + exp(-(slope * logit + intercept))).
//!
//! It is fitted by maximum likelihood against the targets (P + 1) / (P + 2) for the P positive and 1 / (N + 2) for the N negative windows
//! in the place of 1 and 0, so that the fit is finite where scores separate the class perfectly. Sources: Platt 1999, "Probabilistic
//! outputs for support vector machines"; Newton's method with line search of Lin, Lin, Weng 2007.

use serde::{Deserialize, Serialize};
use serde_yaml::{Mapping, Value};

use super::method::{Curve, Form, Method};
use crate::metrics::{Ranking, Step};

/// Scores are kept this far from 0 and 1 (2^-24, half the step of float32 below 1), since logits of those are not finite.
pub const LEAST_MARGIN: f64 = 1.0 / 16_777_216.0;
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

/// The method `platt`.
#[derive(Debug)]
pub struct Platt;

impl Method for Platt {
    fn name(&self) -> &'static str {
        "platt"
    }

    fn about(&self) -> &'static str {
        "Platt scaling: a logistic curve over the logit."
    }

    fn fit(&self, ranking: &Ranking) -> Option<Box<dyn Curve>> {
        Some(Box::new(platt(ranking)))
    }

    fn read(&self, parameters: &Mapping) -> Result<Box<dyn Curve>, String> {
        let curve: Logistic = serde_yaml::from_value(Value::Mapping(parameters.clone())).map_err(|e| e.to_string())?;
        Ok(Box::new(curve))
    }
}

/// A logistic curve over the logit of scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {
    /// Factor of the logit.
    pub slope: f64,
    /// Added to the product.
    pub intercept: f64,
}

impl Curve for Logistic {
    fn probability(&self, score: f64) -> f64 {
        logistic(self.slope * logit(score) + self.intercept)
    }

    fn is_rising(&self) -> bool {
        self.slope > 0.0
    }

    fn parameters(&self) -> Mapping {
        [("slope", self.slope), ("intercept", self.intercept)]
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    fn form(&self) -> Option<Form> {
        Some(Form::Logistic { slope: self.slope, intercept: self.intercept })
    }
}

/// Platt's curve for the windows of a ranking.
pub fn platt(ranking: &Ranking) -> Logistic {
    let (positives, negatives) = (ranking.positives() as f64, ranking.negatives() as f64);
    let ends = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let start = (0.0, ((positives + 1.0) / (negatives + 1.0)).ln());
    let (slope, intercept) = minimised(&Targets { ranking, ends }, start);
    Logistic { slope, intercept }
}

/// The logit of a score, always finite.
pub(crate) fn logit(score: f64) -> f64 {
    let score = score.clamp(LEAST_MARGIN, 1.0 - LEAST_MARGIN);
    (score / (1.0 - score)).ln()
}

/// The inverse of the logit.
pub(crate) fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
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
