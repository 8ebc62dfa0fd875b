//! Brier score.

use super::definition::{Formula, Metric, Probability};
use crate::reliability::Reliability;

pub(super) struct Brier(pub(super) Probability);

impl Metric for Brier {
    fn name(&self) -> &'static str {
        match self.0 {
            Probability::Score => "brier",
            Probability::Calibrated => "brier_calibrated",
        }
    }

    fn definition(&self) -> &'static str {
        match self.0 {
            Probability::Score => "mean of (score - label)^2",
            Probability::Calibrated => "`brier` with the calibrated probability in place of the score",
        }
    }

    fn needs(&self) -> &'static str {
        self.0.needs()
    }

    fn formula(&self) -> Formula {
        Formula::Reliability(self.0, Reliability::brier)
    }
}
