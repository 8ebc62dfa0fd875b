//! F1, the harmonic mean of precision and recall.

use super::definition::{Formula, Metric, Threshold};

pub(super) struct F1(pub(super) Threshold);

impl Metric for F1 {
    fn name(&self) -> &'static str {
        match self.0 {
            Threshold::Fixed => "f1_fixed",
            Threshold::Tuned => "f1_tuned",
        }
    }

    fn definition(&self) -> &'static str {
        match self.0 {
            Threshold::Fixed => {
                "2 tp / (2 tp + fp + fn): 0 where windows are positive and none is detected, at `evaluate.threshold`"
            }
            Threshold::Tuned => {
                "2 tp / (2 tp + fp + fn): 0 where windows are positive and none is detected, at the class's threshold from validation"
            }
        }
    }

    fn needs(&self) -> &'static str {
        "a positive window"
    }

    fn formula(&self) -> Formula {
        match self.0 {
            Threshold::Fixed => Formula::Counted(|counted| counted.fixed.f1()),
            Threshold::Tuned => Formula::Counted(|counted| counted.tuned.f1()),
        }
    }
}
