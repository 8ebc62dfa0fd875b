//! One training step: mix, forward, loss, backward, update.

use tch::Tensor;

use crate::Result;
use crate::loss::Objective;
use crate::mixing::Draw;
use crate::network::{Mode, Network};
use crate::optim::{OptimizerState, clip};

/// How a step turns a batch into an update.
#[derive(Debug)]
pub struct Update<'a> {
    /// What is minimised.
    pub loss: &'a Objective,
    /// The learning rate.
    pub learning_rate: f64,
    /// Gradients are clipped to this L2 norm; none: they are not.
    pub clip: Option<f64>,
}

/// Learns from one batch and gives its loss, a scalar on the network's device that nobody has waited for.
///
/// `inputs` are normalised, as the network takes them, `labels` and `mask` `[batch, class]`, all of the network's
/// number type and device.
///
/// # Errors
/// Shapes that don't fit each other.
pub fn train_step(
    network: &Network,
    optimizer: &mut OptimizerState,
    update: &Update<'_>,
    inputs: Tensor,
    (labels, mask): (&Tensor, &Tensor),
    draw: &dyn Draw,
) -> Result<Tensor> {
    let between = |place: usize, hidden: Tensor| draw.mix_between(place, hidden);
    let embeddings = network.forward_between(&draw.mix_inputs(inputs)?, Mode::Train, &between)?;
    let logits = network.head(&draw.mix_embeddings(embeddings)?)?;
    let loss = update.loss.of(&logits, &draw.targets(labels, mask)?)?;
    let gradient = network.gradient(&loss)?;
    let gradient = match update.clip {
        Some(longest) => clip(gradient, longest)?,
        None => gradient,
    };
    optimizer.step(&mut network.flat(), &gradient, update.learning_rate)?;
    Ok(loss.f_detach()?)
}
