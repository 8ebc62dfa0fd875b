//! `model/decisions.yaml`: from which score a window counts as detected, and how probable it is at a score. A file of its own beside the weights, read by `detect` and
//! not by `predict`, so that the graph of stages has no cycle.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::error::ScoreError;
use crate::thresholds::Threshold;

/// The decisions of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// Hash of the weights that they were made for.
    pub model_id: String,
    /// Per class.
    pub thresholds: BTreeMap<String, Threshold>,
    /// Per site, those of the classes that have another one there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub site_thresholds: BTreeMap<String, BTreeMap<String, Threshold>>,
    /// Per class, of those that have one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calibrations: BTreeMap<String, Calibration>,
}

impl Decisions {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ScoreError::Decisions`] when it cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, ScoreError> {
        let bad = |found: String| ScoreError::Decisions { path: path.to_owned(), found };
        let text = std::fs::read_to_string(path).map_err(|e| bad(e.to_string()))?;
        serde_yaml::from_str(&text).map_err(|e| bad(e.to_string()))
    }

    /// The threshold of a class at a site: the site's own, else that of all sites.
    pub fn threshold(&self, site: &str, class: &str) -> Option<f64> {
        let at_site = self.site_thresholds.get(site).and_then(|classes| classes.get(class));
        at_site.or_else(|| self.thresholds.get(class)).map(|t| t.threshold)
    }

    /// The probability that a window with this score holds the class; `None` where the class has no calibration.
    pub fn probability(&self, class: &str, score: f64) -> Option<f64> {
        self.calibrations.get(class).map(|calibration| calibration.curve.probability(score))
    }

    /// As YAML.
    ///
    /// # Panics
    /// Never: it is plain data.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("plain data is YAML")
    }
}

/// The threshold of a class at a site: one for all where `detect.threshold` says so, else the model's.
///
/// # Errors
/// [`ScoreError::NoThreshold`] when neither knows the class.
pub fn threshold(site: &str, class: &str, for_all: Option<f64>, decisions: Option<&Decisions>) -> Result<f64, ScoreError> {
    let own = || decisions.and_then(|d| d.threshold(site, class));
    for_all.or_else(own).ok_or_else(|| ScoreError::NoThreshold { class: class.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::Curve;
    use crate::thresholds::Source;

    #[test]
    fn what_is_written_is_read_and_one_threshold_for_all_wins() {
        let own = Threshold { threshold: 0.125, source: Source::Own, f1: None, precision: None, recall: None, positives: 3 };
        let curve = Curve::Platt { slope: 1.0, intercept: 0.0 };
        let decisions = Decisions {
            model_id: "ab".into(),
            thresholds: [("X".to_owned(), own)].into(),
            site_thresholds: [("A".to_owned(), [("X".to_owned(), Threshold { threshold: 0.25, ..own })].into())].into(),
            calibrations: [("X".to_owned(), Calibration { source: Source::Pooled, positives: 3, curve })].into(),
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("decisions.yaml");
        std::fs::write(&path, decisions.to_yaml()).unwrap();
        assert_eq!(Decisions::read(&path).unwrap(), decisions);
        assert_eq!(threshold("B", "X", None, Some(&decisions)), Ok(0.125));
        assert_eq!(threshold("A", "X", None, Some(&decisions)), Ok(0.25));
        assert_eq!(threshold("A", "X", Some(0.5), Some(&decisions)), Ok(0.5));
        assert!(threshold("A", "Y", None, Some(&decisions)).unwrap_err().to_string().contains("detect.threshold"));
        assert_eq!((decisions.probability("X", 0.5), decisions.probability("Y", 0.5)), (Some(0.5), None));
        std::fs::write(&path, "a: 1").unwrap();
        assert!(Decisions::read(&path).unwrap_err().to_string().contains("decisions.yaml"));
    }

    #[test]
    fn decisions_made_before_there_were_calibrations_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("decisions.yaml");
        std::fs::write(&path, "model_id: ab\nthresholds:\n  X: {threshold: 0.5, source: own, f1: null, positives: 3}\n").unwrap();
        assert_eq!(Decisions::read(&path).unwrap().threshold("A", "X"), Some(0.5));
    }
}
