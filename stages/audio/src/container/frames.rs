//! What every reader of an open recording has in common.

use std::fmt;

use super::facts::Facts;
use crate::error::Fault;

/// A stream of frames, and what is known of it.
pub(super) trait Frames: fmt::Debug + Send {
    /// What is known so far.
    fn facts(&self) -> &Facts;

    /// Whether the facts are final before the last frame was read.
    fn is_settled(&self) -> bool;

    /// Appends up to `max_frames` frames to `out`, interleaved `[frame, channel]`; returns their number, 0 only at the end.
    fn read(&mut self, max_frames: usize, out: &mut Vec<f32>) -> Result<usize, Fault>;
}
