//! How decisions are made on validation.

use crate::calibration::Method;
use crate::thresholds::Rule;

/// How thresholds and calibrations are chosen, and when a class counts as one that can be told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) threshold: Rule,
    pub(crate) per_site: bool,
    pub(crate) calibration: &'static dyn Method,
    pub(crate) demand: Demand,
    /// Of the bootstrap.
    pub(crate) seed: u64,
}

/// What validation has to show of a class, so that its detections are worth a look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Demand {
    /// Lowest number of positive windows.
    pub(crate) positives: u64,
    /// Lowest number of recordings that hold these.
    pub(crate) recordings: u64,
    /// Lowest value of the lower bound of precision.
    pub(crate) precision: f64,
    /// The probability with which the bound holds.
    pub(crate) confidence: f64,
}
