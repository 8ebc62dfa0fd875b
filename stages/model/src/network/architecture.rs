//! What a network is, apart from its weights.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::{Device, Tensor};

#[cfg(feature = "torch")]
use super::backbone::Backbone;
#[cfg(feature = "torch")]
use super::plan::Plan;
#[cfg(feature = "torch")]
use crate::Error;
use crate::Result;
#[cfg(feature = "torch")]
use crate::device;
use crate::error::check;
use crate::extension::{self, Extension};
#[cfg(feature = "torch")]
use crate::normalise::{export_min_max, min_max};
#[cfg(feature = "torch")]
use crate::onnx::{Graph, Value};
use crate::precision::Precision;

/// A kind of network: all that trainer, prediction and the card of a model ask of it.
pub trait Architecture: Extension {
    /// Length of an embedding.
    fn embedding(&self) -> i64;

    /// What it takes.
    fn input(&self) -> Input {
        Input::LogMel
    }

    /// What is done to an input before it enters the network.
    fn normalisation(&self) -> Normalisation {
        Normalisation::MinMaxPerWindow
    }

    /// How many places there are between its blocks at which examples can be mixed.
    fn places(&self) -> usize {
        0
    }

    /// The number types in which its layers can compute.
    fn precisions(&self) -> &'static [Precision] {
        &[Precision::Float32, Precision::Bfloat16]
    }

    /// Lists its weights in `plan`, for inputs of so many channels, and gives the layers that use them. Weights that are learnt are
    /// parameters; weights that stay as they are, such as those of a network that was trained elsewhere, are buffers. Weights of the
    /// plan are put on `device` by the caller; layers that hold tensors of their own put these there.
    ///
    /// # Errors
    /// Numbers of channels that it cannot take.
    #[cfg(feature = "torch")]
    fn build(&self, plan: &mut Plan, channels: i64, device: Device) -> Result<Box<dyn Backbone>>;
}

/// Channels of the spectrograms that train and predict give a network.
pub const CHANNELS: i64 = 1;

/// The prefix of the names of the head's weights in a file of weights; all other names are the backbone's.
pub(crate) const HEAD: &str = "head.";

/// What a network takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input {
    /// Spectrograms `[batch, channel, mel, frame]`, as the section `featurize` describes them.
    LogMel,
    /// Sound `[batch, channel, sample]`, full scale being 1.
    Waveform {
        /// Rate of the samples, Hz.
        sample_rate_hz: u32,
        /// Length of a window, s.
        window_s: f64,
    },
    /// Embeddings of a backbone `[batch, 1, value]`.
    Embedding {
        /// How many values an embedding has.
        values: usize,
    },
}

impl Input {
    /// Refuses an input of another shape.
    #[cfg(feature = "torch")]
    pub(crate) fn check(self, input: &Tensor, channels: i64) -> Result<()> {
        let size = input.size();
        let length = match self {
            Self::LogMel => None,
            Self::Waveform { sample_rate_hz, window_s } => Some((f64::from(sample_rate_hz) * window_s).round() as i64),
            Self::Embedding { values } => Some(values as i64),
        };
        let (fits, expected) = match length {
            None => {
                let fits = matches!(*size, [batch, found, mel, frame] if batch > 0 && found == channels && mel > 0 && frame > 0);
                (fits, format!("[batch, {channels}, mel, frame]"))
            }
            Some(length) => {
                let fits = matches!(*size, [batch, found, own] if batch > 0 && found == channels && own == length);
                (fits, format!("[batch, {channels}, {length}]"))
            }
        };
        if fits { Ok(()) } else { Err(Error::Shape { name: "the network's input".to_owned(), expected, found: size }) }
    }
}

/// What is done to each window before it enters a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalisation {
    /// Its values are mapped linearly to 0..1.
    MinMaxPerWindow,
    /// Nothing.
    None,
}

impl Normalisation {
    /// The name on a model's card.
    pub fn name(self) -> &'static str {
        match self {
            Self::MinMaxPerWindow => "min_max_per_window",
            Self::None => "none",
        }
    }

    /// Normalises each window of a batch by itself.
    ///
    /// # Errors
    /// libtorch's only.
    #[cfg(feature = "torch")]
    pub fn apply(self, inputs: &Tensor) -> Result<Tensor> {
        match self {
            Self::MinMaxPerWindow => min_max(inputs),
            Self::None => Ok(inputs.shallow_clone()),
        }
    }

    /// The same in an ONNX graph, for inputs of four dimensions.
    #[cfg(feature = "torch")]
    pub fn export(self, graph: &mut Graph, inputs: &Value) -> Value {
        match self {
            Self::MinMaxPerWindow => export_min_max(graph, inputs),
            Self::None => inputs.clone(),
        }
    }
}

/// What defines a network's shape.
#[derive(Debug, Clone, Serialize)]
pub struct NetworkOptions {
    /// The kind of network.
    #[serde(serialize_with = "extension::serialize")]
    pub architecture: Arc<dyn Architecture>,
    /// Channels of the input, 1 to 3.
    pub channels: i64,
    /// Outputs of the head.
    pub classes: i64,
    /// Width of a hidden layer of the head, with rectified linear units; none: the head is one linear layer. Networks that learn labels
    /// have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<i64>,
}

impl NetworkOptions {
    /// A network with a linear head.
    pub fn new(architecture: Arc<dyn Architecture>, channels: i64, classes: i64) -> Self {
        Self { architecture, channels, classes, hidden: None }
    }

    /// Refuses values out of range.
    ///
    /// # Errors
    /// [`crate::Error::Option`], which names the option.
    pub fn validate(&self) -> Result<()> {
        self.architecture.validate()?;
        check((1..=3).contains(&self.channels), "channels", "1 to 3", self.channels)?;
        check(self.classes > 0, "classes", "at least one class", self.classes)
    }

    /// Refuses a number type in which the network cannot compute. `auto` takes one in which it can.
    ///
    /// # Errors
    /// [`crate::Error::Option`] with the number types that it can compute in.
    pub fn check_precision(&self, precision: Precision) -> Result<()> {
        let possible = self.architecture.precisions();
        if precision == Precision::Auto {
            return Ok(());
        }
        let names: Vec<&str> = possible.iter().map(|precision| precision.name()).collect();
        let expected = format!("{} with the network {}", names.join(" or "), self.architecture.name());
        check(possible.contains(&precision), "precision", expected, precision.name())
    }

    /// What a precision amounts to with this network on a device, which `auto` leaves to them.
    ///
    /// # Errors
    /// Those of [`NetworkOptions::check_precision`].
    #[cfg(feature = "torch")]
    pub fn precision_on(&self, precision: Precision, device: Device) -> Result<Precision> {
        self.check_precision(precision)?;
        let has_bfloat16 = || device::lacks_bfloat16(device).is_none();
        Ok(precision.resolved(self.architecture.precisions().contains(&Precision::Bfloat16) && has_bfloat16()))
    }
}
