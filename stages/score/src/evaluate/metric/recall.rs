//! Recall.

use super::definition::{Formula, Metric, Threshold};
use crate::metrics::Confusion;

pub(super) struct Recall(pub(super) Threshold);

impl Metric for Recall {
    fn name(&self) -> &'static str {
        match self.0 {
            Threshold::Fixed => "recall_fixed",
            Threshold::Tuned => "recall_tuned",
        }
    }

    fn definition(&self) -> &'static str {
        match self.0 {
            Threshold::Fixed => "tp / (tp + fn), at `evaluate.threshold`",
            Threshold::Tuned => "tp / (tp + fn), at the class's threshold from validation",
        }
    }

    fn needs(&self) -> &'static str {
        "a positive window"
    }

    fn formula(&self) -> Formula {
        Formula::Decisions(self.0, Confusion::recall)
    }
}
