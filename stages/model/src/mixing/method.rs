//! What a mixing method is.

use std::fmt::Debug;

use rand_chacha::ChaCha8Rng;
#[cfg(feature = "torch")]
use tch::Tensor;

use crate::Result;
use crate::extension::Extension;
#[cfg(feature = "torch")]
use crate::target::Target;

/// A way to mix the examples of a batch.
pub trait Mixing: Extension {
    /// Draws what a step does to a batch of `examples` in a network with so many `places` between its blocks.
    ///
    /// # Errors
    /// Options out of range.
    fn draw(&self, rng: &mut ChaCha8Rng, examples: usize, places: usize) -> Result<Drawn>;

    /// Whether it mixes at places between the blocks of a network. A network without such places then is refused.
    fn needs_places(&self) -> bool {
        false
    }
}

/// What was drawn for one step.
pub type Drawn = Box<dyn Draw>;

/// What one step does to its batch. What a method does not mix stays as it is.
pub trait Draw: Debug {
    /// The method, under which the step is counted in the table `training_mixing`.
    fn method(&self) -> &'static str;

    /// Whether it mixes anything.
    fn is_mixed(&self) -> bool {
        true
    }

    /// Mixes inputs, as the network is given them: `[batch, channel, …]`.
    ///
    /// # Errors
    /// A batch of another size than drawn for.
    #[cfg(feature = "torch")]
    fn mix_inputs(&self, inputs: Tensor) -> Result<Tensor> {
        Ok(inputs)
    }

    /// Mixes what lies at a place between the network's blocks, `[batch, channel, …]`.
    ///
    /// # Errors
    /// A batch of another size than drawn for.
    #[cfg(feature = "torch")]
    fn mix_between(&self, _place: usize, hidden: Tensor) -> Result<Tensor> {
        Ok(hidden)
    }

    /// Mixes embeddings `[batch, embedding]`, to as many rows as [`Draw::targets`] has.
    ///
    /// # Errors
    /// A batch of another size than drawn for.
    #[cfg(feature = "torch")]
    fn mix_embeddings(&self, embeddings: Tensor) -> Result<Tensor> {
        Ok(embeddings)
    }

    /// What the logits of this draw should be, from labels and mask `[batch, class]`. A mask of 0 says that the label is
    /// unknown; the label itself must be a number all the same.
    ///
    /// # Errors
    /// A batch of another size than drawn for.
    #[cfg(feature = "torch")]
    fn targets(&self, labels: &Tensor, mask: &Tensor) -> Result<Vec<Target>> {
        Ok(vec![Target { labels: labels.shallow_clone(), weights: mask.shallow_clone() }])
    }
}
