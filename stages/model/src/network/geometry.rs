//! Shapes of convolutions, and what follows them.

use tch::{TchError, Tensor};

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
