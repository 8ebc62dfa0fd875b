//! Average precision.

use super::definition::{Formula, Metric};

pub(super) struct AveragePrecision;

impl Metric for AveragePrecision {
    fn name(&self) -> &'static str {
        "average_precision"
    }

    fn definition(&self) -> &'static str {
        "sum over the distinct scores, from the highest, of (increase of recall) x precision; windows with equal scores are taken together; no interpolation"
    }

    fn needs(&self) -> &'static str {
        "a positive window"
    }

    fn formula(&self) -> Formula {
        Formula::Areas(|areas| areas.average_precision)
    }
}
