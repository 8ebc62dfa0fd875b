//! Log-mel spectrograms, as torchaudio's `MelSpectrogram` and `AmplitudeToDB` (without `top_db`) make them.
//!
//! Periodic Hann window, frames centred with reflected ends, power spectrum, triangular bands on the HTK scale without normalisation,
//! 10 log10(max(x, 1e-10)). Shapes: samples `[sample]` in, `[mel, frame]` out, row-major.

use std::f64::consts::PI;
use std::ops::Range;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::error::AudioError;

/// The power below which everything counts as -100 dB.
const POWER_FLOOR: f32 = 1e-10;

/// What a log-mel spectrogram depends on.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MelConfig {
    /// Rate of the samples, Hz.
    pub sample_rate_hz: u32,
    /// Points of the Fourier transform, an even number.
    pub n_fft: usize,
    /// Length of the Hann window, samples, at most `n_fft`, in whose middle it lies.
    pub win_length: usize,
    /// Step from frame to frame, samples.
    pub hop_length: usize,
    /// Number of bands.
    pub n_mels: usize,
    /// Lower edge of the lowest band, Hz.
    pub f_min_hz: f64,
    /// Upper edge of the highest band, Hz.
    pub f_max_hz: f64,
}

impl MelConfig {
    fn check(&self) -> Result<(), AudioError> {
        let nyquist = f64::from(self.sample_rate_hz) / 2.0;
        let wrong = |name, found: &dyn ToString, expected: String| {
            Err(AudioError::MelConfig { name, found: found.to_string(), expected })
        };
        if self.sample_rate_hz == 0 {
            return wrong("sample_rate_hz", &self.sample_rate_hz, "at least 1".to_owned());
        }
        if self.n_fft < 2 || !self.n_fft.is_multiple_of(2) {
            return wrong("n_fft", &self.n_fft, "an even number, at least 2".to_owned());
        }
        if !(1..=self.n_fft).contains(&self.win_length) {
            return wrong("win_length", &self.win_length, format!("1 to n_fft ({})", self.n_fft));
        }
        if self.hop_length == 0 {
            return wrong("hop_length", &self.hop_length, "at least 1".to_owned());
        }
        if self.n_mels == 0 {
            return wrong("n_mels", &self.n_mels, "at least 1".to_owned());
        }
        if !(0.0..nyquist).contains(&self.f_min_hz) {
            return wrong("f_min_hz", &self.f_min_hz, format!("from 0 to below half the sample rate ({nyquist})"));
        }
        if !(self.f_max_hz > self.f_min_hz && self.f_max_hz <= nyquist) {
            return wrong(
                "f_max_hz",
                &self.f_max_hz,
                format!("over f_min_hz ({}) and at most half the sample rate ({nyquist})", self.f_min_hz),
            );
        }
        Ok(())
    }
}

/// Computes log-mel spectrograms. A clone shares the tables and has its own scratch space: one for each thread.
#[derive(Clone)]
pub struct LogMel {
    plan: Arc<Plan>,
    frame: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    power: Vec<f32>,
    scratch: Vec<Complex<f32>>,
}

impl std::fmt::Debug for LogMel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogMel").field("config", &self.plan.config).finish_non_exhaustive()
    }
}

struct Plan {
    config: MelConfig,
    fft: Arc<dyn RealToComplex<f32>>,
    /// `[n_fft]`: the Hann window between zeros.
    window: Vec<f32>,
    bands: Vec<Band>,
}

/// One triangle: only the bins under it.
struct Band {
    bins: Range<usize>,
    weights: Vec<f32>,
}

