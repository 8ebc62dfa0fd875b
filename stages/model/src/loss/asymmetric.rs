//! Asymmetric loss (Ridnik et al., ICCV 2021): `-(1 - p)^g+ log p` and `-q^g- log(1 - q)` with `q = max(p - margin, 0)`, `p` being
//! the score.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Tensor;

#[cfg(feature = "torch")]
use super::focusing::Focusing;
use super::function::Loss;
use crate::Result;
use crate::error::check;
use crate::extension::{Entry, Extension, Settings};

const NAME: &str = "asymmetric";

/// `train.loss: asymmetric`
pub const ENTRY: Entry<dyn Loss> = Entry {
    name: NAME,
    about: "Asymmetric loss (Ridnik et al. 2021): easy negatives count less than easy positives",
    configure: |settings| Ok(Arc::new(settings.read::<Asymmetric>(NAME)?)),
};

/// The options of asymmetric loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asymmetric {
    /// How much less an output counts that is right already, on the positive and on the negative side; 0 to 20.
    pub asymmetric_gammas: [f64; 2],
    /// Negatives scored below this do not count at all; 0 or more, less than 1.
    pub asymmetric_margin: f64,
}

impl Default for Asymmetric {
    fn default() -> Self {
        Self { asymmetric_gammas: [0.0, 4.0], asymmetric_margin: 0.05 }
    }
}

impl Extension for Asymmetric {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self) -> Settings {
        Settings::of(self)
    }

    fn validate(&self) -> Result<()> {
        for gamma in self.asymmetric_gammas {
            check((0.0..=20.0).contains(&gamma), "asymmetric_gammas", "0 to 20", gamma)?;
        }
        let margin = self.asymmetric_margin;
        check((0.0..1.0).contains(&margin), "asymmetric_margin", "0 or more, less than 1", margin)
    }
}

impl Loss for Asymmetric {
    #[cfg(feature = "torch")]
    fn of_outputs(&self, logits: &Tensor, labels: &Tensor, positive: Option<&Tensor>) -> Result<Tensor> {
        let [gamma_positive, gamma_negative] = self.asymmetric_gammas;
        let focusing = Focusing { gamma_positive, gamma_negative, margin: self.asymmetric_margin, alpha: None };
        focusing.of_outputs(logits, labels, positive)
    }
}
