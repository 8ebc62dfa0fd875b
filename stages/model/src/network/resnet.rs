//! ResNet-18 over spectrograms (He et al., CVPR 2016), with torchvision's parameter names, and the pooling of Mix2's paper.

use std::sync::Arc;

use chorus_keys::Keys;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::{Device, Kind, TchError, Tensor};

use super::architecture::Architecture;
#[cfg(feature = "torch")]
use super::backbone::{Backbone, Between, export_pool, pool};
#[cfg(feature = "torch")]
use super::geometry::{Activation, Geometry};
#[cfg(feature = "torch")]
use super::layers::{ConvNorm, Names, Norm, Pass};
use super::mobilenet_v3::MobileNetV3Options;
#[cfg(feature = "torch")]
use super::plan::{Plan, Slot};
use super::width::scaled;
#[cfg(feature = "torch")]
use crate::Result;
use crate::extension::{Entry, OwnOptions};
#[cfg(feature = "torch")]
use crate::onnx::{Attribute, Graph, Value};

const NAME: &str = "resnet18";

/// `train.architecture: resnet18`
pub const RESNET18: Entry<dyn Architecture> = Entry {
    name: NAME,
    about: "ResNet-18: 8 blocks, embeddings of 512 values at width 1",
    keys: ResNet18::keys,
    configure: |settings| Ok(Arc::new(settings.read::<ResNet18>(NAME)?)),
};

/// Channels of the first convolution and of the four groups of blocks, at width 1.
const CHANNELS: [i64; 5] = [64, 64, 128, 256, 512];
/// Blocks of a group.
const BLOCKS: usize = 2;

/// The options of ResNet-18.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct ResNet18 {
    /// As with MobileNetV3.
    #[key(same_as = MobileNetV3Options)]
    pub width: f64,
}

impl ResNet18 {
    fn channels(&self) -> [i64; 5] {
        CHANNELS.map(|channels| scaled(channels, self.width))
    }
}

impl OwnOptions for ResNet18 {
    const NAME: &'static str = NAME;
}

impl Architecture for ResNet18 {
    fn embedding(&self) -> i64 {
        self.channels()[4]
    }

    /// Behind the stem (0) and behind each block (from 1).
    fn places(&self) -> usize {
        1 + (CHANNELS.len() - 1) * BLOCKS
    }

    #[cfg(feature = "torch")]
    fn build(&self, plan: &mut Plan, channels: i64, _: Device) -> Result<Box<dyn Backbone>> {
        let [stem, groups @ ..] = self.channels();
        let geometry = Geometry { input: channels, output: stem, kernel: 7, stride: 2, groups: 1 };
        let first = ConvNorm::new(plan, names("conv1", "bn1"), geometry, Activation::Relu);
        let mut input = stem;
        let mut blocks = Vec::new();
        for (group, output) in (1..).zip(groups) {
            for block in 0..BLOCKS {
                let stride = if group > 1 && block == 0 { 2 } else { 1 };
                blocks.push(BasicBlock::new(plan, &format!("layer{group}.{block}"), input, output, stride));
                input = output;
            }
        }
        Ok(Box::new(Layers { stem: first, blocks }))
    }
}

/// torchvision's names of a convolution and its normalisation, with the epsilon that it has there.
#[cfg(feature = "torch")]
fn names(convolution: &str, norm: &str) -> Names {
    Names { convolution: convolution.to_owned(), norm: norm.to_owned(), epsilon: 1e-5 }
}

#[cfg(feature = "torch")]
#[derive(Debug)]
struct Layers {
    stem: ConvNorm,
    blocks: Vec<BasicBlock>,
}

#[cfg(feature = "torch")]
impl Backbone for Layers {
    fn embed(&self, pass: &Pass<'_>, input: &Tensor, kind: Kind, between: Between<'_>) -> Result<Tensor> {
        let stem = self.stem.forward(pass, input)?.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        let mut hidden = between(0, stem)?;
        for (index, block) in (1..).zip(&self.blocks) {
            hidden = between(index, block.forward(pass, &hidden)?)?;
        }
        pool(&hidden, kind)
    }

    fn fold(&self, parameters: &mut [Tensor], buffers: &[Tensor]) -> Result<()> {
        self.stem.fold(parameters, buffers)?;
        for block in &self.blocks {
            for part in [&block.first, &block.second].into_iter().chain(&block.downsample) {
                part.fold(parameters, buffers)?;
            }
        }
        Ok(())
    }

    fn export(&self, pass: &Pass<'_>, graph: &mut Graph, input: &Value) -> Result<Option<Value>> {
        let stem = self.stem.export(pass, graph, input)?;
        let settings = [
            ("kernel_shape", Attribute::Integers(vec![3, 3])),
            ("strides", Attribute::Integers(vec![2, 2])),
            ("pads", Attribute::Integers(vec![1; 4])),
        ];
        let mut hidden = graph.add("MaxPool", &[&stem], &settings);
        for block in &self.blocks {
            hidden = block.export(pass, graph, &hidden)?;
        }
        Ok(Some(export_pool(graph, &hidden)))
    }

    fn first_convolution(&self) -> Option<Slot> {
        Some(self.stem.weight())
    }
}

/// Two convolutions and a shortcut around them.
#[cfg(feature = "torch")]
#[derive(Debug)]
struct BasicBlock {
    first: ConvNorm,
    second: ConvNorm,
    /// The shortcut where the shapes before and behind the convolutions differ.
    downsample: Option<ConvNorm>,
}

#[cfg(feature = "torch")]
impl BasicBlock {
    fn new(plan: &mut Plan, name: &str, input: i64, output: i64, stride: i64) -> Self {
        let part = |convolution: &str, norm: &str| names(&format!("{name}.{convolution}"), &format!("{name}.{norm}"));
        let first = Geometry { input, output, kernel: 3, stride, groups: 1 };
        let second = Geometry { input: output, output, kernel: 3, stride: 1, groups: 1 };
        let shortcut = Geometry { stride, ..Geometry::pointwise(input, output) };
        Self {
            first: ConvNorm::new(plan, part("conv1", "bn1"), first, Activation::Relu),
            second: ConvNorm::new(plan, part("conv2", "bn2"), second, Activation::None),
            downsample: (stride != 1 || input != output)
                .then(|| ConvNorm::new(plan, part("downsample.0", "downsample.1"), shortcut, Activation::None)),
        }
    }

    /// The block in an ONNX graph.
    fn export(&self, pass: &Pass<'_>, graph: &mut Graph, input: &Value) -> Result<Value> {
        let first = self.first.export(pass, graph, input)?;
        let second = self.second.export(pass, graph, &first)?;
        let shortcut = match &self.downsample {
            Some(downsample) => &downsample.export(pass, graph, input)?,
            None => input,
        };
        let sum = graph.add("Add", &[&second, shortcut], &[]);
        Ok(graph.add("Relu", &[&sum], &[]))
    }

    fn forward(&self, pass: &Pass<'_>, input: &Tensor) -> std::result::Result<Tensor, TchError> {
        let mut output = self.second.forward(pass, &self.first.forward(pass, input)?)?;
        let shortcut = match &self.downsample {
            Some(downsample) => &downsample.forward(pass, input)?,
            None => input,
        };
        match pass.norm {
            Norm::Folded(_) => output.f_add_(shortcut)?.f_relu_(),
            Norm::Batch(_) | Norm::Running => output.f_add(shortcut)?.f_relu(),
        }
    }
}
