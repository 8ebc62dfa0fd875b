//! Label-weighted label-ranking average precision.

use super::definition::{Average, Formula, Metric};

pub(super) struct Lwlrap;

impl Metric for Lwlrap {
    fn name(&self) -> &'static str {
        "lwlrap"
    }

    fn definition(&self) -> &'static str {
        "mean over the positive windows of the precision at the class's rank among the classes of the window: \
         (positive classes scoring at least as much) / (classes scoring at least as much)"
    }

    fn needs(&self) -> &'static str {
        "a positive window"
    }

    fn formula(&self) -> Formula {
        Formula::Figures(|figures| figures.ranked.mean())
    }

    fn averages(&self) -> &'static [Average] {
        &[Average::Pooled]
    }
}
