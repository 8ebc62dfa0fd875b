//! Precision.

use super::definition::{Formula, Metric, Threshold};
use crate::metrics::Confusion;

pub(super) struct Precision(pub(super) Threshold);

impl Metric for Precision {
    fn name(&self) -> &'static str {
        match self.0 {
            Threshold::Fixed => "precision_fixed",
            Threshold::Tuned => "precision_tuned",
        }
    }

    fn definition(&self) -> &'static str {
        match self.0 {
            Threshold::Fixed => "tp / (tp + fp), at `evaluate.threshold`",
            Threshold::Tuned => "tp / (tp + fp), at the class's threshold from validation",
        }
    }

    fn needs(&self) -> &'static str {
        "a detected window"
    }

    fn formula(&self) -> Formula {
        Formula::Decisions(self.0, Confusion::precision)
    }
}
