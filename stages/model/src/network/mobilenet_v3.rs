//! MobileNetV3 over spectrograms (Howard et al., ICCV 2019), with torchvision's parameter names and width rule, and the pooling of
//! Mix2's paper. Convolutions run channels-last, the faster layout on processors.

#[cfg(feature = "torch")]
mod blocks;
mod layout;

use std::sync::Arc;

use chorus_keys::Keys;
use serde::{Deserialize, Serialize};
#[cfg(feature = "torch")]
use tch::Device;

use super::architecture::Architecture;
#[cfg(feature = "torch")]
use super::backbone::Backbone;
#[cfg(feature = "torch")]
use super::plan::Plan;
use crate::Result;
use crate::extension::{Entry, Extension, Settings};

const LARGE_NAME: &str = "mobilenet_v3_large";
const SMALL_NAME: &str = "mobilenet_v3_small";

/// `train.architecture: mobilenet_v3_large`
pub const LARGE: Entry<dyn Architecture> = Entry {
    name: LARGE_NAME,
    about: "MobileNetV3-Large: 15 blocks, embeddings of 960 values at width 1",
    keys: MobileNetV3Options::keys,
    configure: |settings| Ok(Arc::new(MobileNetV3 { size: Size::Large, options: settings.read(LARGE_NAME)? })),
};

/// `train.architecture: mobilenet_v3_small`
pub const SMALL: Entry<dyn Architecture> = Entry {
    name: SMALL_NAME,
    about: "MobileNetV3-Small: 11 blocks, embeddings of 576 values at width 1",
    keys: MobileNetV3Options::keys,
    configure: |settings| Ok(Arc::new(MobileNetV3 { size: Size::Small, options: settings.read(SMALL_NAME)? })),
};

/// Which of the two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// MobileNetV3-Large.
    Large,
    /// MobileNetV3-Small.
    Small,
}

/// The options of MobileNetV3.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "train", default)]
pub struct MobileNetV3Options {
    /// Width multiplier: all channel counts of the network are multiplied by it and rounded to multiples of 8.
    #[key(default = "1", range = above(0.0).up_to(4.0), example = "0.5")]
    pub width: f64,
}

/// MobileNetV3 in one of its sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MobileNetV3 {
    /// Which.
    pub size: Size,
    /// Its options.
    pub options: MobileNetV3Options,
}

impl MobileNetV3 {
    fn blocks(&self) -> Vec<layout::Block> {
        let rows: &[layout::Row] = match self.size {
            Size::Large => &layout::LARGE,
            Size::Small => &layout::SMALL,
        };
        layout::blocks(rows, self.options.width)
    }
}

impl Extension for MobileNetV3 {
    fn name(&self) -> &'static str {
        match self.size {
            Size::Large => LARGE_NAME,
            Size::Small => SMALL_NAME,
        }
    }

    fn options(&self) -> Settings {
        Settings::of(&self.options)
    }

    fn validate(&self) -> Result<()> {
        Ok(chorus_keys::validate(&self.options)?)
    }
}

impl Architecture for MobileNetV3 {
    fn embedding(&self) -> i64 {
        self.blocks().last().map_or(0, layout::embedding)
    }

    fn places(&self) -> usize {
        self.blocks().len() + 1
    }

    #[cfg(feature = "torch")]
    fn build(&self, plan: &mut Plan, channels: i64, _: Device) -> Result<Box<dyn Backbone>> {
        Ok(Box::new(blocks::Layers::new(plan, &self.blocks(), layout::stem(self.options.width), channels)))
    }
}
