//! Asymmetric loss (Ridnik et al., ICCV 2021): `-(1 - p)^g+ log p` and `-q^g- log(1 - q)` with `q = max(p - margin, 0)`, `p` being
//! the score.

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

const NAME: &str = "asymmetric";

/// `train.loss: asymmetric`
pub const ENTRY: Entry<dyn Loss> = Entry {
    name: NAME,
    about: "Asymmetric loss (Ridnik et al. 2021): easy negatives count less than easy positives",
    keys: Asymmetric::keys,
    configure: |settings| Ok(Arc::new(settings.read::<Asymmetric>(NAME)?)),
};

/// The options of asymmetric loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct Asymmetric {
    /// With loss: asymmetric, focusing parameters of the positive and the negative side: the higher, the less outputs count that are
    /// right already.
    #[key(default = "[0, 4]", range = 0.0..=20.0)]
    pub asymmetric_gammas: [f64; 2],
    /// With loss: asymmetric, probability margin: negatives with a lower score do not count.
    #[key(default = "0.05", range = 0.0..1.0)]
    pub asymmetric_margin: f64,
}

impl OwnOptions for Asymmetric {
    const NAME: &'static str = NAME;
}

impl Loss for Asymmetric {
    #[cfg(feature = "torch")]
    fn of_outputs(&self, logits: &Tensor, target: &Target, positive: Option<&Tensor>) -> Result<Tensor> {
        let [gamma_positive, gamma_negative] = self.asymmetric_gammas;
        let focusing = Focusing { gamma_positive, gamma_negative, margin: self.asymmetric_margin, alpha: None };
        focusing.of_outputs(logits, &target.labels, positive)
    }
}
