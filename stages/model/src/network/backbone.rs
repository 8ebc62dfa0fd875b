//! The layers of a network.

use std::fmt::Debug;

use tch::{Kind, Tensor};

use super::layers::Pass;
use super::plan::Slot;
use crate::Result;
use crate::onnx::{Attribute, Graph, Value};

/// The layers of a network, without their weights: [`Pass`] holds these. So one network can run on its own weights, on an average of
/// them, or on a copy of another number type.
pub trait Backbone: Debug + Send + Sync {
    /// From normalised inputs to embeddings `[batch, embedding]` in `kind`. Inputs of four dimensions are laid out channels-last. At
    /// each of the architecture's places, counted from 0, `between` is given what the layers before it made, and gives what goes on.
    ///
    /// # Errors
    /// Inputs of another shape, and those of `between`.
    fn embed(&self, pass: &Pass<'_>, input: &Tensor, kind: Kind, between: Between<'_>) -> Result<Tensor>;

    /// Folds batch normalisation into the weights, for prediction; see [`super::Norm::Folded`]. Without batch normalisation there is
    /// nothing to do.
    ///
    /// # Errors
    /// libtorch's only.
    fn fold(&self, _parameters: &mut [Tensor], _buffers: &[Tensor]) -> Result<()> {
        Ok(())
    }

    /// Adds the layers to an ONNX graph, with the folded weights of `pass`: from normalised inputs to embeddings `[batch, embedding]`. A
    /// network that has no such form gives `None`.
    ///
    /// # Errors
    /// libtorch's only.
    fn export(&self, _pass: &Pass<'_>, _graph: &mut Graph, _input: &Value) -> Result<Option<Value>> {
        Ok(None)
    }

    /// The weights of the first convolution, where weights that were learnt on pictures are fitted to another number of channels.
    fn first_convolution(&self) -> Option<Slot> {
        None
    }
}

/// What happens at the places between the blocks of a network.
pub type Between<'a> = &'a dyn Fn(usize, Tensor) -> Result<Tensor>;

/// From the last feature maps `[batch, channel, mel, frame]` to embeddings `[batch, channel]` in `kind`, as in Mix2's paper: mean over
/// frequency, then maximum over time plus mean over time.
///
/// # Errors
/// Feature maps of another number of dimensions.
pub fn pool(maps: &Tensor, kind: Kind) -> Result<Tensor> {
    let over_frequency = maps.f_to_kind(kind)?.f_mean_dim([2].as_slice(), false, None)?;
    let (peak, _) = over_frequency.f_max_dim(2, false)?;
    Ok(peak.f_add(&over_frequency.f_mean_dim([2].as_slice(), false, None)?)?)
}

/// [`pool`] in an ONNX graph.
pub fn export_pool(graph: &mut Graph, maps: &Value) -> Value {
    let over = |graph: &mut Graph, operator: &str, input: &Value| {
        graph.add(operator, &[input], &[("axes", Attribute::Integers(vec![2])), ("keepdims", Attribute::Integer(0))])
    };
    let over_frequency = over(graph, "ReduceMean", maps);
    let peak = over(graph, "ReduceMax", &over_frequency);
    let mean = over(graph, "ReduceMean", &over_frequency);
    graph.add("Add", &[&peak, &mean], &[])
}
