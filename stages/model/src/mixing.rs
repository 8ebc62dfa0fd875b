//! Mixup, Manifold Mixup, MultiMix and Mix2 (Moummad et al., EUSIPCO 2024, arXiv 2403.09598).
//!
//! What is drawn ([`Draw`]) is apart from what is done with it, so that the same numbers can be given to another
//! implementation. Every method comes down to targets with weights ([`Target`]), over which a [loss](crate::loss) is the weighted
//! mean; a label that nobody reviewed has weight 0.
//!
//! The authors' published code differs from their method in places (its input-Mixup weights fall on the mel axis, the
//! pairwise loss takes the batch mean of lambda); here the method is built.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::check;
use crate::loss::SMALLEST;
use crate::network::channels_last;
use crate::{Result, device, rng};

/// How examples are mixed in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Not at all.
    None,
    /// Pairs of inputs (Zhang et al. 2018).
    Mixup,
    /// Pairs of embeddings (Verma et al. 2019).
    ManifoldMixup,
    /// Combinations of a whole batch of embeddings (Venkataramanan et al. 2023).
    #[serde(rename = "multimix")]
    MultiMix,
    /// One of the three, drawn in each step.
    Mix2,
}

/// Where in the network Manifold Mixup mixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// At the embedding, as in Mix2's paper.
    Embedding,
    /// In each step at one of the places between the network's blocks or at the embedding, all equally likely (Verma et al. 2019).
    Random,
}

/// The settings of all methods.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MixingOptions {
    /// Which method.
    pub method: Method,
    /// Mixup's lambda is Beta(alpha, alpha).
    pub mixup_alpha: f64,
    /// Manifold Mixup's lambda is Beta(alpha, alpha).
    pub manifold_mixup_alpha: f64,
    /// Where Manifold Mixup mixes.
    pub manifold_depth: Depth,
    /// MultiMix's weights are Dirichlet(alpha, …, alpha).
    pub multimix_alpha: f64,
    /// How many combinations MultiMix makes of a batch.
    pub multimix_mixtures: usize,
    /// Mix2's chance of Mixup in a step, relative to the other two.
    pub mix2_mixup: f64,
    /// Mix2's chance of Manifold Mixup.
    pub mix2_manifold_mixup: f64,
    /// Mix2's chance of MultiMix.
    pub mix2_multimix: f64,
}

impl Default for MixingOptions {
    /// The paper's Mix2.
    fn default() -> Self {
        Self {
            method: Method::Mix2,
            mixup_alpha: 1.0,
            manifold_mixup_alpha: 1.0,
            manifold_depth: Depth::Embedding,
            multimix_alpha: 0.2,
            multimix_mixtures: 128,
            mix2_mixup: 0.25,
            mix2_manifold_mixup: 0.5,
            mix2_multimix: 0.25,
        }
    }
}

impl MixingOptions {
    /// Refuses values out of range.
    ///
    /// # Errors
    /// Names the option.
    pub fn validate(&self) -> Result<()> {
        let positive = |name, value: f64| check(value > 0.0 && value.is_finite(), name, "more than 0", value);
        let chance = |name, value: f64| check(value >= 0.0 && value.is_finite(), name, "0 or more", value);
        positive("mixup_alpha", self.mixup_alpha)?;
        positive("manifold_mixup_alpha", self.manifold_mixup_alpha)?;
        positive("multimix_alpha", self.multimix_alpha)?;
        check(self.multimix_mixtures > 0, "multimix_mixtures", "1 or more", self.multimix_mixtures)?;
        chance("mix2_mixup", self.mix2_mixup)?;
        chance("mix2_manifold_mixup", self.mix2_manifold_mixup)?;
        chance("mix2_multimix", self.mix2_multimix)?;
        let total = self.mix2_mixup + self.mix2_manifold_mixup + self.mix2_multimix;
        positive("the sum of mix2_mixup, mix2_manifold_mixup and mix2_multimix", total)
    }
}

