//! Barlow Twins (Zbontar et al., ICML 2021): the correlations between the outputs of two views are brought to the identity. With mixing, a
//! mixed row is correlated with the same mixture of the second view.

use std::sync::Arc;

use chorus_keys::Keys;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::{Kind, Tensor};

use super::function::ViewLoss;
#[cfg(feature = "torch")]
use super::function::{Views, off_diagonal};
#[cfg(feature = "torch")]
use crate::Result;
use crate::extension::{Entry, OwnOptions};

const NAME: &str = "barlow_twins";

/// `pretrain.objective: barlow_twins`
pub const ENTRY: Entry<dyn ViewLoss> = Entry {
    name: NAME,
    about: "Barlow Twins (Zbontar et al. 2021): not contrastive; outputs are alike in both views and do not repeat each other",
    keys: BarlowTwins::keys,
    configure: |settings| Ok(Arc::new(settings.read::<BarlowTwins>(NAME)?)),
};

/// The option of Barlow Twins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "pretrain", default)]
pub struct BarlowTwins {
    /// With objective: barlow_twins, weight of the correlations between different outputs.
    #[key(default = "0.0051", range = 0.0..=10.0)]
    pub redundancy_weight: f64,
}

impl OwnOptions for BarlowTwins {
    const NAME: &'static str = NAME;
}

impl ViewLoss for BarlowTwins {
    #[cfg(feature = "torch")]
    fn of_views(&self, views: &Views) -> Result<Tensor> {
        let (first, second) = (standardised(&views.first)?, standardised(&views.counterpart()?)?);
        let rows = first.size()[0] as f64;
        let correlations = first.f_transpose(0, 1)?.f_matmul(&second)?.f_div_scalar(rows)?;
        let on = correlations.f_diagonal(0, 0, 1)?.f_sub_scalar(1.0)?.f_square()?.f_sum(None::<Kind>)?;
        let off = off_diagonal(&correlations)?.f_square()?.f_sum(None::<Kind>)?;
        Ok(on.f_add(&off.f_mul_scalar(self.redundancy_weight)?)?)
    }
}

/// Columns with mean 0 and variance 1 over the batch, as batch normalisation makes them.
#[cfg(feature = "torch")]
fn standardised(rows: &Tensor) -> Result<Tensor> {
    let centred = rows.f_sub(&rows.f_mean_dim([0].as_slice(), true, None::<Kind>)?)?;
    let variance = centred.f_square()?.f_mean_dim([0].as_slice(), true, None::<Kind>)?;
    Ok(centred.f_div(&variance.f_add_scalar(1e-5)?.f_sqrt()?)?)
}
