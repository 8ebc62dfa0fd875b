//! A loss over all targets of a step.

use std::sync::Arc;

use tch::{Kind, Tensor};

use super::bce::CrossEntropy;
use super::function::Loss;
use crate::Result;
use crate::target::{SMALLEST, Target};
use crate::tensors::beside;

/// A loss, the weights of its positive side, and what is added to the logits that it is given.
#[derive(Debug)]
pub struct Objective {
    loss: Arc<dyn Loss>,
    /// `[class]`
    positive: Option<Tensor>,
    /// `[class]`
    offsets: Option<Tensor>,
}

impl Objective {
    /// A loss for logits of the number type and on the device of `like`. `positive_weights` `[class]` multiply the positive side of
    /// each class; none: all count once.
    ///
    /// # Errors
    /// libtorch's only.
    pub fn new(loss: Arc<dyn Loss>, positive_weights: Option<&[f64]>, like: &Tensor) -> Result<Self> {
        Ok(Self { loss, positive: positive_weights.map(|weights| beside(weights, like)).transpose()?, offsets: None })
    }

    /// Adds offsets `[class]` to the logits before their loss is taken: [`logit_offsets`].
    ///
    /// # Errors
    /// libtorch's only.
    pub fn with_offsets(mut self, offsets: &[f64], like: &Tensor) -> Result<Self> {
        self.offsets = Some(beside(offsets, like)?);
        Ok(self)
    }

    /// The mean loss of logits `[row, class]` over all targets, by their weights; 0 if nothing is known.
    ///
    /// # Errors
    /// Shapes that differ.
    pub fn of(&self, logits: &Tensor, targets: &[Target]) -> Result<Tensor> {
        let zero = || Tensor::f_zeros([1], (logits.kind(), logits.device()));
        let (mut sum, mut total) = (zero()?, zero()?);
        let shifted = self.offsets.as_ref().map(|offsets| logits.f_add(offsets)).transpose()?;
        let logits = shifted.as_ref().unwrap_or(logits);
        for target in targets {
            let outputs = self.loss.of_outputs(logits, target, self.positive.as_ref())?;
            sum = sum.f_add(&outputs.f_mul(&target.weights)?.f_sum(None::<Kind>)?)?;
            total = total.f_add(&target.weights.f_sum(None::<Kind>)?)?;
        }
        Ok(sum.f_div(&total.f_clamp_min(SMALLEST)?)?.f_squeeze()?)
    }
}

/// Plain binary cross-entropy, by which trainings with other losses are compared.
///
/// # Errors
/// Shapes that differ.
pub fn cross_entropy(logits: &Tensor, targets: &[Target]) -> Result<Tensor> {
    Objective::new(Arc::new(CrossEntropy), None, logits)?.of(logits, targets)
}

/// Weights of the positive side that make both sides of a class count alike, negatives over positives (as torch's documentation of
/// `pos_weight` has it), but none above `largest`. A class without positives gets 1. `positives` and `reviewed` are numbers of windows.
pub fn balancing_weights(positives: &[u64], reviewed: &[u64], largest: f64) -> Vec<f64> {
    let weight = |(&positives, &reviewed): (&u64, &u64)| match positives {
        0 => 1.0,
        _ => ((reviewed - positives) as f64 / positives as f64).clamp(1.0 / largest, largest),
    };
    positives.iter().zip(reviewed).map(weight).collect()
}

/// Logit adjustment (Menon et al., ICLR 2021, for one sigmoid a class): `strength` times the log odds of each class. A network that is
/// trained with these offsets has to make up for how rare a class is, so that its own logits, without them, favour rare classes. A class
/// without positives, or without negatives, counts as if it had half of one. `positives` and `reviewed` are numbers of windows.
pub fn logit_offsets(positives: &[u64], reviewed: &[u64], strength: f64) -> Vec<f64> {
    let offset = |(&positives, &reviewed): (&u64, &u64)| {
        let (positives, negatives) = ((positives as f64).max(0.5), (reviewed.saturating_sub(positives) as f64).max(0.5));
        strength * (positives / negatives).ln()
    };
    positives.iter().zip(reviewed).map(offset).collect()
}
