//! Expected calibration error.

use super::definition::{Formula, Metric, Probability};

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
                "expected calibration error: pairs in 15 bins of equal width, [low, high), the last with its end; the mean of \
                 abs(mean score - share of positives), weighted by the pairs of a bin"
            }
            Probability::Calibrated => "the same of the calibrated probability in the place of the score",
        }
    }

    fn needs(&self) -> &'static str {
        match self.0 {
            Probability::Score => "a labelled window",
            Probability::Calibrated => "a labelled window, and a calibration of the class",
        }
    }

    fn formula(&self) -> Formula {
        match self.0 {
            Probability::Score => Formula::Figures(|figures| figures.scores.expected_calibration_error()),
            Probability::Calibrated => Formula::Figures(|figures| figures.probabilities.expected_calibration_error()),
        }
    }
}
