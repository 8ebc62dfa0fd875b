//! Pairs of examples, of which Mixup and Manifold Mixup make weighted means.

use rand_chacha::ChaCha8Rng;
#[cfg(feature = "torch")]
use tch::Tensor;

#[cfg(feature = "torch")]
use crate::device;
#[cfg(feature = "torch")]
use crate::target::Target;
#[cfg(feature = "torch")]
use crate::tensors::{beside, complement};
use crate::{Result, rng};

/// Partners and weights of a batch: example `i` becomes `lambda[i] * i + (1 - lambda[i]) * partner[i]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairing {
    /// Weight of each example itself, 0 to 1.
    pub lambda: Vec<f64>,
    /// The other example of each pair: a permutation of the batch.
    pub partner: Vec<i64>,
}

impl Pairing {
    /// Draws each lambda from Beta(alpha, alpha), then the partners.
    ///
    /// # Errors
    /// `alpha` is not positive and finite.
    pub fn draw(rng: &mut ChaCha8Rng, alpha: f64, batch: usize) -> Result<Self> {
        let lambda = rng::beta(rng, alpha, batch)?;
        let partner = rng::permutation(rng, batch).into_iter().map(|row| row as i64).collect();
        Ok(Self { lambda, partner })
    }
}

#[cfg(feature = "torch")]
impl Pairing {
    /// Lambda as `[batch, 1, …]` beside `like`.
    fn lambda(&self, like: &Tensor) -> Result<Tensor> {
        let mut shape = vec![1; like.dim()];
        shape[0] = self.lambda.len() as i64;
        Ok(beside(&self.lambda, like)?.f_view(shape.as_slice())?)
    }

    /// Each row's partner. An `index_select` by a permutation: its gradient adds once to each row, so it is the same in
    /// every run, on CUDA as well.
    fn partners(&self, rows: &Tensor) -> Result<Tensor> {
        let partner = device::send(&Tensor::f_from_slice(&self.partner)?, rows.device())?;
        Ok(rows.f_index_select(0, &partner)?)
    }

    /// The weighted means of the pairs, `[batch, …]` as `rows`.
    pub(crate) fn mix(&self, rows: &Tensor) -> Result<Tensor> {
        let lambda = self.lambda(rows)?;
        Ok((rows.f_mul(&lambda)?).f_add(&self.partners(rows)?.f_mul(&complement(&lambda)?)?)?)
    }

    /// Both labels of each pair, weighted by lambda and its complement.
    pub(crate) fn targets(&self, labels: &Tensor, mask: &Tensor) -> Result<Vec<Target>> {
        let lambda = self.lambda(mask)?;
        let own = Target { labels: labels.shallow_clone(), weights: mask.f_mul(&lambda)? };
        let weights = self.partners(mask)?.f_mul(&complement(&lambda)?)?;
        Ok(vec![own, Target { labels: self.partners(labels)?, weights }])
    }
}
