//! A network for prediction only: batch normalisation is folded into the convolutions, and nothing can be learnt any more.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::architecture::NetworkOptions;
use super::fused::Fused;
use super::instance::{Core, Network};
use super::layers::{Norm, Pass};
use crate::Result;
use crate::onnx::{Graph, Value};
use crate::tensors::channels_last;

/// Folded weights. Scores equal those of the network in evaluation mode up to rounding, in half of the time or less.
#[derive(Debug)]
pub struct Frozen {
    core: Arc<Core>,
    parameters: Vec<Tensor>,
    buffers: Vec<Tensor>,
    compute: Kind,
    kind: Kind,
    fused: Option<Fused>,
}

impl Network {
    /// A copy of the weights as they are now, for prediction only: batch normalisation folded into the convolutions, which compute in
    /// `compute`. Embedding and head stay in the network's own number type.
    ///
    /// # Errors
    /// libtorch's only.
    pub fn freeze(&self, compute: Kind) -> Result<Frozen> {
        let _no_grad = tch::no_grad_guard();
        let core = self.core();
        let mut parameters: Vec<Tensor> = self.parameters().iter().map(Tensor::detach).collect();
        core.backbone.fold(&mut parameters, self.buffers())?;
        for (slot, parameter) in parameters.iter_mut().enumerate() {
            // A copy in any case, so that later steps of a training do not reach it.
            let kind = if core.is_head(slot) { self.kind() } else { compute };
            // The layout of what the convolution is given; else libtorch makes this copy for every batch.
            *parameter = channels_last(&parameter.f_to_dtype(kind, false, true)?)?;
        }
        let buffers = self.buffers().iter().map(Tensor::copy).collect();
        let fused = Fused::new(compute, self.device());
        Ok(Frozen { core, parameters, buffers, compute, kind: self.kind(), fused })
    }
}

impl Frozen {
    /// What defines the network's shape.
    pub fn options(&self) -> &NetworkOptions {
        &self.core.options
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.parameters[0].device()
    }

    /// The number type of inputs, embeddings and logits.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// From normalised inputs, as [`NetworkOptions::architecture`] describes them, to embeddings `[batch, embedding]`.
    ///
    /// # Errors
    /// An input of another shape.
    pub fn embed(&self, input: &Tensor) -> Result<Tensor> {
        let pass =
            Pass { parameters: &self.parameters, buffers: &self.buffers, norm: Norm::Folded(self.fused), compute: self.compute };
        self.core.embed(&pass, input, self.kind, &|_, hidden| Ok(hidden))
    }

    /// Adds the network to an ONNX graph: from normalised inputs to embeddings `[batch, embedding]` and logits `[batch, class]`. `None`
    /// for a network that has no such form.
    ///
    /// # Errors
    /// libtorch's only.
    pub fn export(&self, graph: &mut Graph, input: &Value) -> Result<Option<[Value; 2]>> {
        let pass = Pass { parameters: &self.parameters, buffers: &self.buffers, norm: Norm::Folded(None), compute: self.compute };
        let Some(embeddings) = self.core.backbone.export(&pass, graph, input)? else { return Ok(None) };
        let logits = self.core.export_head(&self.parameters, graph, &embeddings)?;
        Ok(Some([embeddings, logits]))
    }

    /// From embeddings `[batch, embedding]` to logits `[batch, class]`.
    ///
    /// # Errors
    /// Embeddings of another size.
    pub fn head(&self, embeddings: &Tensor) -> Result<Tensor> {
        self.core.classify(&self.parameters, embeddings)
    }
}
