//! Average precision.

use super::definition::{Formula, Metric};

pub(super) struct AveragePrecision;

impl Metric for AveragePrecision {
    fn name(&self) -> &'static str {
        "average_precision"
    }

    fn definition(&self) -> &'static str {
        "sum over distinct scores, from the highest, of (rise in recall) x precision; windows of one score come together; no interpolation"
    }

    fn needs(&self) -> &'static str {
        "a positive window"
    }

    fn formula(&self) -> Formula {
        Formula::Counted(|counted| counted.areas.average_precision)
    }
}
