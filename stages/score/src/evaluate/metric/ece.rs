//! Expected calibration error.

use super::definition::{Formula, Metric, Probability};
use crate::reliability::Reliability;

pub(super) struct Ece(pub(super) Probability);

impl Metric for Ece {
    fn name(&self) -> &'static str {
        match self.0 {
            Probability::Score => "ece",
            Probability::Calibrated => "ece_calibrated",
        }
    }

    fn definition(&self) -> &'static str {
        match self.0 {
            Probability::Score => {
                "expected calibration error: the mean of abs(mean score - share of positives) over 15 bins of equal width, weighted by the \
                 pairs in a bin; a bin holds its lower end, and the last one its upper end too"
            }
            Probability::Calibrated => "`ece` with the calibrated probability in place of the score",
        }
    }

    fn needs(&self) -> &'static str {
        self.0.needs()
    }

    fn formula(&self) -> Formula {
        Formula::Reliability(self.0, Reliability::expected_calibration_error)
    }
}
