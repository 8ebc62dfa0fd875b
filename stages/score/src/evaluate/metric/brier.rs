//! Brier score.

use super::definition::{Formula, Metric, Probability};

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
            Probability::Score => Formula::Figures(|figures| figures.scores.brier()),
            Probability::Calibrated => Formula::Figures(|figures| figures.probabilities.brier()),
        }
    }
}
