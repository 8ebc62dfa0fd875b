//! F1, the harmonic mean of precision and recall.

use super::definition::{Formula, Metric, Threshold};
use crate::metrics::Confusion;

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
            Threshold::Fixed => "2 tp / (2 tp + fp + fn), at `evaluate.threshold`; 0 when no positive window is detected",
            Threshold::Tuned => {
                "2 tp / (2 tp + fp + fn), at the class's threshold from validation; 0 when no positive window is detected"
            }
        }
    }

    fn needs(&self) -> &'static str {
        "a positive window"
    }

    fn formula(&self) -> Formula {
        Formula::Decisions(self.0, Confusion::f1)
    }
}