impl LogMel {
    /// Plans the computation.
    ///
    /// # Errors
    ///
    /// [`AudioError::MelConfig`] with the first setting that can't be used.
    pub fn new(config: &MelConfig) -> Result<Self, AudioError> {
        config.check()?;
        let fft = RealFftPlanner::new().plan_fft_forward(config.n_fft);
        Ok(Self {
            frame: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            power: vec![0.0; config.n_fft / 2 + 1],
            scratch: fft.make_scratch_vec(),
            plan: Arc::new(Plan {
                window: padded_hann(config.win_length, config.n_fft),
                bands: mel_bands(config),
                fft,
                config: config.clone(),
            }),
        })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &MelConfig {
        &self.plan.config
    }

    /// The number of frames that `n_samples` give: one for every hop begun, and one.
    #[must_use]
    pub fn frames(&self, n_samples: usize) -> usize {
        n_samples / self.plan.config.hop_length + 1
    }

    /// Fills `out` `[mel, frame]` with the log-mel spectrogram of `samples`, in dB, -100 at the lowest.
    ///
    /// # Errors
    ///
    /// [`AudioError::Length`] when `out` is not `n_mels * frames(samples.len())` long, or `samples` are too few to be reflected (more than
    /// `n_fft / 2` are needed).
    pub fn compute(&mut self, samples: &[f32], out: &mut [f32]) -> Result<(), AudioError> {
        let plan = Arc::clone(&self.plan);
        let frames = self.frames(samples.len());
        check_lengths(&plan.config, samples.len(), frames, out.len())?;
        for index in 0..frames {
            self.power_spectrum(&plan, samples, index);
            for (mel, band) in plan.bands.iter().enumerate() {
                let bins = &self.power[band.bins.clone()];
                out[mel * frames + index] = bins.iter().zip(&band.weights).map(|(power, weight)| power * weight).sum();
            }
        }
        for value in out {
            *value = 10.0 * value.max(POWER_FLOOR).log10();
        }
        Ok(())
    }

    /// Puts the power spectrum of frame `index` into `self.power`.
    fn power_spectrum(&mut self, plan: &Plan, samples: &[f32], index: usize) {
        let half = plan.config.n_fft / 2;
        let start = index * plan.config.hop_length;
        // `start` counts from the reflected half frame before the first sample.
        match start.checked_sub(half).and_then(|from| samples.get(from..from + plan.config.n_fft)) {
            Some(inside) => {
                for ((to, sample), weight) in self.frame.iter_mut().zip(inside).zip(&plan.window) {
                    *to = sample * weight;
                }
            }
            None => {
                for (offset, (to, weight)) in self.frame.iter_mut().zip(&plan.window).enumerate() {
                    *to = samples[reflected(start + offset, half, samples.len())] * weight;
                }
            }
        }
        plan.fft
            .process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch)
            .expect("the buffers were made by this very plan");
        for (power, bin) in self.power.iter_mut().zip(&self.spectrum) {
            *power = bin.norm_sqr();
        }
    }
}

fn check_lengths(config: &MelConfig, samples: usize, frames: usize, out: usize) -> Result<(), AudioError> {
    if samples <= config.n_fft / 2 {
        return Err(AudioError::Length {
            what: "samples of a log-mel spectrogram",
            found: samples,
            expected: format!("more than n_fft / 2 ({}); make windows longer or n_fft smaller", config.n_fft / 2),
        });
    }
    if out != config.n_mels * frames {
        return Err(AudioError::Length {
            what: "output of a log-mel spectrogram",
            found: out,
            expected: format!("{} bands times {frames} frames", config.n_mels),
        });
    }
    Ok(())
}

/// The sample at `padded` in the signal with `half` samples reflected at either end (the end samples themselves are not repeated).
fn reflected(padded: usize, half: usize, len: usize) -> usize {
    let at = padded.abs_diff(half);
    if at < len { at } else { 2 * (len - 1) - at }
}

/// A periodic Hann window in the middle of `n_fft` zeros.
fn padded_hann(win_length: usize, n_fft: usize) -> Vec<f32> {
    let mut window = vec![0.0; n_fft];
    let left = (n_fft - win_length) / 2;
    for (i, value) in window[left..left + win_length].iter_mut().enumerate() {
        *value = (0.5 - 0.5 * (2.0 * PI * i as f64 / win_length as f64).cos()) as f32;
    }
    window
}

