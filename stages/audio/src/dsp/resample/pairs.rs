//! Two rates with a short common period, such as 441 samples that become 320: a filter of its own, much shorter than a block.
//!
//! A block is transformed at the one rate, its spectrum filtered and cut or extended, and transformed back at the other rate. What the
//! ends of the block have spoilt is left away, and lies in the middle of the next block (overlap-save). Two blocks that follow each other
//! go through one complex transform, as real and as imaginary part: the filter's response is real, so they do not mix.

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::transform::Transform;
use crate::dsp::instructions::{forward_fft, inverse_fft, vectorised};
use crate::error::AudioError;

/// Samples at the lower rate to each side of the filter's middle. The Kaiser window of this length and shape falls by 100 dB from 0.95 of
/// the lower Nyquist frequency to that frequency (Kaiser 1974).
const HALF_FILTER: usize = 128;
const KAISER_BETA: f64 = 10.06;
/// The middle of the slope, of the lower Nyquist frequency.
const CUTOFF: f64 = 0.975;
/// The longest transform. Longer ones leave the processor's caches.
const LONGEST: usize = 1 << 14;

/// Transforms, filter and room for two blocks. Lengths are in samples of the rate in question.
pub(super) struct Pairs {
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    /// The filter's response over the bins that both transforms have, from 0 on, and over the length of the first transform.
    gains: Vec<f32>,
    /// Samples from one block to the next, at both rates.
    hop_in: usize,
    hop_out: usize,
    /// Where in a transformed block those begin that its ends have not spoilt.
    first_out: usize,
    /// Samples at the rate of the output that lie before the stream.
    delay: usize,
    /// Two blocks as real and imaginary part, and their spectra: `[samples of a block]` at the one rate, then at the other.
    block_in: Vec<Complex<f32>>,
    spectrum_in: Vec<Complex<f32>>,
    spectrum_out: Vec<Complex<f32>>,
    block_out: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl fmt::Debug for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pairs").field("in", &self.block_in.len()).field("out", &self.block_out.len()).finish_non_exhaustive()
    }
}

impl Pairs {
    /// For two rates in lowest terms; `None` where that takes transforms that are too long.
    pub(super) fn new((rate_in, rate_out): (u32, u32)) -> Option<Self> {
        let (rate_in, rate_out) = (rate_in as usize, rate_out as usize);
        let lower = rate_in.min(rate_out);
        let overlap = (2 * HALF_FILTER + 1).div_ceil(lower);
        let periods = periods(rate_in, rate_out, overlap)?;
        let (len_in, len_out) = (periods * rate_in, periods * rate_out);
        let (forward, inverse) = (forward_fft(len_in), inverse_fft(len_out));
        let scratch = forward.get_outofplace_scratch_len().max(inverse.get_outofplace_scratch_len());
        let first_out = overlap * rate_out / 2;
        let zeros = |len: usize| vec![Complex::default(); len];
        Some(Self {
            gains: response(rate_in as f64 / lower as f64, len_in, len_in.min(len_out).div_ceil(2)),
            hop_in: (periods - overlap) * rate_in,
            hop_out: (periods - overlap) * rate_out,
            first_out,
            delay: overlap * rate_out - first_out,
            block_in: zeros(len_in),
            spectrum_in: zeros(len_in),
            spectrum_out: zeros(len_out),
            block_out: zeros(len_out),
            scratch: zeros(scratch),
            forward,
            inverse,
        })
    }
}

/// How many periods a block has for the least work a period, more than the `overlap` of two blocks. Numbers of periods are powers of two,
/// or three times such a power, because these have fast transforms.
fn periods(rate_in: usize, rate_out: usize, overlap: usize) -> Option<usize> {
    let work = |periods: usize| {
        let one = |length: usize| length as f64 * (length as f64).log2();
        (one(periods * rate_in) + one(periods * rate_out)) / (periods - overlap) as f64
    };
    let powers = (0..usize::BITS).map(|power| 1 << power).take_while(|&power| power <= LONGEST);
    powers
        .flat_map(|power| [power, 3 * power])
        .filter(|&periods| periods > overlap && periods * rate_in.max(rate_out) <= LONGEST)
        .min_by(|&a, &b| work(a).total_cmp(&work(b)))
}

/// The response of the low-pass over the first bins of a transform of so many samples at the rate of the input, which is `ratio` times the
/// lower rate. The filter is symmetric around sample 0, so its response is real.
fn response(ratio: f64, len: usize, bins: usize) -> Vec<f32> {
    let half = HALF_FILTER as f64 * ratio;
    let tap = |at: f64| {
        let x = PI * CUTOFF * at / ratio;
        let sinc = if at == 0.0 { 1.0 } else { x.sin() / x };
        sinc * bessel(KAISER_BETA * (1.0 - (at / half).powi(2)).max(0.0).sqrt())
    };
    let mut filter = vec![Complex::default(); len];
    for i in 0..=half as usize {
        let tap = Complex::from(tap(i as f64));
        filter[i] = tap;
        filter[(len - i) % len] = tap;
    }
    FftPlanner::<f64>::new().plan_fft_forward(len).process(&mut filter);
    let scale = 1.0 / (filter[0].re * len as f64);
    filter[..bins].iter().map(|bin| (bin.re * scale) as f32).collect()
}

/// The modified Bessel function of the first kind and order 0, by its power series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..64 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

impl Transform for Pairs {
    fn block(&self) -> usize {
        self.block_in.len() + self.hop_in
    }

    fn overlap(&self) -> usize {
        self.block_in.len() - self.hop_in
    }

    fn delay(&self) -> usize {
        self.delay
    }

    fn run(&mut self, block: &[f32], out: &mut Vec<f32>) -> Result<(), AudioError> {
        pair(block, &block[self.hop_in..], &mut self.block_in);
        self.forward.process_outofplace_with_scratch(&mut self.block_in, &mut self.spectrum_in, &mut self.scratch);
        filter(&self.gains, &self.spectrum_in, &mut self.spectrum_out);
        self.inverse.process_outofplace_with_scratch(&mut self.spectrum_out, &mut self.block_out, &mut self.scratch);
        let start = out.len();
        out.resize(start + 2 * self.hop_out, 0.0);
        let (first, second) = out[start..].split_at_mut(self.hop_out);
        part(&self.block_out[self.first_out..], first, second);
        Ok(())
    }
}

vectorised! {
    /// Two blocks as real and imaginary part, as long as `to`.
    fn pair(first: &[f32], second: &[f32], to: &mut [Complex<f32>]) {
        for (to, (re, im)) in to.iter_mut().zip(first.iter().zip(second)) {
            *to = Complex::new(*re, *im);
        }
    }
}

vectorised! {
    /// The real and the imaginary part, as far as `first` and `second` go.
    fn part(from: &[Complex<f32>], first: &mut [f32], second: &mut [f32]) {
        for (from, (re, im)) in from.iter().zip(first.iter_mut().zip(second)) {
            (*re, *im) = (from.re, from.im);
        }
    }
}

vectorised! {
    /// The bins of low positive and negative frequencies times their gains, and nothing between them.
    fn filter(gains: &[f32], from: &[Complex<f32>], to: &mut [Complex<f32>]) {
        let (below, len) = (gains.len(), to.len());
        for (to, (from, gain)) in to.iter_mut().zip(from.iter().zip(gains)) {
            *to = from * gain;
        }
        to[below..=len - below].fill(Complex::default());
        let negative = to[len - below + 1..].iter_mut().zip(&from[from.len() - below + 1..]);
        for ((to, from), gain) in negative.zip(gains[1..].iter().rev()) {
            *to = from * gain;
        }
    }
}
