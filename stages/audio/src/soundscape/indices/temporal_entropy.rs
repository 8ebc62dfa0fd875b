//! Temporal entropy.
//!
//! Sueur et al. (2008) take the amplitude of the envelope by the Hilbert transform. scikit-maad's default takes the largest magnitude in
//! pieces of 512 samples and its square ("fast", "QUT"), and so do we.

use super::index::{Index, Minute, evenness};

pub(super) struct TemporalEntropy;

impl Index for TemporalEntropy {
    fn name(&self) -> &'static str {
        "temporal_entropy"
    }

    fn definition(&self) -> &'static str {
        "Ht: Shannon entropy of e^2, divided by ln(pieces), where e is the largest magnitude in each piece of 512 samples; 1 for a steady sound"
    }

    fn source(&self) -> &'static str {
        "Sueur et al. 2008, doi 10.1371/journal.pone.0004065, with the envelope of Towsey 2017; `temporal_entropy`"
    }

    fn of(&self, minute: &Minute<'_>) -> Option<f64> {
        let squares: Vec<f64> = minute.envelope.iter().map(|magnitude| magnitude * magnitude).collect();
        evenness(&squares)
    }
}
