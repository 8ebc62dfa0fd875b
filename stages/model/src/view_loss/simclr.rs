//! SimCLR (Chen et al., ICML 2020): both views of a window are told from all other windows of the batch. With mixing, the N-pair form of
//! i-Mix (Lee et al., ICLR 2021): a mixed row is told to hold its examples, by cross-entropy with how much of each it holds.

use std::sync::Arc;

use chorus_keys::Keys;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::{Kind, Tensor};

use super::function::ViewLoss;
#[cfg(feature = "torch")]
use super::function::{Views, unit};
#[cfg(feature = "torch")]
use crate::Result;
use crate::extension::{Entry, OwnOptions};

const NAME: &str = "simclr";
/// What takes an output's likeness to itself out of a softmax.
#[cfg(feature = "torch")]
const NEVER: f64 = -1e9;

/// `pretrain.objective: simclr`
pub const ENTRY: Entry<dyn ViewLoss> = Entry {
    name: NAME,
    about: "SimCLR (Chen et al. 2020): contrastive; two views of a window are told from other windows. Wants large batches",
    keys: SimClr::keys,
    configure: |settings| Ok(Arc::new(settings.read::<SimClr>(NAME)?)),
};

/// The option of SimCLR.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "pretrain", default)]
pub struct SimClr {
    /// With objective: simclr, temperature by which the cosine of two outputs is divided.
    #[key(default = "0.2", range = 0.001..=10.0)]
    pub temperature: f64,
}

impl OwnOptions for SimClr {
    const NAME: &'static str = NAME;
}

impl ViewLoss for SimClr {
    #[cfg(feature = "torch")]
    fn of_views(&self, views: &Views) -> Result<Tensor> {
        let (first, second) = (unit(&views.first)?, unit(&views.second)?);
        if let Some(mixtures) = &views.mixtures {
            let likeness = first.f_matmul(&second.f_transpose(0, 1)?)?.f_div_scalar(self.temperature)?;
            let entropy =
                likeness.f_log_softmax(1, None::<Kind>)?.f_mul(mixtures)?.f_sum_dim_intlist([1].as_slice(), false, None)?;
            return Ok(entropy.f_mean(None::<Kind>)?.f_neg()?);
        }
        // NT-Xent: each of the 2 n outputs among the 2 n - 1 others.
        let examples = first.size()[0];
        let all = Tensor::f_cat(&[&first, &second], 0)?;
        let likeness = all.f_matmul(&all.f_transpose(0, 1)?)?.f_div_scalar(self.temperature)?;
        let own = Tensor::f_eye(2 * examples, (likeness.kind(), likeness.device()))?.f_mul_scalar(NEVER)?;
        let logs = likeness.f_add(&own)?.f_log_softmax(1, None::<Kind>)?;
        let sum = logs
            .f_diagonal(examples, 0, 1)?
            .f_sum(None::<Kind>)?
            .f_add(&logs.f_diagonal(-examples, 0, 1)?.f_sum(None::<Kind>)?)?;
        Ok(sum.f_div_scalar(2.0 * examples as f64)?.f_neg()?)
    }
}
