//! Linear discriminant analysis with a shrunk covariance, one for each class against the rest. The covariance of all windows is shrunk
//! once (Ledoit and Wolf, *A well-conditioned estimator for large-dimensional covariance matrices*, 2004); that within a class and its
//! rest differs from it by one outer product, which the formula of Sherman and Morrison takes off.

use chorus_keys::{Key, Keys};
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;
use safetensors::SafeTensors;
use serde::Deserialize;

use super::linear::{Linear, Standard};
use super::method::{Fit, Fitting, Head, Method, MethodSettings};
use crate::HeadError;
use crate::covariance::{covariance, ledoit_wolf};
use crate::examples::Examples;
use crate::matrix::Rows;

/// The method.
pub struct Lda;

/// Its options.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "head")]
#[allow(dead_code, reason = "the method reads the option by its name")]
struct Options {
    /// lda: shares of the identity matrix in the covariance, between which the inner folds choose; null: the share by Ledoit and Wolf.
    #[key(range = above(0.0).up_to(1.0), example = "[0.1, 0.3, 0.6]")]
    shrinkages: Option<Vec<f64>>,
}

/// The setting that stands for the share by Ledoit and Wolf.
const BY_LEDOIT_AND_WOLF: f64 = 0.0;

impl Method for Lda {
    fn name(&self) -> &'static str {
        "lda"
    }

    fn about(&self) -> &'static str {
        "linear discriminant analysis with a shrunk covariance"
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

impl Fit for Lda {
    fn settings(&self, options: &MethodSettings) -> Vec<f64> {
        let mut shrinkages = options.numbers("shrinkages");
        // The largest share is the simplest model.
        shrinkages.sort_by(|a, b| b.total_cmp(a));
        shrinkages.dedup();
        if shrinkages.is_empty() { vec![BY_LEDOIT_AND_WOLF] } else { shrinkages }
    }

    fn heads(&self, fitting: &Fitting<'_>, examples: &Examples, settings: &[f64]) -> Result<Vec<Box<dyn Head>>, HeadError> {
        let standard = Standard::of(examples);
        let inputs = standard.apply(examples);
        let rows = Rows { values: &inputs, width: examples.width };
        let covariance = covariance(rows);
        let fit = |&setting: &f64| -> Result<Box<dyn Head>, HeadError> {
            let shrinkage = if setting == BY_LEDOIT_AND_WOLF { ledoit_wolf(rows, &covariance) } else { setting };
            let (weights, learnt) = discriminants(fitting, examples, rows, &covariance, shrinkage)?;
            Ok(Box::new(standard.undo(&weights, &learnt)))
        };
        settings.iter().map(fit).collect()
    }
}

/// Weights `[class, value + 1]`, the last being the bias, and which classes could be learnt.
fn discriminants(
    fitting: &Fitting<'_>,
    examples: &Examples,
    rows: Rows<'_>,
    covariance: &DMatrix<f64>,
    shrinkage: f64,
) -> Result<(Vec<f64>, Vec<bool>), HeadError> {
    let width = rows.width;
    let mean = covariance.trace() / width as f64;
    let mut shrunk = covariance * (1.0 - shrinkage);
    for i in 0..width {
        shrunk[(i, i)] += shrinkage * mean;
    }
    let failed = || HeadError::Fit { method: "lda", found: "the covariance cannot be inverted".into() };
    let cholesky = shrunk.cholesky().ok_or_else(failed)?;
    let of_class = |class: usize| -> Option<Vec<f64>> {
        let weights = fitting.weights(examples, class);
        let (mut sums, mut totals) = ([DVector::zeros(width), DVector::zeros(width)], [0.0; 2]);
        for (row, &(weight, positive)) in rows.values.chunks_exact(width).zip(&weights) {
            if weight > 0.0 {
                let side = usize::from(positive);
                sums[side].iter_mut().zip(row).for_each(|(sum, x)| *sum += weight * x);
                totals[side] += weight;
            }
        }
        if totals.contains(&0.0) {
            return None;
        }
        let [negative, positive] = sums;
        let (negative, positive) = (negative / totals[0], positive / totals[1]);
        let share = totals[1] / (totals[0] + totals[1]);
        // The spread between the two groups is that of the windows as they are, without weights.
        let known = examples.labels.iter().skip(class).step_by(examples.classes).flatten();
        let (all, hits) = known.fold((0.0, 0.0), |(all, hits), &label| (all + 1.0, hits + f64::from(u8::from(label))));
        let spread = (1.0 - shrinkage) * (hits / f64::max(all, 1.0)) * (1.0 - hits / f64::max(all, 1.0));
        let difference = &positive - &negative;
        let solved = cholesky.solve(&difference);
        let explained = (spread * difference.dot(&solved)).min(0.999);
        let weight = solved / (1.0 - explained);
        let bias = -weight.dot(&(positive + negative)) / 2.0 + (share / (1.0 - share)).ln();
        Some(weight.iter().copied().chain([bias]).collect())
    };
    let made: Vec<Option<Vec<f64>>> = (0..examples.classes).into_par_iter().map(of_class).collect();
    let learnt = made.iter().map(Option::is_some).collect();
    Ok((made.into_iter().flat_map(|row| row.unwrap_or_else(|| vec![0.0; width + 1])).collect(), learnt))
}
