//! Log-mel spectrograms, as torchaudio's `MelSpectrogram` and `AmplitudeToDB` (without `top_db`) make them.
//!
//! Periodic Hann window, frames centred with reflected ends, power spectrum, triangular bands on the HTK scale
//! without normalisation, 10 log10(max(x, 1e-10)). Shapes: samples `[sample]` in, `[mel, frame]` out, row-major.

mod bands;
mod level;
mod pcen;
mod spectrum;
mod window;

use std::ops::Range;
use std::sync::Arc;

use chorus_keys::{Choices, Finding, Keys, NotAllowed};
use serde::{Deserialize, Serialize};

use crate::error::AudioError;
use bands::{Band, Triangles, bands};
pub use bands::{MelNorm, MelScale};
pub use level::POWER_FLOOR;
pub use pcen::{Pcen, SCALE as PCEN_SCALE};
use spectrum::{LANES, Lanes, Scratch, Spectrum};
pub use window::WindowShape;

/// The section `featurize` of the configuration: all that a mel spectrogram depends on. The defaults are those of Mix2 (Moummad et
/// al. 2024).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "featurize", default)]
#[serde(deny_unknown_fields)]
pub struct MelConfig {
    /// Sample rate that recordings are resampled to.
    #[key(unit = "Hz", default = "16000", range = 1..=10_000_000, example = "48000")]
    pub sample_rate_hz: u32,
    /// Length of the Fourier transform; an even number.
    #[key(unit = "samples", default = "512", range = 16..=65_536, example = "1024")]
    pub n_fft: usize,
    /// Length of the analysis window, at most n_fft. It is centred in the n_fft samples of a frame.
    #[key(unit = "samples", default = "512", range = 16..=65_536, example = "1024")]
    pub win_length: usize,
    /// Step from one frame to the next.
    #[key(unit = "samples", default = "128", range = 1..=65_536, example = "256")]
    pub hop_length: usize,
    /// Number of mel bands.
    #[key(unit = "bands", default = "128", range = 4..=1024, example = "64")]
    pub n_mels: usize,
    /// Lower edge of the lowest mel band.
    #[key(unit = "Hz", default = "0", range = 0.0..=5_000_000.0, example = "150")]
    pub f_min_hz: f64,
    /// Upper edge of the highest mel band, at most half the sample rate.
    #[key(unit = "Hz", default = "8000", range = above(0.0).up_to(5_000_000.0), example = "12000")]
    pub f_max_hz: f64,
    /// Shape of the analysis window; all are periodic.
    #[key(default = "hann")]
    pub window: WindowShape,
    /// Frequency scale on which the mel bands are evenly spaced.
    #[key(default = "htk")]
    pub mel_scale: MelScale,
    /// Normalisation of the mel filters.
    #[key(default = "none")]
    pub mel_norm: MelNorm,
    /// Level of a mel band: what its power is converted to.
    #[key(default = "db")]
    pub level: Level,
    /// With level: pcen, strength of the automatic gain control.
    #[key(default = "0.98", range = 0.0..=10.0)]
    pub pcen_gain: f64,
    /// With level: pcen, offset that is added before the compression.
    #[key(default = "2", range = 0.0..=1000.0)]
    pub pcen_bias: f64,
    /// With level: pcen, exponent of the compression.
    #[key(default = "0.5", range = above(0.0).up_to(10.0))]
    pub pcen_power: f64,
    /// With level: pcen, time constant of the smoothed energy that each band is divided by.
    #[key(unit = "s", default = "0.4", range = 0.001..=60.0)]
    pub pcen_time_constant_s: f64,
    /// With level: pcen, a small number added to the divisor, so that silence is not divided by zero.
    #[key(default = "0.000001", range = 1e-12..=1.0)]
    pub pcen_eps: f64,
    /// Cutoff frequency (-3 dB) of a fourth-order Butterworth high-pass filter over the whole recording, against noise of wind and
    /// traffic; null: no filter.
    #[key(unit = "Hz", range = above(0.0).up_to(5_000_000.0), example = "200")]
    pub high_pass_hz: Option<f64>,
}

