//! The metrics of stage `evaluate`: an open set with one file for each metric and one line in [`METRICS`]. The rows of the table
//! `metrics`, the names that its schema allows, and the table of definitions in `docs/metrics.md` follow from the list.

mod auroc;
mod average_precision;
mod brier;
pub(crate) mod definition;
mod ece;
mod f1;
mod lwlrap;
mod precision;
mod recall;
mod specificity;

use definition::{Metric, Probability, Threshold};

/// Every metric.
pub(crate) static METRICS: &[&dyn Metric] = &[
    &average_precision::AveragePrecision,
    &auroc::Auroc,
    &f1::F1(Threshold::Fixed),
    &f1::F1(Threshold::Tuned),
    &precision::Precision(Threshold::Fixed),
    &precision::Precision(Threshold::Tuned),
    &recall::Recall(Threshold::Fixed),
    &recall::Recall(Threshold::Tuned),
    &specificity::Specificity(Threshold::Fixed),
    &specificity::Specificity(Threshold::Tuned),
    &lwlrap::Lwlrap,
    &brier::Brier(Probability::Score),
    &brier::Brier(Probability::Calibrated),
    &ece::Ece(Probability::Score),
    &ece::Ece(Probability::Calibrated),
];
