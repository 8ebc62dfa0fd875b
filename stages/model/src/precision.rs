//! The number types in which a network can compute.

use chorus_keys::Choices;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Kind;

#[cfg(feature = "torch")]
use crate::{Error, Result};

/// The number type in which a network's convolutions compute, as a configuration names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single precision.
    Float32,
    /// Eight bits of mantissa; weights, statistics, embedding and loss stay in single precision.
    Bfloat16,
    /// bfloat16 where the device computes in it (a processor with AVX-512 BF16 or AMX, a GPU of compute capability 8.0 or higher), else
    /// float32. Results then depend on the machine.
    Auto,
}

impl Precision {
    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
            Self::Auto => "auto",
        }
    }

    /// What it amounts to where bfloat16 is computed in, or is not.
    #[must_use]
    pub fn resolved(self, has_bfloat16: bool) -> Self {
        match self {
            Self::Auto if has_bfloat16 => Self::Bfloat16,
            Self::Auto => Self::Float32,
            named => named,
        }
    }

    /// libtorch's name for it.
    ///
    /// # Errors
    /// [`Error::Option`] of `auto`, which is to be [resolved](Self::resolved) first.
    #[cfg(feature = "torch")]
    pub fn kind(self) -> Result<Kind> {
        match self {
            Self::Float32 => Ok(Kind::Float),
            Self::Bfloat16 => Ok(Kind::BFloat16),
            Self::Auto => Err(Error::Option {
                name: "precision",
                expected: "float32 or bfloat16, whichever auto amounts to on the device".to_owned(),
                found: self.name().to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_asks_the_device_and_a_name_does_not() {
        for has_bfloat16 in [false, true] {
            assert_eq!(Precision::Float32.resolved(has_bfloat16), Precision::Float32);
            assert_eq!(Precision::Bfloat16.resolved(has_bfloat16), Precision::Bfloat16);
        }
        assert_eq!(Precision::Auto.resolved(true), Precision::Bfloat16);
        assert_eq!(Precision::Auto.resolved(false), Precision::Float32);
    }

    #[cfg(feature = "torch")]
    #[test]
    fn what_auto_amounts_to_has_to_be_known() {
        assert_eq!(Precision::Float32.kind().unwrap(), Kind::Float);
        assert_eq!(Precision::Auto.resolved(true).kind().unwrap(), Kind::BFloat16);
        assert!(Precision::Auto.kind().unwrap_err().to_string().contains("expected float32 or bfloat16"));
    }
}
