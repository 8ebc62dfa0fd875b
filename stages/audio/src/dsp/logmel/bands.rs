//! Triangular mel bands, as torchaudio's `melscale_fbanks` and librosa's `filters.mel` make them: only the bins under
//! each triangle.

use std::ops::Range;

use chorus_keys::Choices;
use serde::{Deserialize, Serialize};

use super::spectrum::Lanes;
use crate::dsp::instructions::vectorised;

/// A frequency scale of mel bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum MelScale {
    /// 2595 log10(1 + f / 700) (Young et al., The HTK Book); torchaudio's default.
    Htk,
    /// Linear up to 1 kHz, logarithmic above (Slaney, Auditory Toolbox, 1998); librosa's default.
    Slaney,
}

/// Normalisation of the mel filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum MelNorm {
    /// Every triangular filter has the height 1; torchaudio's default.
    None,
    /// Every triangular filter has the area 1; librosa's default.
    Slaney,
}

/// One triangle.
pub(super) struct Band {
    /// The bins under it.
    pub(super) bins: Range<usize>,
    /// Their weights.
    pub(super) weights: Vec<f32>,
}

/// How triangles are laid out.
pub(super) struct Triangles {
    /// Rate of the samples, Hz.
    pub(super) sample_rate_hz: u32,
    /// Points of the Fourier transform.
    pub(super) n_fft: usize,
    /// Number of triangles.
    pub(super) n_mels: usize,
    /// Lower edge of the lowest and upper edge of the highest, Hz.
    pub(super) edges_hz: (f64, f64),
    /// Scale on which they are evenly spaced.
    pub(super) scale: MelScale,
    /// Their height.
    pub(super) norm: MelNorm,
}

/// Triangles between neighbouring points of `n_mels + 2`, evenly spaced on the mel scale. One that falls between two
/// bins is empty.
pub(super) fn bands(layout: &Triangles) -> Vec<Band> {
    let scale = layout.scale;
    let (low, high) = (scale.mel(layout.edges_hz.0), scale.mel(layout.edges_hz.1));
    let step = (high - low) / (layout.n_mels + 1) as f64;
    let edges: Vec<f64> = (0..layout.n_mels + 2).map(|i| scale.hz(low + step * i as f64)).collect();
    let bins = layout.n_fft / 2 + 1;
    let bin_hz = f64::from(layout.sample_rate_hz) / 2.0 / (bins - 1) as f64;
    edges
        .windows(3)
        .map(|edge| {
            // Slaney's norm gives each triangle the area 1 (in Hz).
            let height = match layout.norm {
                MelNorm::None => 1.0,
                MelNorm::Slaney => 2.0 / (edge[2] - edge[0]),
            };
            let weight = |bin: usize| {
                let hz = bin as f64 * bin_hz;
                let (rise, fall) = ((hz - edge[0]) / (edge[1] - edge[0]), (edge[2] - hz) / (edge[2] - edge[1]));
                height * rise.min(fall)
            };
            let first = (0..bins).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
            let weights: Vec<f32> = (first..bins).map(weight).take_while(|&w| w > 0.0).map(|w| w as f32).collect();
            Band { bins: first..first + weights.len(), weights }
        })
        .collect()
}

/// The triangles whose middles lie between two frequencies; the one whose middle is nearest where there is none.
pub(super) fn between(layout: &Triangles, low_hz: f64, high_hz: f64) -> Range<usize> {
    let scale = layout.scale;
    let (low, high) = (scale.mel(layout.edges_hz.0), scale.mel(layout.edges_hz.1));
    let step = (high - low) / (layout.n_mels + 1) as f64;
    let middle = |band: usize| scale.hz(low + step * (band + 1) as f64);
    let first = (0..layout.n_mels).take_while(|&band| middle(band) < low_hz).count();
    let last = (0..layout.n_mels).take_while(|&band| middle(band) <= high_hz).count();
    if first < last {
        return first..last;
    }
    let nearest = first.min(layout.n_mels - 1);
    nearest..nearest + 1
}

vectorised! {
    /// Sums powers `[bin]` under each triangle into `out` `[mel]`, for every frame of a block.
    pub(super) fn sum(bands: &[Band], powers: &[Lanes], out: &mut [Lanes]) {
        for (band, out) in bands.iter().zip(out) {
            let mut sums = Lanes::default();
            for (power, weight) in powers[band.bins.clone()].iter().zip(&band.weights) {
                for (sum, power) in sums.iter_mut().zip(power) {
                    *sum += weight * power;
                }
            }
            *out = sums;
        }
    }
}

impl MelScale {
    /// Where the Slaney scale turns from linear to logarithmic: 15 mel of 200/3 Hz.
    const SLANEY_BREAK_HZ: f64 = 1000.0;
    const SLANEY_HZ_PER_MEL: f64 = 200.0 / 3.0;
    /// Above it, 27 mel for a factor of 6.4.
    const SLANEY_LOG_STEP: f64 = 0.068_751_777_420_949_12;

    fn mel(self, hz: f64) -> f64 {
        match self {
            Self::Htk => 2595.0 * (1.0 + hz / 700.0).log10(),
            Self::Slaney if hz < Self::SLANEY_BREAK_HZ => hz / Self::SLANEY_HZ_PER_MEL,
            Self::Slaney => {
                Self::SLANEY_BREAK_HZ / Self::SLANEY_HZ_PER_MEL + (hz / Self::SLANEY_BREAK_HZ).ln() / Self::SLANEY_LOG_STEP
            }
        }
    }

    fn hz(self, mel: f64) -> f64 {
        let break_mel = Self::SLANEY_BREAK_HZ / Self::SLANEY_HZ_PER_MEL;
        match self {
            Self::Htk => 700.0 * (10_f64.powf(mel / 2595.0) - 1.0),
            Self::Slaney if mel < break_mel => mel * Self::SLANEY_HZ_PER_MEL,
            Self::Slaney => Self::SLANEY_BREAK_HZ * (Self::SLANEY_LOG_STEP * (mel - break_mel)).exp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bands_between_two_frequencies_have_their_middles_there() {
        let layout = Triangles {
            sample_rate_hz: 22_050,
            n_fft: 512,
            n_mels: 9,
            // Linear up to 1 kHz on this scale: middles at 100, 200, … 900 Hz.
            edges_hz: (0.0, 1000.0),
            scale: MelScale::Slaney,
            norm: MelNorm::None,
        };
        assert_eq!(between(&layout, 0.0, 1000.0), 0..9);
        assert_eq!(between(&layout, 250.0, 610.0), 2..6);
        assert_eq!(between(&layout, 310.0, 320.0), 3..4, "the next one where none lies between");
        assert_eq!(between(&layout, 5000.0, 6000.0), 8..9);
    }

    #[test]
    fn scales_turn_back_and_meet_their_known_points() {
        for scale in [MelScale::Htk, MelScale::Slaney] {
            for hz in [0.0, 20.0, 440.0, 999.9, 1000.0, 6400.0, 100_000.0] {
                assert!((scale.hz(scale.mel(hz)) - hz).abs() < 1e-6 * hz.max(1.0), "{scale:?} {hz}");
            }
        }
        assert!((MelScale::Htk.mel(1000.0) - 999.985_5).abs() < 1e-3);
        assert!((MelScale::Slaney.mel(1000.0) - 15.0).abs() < 1e-9);
        assert!((MelScale::Slaney.mel(6400.0) - 42.0).abs() < 1e-9);
    }
}
