//! Shapes of convolutions, and what follows them.

use tch::{TchError, Tensor};

use crate::onnx::{Attribute, Graph, Value};

/// What follows a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Activation {
    None,
    Relu,
    Hardswish,
}

impl Activation {
    pub fn forward(self, input: Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::None => Ok(input),
            Self::Relu => input.f_relu(),
            Self::Hardswish => input.f_hardswish(),
        }
    }

    /// The same in place, where no gradient needs what stood there.
    pub fn forward_in_place(self, mut input: Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::None => Ok(input),
            Self::Relu => input.f_relu_(),
            Self::Hardswish => input.f_hardswish_(),
        }
    }
}

impl Activation {
    /// The same in an ONNX graph.
    pub fn export(self, graph: &mut Graph, input: Value) -> Value {
        match self {
            Self::None => input,
            Self::Relu => graph.add("Relu", &[&input], &[]),
            Self::Hardswish => graph.add("HardSwish", &[&input], &[]),
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

    /// A convolution in an ONNX graph.
    pub fn export(self, graph: &mut Graph, input: &Value, weight: &Value, bias: &Value) -> Value {
        let Self { kernel, stride, groups, .. } = self;
        let settings = [
            ("kernel_shape", Attribute::Integers(vec![kernel; 2])),
            ("strides", Attribute::Integers(vec![stride; 2])),
            ("pads", Attribute::Integers(vec![kernel / 2; 4])),
            ("group", Attribute::Integer(groups)),
        ];
        graph.add("Conv", &[input, weight, bias], &settings)
    }
}
