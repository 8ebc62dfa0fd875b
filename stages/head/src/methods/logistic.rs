//! Logistic regression with an L2 penalty, one for each class: the optimisation problem of scikit-learn's `LogisticRegression` on
//! standardised embeddings. L-BFGS of the crate argmin finds the minimum of all classes at once, so that a step is two products of
//! matrices.

use argmin::core::{CostFunction, Error, Executor, Gradient, State, TerminationReason, TerminationStatus};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use chorus_keys::{Key, Keys};
use rayon::prelude::*;
use safetensors::SafeTensors;
use serde::Deserialize;
use std::sync::{Arc, Mutex};

use super::linear::{Linear, Standard};
use super::method::{Fit, Fitting, Head, Method, MethodSettings};
use crate::HeadError;
use crate::examples::Examples;
use crate::matrix::{BLOCK, Rows, summed};

/// The method.
pub struct Logistic;

/// Its options.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "head")]
#[allow(dead_code, reason = "the method reads the option by its name")]
struct Options {
    /// logistic: strengths between which the inner folds choose; the C of scikit-learn's LogisticRegression: smaller values
    /// regularise more.
    #[key(default = "[0.0001, 0.0003, 0.001, 0.003, 0.01, 0.1, 1]", range = above(0.0))]
    strengths: Vec<f64>,
}

impl Method for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }

    fn about(&self) -> &'static str {
        "L2-regularised logistic regression on standardised embeddings, the strength chosen by inner folds"
    }

    fn keys(&self) -> Vec<Key> {
        Options::keys()
    }

    fn fit(&self) -> Option<&dyn Fit> {
        Some(self)
    }

    fn read(&self, tensors: &SafeTensors<'_>, classes: usize, width: usize) -> Result<Box<dyn Head>, HeadError> {
        Ok(Box::new(Linear::read(tensors, classes, width)?))
    }
}

impl Fit for Logistic {
    fn settings(&self, options: &MethodSettings) -> Vec<f64> {
        let mut strengths = options.numbers("strengths");
        strengths.sort_by(f64::total_cmp);
        strengths.dedup();
        strengths
    }

    fn heads(&self, fitting: &Fitting<'_>, examples: &Examples, settings: &[f64]) -> Result<Vec<Box<dyn Head>>, HeadError> {
        let standard = Standard::of(examples);
        let (mut weights, mut learnt) = (vec![(0.0, false); examples.labels.len()], vec![false; examples.classes]);
        for class in 0..examples.classes {
            for (window, own) in fitting.weights(examples, class).into_iter().enumerate() {
                learnt[class] |= own.0 > 0.0;
                weights[window * examples.classes + class] = own;
            }
        }
        let inputs = standard.apply(examples);
        let problem = Problem {
            inputs: Rows { values: &inputs, width: examples.width },
            weights: &weights,
            classes: examples.classes,
            strength: 0.0,
            last: Arc::default(),
        };
        // From the strongest penalty on, each starts where the one before ended.
        let mut start = vec![0.0; examples.classes * (examples.width + 1)];
        let mut heads: Vec<Box<dyn Head>> = Vec::new();
        for &strength in settings {
            let problem = Problem { strength, last: Arc::default(), ..problem.clone() };
            start = problem.minimum(start).map_err(|found| HeadError::Fit { method: "logistic", found })?;
            heads.push(Box::new(standard.undo(&start, &learnt)));
        }
        Ok(heads)
    }
}

/// What is minimised: for each class C Σ weight * loss + |w|² / 2, the bias being free.
#[derive(Clone)]
struct Problem<'a> {
    /// `[window, value]`, standardised.
    inputs: Rows<'a>,
    /// `[window, class]`: weight, and whether the window is positive.
    weights: &'a [(f64, bool)],
    classes: usize,
    /// C.
    strength: f64,
    /// The last point with its cost and gradient: the line search asks for both.
    last: Arc<Mutex<Option<Point>>>,
}

/// `[class, value + 1]`, the cost there, and the gradient.
#[derive(Debug, Clone)]
struct Point {
    at: Vec<f64>,
    cost: f64,
    gradient: Vec<f64>,
}

