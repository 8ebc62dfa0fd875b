//! Power spectra of several frames at once.
//!
//! A frame of `n_fft` real samples is transformed as `n_fft / 2` complex ones, even samples real and odd samples
//! imaginary (Press et al., Numerical Recipes, section 12.3), and each frame for itself: a frame's spectrum depends
//! on its own samples alone, to the last bit, wherever in a window or a block it lies.

use std::f64::consts::PI;
use std::sync::Arc;

use multiversion::multiversion;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

/// Frames of one block: their powers lie side by side, so that everything behind the transform works on all of them at once.
pub(super) const LANES: usize = 16;

/// One value of each frame of a block.
pub(super) type Lanes = [f32; LANES];

/// The transform's tables.
pub(super) struct Spectrum {
    fft: Arc<dyn Fft<f32>>,
    /// `[n_fft]`: the window's weights, zeros around them.
    window: Vec<f32>,
    /// `[n_fft / 4]`: e^(-2 pi i k / n_fft) for k from 1.
    twiddles: Vec<Complex<f32>>,
}

/// Room for one block.
#[derive(Clone)]
pub(super) struct Scratch {
    /// `[frame, n_fft / 2]`.
    packed: Vec<Complex<f32>>,
    fft: Vec<Complex<f32>>,
    /// `[frame, k]`, k from 1 to n_fft / 4: powers of the bins k and n_fft / 2 - k.
    low: Vec<f32>,
    high: Vec<f32>,
    /// `[bin]`.
    power: Vec<Lanes>,
}

impl Spectrum {
    /// Plans for frames that are multiplied by `window` `[n_fft]`, an even number of weights.
    pub(super) fn new(window: Vec<f32>) -> Self {
        let n_fft = window.len();
        let twiddle = |k: usize| {
            let angle = -2.0 * PI * k as f64 / n_fft as f64;
            Complex::new(angle.cos() as f32, angle.sin() as f32)
        };
        Self { fft: FftPlanner::new().plan_fft_forward(n_fft / 2), twiddles: (1..=n_fft / 4).map(twiddle).collect(), window }
    }

    pub(super) fn scratch(&self) -> Scratch {
        let half = self.window.len() / 2;
        Scratch {
            packed: vec![Complex::default(); LANES * half],
            fft: vec![Complex::default(); self.fft.get_inplace_scratch_len()],
            low: vec![0.0; LANES * self.twiddles.len()],
            high: vec![0.0; LANES * self.twiddles.len()],
            power: vec![[0.0; LANES]; half + 1],
        }
    }

    /// Power spectra `[bin, frame]` of at most [`LANES`] frames, each `n_fft` samples from one of `starts` on;
    /// `sample` reads where a frame reaches over the ends.
    pub(super) fn powers<'s>(
        &self,
        samples: &[f32],
        starts: impl ExactSizeIterator<Item = isize>,
        sample: impl Fn(isize) -> f32,
        scratch: &'s mut Scratch,
    ) -> &'s [Lanes] {
        let half = self.window.len() / 2;
        let frames = starts.len();
        for (start, packed) in starts.zip(scratch.packed.chunks_exact_mut(half)) {
            match usize::try_from(start).ok().and_then(|from| samples.get(from..from + self.window.len())) {
                Some(inside) => pack(inside, &self.window, packed),
                None => {
                    let reflected: Vec<f32> = (start..).take(self.window.len()).map(&sample).collect();
                    pack(&reflected, &self.window, packed);
                }
            }
        }
        let packed = &mut scratch.packed[..frames * half];
        self.fft.process_with_scratch(packed, &mut scratch.fft);
        let quarter = self.twiddles.len();
        let rows = scratch.low.chunks_exact_mut(quarter).zip(scratch.high.chunks_exact_mut(quarter));
        for (lane, (transformed, (low, high))) in packed.chunks_exact(half).zip(rows).enumerate() {
            split_powers(&transformed[1..], &self.twiddles, low, high);
            let Complex { re, im } = transformed[0];
            scratch.power[0][lane] = (re + im) * (re + im);
            scratch.power[half][lane] = (re - im) * (re - im);
        }
        for k in 1..=quarter {
            scratch.power[k] = std::array::from_fn(|lane| scratch.low[lane * quarter + k - 1]);
            scratch.power[half - k] = std::array::from_fn(|lane| scratch.high[lane * quarter + k - 1]);
        }
        &scratch.power
    }
}

