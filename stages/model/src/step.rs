//! One training step: mix, forward, loss, backward, update.

use tch::Tensor;

use crate::Result;
use crate::loss::Objective;
use crate::mixing::Draw;
use crate::network::{Mode, Network};
use crate::optim::{OptimizerState, clip};
use crate::view_loss::{ViewLoss, Views};

/// How a step turns a batch into an update.
#[derive(Debug)]
pub struct Update<'a> {
    /// What is minimised.
    pub loss: &'a Objective,
    /// How far it goes.
    pub rate: Rate,
}

/// How far a step goes against the gradient.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// The learning rate.
    pub learning_rate: f64,
    /// The learning rate of everything but the head is this many times that.
    pub body: f64,
    /// Gradients are clipped to this L2 norm; none: they are not.
    pub clip: Option<f64>,
}

impl Rate {
    fn apply(self, network: &Network, optimizer: &mut OptimizerState, loss: &Tensor) -> Result<()> {
        let gradient = network.gradient(loss)?;
        let gradient = match self.clip {
            Some(longest) => clip(gradient, longest)?,
            None => gradient,
        };
        let mut parameters = network.flat();
        if self.body == 1.0 {
            return optimizer.step(&mut parameters, &gradient, self.learning_rate);
        }
        // Whatever the optimiser does: the body goes a part of the way.
        let _no_grad = tch::no_grad_guard();
        let mut body = parameters.f_narrow(0, 0, network.body_len())?;
        let before = body.copy();
        optimizer.step(&mut parameters, &gradient, self.learning_rate)?;
        let way = body.f_sub(&before)?.f_mul_scalar(self.body)?;
        body.f_copy_(&before.f_add(&way)?)?;
        Ok(())
    }
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
    update.rate.apply(network, optimizer, &loss)?;
    Ok(loss.f_detach()?)
}

/// Learns from two views of a batch without labels, the first of which is mixed, and gives its loss as [`train_step`] does.
///
/// # Errors
/// Shapes that don't fit each other.
pub fn views_step(
    network: &Network,
    optimizer: &mut OptimizerState,
    (loss, rate): (&dyn ViewLoss, Rate),
    [first, second]: [Tensor; 2],
    draw: &dyn Draw,
) -> Result<Tensor> {
    let examples = first.size()[0];
    let between = |place: usize, hidden: Tensor| draw.mix_between(place, hidden);
    let embeddings = network.forward_between(&draw.mix_inputs(first)?, Mode::Train, &between)?;
    let first = network.head(&draw.mix_embeddings(embeddings)?)?;
    let second = network.head(&network.forward_features(&second, Mode::Train)?)?;
    let mixtures = draw.is_mixed().then(|| mixtures(draw, examples, &first)).transpose()?;
    let loss = loss.of_views(&Views { first, second, mixtures })?;
    rate.apply(network, optimizer, &loss)?;
    Ok(loss.f_detach()?)
}

/// How much of each example a row holds `[row, example]`: the labels of a batch in which each example is a class of its own.
fn mixtures(draw: &dyn Draw, examples: i64, like: &Tensor) -> Result<Tensor> {
    let own = Tensor::f_eye(examples, (like.kind(), like.device()))?;
    let mut sum: Option<Tensor> = None;
    for target in draw.targets(&own, &own.f_ones_like()?)? {
        let part = target.labels.f_mul(&target.weights)?;
        sum = Some(match sum {
            Some(sum) => sum.f_add(&part)?,
            None => part,
        });
    }
    Ok(sum.unwrap_or(own))
}