/// Triangles between neighbouring points of `n_mels + 2`, evenly spaced on the mel scale. One that falls between two bins is empty.
fn mel_bands(config: &MelConfig) -> Vec<Band> {
    let (low, high) = (hz_to_mel(config.f_min_hz), hz_to_mel(config.f_max_hz));
    let step = (high - low) / (config.n_mels + 1) as f64;
    let edges: Vec<f64> = (0..config.n_mels + 2).map(|i| mel_to_hz(low + step * i as f64)).collect();
    let bins = config.n_fft / 2 + 1;
    let bin_hz = f64::from(config.sample_rate_hz) / 2.0 / (bins - 1) as f64;
    edges
        .windows(3)
        .map(|edge| {
            let weight = |bin: usize| {
                let hz = bin as f64 * bin_hz;
                let (rise, fall) = ((hz - edge[0]) / (edge[1] - edge[0]), (edge[2] - hz) / (edge[2] - edge[1]));
                rise.min(fall)
            };
            let first = (0..bins).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
            let weights: Vec<f32> = (first..bins).map(weight).take_while(|&w| w > 0.0).map(|w| w as f32).collect();
            Band { bins: first..first + weights.len(), weights }
        })
        .collect()
}

// The HTK scale (Young et al., The HTK Book): mel = 2595 log10(1 + f / 700).
fn hz_to_mel(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

fn mel_to_hz(mel: f64) -> f64 {
    700.0 * (10_f64.powf(mel / 2595.0) - 1.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn mix2() -> MelConfig {
        MelConfig {
            sample_rate_hz: 16_000,
            n_fft: 512,
            win_length: 512,
            hop_length: 128,
            n_mels: 128,
            f_min_hz: 0.0,
            f_max_hz: 8000.0,
        }
    }

    #[test]
    fn three_seconds_give_376_frames() {
        assert_eq!(LogMel::new(&mix2()).unwrap().frames(48_000), 376);
    }

    #[test]
    fn ends_are_reflected_without_repeating_the_end() {
        let indices: Vec<usize> = (0..9).map(|padded| reflected(padded, 2, 5)).collect();
        assert_eq!(indices, [2, 1, 0, 1, 2, 3, 4, 3, 2]);
    }

    #[test]
    fn clones_and_reuse_give_the_same_bits() {
        let mut first = LogMel::new(&mix2()).unwrap();
        let mut second = first.clone();
        let samples: Vec<f32> = (0..4000).map(|i| ((i * i) % 997) as f32 / 997.0 - 0.5).collect();
        let mut outs = [(); 3].map(|()| vec![0.0; 128 * first.frames(4000)]);
        first.compute(&samples, &mut outs[0]).unwrap();
        first.compute(&samples, &mut outs[1]).unwrap();
        second.compute(&samples, &mut outs[2]).unwrap();
        assert!(outs[0] == outs[1] && outs[0] == outs[2]);
    }

    #[test]
    fn wrong_lengths_are_named() {
        let mut mel = LogMel::new(&mix2()).unwrap();
        let error = mel.compute(&[0.0; 256], &mut [0.0; 384]).unwrap_err().to_string();
        assert!(error.contains("found 256") && error.contains("more than n_fft / 2 (256)"), "{error}");
        let error = mel.compute(&[0.0; 257], &mut [0.0; 383]).unwrap_err().to_string();
        assert!(error.contains("found 383") && error.contains("128 bands times 3 frames"), "{error}");
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        type Spoil = fn(&mut MelConfig);
        let cases: [(&str, Spoil); 8] = [
            ("sample_rate_hz", |c| c.sample_rate_hz = 0),
            ("n_fft", |c| c.n_fft = 511),
            ("win_length", |c| c.win_length = 513),
            ("hop_length", |c| c.hop_length = 0),
            ("n_mels", |c| c.n_mels = 0),
            ("f_min_hz", |c| c.f_min_hz = f64::NAN),
            ("f_max_hz", |c| c.f_max_hz = 8001.0),
            ("f_max_hz", |c| c.f_max_hz = 0.0),
        ];
        for (name, spoil) in cases {
            let mut config = mix2();
            spoil(&mut config);
            let error = LogMel::new(&config).err().unwrap().to_string();
            assert!(error.contains(&format!("{name} is")), "{error}");
        }
    }
}
