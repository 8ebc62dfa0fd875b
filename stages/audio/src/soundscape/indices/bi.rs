//! Bioacoustic index.
//!
//! Boelman et al. (2007) take the area between the mean spectrum in dB and its lowest value, from 2 to 8 kHz. The R package
//! soundecology divides by the width of a bin where an area would be multiplied by it, and takes the mean of amplitudes. scikit-maad
//! does the same by default (`R_compatible="soundecology"`), and so do we: published values are of this kind.

use super::index::{Index, Minute};

pub(super) struct Bi;

impl Index for Bi {
    fn name(&self) -> &'static str {
        "bi"
    }

    fn definition(&self) -> &'static str {
        "bioacoustic index: sum over the bins of `biophony_hz` of the mean amplitude in dB, less the lowest of these, divided by the width of a bin in Hz"
    }

    fn source(&self) -> &'static str {
        "Boelman et al. 2007, doi 10.1890/07-0004.1, as the R package soundecology computes it; `bioacoustics_index`"
    }

    fn of(&self, minute: &Minute<'_>) -> Option<f64> {
        let (spectrogram, [low, high]) = (minute.spectrogram, minute.settings.biophony_hz);
        if high > spectrogram.nyquist_hz() || spectrogram.frames() == 0 {
            return None;
        }
        let bins = spectrogram.nearest_bin(low)..=spectrogram.nearest_bin(high);
        // Sums in place of means: the number of frames is the same for all.
        let decibels = |bin: usize| {
            let sum = spectrogram.amplitude_sums()[bin];
            (sum > 0.0).then(|| 20.0 * sum.log10())
        };
        let levels: Vec<f64> = bins.map(decibels).collect::<Option<_>>()?;
        let lowest = levels.iter().copied().fold(f64::INFINITY, f64::min);
        Some(levels.iter().map(|level| level - lowest).sum::<f64>() / spectrogram.step_hz())
    }
}
