//! Manifold Mixup: weighted means of pairs of what the network makes of the inputs (Verma et al. 2019).

use std::sync::Arc;

use chorus_keys::{Choices, Keys};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Tensor;

use super::method::{Draw, Drawn, Mixing};
use super::mixup::Mixup;
use super::pairing::Pairing;
use crate::Result;
use crate::extension::{Entry, OwnOptions};
#[cfg(feature = "torch")]
use crate::target::Target;
#[cfg(feature = "torch")]
use crate::tensors::channels_last;

const NAME: &str = "manifold_mixup";

/// `train.mixing: manifold_mixup`
pub const ENTRY: Entry<dyn Mixing> = Entry {
    name: NAME,
    about: "Weighted means of pairs of embeddings (Verma et al. 2019)",
    keys: ManifoldMixup::keys,
    configure: |settings| Ok(Arc::new(settings.read::<ManifoldMixup>(NAME)?)),
};

/// Where in the network Manifold Mixup mixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// At the embedding, as in Mix2's paper.
    Embedding,
    /// In each step at one of the places between the network's blocks or at the embedding, all equally likely (Verma et al. 2019).
    Random,
}

/// The options of Manifold Mixup.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct ManifoldMixup {
    /// As with mixup.
    #[key(same_as = Mixup)]
    pub mixup_alpha: f64,
    /// With manifold_mixup, where in the network pairs are mixed.
    #[key(default = "embedding")]
    pub manifold_depth: Depth,
}

impl OwnOptions for ManifoldMixup {
    const NAME: &'static str = NAME;
}

impl Mixing for ManifoldMixup {
    fn draw(&self, rng: &mut ChaCha8Rng, examples: usize, places: usize) -> Result<Drawn> {
        let pairing = Pairing::draw(rng, self.mixup_alpha, examples)?;
        let place = match self.manifold_depth {
            Depth::Embedding => None,
            Depth::Random => Some(rng.random_range(0..=places)).filter(|place| *place < places),
        };
        Ok(Box::new(PairedHidden { pairing, place }))
    }

    fn needs_places(&self) -> bool {
        self.manifold_depth == Depth::Random
    }
}

/// A step that mixes pairs of what the network makes of the inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedHidden {
    /// The pairs.
    pub pairing: Pairing,
    /// The place between the network's blocks; none: at the embedding.
    pub place: Option<usize>,
}

impl Draw for PairedHidden {
    fn method(&self) -> &'static str {
        NAME
    }

    #[cfg(feature = "torch")]
    fn mix_between(&self, place: usize, hidden: Tensor) -> Result<Tensor> {
        if self.place == Some(place) { channels_last(&self.pairing.mix(&hidden)?) } else { Ok(hidden) }
    }

    #[cfg(feature = "torch")]
    fn mix_embeddings(&self, embeddings: Tensor) -> Result<Tensor> {
        if self.place.is_none() { self.pairing.mix(&embeddings) } else { Ok(embeddings) }
    }

    #[cfg(feature = "torch")]
    fn targets(&self, labels: &Tensor, mask: &Tensor) -> Result<Vec<Target>> {
        self.pairing.targets(labels, mask)
    }
}
