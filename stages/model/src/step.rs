//! One training step: mix, forward, loss, backward, update.

use tch::Tensor;

use crate::Result;
use crate::mixing::{Draw, loss};
use crate::network::{Mode, Network};
use crate::optim::Optimizer;

/// Learns from one batch and gives its loss, a scalar on the network's device that nobody has waited for.
///
/// `inputs` are `[batch, channel, mel, frame]` in 0..1, `labels` and `mask` `[batch, class]`, all of the network's
/// number type and device.
///
/// # Errors
/// Shapes that don't fit each other.
pub fn train_step(
    network: &Network,
    optimizer: &mut Optimizer,
    learning_rate: f64,
    inputs: Tensor,
    (labels, mask): (&Tensor, &Tensor),
    draw: &Draw,
) -> Result<Tensor> {
    let embeddings = network.forward_features(&draw.mix_inputs(inputs)?, Mode::Train)?;
    let logits = network.head(&draw.mix_embeddings(embeddings)?)?;
    let loss = loss(&logits, &draw.targets(labels, mask)?)?;
    let gradient = network.gradient(&loss)?;
    optimizer.step(&mut network.flat(), &gradient, learning_rate)?;
    Ok(loss.f_detach()?)
}
