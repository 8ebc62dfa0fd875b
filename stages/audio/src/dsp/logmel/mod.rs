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

use serde::{Deserialize, Serialize};

use crate::error::AudioError;
use bands::{Band, Triangles, bands};
pub use bands::{MelNorm, MelScale};
pub use pcen::Pcen;
use spectrum::{LANES, Lanes, Scratch, Spectrum};
pub use window::WindowShape;

/// What a mel spectrogram depends on. The default is Mix2's (Moummad et al. 2024).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MelConfig {
    /// Rate of the samples, Hz.
    pub sample_rate_hz: u32,
    /// Points of the Fourier transform, an even number.
    pub n_fft: usize,
    /// Length of the window, samples, at most `n_fft`, in whose middle it lies.
    pub win_length: usize,
    /// Step from frame to frame, samples.
    pub hop_length: usize,
    /// Shape of the window, which is periodic.
    pub window: WindowShape,
    /// Number of bands.
    pub n_mels: usize,
    /// Lower edge of the lowest band, Hz.
    pub f_min_hz: f64,
    /// Upper edge of the highest band, Hz.
    pub f_max_hz: f64,
    /// Scale on which the bands are evenly spaced.
    pub mel_scale: MelScale,
    /// Height of the bands.
    pub mel_norm: MelNorm,
    /// How a band's power is expressed.
    pub level: Level,
    /// With `level: pcen`, see [`Pcen::gain`].
    pub pcen_gain: f64,
    /// With `level: pcen`, see [`Pcen::bias`].
    pub pcen_bias: f64,
    /// With `level: pcen`, see [`Pcen::power`].
    pub pcen_power: f64,
    /// With `level: pcen`, see [`Pcen::time_constant_s`].
    pub pcen_time_constant_s: f64,
    /// With `level: pcen`, see [`Pcen::eps`].
    pub pcen_eps: f64,
    /// Corner of the high-pass that a recording goes through before it is cut into windows, Hz; see [`super::high_pass`].
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

impl Default for MelConfig {
    fn default() -> Self {
        Self {
            sample_rate_hz: 16_000,
            n_fft: 512,
            win_length: 512,
            hop_length: 128,
            window: WindowShape::Hann,
            n_mels: 128,
            f_min_hz: 0.0,
            f_max_hz: 8000.0,
            mel_scale: MelScale::Htk,
            mel_norm: MelNorm::None,
            level: Level::Db,
            pcen_gain: 0.98,
            pcen_bias: 2.0,
            pcen_power: 0.5,
            pcen_time_constant_s: 0.4,
            pcen_eps: 1e-6,
            high_pass_hz: None,
        }
    }
}

/// How a band's power is expressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// 10 log10(max(x, 1e-10)).
    Db,
    /// Per-channel energy normalisation, see [`Pcen`].
    Pcen,
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
        if self.n_fft < 4 || !self.n_fft.is_multiple_of(2) {
            return wrong("n_fft", &self.n_fft, "an even number, at least 4".to_owned());
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
        if let Some(corner) = self.high_pass_hz.filter(|corner| !(*corner > 0.0 && *corner < nyquist)) {
            return wrong("high_pass_hz", &corner, format!("over 0 and below half the sample rate ({nyquist})"));
        }
        self.pcen().check()
    }

    fn pcen(&self) -> Pcen {
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

    fn frame_rate_hz(&self) -> f64 {
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
                band[block.clone()].copy_from_slice(&lanes[..block.len()]);
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
