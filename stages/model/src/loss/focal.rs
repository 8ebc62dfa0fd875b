//! Focal loss (Lin et al., ICCV 2017): `-alpha (1 - p)^gamma log p` and `-(1 - alpha) p^gamma log(1 - p)`, `p` being the score.

use std::sync::Arc;

use chorus_keys::Keys;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Tensor;

#[cfg(feature = "torch")]
use super::focusing::Focusing;
use super::function::Loss;
#[cfg(feature = "torch")]
use crate::Result;
use crate::extension::{Entry, OwnOptions};
#[cfg(feature = "torch")]
use crate::target::Target;

const NAME: &str = "focal";

/// `train.loss: focal`
pub const ENTRY: Entry<dyn Loss> = Entry {
    name: NAME,
    about: "Focal loss (Lin et al. 2017): outputs that are right already count less",
    keys: Focal::keys,
    configure: |settings| Ok(Arc::new(settings.read::<Focal>(NAME)?)),
};

/// The options of focal loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct Focal {
    /// With loss: focal, focusing parameter: the higher, the less outputs count that are right already.
    #[key(default = "2", range = 0.0..=20.0)]
    pub focal_gamma: f64,
    /// With loss: focal, weight of the positive side; the negative side has 1 minus it. Null: both sides have the weight 1.
    #[key(range = above(0.0).below(1.0), example = "0.25")]
    pub focal_alpha: Option<f64>,
}

impl OwnOptions for Focal {
    const NAME: &'static str = NAME;
}

impl Loss for Focal {
    #[cfg(feature = "torch")]
    fn of_outputs(&self, logits: &Tensor, target: &Target, positive: Option<&Tensor>) -> Result<Tensor> {
        let gamma = self.focal_gamma;
        let focusing = Focusing { gamma_positive: gamma, gamma_negative: gamma, margin: 0.0, alpha: self.focal_alpha };
        focusing.of_outputs(logits, &target.labels, positive)
    }
}
