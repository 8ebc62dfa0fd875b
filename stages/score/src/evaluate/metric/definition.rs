//! What a metric is.

use crate::evaluate::sums::{Counted, Figures};
use crate::metrics::{Areas, Confusion};
use crate::reliability::Reliability;

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

/// How a metric is computed: of one class, or of the windows of several classes pooled. The first two are counted in each bootstrap
/// replicate too, so these metrics have confidence intervals.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Formula {
    /// From the areas under the curves.
    Areas(fn(&Areas) -> Option<f64>),
    /// From the decisions at a threshold.
    Decisions(Threshold, fn(&Confusion) -> Option<f64>),
    /// From the bins of probabilities.
    Reliability(Probability, fn(&Reliability) -> Option<f64>),
    /// From all figures.
    Figures(fn(&Figures) -> Option<f64>),
}

impl Formula {
    /// The value; `None` where the metric is not defined.
    pub(crate) fn value(self, figures: &Figures) -> Option<f64> {
        match self {
            Self::Reliability(Probability::Score, of) => of(&figures.scores),
            Self::Reliability(Probability::Calibrated, of) => of(&figures.probabilities),
            Self::Figures(of) => of(figures),
            Self::Areas(_) | Self::Decisions(..) => self.counted_value(&figures.counted),
        }
    }

    /// Whether a bootstrap replicate holds enough for it.
    pub(crate) fn is_counted(self) -> bool {
        matches!(self, Self::Areas(_) | Self::Decisions(..))
    }

    /// The value in a bootstrap replicate; `None` also for a formula that needs more than is counted there.
    pub(crate) fn counted_value(self, counted: &Counted) -> Option<f64> {
        match self {
            Self::Areas(of) => of(&counted.areas),
            Self::Decisions(Threshold::Fixed, of) => of(&counted.fixed),
            Self::Decisions(Threshold::Tuned, of) => of(&counted.tuned),
            Self::Reliability(..) | Self::Figures(_) => None,
        }
    }
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

impl Probability {
    /// What windows must hold for a metric of these probabilities to be defined.
    pub(crate) fn needs(self) -> &'static str {
        match self {
            Self::Score => "a labelled window",
            Self::Calibrated => "a labelled window, and a calibration of the class",
        }
    }
}
