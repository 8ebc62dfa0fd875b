//! Specificity.

use super::definition::{Formula, Metric, Threshold};

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
        match self.0 {
            Threshold::Fixed => Formula::Counted(|counted| counted.fixed.specificity()),
            Threshold::Tuned => Formula::Counted(|counted| counted.tuned.specificity()),
        }
    }
}
