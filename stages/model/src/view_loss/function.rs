//! What a loss of two views is.

#[cfg(feature = "torch")]
use tch::{Kind, Tensor};

#[cfg(feature = "torch")]
use crate::Result;
use crate::extension::Extension;

/// A loss of two views.
pub trait ViewLoss: Extension {
    /// The loss of two views of a batch, a scalar.
    ///
    /// # Errors
    /// Shapes that do not fit each other.
    #[cfg(feature = "torch")]
    fn of_views(&self, views: &Views) -> Result<Tensor>;
}

/// What a network makes of two views of a batch.
#[cfg(feature = "torch")]
#[derive(Debug)]
pub struct Views {
    /// Outputs of the first view `[row, value]`. A row is an example, or a mixture of several.
    pub first: Tensor,
    /// Outputs of the second view `[example, value]`.
    pub second: Tensor,
    /// How much of each example a row of the first view holds, `[row, example]`, each row adding up to 1; none where it is not mixed.
    pub mixtures: Option<Tensor>,
}

#[cfg(feature = "torch")]
impl Views {
    /// For each row of the first view what the second view has of the same examples `[row, value]`.
    ///
    /// # Errors
    /// libtorch's only.
    pub(super) fn counterpart(&self) -> Result<Tensor> {
        match &self.mixtures {
            Some(mixtures) => Ok(mixtures.f_matmul(&self.second)?),
            None => Ok(self.second.shallow_clone()),
        }
    }
}

/// Rows of length 1.
#[cfg(feature = "torch")]
pub(super) fn unit(rows: &Tensor) -> Result<Tensor> {
    let squares = rows.f_square()?.f_sum_dim_intlist([1].as_slice(), true, None::<Kind>)?;
    Ok(rows.f_div(&squares.f_clamp_min(1e-12)?.f_sqrt()?)?)
}

/// A square matrix with zeros on its diagonal.
#[cfg(feature = "torch")]
pub(super) fn off_diagonal(square: &Tensor) -> Result<Tensor> {
    Ok(square.f_sub(&square.f_diagonal(0, 0, 1)?.f_diag_embed(0, 0, 1)?)?)
}
