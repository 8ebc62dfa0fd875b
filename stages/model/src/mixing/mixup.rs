//! Mixup: weighted means of pairs of inputs (Zhang et al. 2018).

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Tensor;

use super::method::{Draw, Drawn, Mixing};
use super::pairing::Pairing;
use crate::Result;
use crate::error::positive;
use crate::extension::{Entry, Extension, Settings};
#[cfg(feature = "torch")]
use crate::target::Target;

const NAME: &str = "mixup";

/// `train.mixing: mixup`
pub const ENTRY: Entry<dyn Mixing> = Entry {
    name: NAME,
    about: "Weighted means of pairs of inputs (Zhang et al. 2018)",
    configure: |settings| Ok(Arc::new(settings.read::<Mixup>(NAME)?)),
};

/// The options of Mixup.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mixup {
    /// The weight of the first of a pair is drawn from Beta(alpha, alpha).
    pub mixup_alpha: f64,
}

impl Default for Mixup {
    fn default() -> Self {
        Self { mixup_alpha: 1.0 }
    }
}

impl Extension for Mixup {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self) -> Settings {
        Settings::of(self)
    }

    fn validate(&self) -> Result<()> {
        positive("mixup_alpha", self.mixup_alpha)
    }
}

impl Mixing for Mixup {
    fn draw(&self, rng: &mut ChaCha8Rng, examples: usize, _: usize) -> Result<Drawn> {
        Ok(Box::new(PairedInputs(Pairing::draw(rng, self.mixup_alpha, examples)?)))
    }
}

/// A step that mixes pairs of inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedInputs(pub Pairing);

impl Draw for PairedInputs {
    fn method(&self) -> &'static str {
        NAME
    }

    #[cfg(feature = "torch")]
    fn mix_inputs(&self, inputs: Tensor) -> Result<Tensor> {
        self.0.mix(&inputs)
    }

    #[cfg(feature = "torch")]
    fn targets(&self, labels: &Tensor, mask: &Tensor) -> Result<Vec<Target>> {
        self.0.targets(labels, mask)
    }
}
