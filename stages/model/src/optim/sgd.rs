//! Stochastic gradient descent with momentum; weight decay is added to the gradient, as in torch.

use std::sync::Arc;

use chorus_keys::Keys;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Tensor;

use super::adamw::AdamW;
use super::method::Optimizer;
#[cfg(feature = "torch")]
use crate::Result;
use crate::extension::{Entry, OwnOptions};

const NAME: &str = "sgd";

/// `train.optimizer: sgd`
pub const ENTRY: Entry<dyn Optimizer> = Entry {
    name: NAME,
    about: "Stochastic gradient descent with momentum",
    keys: Sgd::keys,
    configure: |settings| Ok(Arc::new(settings.read::<Sgd>(NAME)?)),
};

/// The options of stochastic gradient descent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct Sgd {
    /// With optimizer: sgd, the momentum.
    #[key(default = "0.9", range = 0.0..1.0)]
    pub momentum: f64,
    /// As with adamw.
    #[key(same_as = AdamW)]
    pub weight_decay: f64,
}

impl OwnOptions for Sgd {
    const NAME: &'static str = NAME;
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
