//! MultiMix: weighted means of all embeddings of a batch (Venkataramanan et al. 2023).

use std::sync::Arc;

use chorus_keys::Keys;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Tensor;

use super::method::{Draw, Drawn, Mixing};
use crate::extension::{Entry, OwnOptions};
#[cfg(feature = "torch")]
use crate::target::{SMALLEST, Target};
#[cfg(feature = "torch")]
use crate::tensors::beside;
use crate::{Result, rng};

const NAME: &str = "multimix";

/// `train.mixing: multimix`
pub const ENTRY: Entry<dyn Mixing> = Entry {
    name: NAME,
    about: "Weighted means of all embeddings of a batch (Venkataramanan et al. 2023)",
    keys: MultiMix::keys,
    configure: |settings| Ok(Arc::new(settings.read::<MultiMix>(NAME)?)),
};

/// The options of MultiMix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct MultiMix {
    /// With multimix, alpha of the Dirichlet distribution that the weights of a mixture are drawn from.
    #[key(default = "0.2", range = above(0.0).up_to(100.0))]
    pub multimix_alpha: f64,
    /// With multimix, number of mixtures that are made of a batch.
    #[key(unit = "mixtures", default = "128", range = 1..=65_536)]
    pub multimix_mixtures: usize,
}

impl OwnOptions for MultiMix {
    const NAME: &'static str = NAME;
}

impl Mixing for MultiMix {
    fn draw(&self, rng: &mut ChaCha8Rng, examples: usize, _: usize) -> Result<Drawn> {
        let mut weights = Vec::with_capacity(self.multimix_mixtures * examples);
        for _ in 0..self.multimix_mixtures {
            weights.extend(rng::dirichlet(rng, self.multimix_alpha, examples)?);
        }
        Ok(Box::new(Mixtures { weights, mixtures: self.multimix_mixtures }))
    }
}

/// A step that makes mixtures of all embeddings. The weights are `[mixture, batch]`, row by row; each row sums to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixtures {
    /// The weights.
    pub weights: Vec<f64>,
    /// How many rows.
    pub mixtures: usize,
}

#[cfg(feature = "torch")]
impl Mixtures {
    /// The weights as `[mixture, batch]` beside `like`.
    fn tensor(&self, like: &Tensor) -> Result<Tensor> {
        Ok(beside(&self.weights, like)?.f_view([self.mixtures as i64, -1])?)
    }
}

impl Draw for Mixtures {
    fn method(&self) -> &'static str {
        NAME
    }

    #[cfg(feature = "torch")]
    fn mix_embeddings(&self, embeddings: Tensor) -> Result<Tensor> {
        Ok(self.tensor(&embeddings)?.f_matmul(&embeddings)?)
    }

    /// Labels are combined over the examples whose label is known, and count by those examples' share.
    #[cfg(feature = "torch")]
    fn targets(&self, labels: &Tensor, mask: &Tensor) -> Result<Vec<Target>> {
        let combine = self.tensor(mask)?;
        let weights = combine.f_matmul(mask)?;
        let labels = combine.f_matmul(&labels.f_mul(mask)?)?.f_div(&weights.f_clamp_min(SMALLEST)?)?;
        Ok(vec![Target { labels, weights }])
    }
}