impl MelConfig {
    fn triangles(&self) -> Triangles {
        Triangles {
            sample_rate_hz: self.sample_rate_hz,
            n_fft: self.n_fft,
            n_mels: self.n_mels,
            edges_hz: (self.f_min_hz, self.f_max_hz),
            scale: self.mel_scale,
            norm: self.mel_norm,
        }
    }
}

/// What the power of a mel band is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Decibels: 10 log10(max(x, 1e-10)).
    Db,
    /// Per-channel energy normalisation (Wang et al. 2017): each band is divided by its recent energy, which removes steady noise.
    Pcen,
}

impl MelConfig {
    /// The mel bands whose middles lie between two frequencies, in Hz; at least one.
    pub fn bands_between(&self, low_hz: f64, high_hz: f64) -> Range<usize> {
        bands::between(&self.triangles(), low_hz, high_hz)
    }

    /// What is wrong with settings each of which is in its range.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let half = f64::from(self.sample_rate_hz) / 2.0;
        let mut findings = Vec::new();
        let mut refuse = |fits: bool, key: &str, found: String, allowed: String| {
            if !fits {
                findings.push(Finding::new(key, found, allowed));
            }
        };
        refuse(self.n_fft.is_multiple_of(2), "featurize.n_fft", self.n_fft.to_string(), "allowed: an even number".to_owned());
        refuse(
            self.win_length <= self.n_fft,
            "featurize.win_length",
            self.win_length.to_string(),
            format!("allowed: up to featurize.n_fft, {}", self.n_fft),
        );
        refuse(
            self.f_max_hz <= half,
            "featurize.f_max_hz",
            format!("{} Hz", self.f_max_hz),
            format!("allowed: up to half of featurize.sample_rate_hz, {half} Hz"),
        );
        refuse(
            self.f_min_hz < self.f_max_hz,
            "featurize.f_min_hz",
            format!("{} Hz", self.f_min_hz),
            format!("allowed: less than featurize.f_max_hz, {} Hz", self.f_max_hz),
        );
        let corner = self.high_pass_hz.unwrap_or_default();
        refuse(
            corner < half,
            "featurize.high_pass_hz",
            format!("{corner} Hz"),
            format!("allowed: less than half of featurize.sample_rate_hz, {half} Hz, or null for no high-pass filter"),
        );
        findings
    }

    fn check(&self) -> Result<(), AudioError> {
        let wrong =
            |key: &str, found: String, expected: String| Err(AudioError::MelConfig { key: key.to_owned(), found, expected });
        if let Err(NotAllowed { key, found, allowed }) = chorus_keys::validate(self) {
            return wrong(key, found, format!("allowed: {allowed}"));
        }
        match self.findings().into_iter().next() {
            Some(Finding { key, found, allowed }) => wrong(&key, found, allowed),
            None => Ok(()),
        }
    }

    /// The weights of the mel bands `[mel, bin]`, row by row, over the `n_fft / 2 + 1` bins of a power spectrum.
    pub fn band_weights(&self) -> Vec<f32> {
        let bins = self.n_fft / 2 + 1;
        let mut weights = vec![0.0; self.n_mels * bins];
        for (row, band) in weights.chunks_exact_mut(bins).zip(bands(&self.triangles())) {
            row[band.bins.clone()].copy_from_slice(&band.weights);
        }
        weights
    }

    /// The analysis window `[n_fft]`, with zeros around its `win_length` samples.
    pub fn analysis_window(&self) -> Vec<f32> {
        self.window.padded(self.win_length, self.n_fft)
    }

    /// The settings of PCEN, which count with `level: pcen`.
    pub fn pcen(&self) -> Pcen {
        Pcen {
            gain: self.pcen_gain,
            bias: self.pcen_bias,
            power: self.pcen_power,
            time_constant_s: self.pcen_time_constant_s,
            eps: self.pcen_eps,
        }
    }

    /// The frames of a window of `samples` samples that touch neither of its ends.
    fn inner_frames(&self, samples: usize) -> Range<usize> {
        let half = self.n_fft / 2;
        let first = half.div_ceil(self.hop_length);
        let last = samples.checked_sub(half).map_or(0, |end| end / self.hop_length + 1);
        first..last.max(first)
    }

    /// How many frames so many samples are, where they are a whole number of frames and frames can be shared at all:
    /// PCEN follows a window from its beginning.
    fn whole_hops(&self, samples: u64) -> Option<usize> {
        let hop = self.hop_length as u64;
        (self.level == Level::Db && samples.is_multiple_of(hop)).then_some((samples / hop) as usize)
    }

    /// Frames a second.
    pub fn frame_rate_hz(&self) -> f64 {
        f64::from(self.sample_rate_hz) / self.hop_length as f64
    }
}

