//! Binary cross-entropy, and beside it a loss over pairs of a positive and a negative window of the same class, which is small where all
//! positives have higher logits than all negatives: the pairwise logistic loss, which is consistent with the area under the ROC curve
//! (Gao and Zhou, IJCAI 2015). Rare classes count as much as common ones in it, since it is a mean over the pairs of each class.

use std::sync::Arc;

use chorus_keys::Keys;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::{Kind, Reduction, Tensor};

use super::function::Loss;
#[cfg(feature = "torch")]
use crate::Result;
use crate::extension::{Entry, OwnOptions};
#[cfg(feature = "torch")]
use crate::target::{SMALLEST, Target};
#[cfg(feature = "torch")]
use crate::tensors::complement;

const NAME: &str = "pairwise_auc";

/// `train.loss: pairwise_auc`
pub const ENTRY: Entry<dyn Loss> = Entry {
    name: NAME,
    about: "Binary cross-entropy and a ranking loss over pairs of positive and negative windows (Gao and Zhou 2015)",
    keys: PairwiseAuc::keys,
    configure: |settings| Ok(Arc::new(settings.read::<PairwiseAuc>(NAME)?)),
};

/// The option of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct PairwiseAuc {
    /// With loss: pairwise_auc, weight of the ranking loss beside cross-entropy.
    #[key(default = "0.5", range = 0.0..=100.0)]
    pub auc_weight: f64,
}

impl OwnOptions for PairwiseAuc {
    const NAME: &'static str = NAME;
}

impl Loss for PairwiseAuc {
    /// The ranking loss of a class is shared out to its positive windows, so that the weighted mean over all outputs is the mean
    /// cross-entropy and `auc_weight` times the mean over the classes that have pairs.
    #[cfg(feature = "torch")]
    fn of_outputs(&self, logits: &Tensor, target: &Target, positive: Option<&Tensor>) -> Result<Tensor> {
        let Target { labels, weights } = target;
        let entropy = logits.f_binary_cross_entropy_with_logits(labels, None::<&Tensor>, positive, Reduction::None)?;
        // [row, class]: how much a window counts as a positive, and as a negative.
        let (on, off) = (labels.f_mul(weights)?, complement(labels)?.f_mul(weights)?);
        // [positive, negative, class]: log(1 + exp(negative - positive)).
        let differences = logits.f_unsqueeze(0)?.f_sub(&logits.f_unsqueeze(1)?)?;
        let of_positive =
            differences.f_softplus()?.f_mul(&off.f_unsqueeze(0)?)?.f_sum_dim_intlist([1].as_slice(), false, None)?;
        let sums = |tensor: &Tensor| tensor.f_sum_dim_intlist([0].as_slice(), true, None);
        // [1, class]
        let pairs = sums(&on)?.f_mul(&sums(&off)?)?;
        let classes = pairs.f_gt(0.0)?.f_sum(Kind::Float)?.f_to_kind(logits.kind())?.f_clamp_min(1.0)?;
        let ranking = of_positive.f_mul(labels)?.f_div(&pairs.f_clamp_min(SMALLEST)?)?.f_div(&classes)?;
        // The caller divides by the sum of all weights, and multiplies each output by its own.
        let ranking = ranking.f_mul(&weights.f_sum(None::<Kind>)?)?.f_mul_scalar(self.auc_weight)?;
        Ok(entropy.f_add(&ranking)?)
    }
}
