//! The layers of MobileNetV3 as descriptions: they hold places, not tensors, and are given the tensors at each pass.
//! So one network can run on its own weights, on an average of them, or on a copy of another precision.

use tch::{Kind, TchError, Tensor};

use super::fused::Fused;
use super::layout::Block;
use super::plan::{Init, Plan, Slot};

/// As in MobileNetV3's paper.
const BATCH_NORM_EPSILON: f64 = 1e-3;

/// What batch normalisation does in a pass.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Norm {
    /// Takes the batch's statistics, which enter the running ones with this weight.
    Batch(f64),
    /// Takes the running statistics.
    Running,
    /// Nothing: it is in the convolutions' weights already ([`ConvNorm::fold`]), and its shift is their bias.
    Folded(Option<Fused>),
}

/// The tensors of one pass.
pub(crate) struct Pass<'a> {
    pub parameters: &'a [Tensor],
    pub buffers: &'a [Tensor],
    pub norm: Norm,
    /// The number type in which convolutions compute. Statistics stay in the parameters' own.
    pub compute: Kind,
}

impl Pass<'_> {
    fn parameter(&self, slot: Slot) -> &Tensor {
        &self.parameters[slot.0]
    }

    fn buffer(&self, slot: Slot) -> &Tensor {
        &self.buffers[slot.0]
    }

    /// A convolution's weight or bias, cast where the pass computes in another type; its gradient comes back in its own.
    fn cast(&self, slot: Slot) -> Result<Tensor, TchError> {
        self.parameter(slot).f_to_kind(self.compute)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Activation {
    None,
    Relu,
    Hardswish,
}

impl Activation {
    fn forward(self, input: Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::None => Ok(input),
            Self::Relu => input.f_relu(),
            Self::Hardswish => input.f_hardswish(),
        }
    }

    /// The same in place, where no gradient needs what stood there.
    fn forward_in_place(self, mut input: Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::None => Ok(input),
            Self::Relu => input.f_relu_(),
            Self::Hardswish => input.f_hardswish_(),
        }
    }
}

/// A convolution's geometry; padding keeps the size at stride 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub input: i64,
    pub output: i64,
    pub kernel: i64,
    pub stride: i64,
    pub groups: i64,
}

impl Geometry {
    pub fn pointwise(input: i64, output: i64) -> Self {
        Self { input, output, kernel: 1, stride: 1, groups: 1 }
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
    activation: Activation,
}

impl ConvNorm {
    pub fn new(plan: &mut Plan, name: &str, geometry: Geometry, activation: Activation) -> Self {
        let Geometry { input, output, kernel, groups, .. } = geometry;
        let shape = [output, input / groups, kernel, kernel];
        plan.norms.push(format!("{name}.1"));
        Self {
            geometry,
            weight: plan.parameter(format!("{name}.0.weight"), &shape, Init::kaiming(&shape)),
            scale: plan.parameter(format!("{name}.1.weight"), &[output], Init::Ones),
            shift: plan.parameter(format!("{name}.1.bias"), &[output], Init::Zeros),
            mean: plan.buffer(format!("{name}.1.running_mean"), &[output], Init::Zeros),
            variance: plan.buffer(format!("{name}.1.running_var"), &[output], Init::Ones),
            activation,
        }
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
            BATCH_NORM_EPSILON,
            true,
        )?;
        self.activation.forward(output)
    }

    /// Puts the normalisation by running statistics into the convolution: `w * a` and `shift - mean * a` with
    /// `a = scale / sqrt(variance + epsilon)` (Jacob et al. 2018, section 3.2). The results take the places of weight and shift.
    pub fn fold(&self, parameters: &mut [Tensor], buffers: &[Tensor]) -> Result<(), TchError> {
        let factor = buffers[self.variance.0].f_add_scalar(BATCH_NORM_EPSILON)?.f_rsqrt()?.f_mul(&parameters[self.scale.0])?;
        let shift = parameters[self.shift.0].f_sub(&buffers[self.mean.0].f_mul(&factor)?)?;
        parameters[self.weight.0] = parameters[self.weight.0].f_mul(&factor.f_view([-1, 1, 1, 1])?)?;
        parameters[self.shift.0] = shift;
        Ok(())
    }
}

