//! Binary cross-entropy.

use std::sync::Arc;

#[cfg(feature = "torch")]
use tch::{Reduction, Tensor};

use super::function::Loss;
#[cfg(feature = "torch")]
use crate::Result;
use crate::extension::{Entry, Extension, Settings};
#[cfg(feature = "torch")]
use crate::target::Target;

const NAME: &str = "bce";

/// `train.loss: bce`
pub const ENTRY: Entry<dyn Loss> =
    Entry { name: NAME, about: "Binary cross-entropy", keys: Vec::new, configure: |_| Ok(Arc::new(CrossEntropy)) };

/// Binary cross-entropy, which has no options.
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropy;

impl Extension for CrossEntropy {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self) -> Settings {
        Settings::default()
    }
}

impl Loss for CrossEntropy {
    #[cfg(feature = "torch")]
    fn of_outputs(&self, logits: &Tensor, target: &Target, positive: Option<&Tensor>) -> Result<Tensor> {
        Ok(logits.f_binary_cross_entropy_with_logits(&target.labels, None::<&Tensor>, positive, Reduction::None)?)
    }
}
