//! What is minimised: binary cross-entropy, as in the paper, and its variants for rare classes.
//!
//! Every variant is a weighted mean over targets ([`Target`]), of which mixing may give several: a label that nobody reviewed has
//! weight 0. With `p` the score and `y` the label, which mixing may place anywhere between 0 and 1, the loss of one output is
//! `y * w * positive(p) + (1 - y) * negative(p)`, `w` being the class's positive weight.

use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

use crate::error::check;
use crate::mixing::Target;
use crate::{Result, device};

/// Which loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LossOptions {
    /// Binary cross-entropy.
    Bce,
    /// Focal loss (Lin et al., ICCV 2017): `-alpha (1 - p)^gamma log p` and `-(1 - alpha) p^gamma log(1 - p)`.
    Focal {
        /// How much less an output counts that is right already.
        gamma: f64,
        /// Share of the positive side, if the two sides are to be weighed at all.
        alpha: Option<f64>,
    },
    /// Asymmetric loss (Ridnik et al., ICCV 2021): `-(1 - p)^g+ log p` and `-q^g- log(1 - q)` with `q = max(p - margin, 0)`.
    Asymmetric {
        /// Focusing of the positive side.
        gamma_positive: f64,
        /// Focusing of the negative side.
        gamma_negative: f64,
        /// Negatives scored below this do not count at all.
        margin: f64,
    },
}

impl LossOptions {
    /// Refuses values out of range.
    ///
    /// # Errors
    /// Names the option.
    pub fn validate(&self) -> Result<()> {
        let gamma = |name, value: f64| check((0.0..=20.0).contains(&value), name, "0 to 20", value);
        match *self {
            Self::Bce => Ok(()),
            Self::Focal { gamma: value, alpha } => {
                gamma("focal_gamma", value)?;
                let alpha = alpha.unwrap_or(0.5);
                check(alpha > 0.0 && alpha < 1.0, "focal_alpha", "more than 0, less than 1", alpha)
            }
            Self::Asymmetric { gamma_positive, gamma_negative, margin } => {
                gamma("asymmetric_gammas", gamma_positive)?;
                gamma("asymmetric_gammas", gamma_negative)?;
                check((0.0..1.0).contains(&margin), "asymmetric_margin", "0 or more, less than 1", margin)
            }
        }
    }

