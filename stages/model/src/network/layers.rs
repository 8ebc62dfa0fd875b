//! Layers that several networks have: they hold places in the lists of weights, and are given the weights at each pass.

use tch::{Kind, TchError, Tensor};

use super::fused::Fused;
use super::geometry::{Activation, Geometry};
use super::plan::{Init, Plan, Slot};
use crate::Result as CrateResult;
use crate::onnx::{Graph, Value};

/// What batch normalisation does in a pass.
#[derive(Debug, Clone, Copy)]
pub enum Norm {
    /// Takes the batch's statistics, which enter the running ones with this weight.
    Batch(f64),
    /// Takes the running statistics.
    Running,
    /// Nothing: it is folded into the convolutions' weights, and its shift is their bias. The fused operation, where there is one,
    /// computes convolution and activation in one pass over memory.
    Folded(Option<Fused>),
}

/// The weights of one pass, and how it computes.
#[derive(Debug)]
pub struct Pass<'a> {
    /// The weights that are learnt, by [`Slot`].
    pub parameters: &'a [Tensor],
    /// Statistics, and weights that stay as they are, by [`Slot`].
    pub buffers: &'a [Tensor],
    /// What batch normalisation does.
    pub norm: Norm,
    /// The number type in which convolutions compute. Statistics stay in the parameters' own.
    pub compute: Kind,
}

impl Pass<'_> {
    /// A weight that is learnt.
    pub fn parameter(&self, slot: Slot) -> &Tensor {
        &self.parameters[slot.0]
    }

    /// A statistic, or a weight that stays as it is.
    pub fn buffer(&self, slot: Slot) -> &Tensor {
        &self.buffers[slot.0]
    }

    /// A convolution's weight or bias, cast where the pass computes in another type; its gradient comes back in its own.
    ///
    /// # Errors
    /// libtorch's only.
    pub fn cast(&self, slot: Slot) -> Result<Tensor, TchError> {
        self.parameter(slot).f_to_kind(self.compute)
    }
}

/// Convolution without bias, batch normalisation, activation.
#[derive(Debug)]
pub(crate) struct ConvNorm {
    geometry: Geometry,
    weight: Slot,
    scale: Slot,
    shift: Slot,
    mean: Slot,
    variance: Slot,
    epsilon: f64,
    activation: Activation,
}

/// What torchvision calls the two parts of a [`ConvNorm`], and the epsilon of the normalisation.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub convolution: String,
    pub norm: String,
    pub epsilon: f64,
}

impl ConvNorm {
    pub fn new(plan: &mut Plan, names: Names, geometry: Geometry, activation: Activation) -> Self {
        let Names { convolution, norm, epsilon } = names;
        let Geometry { input, output, kernel, groups, .. } = geometry;
        let shape = [output, input / groups, kernel, kernel];
        plan.count_batches(norm.clone());
        Self {
            geometry,
            weight: plan.parameter(format!("{convolution}.weight"), &shape, Init::kaiming(&shape)),
            scale: plan.parameter(format!("{norm}.weight"), &[output], Init::Ones),
            shift: plan.parameter(format!("{norm}.bias"), &[output], Init::Zeros),
            mean: plan.buffer(format!("{norm}.running_mean"), &[output], Init::Zeros),
            variance: plan.buffer(format!("{norm}.running_var"), &[output], Init::Ones),
            epsilon,
            activation,
        }
    }

    /// The weights of the convolution.
    pub fn weight(&self) -> Slot {
        self.weight
    }

    pub fn forward(&self, pass: &Pass<'_>, input: &Tensor) -> Result<Tensor, TchError> {
        let Geometry { kernel, stride, groups, .. } = self.geometry;
        let weight = pass.cast(self.weight)?;
        let convolve =
            |bias: Option<&Tensor>| input.f_conv2d(&weight, bias, [stride, stride], [kernel / 2, kernel / 2], [1, 1], groups);
        let (is_batch, momentum) = match pass.norm {
            Norm::Folded(Some(fused)) => {
                return fused.convolve(input, &weight, pass.parameter(self.shift), self.geometry, self.activation);
            }
            Norm::Folded(None) => return self.activation.forward_in_place(convolve(Some(pass.parameter(self.shift)))?),
            Norm::Batch(momentum) => (true, momentum),
            Norm::Running => (false, 0.0),
        };
        let output = convolve(None)?.f_batch_norm(
            Some(pass.parameter(self.scale)),
            Some(pass.parameter(self.shift)),
            Some(pass.buffer(self.mean)),
            Some(pass.buffer(self.variance)),
            is_batch,
            momentum,
            self.epsilon,
            true,
        )?;
        self.activation.forward(output)
    }

    /// The convolution with folded weights and the activation in an ONNX graph.
    pub fn export(&self, pass: &Pass<'_>, graph: &mut Graph, input: &Value) -> CrateResult<Value> {
        let (weight, bias) = (graph.weights(pass.parameter(self.weight))?, graph.weights(pass.parameter(self.shift))?);
        let output = self.geometry.export(graph, input, &weight, &bias);
        Ok(self.activation.export(graph, output))
    }

    /// Puts the normalisation by running statistics into the convolution: `w * a` and `shift - mean * a` with
    /// `a = scale / sqrt(variance + epsilon)` (Jacob et al. 2018, section 3.2). The results take the places of weight and shift.
    pub fn fold(&self, parameters: &mut [Tensor], buffers: &[Tensor]) -> Result<(), TchError> {
        let factor = buffers[self.variance.0].f_add_scalar(self.epsilon)?.f_rsqrt()?.f_mul(&parameters[self.scale.0])?;
        let shift = parameters[self.shift.0].f_sub(&buffers[self.mean.0].f_mul(&factor)?)?;
        parameters[self.weight.0] = parameters[self.weight.0].f_mul(&factor.f_view([-1, 1, 1, 1])?)?;
        parameters[self.shift.0] = shift;
        Ok(())
    }
}
