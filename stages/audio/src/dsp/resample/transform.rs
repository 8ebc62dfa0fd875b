//! What the two ways of resampling have in common.

use std::fmt::Debug;

use crate::error::AudioError;

/// What turns a block of samples at one rate into a block at the other.
pub(super) trait Transform: Debug + Send {
    /// Samples of a block, the first [`Transform::overlap`] of which are the last ones of the block before it.
    fn block(&self) -> usize;

    /// Samples that a block has in common with the one before it.
    fn overlap(&self) -> usize;

    /// Samples at the beginning of the first block's output that lie before the stream.
    fn delay(&self) -> usize;

    /// Appends what a block becomes.
    fn run(&mut self, block: &[f32], out: &mut Vec<f32>) -> Result<(), AudioError>;

    /// Forgets the blocks before.
    fn reset(&mut self) {}
}