    /// The loss of each output `[row, class]`; `positive` `[class]` are the weights of the positive side, if there are any.
    fn of_outputs(&self, logits: &Tensor, labels: &Tensor, positive: Option<&Tensor>) -> Result<Tensor> {
        let (gamma_positive, gamma_negative, margin, alpha) = match *self {
            Self::Bce => {
                let none = None::<&Tensor>;
                return Ok(logits.f_binary_cross_entropy_with_logits(labels, none, positive, Reduction::None)?);
            }
            Self::Focal { gamma, alpha } => (gamma, gamma, 0.0, alpha),
            Self::Asymmetric { gamma_positive, gamma_negative, margin } => (gamma_positive, gamma_negative, margin, None),
        };
        let score = logits.f_sigmoid()?;
        let other = score.f_neg()?.f_add_scalar(1.0)?;
        // log p and log(1 - p) from the logit, where the score itself would round to 0 or 1.
        let on = power(&other, gamma_positive)?.f_mul(&logits.f_log_sigmoid()?)?;
        let off = if margin > 0.0 {
            let shifted = score.f_sub_scalar(margin)?.f_clamp_min(0.0)?;
            power(&shifted, gamma_negative)?.f_mul(&shifted.f_neg()?.f_log1p()?)?
        } else {
            power(&score, gamma_negative)?.f_mul(&logits.f_neg()?.f_log_sigmoid()?)?
        };
        let (on, off) = match alpha {
            Some(alpha) => (on.f_mul_scalar(alpha)?, off.f_mul_scalar(1.0 - alpha)?),
            None => (on, off),
        };
        let on = match positive {
            Some(weights) => on.f_mul(weights)?,
            None => on,
        };
        let unlabelled = labels.f_neg()?.f_add_scalar(1.0)?;
        Ok(on.f_mul(labels)?.f_add(&off.f_mul(&unlabelled)?)?.f_neg()?)
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

/// A loss and the weights of its positive side.
#[derive(Debug)]
pub struct Loss {
    options: LossOptions,
    /// `[class]`
    positive: Option<Tensor>,
}

impl Loss {
    /// A loss for logits of the number type and on the device of `like`. `positive_weights` `[class]` multiply the positive side of
    /// each class; none: all count once.
    ///
    /// # Errors
    /// Options out of range.
    pub fn new(options: LossOptions, positive_weights: Option<&[f64]>, like: &Tensor) -> Result<Self> {
        options.validate()?;
        let tensor = |weights: &[f64]| device::send(&Tensor::f_from_slice(weights)?.f_to_kind(like.kind())?, like.device());
        Ok(Self { options, positive: positive_weights.map(tensor).transpose()? })
    }

    /// The mean loss of logits `[row, class]` over all targets, by their weights; 0 if nothing is known.
    ///
    /// # Errors
    /// Shapes that differ.
    pub fn of(&self, logits: &Tensor, targets: &[Target]) -> Result<Tensor> {
        let zero = || Tensor::f_zeros([1], (logits.kind(), logits.device()));
        let (mut sum, mut total) = (zero()?, zero()?);
        for Target { labels, weights } in targets {
            let outputs = self.options.of_outputs(logits, labels, self.positive.as_ref())?;
            sum = sum.f_add(&outputs.f_mul(weights)?.f_sum(None::<Kind>)?)?;
            total = total.f_add(&weights.f_sum(None::<Kind>)?)?;
        }
        Ok(sum.f_div(&total.f_clamp_min(SMALLEST)?)?.f_squeeze()?)
    }
}

/// Plain binary cross-entropy, by which trainings with other losses are compared.
///
/// # Errors
/// Shapes that differ.
pub fn cross_entropy(logits: &Tensor, targets: &[Target]) -> Result<Tensor> {
    Loss::new(LossOptions::Bce, None, logits)?.of(logits, targets)
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

/// Keeps 0 / 0 from becoming NaN.
pub(crate) const SMALLEST: f64 = f32::MIN_POSITIVE as f64;

#[cfg(test)]
mod tests {
    use super::*;

    fn logits() -> Tensor {
        Tensor::from_slice(&[-9.0, -2.0, -0.5, 0.0, 0.3, 4.0, 9.0, -1.0]).view([2, 4])
    }

    fn targets(labels: &[f64]) -> Vec<Target> {
        let labels = Tensor::from_slice(labels).view([2, 4]);
        vec![Target { weights: labels.ones_like(), labels }]
    }

    const LABELS: [f64; 8] = [1.0, 0.0, 0.3, 1.0, 0.0, 0.7, 0.0, 1.0];

    fn value(options: LossOptions, positive: Option<&[f64]>) -> f64 {
        Loss::new(options, positive, &logits()).unwrap().of(&logits(), &targets(&LABELS)).unwrap().double_value(&[])
    }

    /// The definitions in plain numbers.
    fn by_hand(positive: impl Fn(f64) -> f64, negative: impl Fn(f64) -> f64, weights: [f64; 4]) -> f64 {
        let logits = Vec::<f64>::try_from(logits().view(-1)).unwrap();
        let of = |(i, (&x, &y)): (usize, (&f64, &f64))| {
            let p = 1.0 / (1.0 + (-x).exp());
            y * weights[i % 4] * positive(p) + (1.0 - y) * negative(p)
        };
        logits.iter().zip(&LABELS).enumerate().map(of).sum::<f64>() / 8.0
    }

    #[test]
    fn each_loss_is_its_definition() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * b.abs(), "{a} {b}");
        let ones = [1.0; 4];
        close(value(LossOptions::Bce, None), by_hand(|p| -p.ln(), |p| -(1.0 - p).ln(), ones));
        let weights = [1.0, 2.0, 3.0, 0.5];
        close(value(LossOptions::Bce, Some(&weights)), by_hand(|p| -p.ln(), |p| -(1.0 - p).ln(), weights));
        for gamma in [0.0, 0.5, 1.0, 2.0, 3.5] {
            let focal = LossOptions::Focal { gamma, alpha: Some(0.25) };
            let expected =
                by_hand(|p| -0.25 * (1.0 - p).powf(gamma) * p.ln(), |p| -0.75 * p.powf(gamma) * (1.0 - p).ln(), weights);
            close(value(focal, Some(&weights)), expected);
        }
        let asymmetric = LossOptions::Asymmetric { gamma_positive: 1.0, gamma_negative: 4.0, margin: 0.05 };
        let shifted = |p: f64| (p - 0.05).max(0.0);
        let expected = by_hand(|p| -(1.0 - p) * p.ln(), |p| -shifted(p).powf(4.0) * (1.0 - shifted(p)).ln(), ones);
        close(value(asymmetric, None), expected);
    }

    #[test]
    fn focusing_on_nothing_is_cross_entropy() {
        let plain = value(LossOptions::Bce, None);
        assert!((value(LossOptions::Focal { gamma: 0.0, alpha: None }, None) - plain).abs() < 1e-12);
        let none = LossOptions::Asymmetric { gamma_positive: 0.0, gamma_negative: 0.0, margin: 0.0 };
        assert!((value(none, None) - plain).abs() < 1e-12);
    }

    #[test]
    fn gradients_stay_finite_where_scores_are_certain() {
        for options in [
            LossOptions::Focal { gamma: 0.5, alpha: None },
            LossOptions::Asymmetric { gamma_positive: 0.5, gamma_negative: 4.0, margin: 0.05 },
        ] {
            let logits = (logits() * 10.0).set_requires_grad(true);
            Loss::new(options, None, &logits).unwrap().of(&logits, &targets(&LABELS)).unwrap().backward();
            assert!(logits.grad().isfinite().all().double_value(&[]) > 0.0, "{options:?}: {:?}", logits.grad());
        }
    }

    #[test]
    fn positive_weights_balance_the_sides_up_to_a_limit() {
        assert_eq!(balancing_weights(&[0, 50, 10, 1, 90], &[100; 5], 20.0), [1.0, 1.0, 9.0, 20.0, 10.0 / 90.0]);
    }

    #[test]
    fn options_out_of_range_are_refused() {
        for bad in [
            LossOptions::Focal { gamma: -1.0, alpha: None },
            LossOptions::Focal { gamma: 2.0, alpha: Some(1.0) },
            LossOptions::Asymmetric { gamma_positive: 0.0, gamma_negative: f64::NAN, margin: 0.0 },
            LossOptions::Asymmetric { gamma_positive: 0.0, gamma_negative: 4.0, margin: 1.0 },
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
    }
}
