//! Mixup: weighted means of pairs of inputs (Zhang et al. 2018).

use std::sync::Arc;

use chorus_keys::Keys;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Tensor;

use super::method::{Draw, Drawn, Mixing};
use super::pairing::Pairing;
use crate::Result;
use crate::extension::{Entry, OwnOptions};
#[cfg(feature = "torch")]
use crate::target::Target;

const NAME: &str = "mixup";

/// `train.mixing: mixup`
pub const ENTRY: Entry<dyn Mixing> = Entry {
    name: NAME,
    about: "Weighted means of pairs of inputs (Zhang et al. 2018)",
    keys: Mixup::keys,
    configure: |settings| Ok(Arc::new(settings.read::<Mixup>(NAME)?)),
};

/// The options of Mixup.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct Mixup {
    /// With mixup and manifold_mixup, alpha of the Beta(alpha, alpha) distribution that the weight of the first of a pair is drawn from.
    #[key(default = "1", range = above(0.0).up_to(100.0), example = "0.2")]
    pub mixup_alpha: f64,
}

impl OwnOptions for Mixup {
    const NAME: &'static str = NAME;
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
