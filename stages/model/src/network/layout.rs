//! The shape of MobileNetV3 (Howard et al., ICCV 2019, tables 1 and 2), with torchvision's width rule.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Which of the two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// MobileNetV3-Large: 15 blocks, an embedding of 960.
    Large,
    /// MobileNetV3-Small: 11 blocks, an embedding of 576.
    Small,
}

impl Architecture {
    /// The network of this name, as in `train.architecture` and on a model's card.
    ///
    /// # Errors
    /// [`Error::Option`] for an unknown name.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "mobilenet_v3_large" => Ok(Self::Large),
            "mobilenet_v3_small" => Ok(Self::Small),
            _ => {
                let expected = "mobilenet_v3_large or mobilenet_v3_small";
                Err(Error::Option { name: "architecture", expected, found: name.to_owned() })
            }
        }
    }
}

/// One inverted residual block, in channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Block {
    pub input: i64,
    pub expanded: i64,
    pub output: i64,
    pub kernel: i64,
    pub stride: i64,
    /// Channels inside squeeze-and-excitation, where the block has it.
    pub squeeze: Option<i64>,
    pub hardswish: bool,
}

/// Channels after the first convolution, at width 1.
const STEM: i64 = 16;
/// The last convolution has this many times the channels of the last block.
const LAST_EXPANSION: i64 = 6;

// kernel, expanded, output, squeeze, hardswish, stride
type Row = (i64, i64, i64, bool, bool, i64);

const LARGE: [Row; 15] = [
    (3, 16, 16, false, false, 1),
    (3, 64, 24, false, false, 2),
    (3, 72, 24, false, false, 1),
    (5, 72, 40, true, false, 2),
    (5, 120, 40, true, false, 1),
    (5, 120, 40, true, false, 1),
    (3, 240, 80, false, true, 2),
    (3, 200, 80, false, true, 1),
    (3, 184, 80, false, true, 1),
    (3, 184, 80, false, true, 1),
    (3, 480, 112, true, true, 1),
    (3, 672, 112, true, true, 1),
    (5, 672, 160, true, true, 2),
    (5, 960, 160, true, true, 1),
    (5, 960, 160, true, true, 1),
];

const SMALL: [Row; 11] = [
    (3, 16, 16, true, false, 2),
    (3, 72, 24, false, false, 2),
    (3, 88, 24, false, false, 1),
    (5, 96, 40, true, true, 2),
    (5, 240, 40, true, true, 1),
    (5, 240, 40, true, true, 1),
    (5, 120, 48, true, true, 1),
    (5, 144, 48, true, true, 1),
    (5, 288, 96, true, true, 2),
    (5, 576, 96, true, true, 1),
    (5, 576, 96, true, true, 1),
];

/// The blocks from the first to the last.
pub(crate) fn blocks(architecture: Architecture, width: f64) -> Vec<Block> {
    let rows: &[Row] = match architecture {
        Architecture::Large => &LARGE,
        Architecture::Small => &SMALL,
    };
    let mut input = stem(width);
    rows.iter()
        .map(|&(kernel, expanded, output, squeezes, hardswish, stride)| {
            let expanded = scaled(expanded, width);
            let output = scaled(output, width);
            let squeeze = squeezes.then(|| nearest_multiple_of_8((expanded / 4) as f64));
            let block = Block { input, expanded, output, kernel, stride, squeeze, hardswish };
            input = output;
            block
        })
        .collect()
}

/// Channels after the first convolution.
pub(crate) fn stem(width: f64) -> i64 {
    scaled(STEM, width)
}

/// Channels after the last convolution, which is the embedding's size.
pub(crate) fn embedding(last: &Block) -> i64 {
    LAST_EXPANSION * last.output
}

fn scaled(channels: i64, width: f64) -> i64 {
    nearest_multiple_of_8(channels as f64 * width)
}

/// The nearest multiple of 8, at least 8 and never more than 10 % below.
fn nearest_multiple_of_8(channels: f64) -> i64 {
    let nearest = (((channels + 4.0) as i64) / 8 * 8).max(8);
    if (nearest as f64) < 0.9 * channels { nearest + 8 } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_follow_the_width_rule() {
        let rounded = [(16.0, 16), (3.0, 8), (12.0, 16), (8.8, 8), (11.9, 16), (18.0, 24), (60.0, 64), (168.0, 168)];
        for (channels, expected) in rounded {
            assert_eq!(nearest_multiple_of_8(channels), expected, "{channels}");
        }
    }

    #[test]
    fn embeddings_have_the_published_sizes() {
        let size = |architecture| embedding(blocks(architecture, 1.0).last().unwrap());
        assert_eq!(size(Architecture::Large), 960);
        assert_eq!(size(Architecture::Small), 576);
    }
}
