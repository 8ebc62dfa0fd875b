//! The number types in which a network can compute.

use chorus_keys::Choices;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Kind;

/// The number type in which a network's convolutions compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single precision.
    Float32,
    /// Eight bits of mantissa; weights, statistics, embedding and loss stay in single precision.
    Bfloat16,
}

impl Precision {
    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
        }
    }

    /// libtorch's name for it.
    #[cfg(feature = "torch")]
    pub fn kind(self) -> Kind {
        match self {
            Self::Float32 => Kind::Float,
            Self::Bfloat16 => Kind::BFloat16,
        }
    }
}
