//! Specificity.

use super::definition::{Formula, Metric, Threshold};
use crate::metrics::Confusion;

pub(super) struct Specificity(pub(super) Threshold);

impl Metric for Specificity {
    fn name(&self) -> &'static str {
        match self.0 {
            Threshold::Fixed => "specificity_fixed",
            Threshold::Tuned => "specificity_tuned",
        }
    }

    fn definition(&self) -> &'static str {
        match self.0 {
            Threshold::Fixed => "tn / (tn + fp), at `evaluate.threshold`",
            Threshold::Tuned => "tn / (tn + fp), at the class's threshold from validation",
        }
    }

    fn needs(&self) -> &'static str {
        "a negative window"
    }

    fn formula(&self) -> Formula {
        Formula::Decisions(self.0, Confusion::specificity)
    }
}
