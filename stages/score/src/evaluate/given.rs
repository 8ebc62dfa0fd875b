//! What the run decided that trained a given model. It holds wherever the labels here do not suffice for a decision of their own: for classes
//! of which validation shows too little, for those that nobody labelled, and at other sites.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chorus_card::{Decisions, Source, Threshold};
use chorus_engine::WorkError;

use crate::calibration::{Calibration, METHODS, curves, method};

/// What stands before a reason that is not of this run.
const TRAINING: &str = "in the run that trained the model: ";

/// The decisions of a given model.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) decisions: Decisions,
    /// By class.
    calibrations: BTreeMap<String, Calibration>,
}

impl Given {
    /// Reads them.
    ///
    /// # Errors
    /// The file cannot be read, or holds a calibration that no method knows.
    pub(crate) fn read(path: &Path) -> Result<Self, WorkError> {
        Self::of(Decisions::read(path)?)
    }

    /// The same of decisions that were read.
    ///
    /// # Errors
    /// A calibration that no method knows.
    pub(crate) fn of(decisions: Decisions) -> Result<Self, WorkError> {
        let mut calibrations = BTreeMap::new();
        for (class, curve) in curves(&decisions, METHODS)? {
            let of = &decisions.calibrations[&class];
            let method = method(&of.method)?.name();
            let (source, positives) = (Source::Given, of.positives);
            calibrations.insert(class, Calibration { source, positives, method, weight: None, curve: Arc::from(curve) });
        }
        Ok(Self { decisions, calibrations })
    }

    /// The threshold of a class for all sites.
    pub(crate) fn threshold(&self, class: &str) -> Option<&Threshold> {
        self.decisions.thresholds.get(class)
    }

    /// The calibration of a class for all sites.
    pub(crate) fn calibration(&self, class: &str) -> Option<Calibration> {
        self.calibrations.get(class).cloned()
    }

    /// Why a class of it is not usable, as a reason that is not of this run; `None` where nothing says so.
    pub(crate) fn why_not(threshold: &Threshold) -> Option<String> {
        let why_not = threshold.why_not.as_ref()?;
        // Decisions of a run that applied the model may be given again.
        Some(if why_not.starts_with(TRAINING) { why_not.clone() } else { format!("{TRAINING}{why_not}") })
    }

    /// A calibration as one that comes from elsewhere.
    pub(crate) fn calibration_from_elsewhere(calibration: &chorus_card::Calibration) -> chorus_card::Calibration {
        chorus_card::Calibration { source: Source::Given, ..calibration.clone() }
    }

    /// A threshold as one that comes from elsewhere: without the figures of the windows that it was chosen on.
    pub(crate) fn from_elsewhere(threshold: &Threshold) -> Threshold {
        Threshold {
            source: Source::Given,
            f1: None,
            precision: None,
            recall: None,
            positives: 0,
            recordings: Some(0),
            precision_low: None,
            why_not: Self::why_not(threshold),
            ..threshold.clone()
        }
    }
}
