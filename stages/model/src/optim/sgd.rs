//! Stochastic gradient descent with momentum; weight decay is added to the gradient, as in torch.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Tensor;

use super::method::Optimizer;
use crate::Result;
use crate::error::check;
use crate::extension::{Entry, Extension, Settings};

const NAME: &str = "sgd";

/// `train.optimizer: sgd`
pub const ENTRY: Entry<dyn Optimizer> = Entry {
    name: NAME,
    about: "Stochastic gradient descent with momentum",
    configure: |settings| Ok(Arc::new(settings.read::<Sgd>(NAME)?)),
};

/// The options of stochastic gradient descent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sgd {
    /// Decay of the summed gradient; 0 or more, less than 1.
    pub momentum: f64,
    /// Share of each parameter that is added to its gradient.
    pub weight_decay: f64,
}

impl Default for Sgd {
    fn default() -> Self {
        Self { momentum: 0.9, weight_decay: 0.01 }
    }
}

impl Extension for Sgd {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self) -> Settings {
        Settings::of(self)
    }

    fn validate(&self) -> Result<()> {
        check((0.0..1.0).contains(&self.momentum), "momentum", "0 or more, less than 1", self.momentum)?;
        check(self.weight_decay >= 0.0 && self.weight_decay.is_finite(), "weight_decay", "0 or more", self.weight_decay)
    }
}

impl Optimizer for Sgd {
    fn moments(&self) -> &'static [&'static str] {
        &["momentum_buffer"]
    }

    #[cfg(feature = "torch")]
    fn step(&self, parameters: &mut Tensor, gradient: &Tensor, moments: &mut [Tensor], _: i64, rate: f64) -> Result<()> {
        let [sum] = moments else { unreachable!("SGD has one moment") };
        let decayed = parameters.f_mul_scalar(self.weight_decay)?.f_add_(gradient)?;
        let _ = sum.f_mul_scalar_(self.momentum)?.f_add_(&decayed)?;
        let _ = parameters.f_sub_(&sum.f_mul_scalar(rate)?)?;
        Ok(())
    }
}
