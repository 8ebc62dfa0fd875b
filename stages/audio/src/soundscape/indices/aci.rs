//! Acoustic complexity index.
//!
//! Pieretti, Farina and Morri (2011) add up the changes of amplitude from frame to frame, divided by the sum of the amplitudes, within
//! each bin and each time step of some seconds, and add these up. Here, as in scikit-maad, the minute is one time step. Since the index
//! grows with the number of bins, values are comparable for one sample rate and one window only.

use super::index::{Index, Minute};

pub(super) struct Aci;

impl Index for Aci {
    fn name(&self) -> &'static str {
        "aci"
    }

    fn definition(&self) -> &'static str {
        "acoustic complexity: sum over bins of (sum over frames of \\|a(t + 1) - a(t)\\|) / (sum over frames of a). Bins without any power are left out"
    }

    fn source(&self) -> &'static str {
        "Pieretti et al. 2011, doi 10.1016/j.ecolind.2010.11.005; `acoustic_complexity_index`"
    }

    fn of(&self, minute: &Minute<'_>) -> Option<f64> {
        let spectrogram = minute.spectrogram;
        let mut changes = vec![0.0; spectrogram.bins()];
        let mut before: Option<&[f32]> = None;
        for frame in spectrogram.amplitudes() {
            for ((change, now), then) in changes.iter_mut().zip(frame).zip(before.into_iter().flatten()) {
                *change += (f64::from(*now) - f64::from(*then)).abs();
            }
            before = Some(frame);
        }
        let with_power = || changes.iter().zip(spectrogram.amplitude_sums()).filter(|(_, sum)| **sum > 0.0);
        let is_defined = spectrogram.frames() > 1 && with_power().next().is_some();
        is_defined.then(|| with_power().map(|(change, sum)| change / sum).sum())
    }
}
