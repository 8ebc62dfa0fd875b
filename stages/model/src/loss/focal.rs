//! Focal loss (Lin et al., ICCV 2017): `-alpha (1 - p)^gamma log p` and `-(1 - alpha) p^gamma log(1 - p)`, `p` being the score.

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

const NAME: &str = "focal";

/// `train.loss: focal`
pub const ENTRY: Entry<dyn Loss> = Entry {
    name: NAME,
    about: "Focal loss (Lin et al. 2017): outputs that are right already count less",
    configure: |settings| Ok(Arc::new(settings.read::<Focal>(NAME)?)),
};

/// The options of focal loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Focal {
    /// How much less an output counts that is right already; 0 to 20.
    pub focal_gamma: f64,
    /// Weight of the positive side, more than 0 and less than 1; the negative side has the rest. None: both sides have weight 1.
    pub focal_alpha: Option<f64>,
}

impl Default for Focal {
    fn default() -> Self {
        Self { focal_gamma: 2.0, focal_alpha: None }
    }
}

impl Extension for Focal {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self) -> Settings {
        Settings::of(self)
    }

    fn validate(&self) -> Result<()> {
        check((0.0..=20.0).contains(&self.focal_gamma), "focal_gamma", "0 to 20", self.focal_gamma)?;
        let alpha = self.focal_alpha.unwrap_or(0.5);
        check(alpha > 0.0 && alpha < 1.0, "focal_alpha", "more than 0, less than 1", alpha)
    }
}

impl Loss for Focal {
    #[cfg(feature = "torch")]
    fn of_outputs(&self, logits: &Tensor, labels: &Tensor, positive: Option<&Tensor>) -> Result<Tensor> {
        let gamma = self.focal_gamma;
        let focusing = Focusing { gamma_positive: gamma, gamma_negative: gamma, margin: 0.0, alpha: self.focal_alpha };
        focusing.of_outputs(logits, labels, positive)
    }
}