const ITERATIONS_AT_MOST: u64 = 500;
/// The gradient's length at the end, relative to that at zero weights.
const TOLERANCE: f64 = 1e-5;

impl Problem<'_> {
    fn minimum(&self, start: Vec<f64>) -> Result<Vec<f64>, String> {
        let length = |gradient: &[f64]| gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let at_zero = length(&self.point(&vec![0.0; start.len()]).gradient);
        let tolerance = TOLERANCE * at_zero.max(f64::MIN_POSITIVE);
        let text = |e: Error| e.to_string();
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), 10).with_tolerance_grad(tolerance).map_err(text)?;
        let solver = solver.with_tolerance_cost(0.0).map_err(text)?;
        if length(&self.point(&start).gradient) <= tolerance {
            return Ok(start);
        }
        let run = Executor::new(self.clone(), solver).timer(false);
        let result = run.configure(|state| state.param(start).max_iters(ITERATIONS_AT_MOST)).run().map_err(text)?;
        match result.state().get_termination_status() {
            TerminationStatus::Terminated(TerminationReason::SolverConverged | TerminationReason::MaxItersReached) => {}
            other => return Err(format!("{other}")),
        }
        result.state().get_best_param().cloned().ok_or_else(|| "it found no point".to_owned())
    }

    fn point(&self, at: &[f64]) -> Point {
        let mut last = chorus_engine::locked(&self.last);
        if let Some(point) = last.as_ref().filter(|point| point.at == at) {
            return point.clone();
        }
        let point = self.evaluated(at);
        *last = Some(point.clone());
        point
    }

    fn evaluated(&self, at: &[f64]) -> Point {
        let (width, classes) = (self.inputs.width, self.classes);
        let weights: Vec<f64> = at.chunks_exact(width + 1).flat_map(|row| &row[..width]).copied().collect();
        let biases: Vec<f64> = at.chunks_exact(width + 1).map(|row| row[width]).collect();
        let matrix = Rows { values: &weights, width };
        let of_block = |(block, rows): (usize, Rows<'_>)| {
            let mut errors = vec![0.0; rows.count() * classes];
            rows.times_transposed(matrix, &mut errors);
            let own = &self.weights[block * BLOCK * classes..][..errors.len()];
            let (mut cost, mut bias_gradient) = (0.0, vec![0.0; classes]);
            for (i, (logit, &(weight, positive))) in errors.iter_mut().zip(own).enumerate() {
                let class = i % classes;
                if weight == 0.0 {
                    *logit = 0.0;
                    continue;
                }
                let signed = if positive { *logit + biases[class] } else { -*logit - biases[class] };
                // log(1 + exp(-x)) without overflow, and its derivative.
                cost += weight * if signed > 0.0 { (-signed).exp().ln_1p() } else { signed.exp().ln_1p() - signed };
                let slope = -weight / (1.0 + signed.exp());
                *logit = if positive { slope } else { -slope };
                bias_gradient[class] += *logit;
            }
            let mut gradient = vec![0.0; classes * width];
            Rows { values: &errors, width: classes }.transposed_times(rows, &mut gradient);
            gradient.extend(bias_gradient);
            gradient.push(cost);
            gradient
        };
        let sums = summed(self.inputs.blocks().enumerate().map(of_block).collect());
        let (slopes, rest) = sums.split_at(classes * width);
        let penalty = weights.iter().map(|w| w * w).sum::<f64>() / 2.0;
        let cost = self.strength * rest[classes] + penalty;
        let mut gradient = Vec::with_capacity(at.len());
        for ((slopes, weights), bias) in slopes.chunks_exact(width).zip(weights.chunks_exact(width)).zip(&rest[..classes]) {
            gradient.extend(slopes.iter().zip(weights).map(|(slope, w)| self.strength * slope + w));
            gradient.push(self.strength * bias);
        }
        Point { at: at.to_vec(), cost, gradient }
    }
}

impl CostFunction for Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, at: &Vec<f64>) -> Result<f64, Error> {
        Ok(self.point(at).cost)
    }
}

impl Gradient for Problem<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, at: &Vec<f64>) -> Result<Vec<f64>, Error> {
        Ok(self.point(at).gradient)
    }
}
