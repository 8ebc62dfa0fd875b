//! AdamW: Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019).

use std::sync::Arc;

use chorus_keys::Keys;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Tensor;

use super::method::Optimizer;
#[cfg(feature = "torch")]
use crate::Result;
use crate::extension::{Entry, OwnOptions};

const NAME: &str = "adamw";

/// `train.optimizer: adamw`
pub const ENTRY: Entry<dyn Optimizer> = Entry {
    name: NAME,
    about: "AdamW (Loshchilov and Hutter 2019)",
    keys: AdamW::keys,
    configure: |settings| Ok(Arc::new(settings.read::<AdamW>(NAME)?)),
};

// The defaults of `torch.optim.AdamW`.
#[cfg(feature = "torch")]
const BETA1: f64 = 0.9;
#[cfg(feature = "torch")]
const BETA2: f64 = 0.999;
#[cfg(feature = "torch")]
const EPSILON: f64 = 1e-8;

/// The options of AdamW.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct AdamW {
    /// Weight decay. With adamw it is decoupled from the gradient; with sgd it is added to the gradient.
    #[key(default = "0.01", range = 0.0..=10.0)]
    pub weight_decay: f64,
}

impl OwnOptions for AdamW {
    const NAME: &'static str = NAME;
}

impl Optimizer for AdamW {
    fn moments(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    #[cfg(feature = "torch")]
    fn step(&self, parameters: &mut Tensor, gradient: &Tensor, moments: &mut [Tensor], steps: i64, rate: f64) -> Result<()> {
        let [mean, square] = moments else { unreachable!("AdamW has two moments") };
        let _ = parameters.f_mul_scalar_(1.0 - rate * self.weight_decay)?;
        let _ = mean.f_lerp_(gradient, 1.0 - BETA1)?;
        let _ = square.f_lerp_(&gradient.f_square()?, 1.0 - BETA2)?;
        let steps = steps as f64;
        // parameters -= rate * (mean / c1) / (sqrt(square / c2) + epsilon), with the factors gathered in one.
        let root = (1.0 - BETA2.powf(steps)).sqrt();
        let rate = rate * root / (1.0 - BETA1.powf(steps));
        let denominator = square.f_sqrt()?.f_add_scalar_(EPSILON * root)?.f_mul_scalar_(-1.0 / rate)?;
        let _ = parameters.f_addcdiv_(mean, &denominator)?;
        Ok(())
    }
}
