//! Mix2: in each step one of Mixup, Manifold Mixup and MultiMix (Moummad et al. 2024).

use std::sync::Arc;

use chorus_keys::Keys;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::manifold_mixup::ManifoldMixup;
use super::method::{Drawn, Mixing};
use super::mixup::Mixup;
use super::multimix::MultiMix;
use crate::Result;
use crate::error::check;
use crate::extension::{Entry, Extension, Settings};

const NAME: &str = "mix2";

/// `train.mixing: mix2`
pub const ENTRY: Entry<dyn Mixing> = Entry {
    name: NAME,
    about: "In each step one of mixup, manifold_mixup and multimix (Moummad et al. 2024)",
    keys: Mix2Options::keys,
    configure: |settings| Ok(Arc::new(Mix2::with(settings)?)),
};

/// The option of Mix2 besides those of the methods that it draws from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct Mix2Options {
    /// With mixing: mix2, probabilities of mixup, manifold_mixup and multimix in a step. Their sum is 1.
    #[key(default = "[0.25, 0.5, 0.25]", range = 0.0..=1.0)]
    pub mix2_probabilities: [f64; 3],
}

/// Mix2 and the methods that it draws from.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mix2 {
    /// How often each of them is drawn.
    pub options: Mix2Options,
    /// Pairs of inputs.
    pub mixup: Mixup,
    /// Pairs of embeddings.
    pub manifold_mixup: ManifoldMixup,
    /// Mixtures of all embeddings.
    pub multimix: MultiMix,
}

impl Mix2 {
    /// Mix2 whose methods have these settings.
    ///
    /// # Errors
    /// Values of another kind than the options.
    pub fn with(settings: &Settings) -> Result<Self> {
        Ok(Self {
            options: settings.read(NAME)?,
            mixup: settings.read(NAME)?,
            manifold_mixup: settings.read(NAME)?,
            multimix: settings.read(NAME)?,
        })
    }

    fn methods(&self) -> [&dyn Mixing; 3] {
        [&self.mixup, &self.manifold_mixup, &self.multimix]
    }

    /// The method for a uniform number in 0..1. Their order is part of what a seed gives: Manifold Mixup, MultiMix, Mixup.
    pub(super) fn method(&self, uniform: f64) -> &dyn Mixing {
        let [mixup, manifold_mixup, multimix] = self.options.mix2_probabilities;
        let place = uniform * (mixup + manifold_mixup + multimix);
        if place < manifold_mixup {
            &self.manifold_mixup
        } else if place < manifold_mixup + multimix {
            &self.multimix
        } else {
            &self.mixup
        }
    }
}

impl Extension for Mix2 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self) -> Settings {
        self.methods().into_iter().fold(Settings::of(&self.options), |all, method| all.and(method.options()))
    }

    fn validate(&self) -> Result<()> {
        for method in self.methods() {
            method.validate()?;
        }
        chorus_keys::validate(&self.options)?;
        let sum: f64 = self.options.mix2_probabilities.iter().sum();
        check((sum - 1.0).abs() <= 1e-6, "mix2_probabilities", "a sum of 1", format!("a sum of {sum}"))
    }
}

impl Mixing for Mix2 {
    fn draw(&self, rng: &mut ChaCha8Rng, examples: usize, places: usize) -> Result<Drawn> {
        self.method(rng.random()).draw(rng, examples, places)
    }

    fn needs_places(&self) -> bool {
        self.options.mix2_probabilities[1] > 0.0 && self.manifold_mixup.needs_places()
    }
}
