//! What a metric is.

use crate::evaluate::sums::{Counted, Figures};

/// A metric of stage `evaluate`. To add one: a file with its definition, and a line in [`super::METRICS`].
pub(crate) trait Metric: Sync {
    /// The name in the table `metrics`.
    fn name(&self) -> &'static str;
    /// The definition, as `docs/metrics.md` has it.
    fn definition(&self) -> &'static str;
    /// What windows must hold for the metric to be defined. Without it the value is null.
    fn needs(&self) -> &'static str;
    /// How it is computed.
    fn formula(&self) -> Formula;
    /// Its averages over classes.
    fn averages(&self) -> &'static [Average] {
        &[Average::Macro, Average::Micro, Average::Weighted]
    }
}

/// How a metric is computed: of one class, or of the windows of several classes pooled.
pub(crate) enum Formula {
    /// From what is also counted in each bootstrap replicate. Such a metric has a confidence interval.
    Counted(fn(&Counted) -> Option<f64>),
    /// From everything. There is no confidence interval.
    Figures(fn(&Figures) -> Option<f64>),
}

/// A figure of several classes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Average {
    /// The mean over the classes where the metric is defined. It has the metric's own name.
    Macro,
    /// The metric of all pairs of window and class together. Its name ends in `_micro`.
    Micro,
    /// The mean over the classes where the metric is defined, weighted by positive windows. Its name ends in `_weighted`.
    Weighted,
    /// As [`Average::Micro`], with the metric's own name, for metrics that have no macro average.
    Pooled,
}

/// At which thresholds windows count as detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threshold {
    /// `evaluate.threshold`.
    Fixed,
    /// The class's own, chosen on validation.
    Tuned,
}

/// What the probability of a window is taken to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probability {
    /// The score.
    Score,
    /// The calibrated probability.
    Calibrated,
}
