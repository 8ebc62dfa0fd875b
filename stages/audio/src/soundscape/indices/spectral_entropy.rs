//! Spectral entropy.
//!
//! Sueur et al. (2008) take the mean amplitude of each bin. scikit-maad's default ("QUT") takes the mean power, and so do we.

use super::index::{Index, Minute, evenness};

pub(super) struct SpectralEntropy;

impl Index for SpectralEntropy {
    fn name(&self) -> &'static str {
        "spectral_entropy"
    }

    fn definition(&self) -> &'static str {
        "Hf: Shannon entropy of the mean of p over frames, by bin, divided by ln(bins); 1 for a flat spectrum"
    }

    fn source(&self) -> &'static str {
        "Sueur et al. 2008, doi 10.1371/journal.pone.0004065, with powers as Towsey 2017 has them; `frequency_entropy`"
    }

    fn of(&self, minute: &Minute<'_>) -> Option<f64> {
        evenness(minute.spectrogram.power_sums())
    }
}
