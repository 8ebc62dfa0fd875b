//! VICReg (Bardes et al., ICLR 2022): the outputs of two views are alike (invariance), each output varies over the batch (variance), and
//! different outputs do not vary together (covariance). With mixing, a mixed row is compared with the same mixture of the second view.
//! Mixtures vary less than examples, so variance and covariance are then those of the second view, counted twice.

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

const NAME: &str = "vicreg";

/// `pretrain.objective: vicreg`
pub const ENTRY: Entry<dyn ViewLoss> = Entry {
    name: NAME,
    about: "VICReg (Bardes et al. 2022): not contrastive; outputs are alike in both views, vary, and do not vary together",
    keys: VicReg::keys,
    configure: |settings| Ok(Arc::new(settings.read::<VicReg>(NAME)?)),
};

/// The option of VICReg.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "pretrain", default)]
pub struct VicReg {
    /// With objective: vicreg, weights of invariance, variance and covariance.
    #[key(default = "[25, 25, 1]", range = 0.0..=1000.0)]
    pub vicreg_weights: [f64; 3],
}

impl OwnOptions for VicReg {
    const NAME: &'static str = NAME;
}

impl ViewLoss for VicReg {
    #[cfg(feature = "torch")]
    fn of_views(&self, views: &Views) -> Result<Tensor> {
        let [invariance, variance, covariance] = self.vicreg_weights;
        let unlike = views.first.f_sub(&views.counterpart()?)?.f_square()?.f_mean(None::<Kind>)?;
        let spread = if views.mixtures.is_some() { [&views.second, &views.second] } else { [&views.first, &views.second] };
        let mut loss = unlike.f_mul_scalar(invariance)?;
        for rows in spread {
            let centred = rows.f_sub(&rows.f_mean_dim([0].as_slice(), true, None::<Kind>)?)?;
            let (n, width) = rows.size2()?;
            let others = (n - 1).max(1) as f64;
            let deviation = centred.f_square()?.f_sum_dim_intlist([0].as_slice(), false, None::<Kind>)?.f_div_scalar(others)?;
            let lacking = deviation.f_add_scalar(1e-4)?.f_sqrt()?.f_neg()?.f_add_scalar(1.0)?.f_relu()?.f_mean(None::<Kind>)?;
            let matrix = centred.f_transpose(0, 1)?.f_matmul(&centred)?.f_div_scalar(others)?;
            let together = off_diagonal(&matrix)?.f_square()?.f_sum(None::<Kind>)?.f_div_scalar(width as f64)?;
            // The variances of both views are a mean in the paper's code, the covariances a sum.
            loss = loss.f_add(&lacking.f_mul_scalar(variance / 2.0)?)?.f_add(&together.f_mul_scalar(covariance)?)?;
        }
        Ok(loss)
    }
}
