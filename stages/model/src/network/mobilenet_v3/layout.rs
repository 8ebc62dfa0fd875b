//! The shape of MobileNetV3 (Howard et al., ICCV 2019, tables 1 and 2).

use crate::network::width::{nearest_multiple_of_8, scaled};

/// One inverted residual block, in channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Block {
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

/// Kernel, expanded channels, output channels, squeeze-and-excitation, hardswish, stride.
pub(super) type Row = (i64, i64, i64, bool, bool, i64);

pub(super) const LARGE: [Row; 15] = [
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

pub(super) const SMALL: [Row; 11] = [
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
pub(super) fn blocks(rows: &[Row], width: f64) -> Vec<Block> {
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
pub(super) fn stem(width: f64) -> i64 {
    scaled(STEM, width)
}

/// Channels after the last convolution, which is the embedding's size.
pub(super) fn embedding(last: &Block) -> i64 {
    LAST_EXPANSION * last.output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embeddings_have_the_published_sizes() {
        let size = |rows: &[Row]| embedding(blocks(rows, 1.0).last().unwrap());
        assert_eq!(size(&LARGE), 960);
        assert_eq!(size(&SMALL), 576);
    }
}
