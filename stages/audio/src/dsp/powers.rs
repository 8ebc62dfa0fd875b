//! Power spectra of overlapping frames of a stream, in double precision.
//!
//! A frame loses its mean, is multiplied by a periodic Hann window and transformed, as `scipy.signal.spectrogram` does it with
//! its default `detrend`. How the stream is cut into slices does not change a bit.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// The transform, and the end of the stream that later frames still need.
pub(crate) struct FramePowers {
    fft: Arc<dyn RealToComplex<f64>>,
    /// `[length]`.
    window: Vec<f64>,
    /// What makes the powers of all bins add up to the mean square of the frame.
    scale: f64,
    hop: usize,
    held: Vec<f64>,
    frame: Vec<f64>,
    bins: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    powers: Vec<f64>,
}

impl FramePowers {
    /// Frames of `length` samples, `hop` samples from one to the next; `hop` is 1 to `length`, and `length` is even.
    pub(crate) fn new(length: usize, hop: usize) -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(length);
        let window: Vec<f64> = (0..length).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f64 / length as f64).cos()).collect();
        let squares: f64 = window.iter().map(|weight| weight * weight).sum();
        Self {
            scale: 2.0 / (length as f64 * squares),
            hop,
            held: Vec::new(),
            frame: fft.make_input_vec(),
            bins: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            powers: vec![0.0; length / 2 + 1],
            window,
            fft,
        }
    }

    /// Takes the next samples, and calls `each` with the powers `[length / 2 + 1]` of every frame that is complete with them. The powers
    /// of all bins add up to the mean square of the windowed frame, so a full-scale square wave has 1.
    pub(crate) fn push(&mut self, samples: &[f64], mut each: impl FnMut(&[f64])) {
        self.held.extend_from_slice(samples);
        let mut start = 0;
        while let Some(frame) = self.held.get(start..start + self.window.len()) {
            let mean = frame.iter().sum::<f64>() / frame.len() as f64;
            for ((to, sample), weight) in self.frame.iter_mut().zip(frame).zip(&self.window) {
                *to = (sample - mean) * weight;
            }
            let done = self.fft.process_with_scratch(&mut self.frame, &mut self.bins, &mut self.scratch);
            done.expect("the plan itself made the buffers");
            for (power, bin) in self.powers.iter_mut().zip(&self.bins) {
                *power = self.scale * bin.norm_sqr();
            }
            each(&self.powers);
            start += self.hop;
        }
        self.held.drain(..start.min(self.held.len()));
    }

    /// Forgets the stream: the next sample is the first one.
    pub(crate) fn restart(&mut self) {
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn powers(samples: &[f64], length: usize, hop: usize, slice: usize) -> Vec<Vec<f64>> {
        let (mut frames, mut found) = (FramePowers::new(length, hop), Vec::new());
        samples.chunks(slice).for_each(|part| frames.push(part, |powers| found.push(powers.to_vec())));
        found
    }

    fn noise(len: usize) -> Vec<f64> {
        (0..len).map(|i| ((i * i * 31 + i * 7) % 1009) as f64 / 1009.0 - 0.3).collect()
    }

    #[test]
    fn powers_are_those_of_the_definition() {
        let (samples, n) = (noise(16), 16.0);
        let found = powers(&samples, 16, 16, 5);
        assert_eq!(found.len(), 1);
        let mean = samples.iter().sum::<f64>() / n;
        let weights: Vec<f64> = (0..16).map(|i| (PI * f64::from(i) / n).sin().powi(2)).collect();
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        for (k, power) in found[0].iter().enumerate() {
            let term = |i: usize| Complex::from_polar((samples[i] - mean) * weights[i], -2.0 * PI * (i * k) as f64 / n);
            let expected = 2.0 * (0..16).map(term).sum::<Complex<f64>>().norm_sqr() / (n * squares);
            assert!((power - expected).abs() < 1e-12, "bin {k}: {power} {expected}");
        }
    }

    #[test]
    fn a_sine_has_half_of_its_squared_amplitude() {
        let sine: Vec<f64> = (0..4096).map(|i| 0.5 * (2.0 * PI * 100.0 * f64::from(i) / 1024.0).sin()).collect();
        for powers in powers(&sine, 1024, 512, 4096) {
            assert!((powers.iter().sum::<f64>() - 0.125).abs() < 1e-12);
        }
    }

    #[test]
    fn slices_change_nothing_and_only_whole_frames_count() {
        let samples = noise(1000);
        for (hop, frames) in [(64, 14), (100, 9), (128, 7)] {
            let whole = powers(&samples, 128, hop, 1000);
            assert_eq!(whole.len(), frames, "hop {hop}");
            assert_eq!(whole, powers(&samples, 128, hop, 7));
        }
        assert!(powers(&samples[..127], 128, 64, 127).is_empty());
    }

    #[test]
    fn a_constant_has_no_power() {
        assert!(powers(&[0.0; 256], 128, 64, 256).iter().flatten().all(|power| *power == 0.0));
    }
}
