//! Acoustic entropy.

use super::index::{Index, Minute};
use super::spectral_entropy::SpectralEntropy;
use super::temporal_entropy::TemporalEntropy;

pub(super) struct Entropy;

impl Index for Entropy {
    fn name(&self) -> &'static str {
        "entropy"
    }

    fn definition(&self) -> &'static str {
        "H: `temporal_entropy` times `spectral_entropy`"
    }

    fn source(&self) -> &'static str {
        "Sueur et al. 2008, doi 10.1371/journal.pone.0004065"
    }

    fn of(&self, minute: &Minute<'_>) -> Option<f64> {
        Some(TemporalEntropy.of(minute)? * SpectralEntropy.of(minute)?)
    }
}