/// Squeeze-and-excitation (Hu et al. 2018): each channel is scaled by a gate that sees the mean of all channels.
#[derive(Debug)]
struct Excitation {
    squeeze: (Slot, Slot),
    excite: (Slot, Slot),
}

impl Excitation {
    fn new(plan: &mut Plan, name: &str, channels: i64, squeezed: i64) -> Self {
        let mut convolution = |part: &str, shape: [i64; 4]| {
            (
                plan.parameter(format!("{name}.{part}.weight"), &shape, Init::kaiming(&shape)),
                plan.parameter(format!("{name}.{part}.bias"), &shape[..1], Init::Zeros),
            )
        };
        Self { squeeze: convolution("fc1", [squeezed, channels, 1, 1]), excite: convolution("fc2", [channels, squeezed, 1, 1]) }
    }

    fn gate(&self, pass: &Pass<'_>, input: &Tensor) -> Result<Tensor, TchError> {
        let convolve = |input: &Tensor, (weight, bias): (Slot, Slot)| {
            input.f_conv2d(&pass.cast(weight)?, Some(pass.cast(bias)?), [1, 1], [0, 0], [1, 1], 1)
        };
        let squeezed = convolve(&input.f_adaptive_avg_pool2d([1, 1])?, self.squeeze)?.f_relu()?;
        convolve(&squeezed, self.excite)?.f_hardsigmoid()
    }
}

/// Expansion, depthwise convolution, squeeze-and-excitation, projection, and the shortcut where shapes allow it.
#[derive(Debug)]
pub(crate) struct InvertedResidual {
    expand: Option<ConvNorm>,
    depthwise: ConvNorm,
    excitation: Option<Excitation>,
    project: ConvNorm,
    shortcut: bool,
}

impl InvertedResidual {
    pub fn new(plan: &mut Plan, name: &str, block: &Block) -> Self {
        let &Block { input, expanded, output, kernel, stride, squeeze, hardswish } = block;
        let activation = if hardswish { Activation::Hardswish } else { Activation::Relu };
        let mut part = 0;
        let mut next = || {
            part += 1;
            format!("{name}.block.{}", part - 1)
        };
        Self {
            expand: (expanded != input).then(|| ConvNorm::new(plan, &next(), Geometry::pointwise(input, expanded), activation)),
            depthwise: ConvNorm::new(
                plan,
                &next(),
                Geometry { input: expanded, output: expanded, kernel, stride, groups: expanded },
                activation,
            ),
            excitation: squeeze.map(|squeezed| Excitation::new(plan, &next(), expanded, squeezed)),
            project: ConvNorm::new(plan, &next(), Geometry::pointwise(expanded, output), Activation::None),
            shortcut: stride == 1 && input == output,
        }
    }

    pub fn forward(&self, pass: &Pass<'_>, input: &Tensor) -> Result<Tensor, TchError> {
        let expanded = match &self.expand {
            Some(expand) => &expand.forward(pass, input)?,
            None => input,
        };
        let mut hidden = self.depthwise.forward(pass, expanded)?;
        let in_place = matches!(pass.norm, Norm::Folded(_));
        if let Some(excitation) = &self.excitation {
            let gate = excitation.gate(pass, &hidden)?;
            hidden = if in_place { hidden.f_mul_(&gate)? } else { hidden.f_mul(&gate)? };
        }
        let mut output = self.project.forward(pass, &hidden)?;
        match (self.shortcut, in_place) {
            (false, _) => Ok(output),
            (true, false) => output.f_add(input),
            (true, true) => output.f_add_(input),
        }
    }

    /// Folds all normalisations, see [`ConvNorm::fold`].
    pub fn fold(&self, parameters: &mut [Tensor], buffers: &[Tensor]) -> Result<(), TchError> {
        let parts = self.expand.iter().chain([&self.depthwise, &self.project]);
        for part in parts {
            part.fold(parameters, buffers)?;
        }
        Ok(())
    }
}
