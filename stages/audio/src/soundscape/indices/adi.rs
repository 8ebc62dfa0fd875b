//! Acoustic diversity index.
//!
//! Where no band has a loud cell, because what is loudest lies above all bands, scikit-maad gives the highest diversity. Here the value
//! is null.

use super::diversity::shares;
use super::index::{Index, Minute, shannon};

pub(super) struct Adi;

impl Index for Adi {
    fn name(&self) -> &'static str {
        "adi"
    }

    fn definition(&self) -> &'static str {
        "acoustic diversity: Shannon entropy (natural logarithm) of the shares of loud cells in bands of `diversity_step_hz`; loud is from `diversity_threshold_db` on, relative to the loudest cell"
    }

    fn source(&self) -> &'static str {
        "Villanueva-Rivera et al. 2011, doi 10.1007/s10980-011-9636-9; `acoustic_diversity_index`"
    }

    fn of(&self, minute: &Minute<'_>) -> Option<f64> {
        shannon(shares(minute)?.iter().copied())
    }
}