/// Computes log-mel spectrograms. A clone shares the tables and has its own scratch space: one for each thread.
#[derive(Clone)]
pub struct LogMel {
    plan: Arc<Plan>,
    scratch: Scratch,
    /// `[mel]`: one block of frames.
    block: Vec<Lanes>,
}

impl std::fmt::Debug for LogMel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogMel").field("config", &self.plan.config).finish_non_exhaustive()
    }
}

struct Plan {
    config: MelConfig,
    spectrum: Spectrum,
    bands: Vec<Band>,
}

/// The spectrogram of a window of the same stream that began earlier.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    /// Its values, `[mel, frame]`.
    pub values: &'a [f32],
    /// By how many samples it began earlier.
    pub samples: u64,
}

impl LogMel {
    /// Plans the computation.
    ///
    /// # Errors
    ///
    /// [`AudioError::MelConfig`] with the first setting that can't be used.
    pub fn new(config: &MelConfig) -> Result<Self, AudioError> {
        config.check()?;
        let spectrum = Spectrum::new(config.window.padded(config.win_length, config.n_fft));
        Ok(Self {
            scratch: spectrum.scratch(),
            block: vec![[0.0; LANES]; config.n_mels],
            plan: Arc::new(Plan { bands: bands(&config.triangles()), spectrum, config: config.clone() }),
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

    /// Fills `out` `[mel, frame]` with the mel spectrogram of `samples`: in dB, -100 at the lowest, or after PCEN.
    ///
    /// # Errors
    ///
    /// [`AudioError::Length`] when `out` is not `n_mels * frames(samples.len())` long, or `samples` are too few to be
    /// reflected (more than `n_fft / 2` are needed).
    pub fn compute(&mut self, samples: &[f32], out: &mut [f32]) -> Result<(), AudioError> {
        self.compute_after(None, samples, out)
    }

    /// As [`LogMel::compute`], to the last bit, and faster where an earlier window overlaps this one: frames that lie
    /// within both, away from their reflected ends, are copied.
    ///
    /// # Errors
    ///
    /// As [`LogMel::compute`].
    pub fn compute_after(&mut self, earlier: Option<Earlier<'_>>, samples: &[f32], out: &mut [f32]) -> Result<(), AudioError> {
        let plan = Arc::clone(&self.plan);
        let frames = self.frames(samples.len());
        check_lengths(&plan.config, samples.len(), frames, out.len())?;
        let inner = plan.config.inner_frames(samples.len());
        let shift = earlier.filter(|e| e.values.len() == out.len()).and_then(|e| plan.config.whole_hops(e.samples));
        match (earlier, shift) {
            (Some(earlier), Some(shift)) if shift < inner.len() => {
                let shared = inner.start..inner.end - shift;
                for (to, from) in out.chunks_exact_mut(frames).zip(earlier.values.chunks_exact(frames)) {
                    to[shared.clone()].copy_from_slice(&from[shared.start + shift..shared.end + shift]);
                }
                self.fill(&plan, samples, 0..shared.start, out);
                self.fill(&plan, samples, shared.end..frames, out);
            }
            _ => self.fill(&plan, samples, 0..frames, out),
        }
        if plan.config.level == Level::Pcen {
            for band in out.chunks_exact_mut(frames) {
                plan.config.pcen().normalise(band, plan.config.frame_rate_hz());
            }
        }
        Ok(())
    }

    /// Puts the frames of `range` into `out` `[mel, frame]`, block by block.
    fn fill(&mut self, plan: &Plan, samples: &[f32], range: Range<usize>, out: &mut [f32]) {
        let MelConfig { n_fft, hop_length, level, .. } = plan.config;
        let frames = out.len() / plan.bands.len();
        let sample = |at: isize| samples[reflected(at, samples.len())];
        for first in range.clone().step_by(LANES) {
            let block = first..range.end.min(first + LANES);
            // Frames are centred: the first begins half a transform before the first sample.
            let starts = (0..block.len()).map(|i| ((first + i) * hop_length) as isize - (n_fft / 2) as isize);
            let powers = plan.spectrum.powers(samples, starts, sample, &mut self.scratch);
            bands::sum(&plan.bands, powers, &mut self.block);
            if level == Level::Db {
                level::decibels(&mut self.block);
            }
            for (band, lanes) in out.chunks_exact_mut(frames).zip(&self.block) {
                let to = &mut band[block.clone()];
                // A whole block is copied without a call.
                match to.as_mut_array() {
                    Some(whole) => *whole = *lanes,
                    None => to.copy_from_slice(&lanes[..to.len()]),
                }
            }
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

/// Where sample `at` lies in a signal of `len` samples whose ends are reflected (the end samples themselves are not repeated).
fn reflected(at: isize, len: usize) -> usize {
    let at = at.unsigned_abs();
    if at < len { at } else { 2 * (len - 1) - at }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn mix2() -> MelConfig {
        MelConfig::default()
    }

    fn noise(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * i) % 997) as f32 / 997.0 - 0.5).collect()
    }

    #[test]
    fn three_seconds_give_376_frames() {
        assert_eq!(LogMel::new(&mix2()).unwrap().frames(48_000), 376);
    }

    #[test]
    fn ends_are_reflected_without_repeating_the_end() {
        let indices: Vec<usize> = (-2..7).map(|at| reflected(at, 5)).collect();
        assert_eq!(indices, [2, 1, 0, 1, 2, 3, 4, 3, 2]);
    }

    #[test]
    fn clones_and_reuse_give_the_same_bits() {
        let mut first = LogMel::new(&mix2()).unwrap();
        let mut second = first.clone();
        let samples = noise(4000);
        let mut outs = [(); 3].map(|()| vec![0.0; 128 * first.frames(4000)]);
        first.compute(&samples, &mut outs[0]).unwrap();
        first.compute(&samples, &mut outs[1]).unwrap();
        second.compute(&samples, &mut outs[2]).unwrap();
        assert!(outs[0] == outs[1] && outs[0] == outs[2]);
    }

    #[test]
    fn frames_of_an_overlapping_window_are_the_same_bits() {
        let stream = noise(60_000);
        for (level, hop) in [(Level::Db, 128), (Level::Db, 100), (Level::Db, 600), (Level::Pcen, 128)] {
            let config = MelConfig { level, hop_length: hop, ..mix2() };
            let mut mel = LogMel::new(&config).unwrap();
            let len = config.n_mels * mel.frames(8000);
            let (mut first, mut alone, mut after) = (vec![0.0; len], vec![0.0; len], vec![0.0; len]);
            mel.compute(&stream[..8000], &mut first).unwrap();
            for by in [0, 1, 128, 500, 600, 3200, 6400, 7680, 7800, 8000, 50_000] {
                let window = &stream[by..by + 8000];
                mel.compute(window, &mut alone).unwrap();
                let earlier = Earlier { values: &first, samples: by as u64 };
                mel.compute_after(Some(earlier), window, &mut after).unwrap();
                assert!(alone == after, "{level:?}, hop {hop}, {by} samples later");
            }
        }
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
        let cases: [(&str, Spoil); 9] = [
            ("sample_rate_hz", |c| c.sample_rate_hz = 0),
            ("n_fft", |c| c.n_fft = 513),
            ("win_length", |c| c.win_length = 513),
            ("hop_length", |c| c.hop_length = 0),
            ("n_mels", |c| c.n_mels = 0),
            ("f_min_hz", |c| c.f_min_hz = f64::NAN),
            ("f_max_hz", |c| c.f_max_hz = 8001.0),
            ("f_min_hz", |c| c.f_min_hz = 8000.0),
            ("pcen_power", |c| c.pcen_power = 0.0),
        ];
        for (name, spoil) in cases {
            let mut config = mix2();
            spoil(&mut config);
            let error = LogMel::new(&config).err().unwrap().to_string();
            assert!(error.contains(&format!("featurize.{name}: found")), "{error}");
        }
    }
}
