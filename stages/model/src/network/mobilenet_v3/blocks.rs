//! The layers of MobileNetV3.

use tch::{Kind, TchError, Tensor};

use super::layout::{self, Block};
use crate::Result as CrateResult;
use crate::network::backbone::{Backbone, Between, export_pool, pool};
use crate::network::geometry::{Activation, Geometry};
use crate::network::layers::{ConvNorm, Names, Norm, Pass};
use crate::network::plan::{Init, Plan, Slot};
use crate::onnx::{Attribute, Graph, Value};

/// As in MobileNetV3's paper.
const BATCH_NORM_EPSILON: f64 = 1e-3;

/// torchvision's names of the parts of a layer.
fn names(layer: &str) -> Names {
    Names { convolution: format!("{layer}.0"), norm: format!("{layer}.1"), epsilon: BATCH_NORM_EPSILON }
}

/// All layers up to the last feature maps.
#[derive(Debug)]
pub(super) struct Layers {
    stem: ConvNorm,
    blocks: Vec<InvertedResidual>,
    last: ConvNorm,
}

impl Layers {
    pub fn new(plan: &mut Plan, blocks: &[Block], stem_channels: i64, channels: i64) -> Self {
        let last_block = blocks.last().expect("both tables have rows");
        let stem = Geometry { input: channels, output: stem_channels, kernel: 3, stride: 2, groups: 1 };
        let stem = ConvNorm::new(plan, names("features.0"), stem, Activation::Hardswish);
        let residuals =
            (1..).zip(blocks).map(|(index, block)| InvertedResidual::new(plan, &format!("features.{index}"), block)).collect();
        let last = ConvNorm::new(
            plan,
            names(&format!("features.{}", blocks.len() + 1)),
            Geometry::pointwise(last_block.output, layout::embedding(last_block)),
            Activation::Hardswish,
        );
        Self { stem, blocks: residuals, last }
    }
}

impl Backbone for Layers {
    /// The places are behind the stem (0) and behind each block (from 1).
    fn embed(&self, pass: &Pass<'_>, input: &Tensor, kind: Kind, between: Between<'_>) -> CrateResult<Tensor> {
        let mut hidden = between(0, self.stem.forward(pass, input)?)?;
        for (index, block) in (1..).zip(&self.blocks) {
            hidden = between(index, block.forward(pass, &hidden)?)?;
        }
        pool(&self.last.forward(pass, &hidden)?, kind)
    }

    fn fold(&self, parameters: &mut [Tensor], buffers: &[Tensor]) -> CrateResult<()> {
        for part in [&self.stem, &self.last] {
            part.fold(parameters, buffers)?;
        }
        for block in &self.blocks {
            block.fold(parameters, buffers)?;
        }
        Ok(())
    }

    fn export(&self, pass: &Pass<'_>, graph: &mut Graph, input: &Value) -> CrateResult<Option<Value>> {
        let mut hidden = self.stem.export(pass, graph, input)?;
        for block in &self.blocks {
            hidden = block.export(pass, graph, hidden)?;
        }
        let maps = self.last.export(pass, graph, &hidden)?;
        Ok(Some(export_pool(graph, &maps)))
    }

    fn first_convolution(&self) -> Option<Slot> {
        Some(self.stem.weight())
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

    /// The gate in an ONNX graph.
    fn export(&self, pass: &Pass<'_>, graph: &mut Graph, input: &Value) -> CrateResult<Value> {
        let convolve = |graph: &mut Graph, input: &Value, (weight, bias): (Slot, Slot)| -> CrateResult<Value> {
            let (weight, bias) = (graph.weights(pass.parameter(weight))?, graph.weights(pass.parameter(bias))?);
            Ok(graph.add("Conv", &[input, &weight, &bias], &[]))
        };
        let mean = graph.add("GlobalAveragePool", &[input], &[]);
        let squeezed = convolve(graph, &mean, self.squeeze)?;
        let squeezed = graph.add("Relu", &[&squeezed], &[]);
        let excited = convolve(graph, &squeezed, self.excite)?;
        // ONNX has another slope unless it is given: that of torch is a sixth.
        let slope = [("alpha", Attribute::Float(1.0 / 6.0)), ("beta", Attribute::Float(0.5))];
        Ok(graph.add("HardSigmoid", &[&excited], &slope))
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
            expand: (expanded != input)
                .then(|| ConvNorm::new(plan, names(&next()), Geometry::pointwise(input, expanded), activation)),
            depthwise: ConvNorm::new(
                plan,
                names(&next()),
                Geometry { input: expanded, output: expanded, kernel, stride, groups: expanded },
                activation,
            ),
            excitation: squeeze.map(|squeezed| Excitation::new(plan, &next(), expanded, squeezed)),
            project: ConvNorm::new(plan, names(&next()), Geometry::pointwise(expanded, output), Activation::None),
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

    /// The block in an ONNX graph.
    fn export(&self, pass: &Pass<'_>, graph: &mut Graph, input: Value) -> CrateResult<Value> {
        let expanded = match &self.expand {
            Some(expand) => &expand.export(pass, graph, &input)?,
            None => &input,
        };
        let mut hidden = self.depthwise.export(pass, graph, expanded)?;
        if let Some(excitation) = &self.excitation {
            let gate = excitation.export(pass, graph, &hidden)?;
            hidden = graph.add("Mul", &[&hidden, &gate], &[]);
        }
        let output = self.project.export(pass, graph, &hidden)?;
        Ok(if self.shortcut { graph.add("Add", &[&output, &input], &[]) } else { output })
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