/// Partners and weights of a batch: example `i` becomes `lambda[i] * i + (1 - lambda[i]) * partner[i]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairing {
    /// Weight of each example itself, 0 to 1.
    pub lambda: Vec<f64>,
    /// The other example of each pair: a permutation of the batch.
    pub partner: Vec<i64>,
}

/// Weights `[mixture, batch]`, row by row; each row sums to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// The weights.
    pub weights: Vec<f64>,
    /// How many rows.
    pub mixtures: usize,
}

/// What one step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Draw {
    /// No mixing.
    Plain,
    /// Pairs of inputs.
    Mixup(Pairing),
    /// Pairs of what the network makes of the inputs.
    ManifoldMixup {
        /// The pairs.
        pairing: Pairing,
        /// The place between the network's blocks; none: at the embedding.
        place: Option<usize>,
    },
    /// Combinations of embeddings.
    MultiMix(Combination),
}

/// Labels to learn, and how much each of them counts; both `[row, class]`.
#[derive(Debug)]
pub struct Target {
    /// 0 to 1.
    pub labels: Tensor,
    /// 0 to 1.
    pub weights: Tensor,
}

/// Draws what a step does to a batch of `batch` examples in a network with so many [`places`](crate::network::Network::places).
///
/// # Errors
/// Options out of range.
pub fn draw(options: &MixingOptions, rng: &mut ChaCha8Rng, batch: usize, places: usize) -> Result<Draw> {
    let method = match options.method {
        Method::Mix2 => draw_method(options, rng.random()),
        method => method,
    };
    Ok(match method {
        Method::Mixup => Draw::Mixup(Pairing::draw(rng, options.mixup_alpha, batch)?),
        Method::ManifoldMixup => {
            let pairing = Pairing::draw(rng, options.manifold_mixup_alpha, batch)?;
            let place = match options.manifold_depth {
                Depth::Embedding => None,
                Depth::Random => Some(rng.random_range(0..=places)).filter(|place| *place < places),
            };
            Draw::ManifoldMixup { pairing, place }
        }
        Method::MultiMix => {
            let mut weights = Vec::with_capacity(options.multimix_mixtures * batch);
            for _ in 0..options.multimix_mixtures {
                weights.extend(rng::dirichlet(rng, options.multimix_alpha, batch)?);
            }
            Draw::MultiMix(Combination { weights, mixtures: options.multimix_mixtures })
        }
        Method::None | Method::Mix2 => Draw::Plain,
    })
}

/// Mix2's method for a uniform number in 0..1.
fn draw_method(options: &MixingOptions, uniform: f64) -> Method {
    let MixingOptions { mix2_mixup, mix2_manifold_mixup, mix2_multimix, .. } = options;
    let place = uniform * (mix2_mixup + mix2_manifold_mixup + mix2_multimix);
    if place < *mix2_manifold_mixup {
        Method::ManifoldMixup
    } else if place < mix2_manifold_mixup + mix2_multimix {
        Method::MultiMix
    } else {
        Method::Mixup
    }
}

impl Draw {
    /// Mixes inputs `[batch, channel, mel, frame]`, if that is what was drawn.
    ///
    /// # Errors
    /// A batch of another size than drawn for.
    pub fn mix_inputs(&self, inputs: Tensor) -> Result<Tensor> {
        match self {
            Self::Mixup(pairing) => pairing.mix(&inputs),
            _ => Ok(inputs),
        }
    }

    /// Mixes what lies between the network's blocks `[batch, channel, mel, frame]`, if it was drawn for this place.
    ///
    /// # Errors
    /// A batch of another size than drawn for.
    pub fn mix_between(&self, at: usize, hidden: Tensor) -> Result<Tensor> {
        match self {
            Self::ManifoldMixup { pairing, place: Some(place) } if *place == at => channels_last(&pairing.mix(&hidden)?),
            _ => Ok(hidden),
        }
    }