/// Windows a frame and packs pairs of its samples: `[n_fft]` to `[n_fft / 2]`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2+fma", "aarch64+neon"))]
fn pack(frame: &[f32], window: &[f32], packed: &mut [Complex<f32>]) {
    let pairs = frame.as_chunks::<2>().0.iter().zip(window.as_chunks::<2>().0);
    for (to, (samples, weights)) in packed.iter_mut().zip(pairs) {
        *to = Complex::new(samples[0] * weights[0], samples[1] * weights[1]);
    }
}

/// Powers of the real signal's bins k and half - k, k from 1 to `twiddles.len()`, from the packed transform `z`
/// `[half - 1]`, whose first element is that of k = 1.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2+fma", "aarch64+neon"))]
fn split_powers(z: &[Complex<f32>], twiddles: &[Complex<f32>], low: &mut [f32], high: &mut [f32]) {
    let quarter = twiddles.len();
    let (forward, backward) = (&z[..quarter], &z[z.len() - quarter..]);
    let powers = low[..quarter].iter_mut().zip(&mut high[..quarter]);
    for (((a, b), w), (low, high)) in forward.iter().zip(backward.iter().rev()).zip(twiddles).zip(powers) {
        // Twice the transforms of the even and of the odd samples.
        let (even_re, even_im) = (a.re + b.re, a.im - b.im);
        let (odd_re, odd_im) = (a.im + b.im, b.re - a.re);
        let (turned_re, turned_im) = (w.re * odd_re - w.im * odd_im, w.re * odd_im + w.im * odd_re);
        let (sum_re, sum_im) = (even_re + turned_re, even_im + turned_im);
        let (difference_re, difference_im) = (even_re - turned_re, even_im - turned_im);
        *low = 0.25 * (sum_re * sum_re + sum_im * sum_im);
        *high = 0.25 * (difference_re * difference_re + difference_im * difference_im);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The power spectrum by its definition, in double precision.
    fn direct(frame: &[f32]) -> Vec<f64> {
        let n = frame.len();
        let bin = |k: usize| {
            let sum: Complex<f64> = frame
                .iter()
                .enumerate()
                .map(|(i, &x)| Complex::from_polar(f64::from(x), -2.0 * PI * (i * k % n) as f64 / n as f64))
                .sum();
            sum.norm_sqr()
        };
        (0..=n / 2).map(bin).collect()
    }

    fn noise(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * i * 31 + i * 7) % 1009) as f32 / 1009.0 - 0.5).collect()
    }

    #[test]
    fn powers_are_those_of_the_definition_for_every_even_length() {
        for n_fft in [4, 6, 10, 16, 100, 512, 1022] {
            let spectrum = Spectrum::new(vec![1.0; n_fft]);
            let samples = noise(n_fft + 3 * LANES);
            let starts = (0..LANES as isize).map(|lane| lane * 3);
            let mut scratch = spectrum.scratch();
            let found = spectrum.powers(&samples, starts, |_| 0.0, &mut scratch);
            for lane in [0, 5, LANES - 1] {
                let expected = direct(&samples[3 * lane..3 * lane + n_fft]);
                let loudest = expected.iter().copied().fold(0.0, f64::max);
                assert_eq!(found.len(), expected.len());
                for (bin, (found, expected)) in found.iter().zip(&expected).enumerate() {
                    let error = (f64::from(found[lane]) - expected).abs() / loudest;
                    assert!(error < 1e-6, "n_fft {n_fft}, lane {lane}, bin {bin}: {} {expected}", found[lane]);
                }
            }
        }
    }

    #[test]
    fn a_frames_spectrum_does_not_depend_on_its_neighbours() {
        let spectrum = Spectrum::new(vec![0.5; 64]);
        let samples = noise(64 + LANES);
        let mut scratch = spectrum.scratch();
        let together: Vec<f32> =
            spectrum.powers(&samples, 0..LANES as isize, |_| 0.0, &mut scratch).iter().map(|power| power[7]).collect();
        let alone: Vec<f32> = spectrum.powers(&samples, 7..8, |_| 0.0, &mut scratch).iter().map(|power| power[0]).collect();
        assert_eq!(together, alone);
    }
}
