//! The form that focal and asymmetric loss share. With `p` the score and `y` the label, the loss of one output is
//! `y * w * positive(p) + (1 - y) * negative(p)`, `w` being the class's positive weight.

use tch::Tensor;

use crate::Result;
use crate::tensors::complement;

/// How the two sides of the loss are weighted by how wrong an output is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Focusing {
    pub gamma_positive: f64,
    pub gamma_negative: f64,
    /// Taken off the score of negatives.
    pub margin: f64,
    /// Weight of the positive side, if the sides are weighted.
    pub alpha: Option<f64>,
}

impl Focusing {
    pub fn of_outputs(self, logits: &Tensor, labels: &Tensor, positive: Option<&Tensor>) -> Result<Tensor> {
        let score = logits.f_sigmoid()?;
        let other = complement(&score)?;
        // log p and log(1 - p) from the logit, where the score itself would round to 0 or 1.
        let on = power(&other, self.gamma_positive)?.f_mul(&logits.f_log_sigmoid()?)?;
        let off = if self.margin > 0.0 {
            let shifted = score.f_sub_scalar(self.margin)?.f_clamp_min(0.0)?;
            power(&shifted, self.gamma_negative)?.f_mul(&shifted.f_neg()?.f_log1p()?)?
        } else {
            power(&score, self.gamma_negative)?.f_mul(&logits.f_neg()?.f_log_sigmoid()?)?
        };
        let (on, off) = match self.alpha {
            Some(alpha) => (on.f_mul_scalar(alpha)?, off.f_mul_scalar(1.0 - alpha)?),
            None => (on, off),
        };
        let on = match positive {
            Some(weights) => on.f_mul(weights)?,
            None => on,
        };
        Ok(on.f_mul(labels)?.f_add(&off.f_mul(&complement(labels)?)?)?.f_neg()?)
    }
}

/// `base` to the power of `exponent`; to 0 it is not even computed.
fn power(base: &Tensor, exponent: f64) -> Result<Tensor> {
    match exponent {
        0.0 => Ok(base.f_ones_like()?),
        1.0 => Ok(base.shallow_clone()),
        2.0 => Ok(base.f_square()?),
        // The gradient of a broken power of 0 is infinite.
        _ => Ok(base.f_clamp_min(1e-12)?.f_pow_tensor_scalar(exponent)?),
    }
}
