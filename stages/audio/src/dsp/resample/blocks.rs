//! Any two rates, by rubato's synchronous resampler.
//!
//! rubato's asynchronous sinc resampler with its defaults is not an alternative: it aliases at -8 to -82 dB.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use super::transform::Transform;
use crate::error::AudioError;

/// Samples per block at the lower of the two rates. The filter is as long as a block: this many put its edge at 0.97 of Nyquist.
const MIN_BLOCK: u32 = 1024;

/// rubato's blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    fft: Fft<f32>,
    block_in: usize,
    block_out: Vec<f32>,
}

impl Blocks {
    /// For two rates in lowest terms.
    pub(super) fn new((rate_in, rate_out): (u32, u32)) -> Result<Self, AudioError> {
        // At least `MIN_BLOCK` at the lower rate, and an even multiple of the shortest block of whole samples at both rates, because the
        // delay is half a block and must be whole too.
        let multiple = MIN_BLOCK.div_ceil(rate_in.min(rate_out)).next_multiple_of(2) as usize;
        let (rate_in, rate_out) = (rate_in as usize, rate_out as usize);
        let fft = Fft::new(rate_in, rate_out, rate_in * multiple, 1, FixedSync::Both).map_err(refused)?;
        Ok(Self { block_in: fft.input_frames_next(), block_out: vec![0.0; fft.output_frames_next()], fft })
    }
}

impl Transform for Blocks {
    fn block(&self) -> usize {
        self.block_in
    }

    fn overlap(&self) -> usize {
        0
    }

    fn delay(&self) -> usize {
        self.fft.output_delay()
    }

    fn run(&mut self, block: &[f32], out: &mut Vec<f32>) -> Result<(), AudioError> {
        let input = InterleavedSlice::new(block, 1, block.len()).map_err(refused)?;
        let frames = self.block_out.len();
        let mut output = InterleavedSlice::new_mut(&mut self.block_out, 1, frames).map_err(refused)?;
        self.fft.process_into_buffer(&input, &mut output, None).map_err(refused)?;
        out.extend_from_slice(&self.block_out);
        Ok(())
    }

    fn reset(&mut self) {
        self.fft.reset();
    }
}

fn refused(error: impl std::fmt::Display) -> AudioError {
    AudioError::Resample(error.to_string())
}
