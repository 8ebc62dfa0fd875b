//! A network for prediction only: batch normalisation is folded into the convolutions, and nothing can be learnt any more.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::fused::Fused;
use super::layers::{Norm, Pass};
use super::{Layers, Network, channels_last, check_input};
use crate::Result;

/// Folded weights. Scores equal those of the network in evaluation mode up to rounding, in half of the time or less.
#[derive(Debug)]
pub struct Frozen {
    layers: Arc<Layers>,
    parameters: Vec<Tensor>,
    channels: i64,
    compute: Kind,
    kind: Kind,
    fused: Option<Fused>,
}

impl Frozen {
    pub(super) fn new(network: &Network, compute: Kind) -> Result<Self> {
        let _no_grad = tch::no_grad_guard();
        let layers = Arc::clone(&network.layers);
        let mut parameters: Vec<Tensor> = network.parameters.iter().map(Tensor::detach).collect();
        for part in [&layers.stem, &layers.last] {
            part.fold(&mut parameters, &network.buffers)?;
        }
        for block in &layers.blocks {
            block.fold(&mut parameters, &network.buffers)?;
        }
        let (weight, bias) = layers.head;
        for (slot, parameter) in parameters.iter_mut().enumerate() {
            // A copy in any case, so that later steps of a training do not reach it.
            let kind = if slot == weight.0 || slot == bias.0 { network.kind() } else { compute };
            *parameter = parameter.f_to_dtype(kind, false, true)?;
            if parameter.dim() == 4 {
                // The layout of what the convolution is given; else libtorch makes this copy for every batch.
                *parameter = channels_last(parameter)?;
            }
        }
        let fused = Fused::new(compute, network.device());
        Ok(Self { layers, parameters, channels: network.options().channels, compute, kind: network.kind(), fused })
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.parameters[0].device()
    }

    /// The number type of inputs, embeddings and logits.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// From `[batch, channel, mel, frame]` in 0..1 to embeddings `[batch, embedding]`.
    ///
    /// # Errors
    /// An input of another shape.
    pub fn embed(&self, input: &Tensor) -> Result<Tensor> {
        check_input(input, self.channels)?;
        let pass = Pass { parameters: &self.parameters, buffers: &[], norm: Norm::Folded(self.fused), compute: self.compute };
        let input = channels_last(&input.f_to_kind(self.compute)?)?;
        self.layers.embed(&pass, &input, self.kind, &|_, hidden| Ok(hidden))
    }

    /// From embeddings `[batch, embedding]` to logits `[batch, class]`.
    ///
    /// # Errors
    /// Embeddings of another size.
    pub fn head(&self, embeddings: &Tensor) -> Result<Tensor> {
        self.layers.classify(&self.parameters, embeddings)
    }
}
