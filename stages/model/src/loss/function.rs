//! What a loss is.

#[cfg(feature = "torch")]
use tch::Tensor;

#[cfg(feature = "torch")]
use crate::Result;
use crate::extension::Extension;
#[cfg(feature = "torch")]
use crate::target::Target;

/// A loss of single outputs.
pub trait Loss: Extension {
    /// The loss of each output `[row, class]`, from logits and a target of that shape; mixing may place a label anywhere between 0
    /// and 1. `positive` `[class]` are the weights of the positive side, if there are any. The caller weights the losses by
    /// [`Target::weights`]; only a loss that compares outputs with each other needs these.
    ///
    /// # Errors
    /// Shapes that differ.
    #[cfg(feature = "torch")]
    fn of_outputs(&self, logits: &Tensor, target: &Target, positive: Option<&Tensor>) -> Result<Tensor>;
}