    /// Mixes embeddings `[batch, embedding]`, if that is what was drawn; MultiMix gives `[mixture, embedding]`.
    ///
    /// # Errors
    /// A batch of another size than drawn for.
    pub fn mix_embeddings(&self, embeddings: Tensor) -> Result<Tensor> {
        match self {
            Self::ManifoldMixup { pairing, place: None } => pairing.mix(&embeddings),
            Self::MultiMix(combination) => Ok(combination.tensor(&embeddings)?.f_matmul(&embeddings)?),
            _ => Ok(embeddings),
        }
    }

    /// What the logits of this draw should be, from labels and mask `[batch, class]`. A mask of 0 says that the label is
    /// unknown; the label itself must be a number all the same.
    ///
    /// # Errors
    /// A batch of another size than drawn for.
    pub fn targets(&self, labels: &Tensor, mask: &Tensor) -> Result<Vec<Target>> {
        match self {
            Self::Plain => Ok(vec![Target { labels: labels.shallow_clone(), weights: mask.shallow_clone() }]),
            Self::Mixup(pairing) | Self::ManifoldMixup { pairing, .. } => pairing.targets(labels, mask),
            Self::MultiMix(combination) => Ok(vec![combination.target(labels, mask)?]),
        }
    }
}

impl Pairing {
    fn draw(rng: &mut ChaCha8Rng, alpha: f64, batch: usize) -> Result<Self> {
        let lambda = rng::beta(rng, alpha, batch)?;
        let partner = rng::permutation(rng, batch).into_iter().map(|row| row as i64).collect();
        Ok(Self { lambda, partner })
    }

    /// Lambda as `[batch, 1, …]` beside `like`.
    fn lambda(&self, like: &Tensor) -> Result<Tensor> {
        let mut shape = vec![1; like.dim()];
        shape[0] = self.lambda.len() as i64;
        matching(&self.lambda, like)?.f_view(shape.as_slice()).map_err(Into::into)
    }

    /// Each row's partner. An `index_select` by a permutation: its gradient adds once to each row, so it is the same in
    /// every run, on CUDA as well.
    fn partners(&self, rows: &Tensor) -> Result<Tensor> {
        let partner = device::send(&Tensor::f_from_slice(&self.partner)?, rows.device())?;
        Ok(rows.f_index_select(0, &partner)?)
    }

    fn mix(&self, rows: &Tensor) -> Result<Tensor> {
        let lambda = self.lambda(rows)?;
        Ok((rows.f_mul(&lambda)?).f_add(&self.partners(rows)?.f_mul(&complement(&lambda)?)?)?)
    }

    fn targets(&self, labels: &Tensor, mask: &Tensor) -> Result<Vec<Target>> {
        let lambda = self.lambda(mask)?;
        let own = Target { labels: labels.shallow_clone(), weights: mask.f_mul(&lambda)? };
        let weights = self.partners(mask)?.f_mul(&complement(&lambda)?)?;
        Ok(vec![own, Target { labels: self.partners(labels)?, weights }])
    }
}

impl Combination {
    /// The weights as `[mixture, batch]` beside `like`.
    fn tensor(&self, like: &Tensor) -> Result<Tensor> {
        matching(&self.weights, like)?.f_view([self.mixtures as i64, -1]).map_err(Into::into)
    }

    /// Labels are combined over the examples whose label is known, and count by those examples' share.
    fn target(&self, labels: &Tensor, mask: &Tensor) -> Result<Target> {
        let combine = self.tensor(mask)?;
        let weights = combine.f_matmul(mask)?;
        let labels = combine.f_matmul(&labels.f_mul(mask)?)?.f_div(&weights.f_clamp_min(SMALLEST)?)?;
        Ok(Target { labels, weights })
    }
}

/// One dimension with the number type and device of `like`.
fn matching(values: &[f64], like: &Tensor) -> Result<Tensor> {
    device::send(&Tensor::f_from_slice(values)?.f_to_kind(like.kind())?, like.device())
}

/// 1 - x.
fn complement(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_neg()?.f_add_scalar(1.0)?)
}

#[cfg(test)]
mod tests;
