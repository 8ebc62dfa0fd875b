//! Acoustic evenness index.
//!
//! Where no band has a loud cell, scikit-maad gives 0, the most even bands. Here the value is null.

use super::diversity::shares;
use super::index::{Index, Minute};

pub(super) struct Aei;

impl Index for Aei {
    fn name(&self) -> &'static str {
        "aei"
    }

    fn definition(&self) -> &'static str {
        "acoustic evenness: Gini coefficient of the shares of `adi`; 0 where all bands are equally loud"
    }

    fn source(&self) -> &'static str {
        "Villanueva-Rivera et al. 2011, doi 10.1007/s10980-011-9636-9; `acoustic_eveness_index`"
    }

    fn of(&self, minute: &Minute<'_>) -> Option<f64> {
        let mut shares = shares(minute)?;
        shares.sort_by(f64::total_cmp);
        let (bands, sum) = (shares.len() as f64, shares.iter().sum::<f64>());
        let ranked: f64 = (1..).zip(&shares).map(|(rank, share)| f64::from(rank) * share).sum();
        Some((2.0 * ranked / sum - (bands + 1.0)) / bands)
    }
}
