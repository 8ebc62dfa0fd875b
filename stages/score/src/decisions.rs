//! `model/decisions.yaml`: from which score a window counts as detected. A file of its own beside the weights, read by `detect` and
//! not by `predict`, so that the graph of stages has no cycle.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

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

    /// As YAML.
    ///
    /// # Panics
    /// Never: it is plain data.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("plain data is YAML")
    }
}

/// The threshold of a class: one for all where `detect.threshold` says so, else the model's.
///
/// # Errors
/// [`ScoreError::NoThreshold`] when neither knows the class.
pub fn threshold(class: &str, for_all: Option<f64>, decisions: Option<&Decisions>) -> Result<f64, ScoreError> {
    let own = || decisions.and_then(|d| d.thresholds.get(class)).map(|t| t.threshold);
    for_all.or_else(own).ok_or_else(|| ScoreError::NoThreshold { class: class.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thresholds::Source;

    #[test]
    fn what_is_written_is_read_and_one_threshold_for_all_wins() {
        let own = Threshold { threshold: 0.125, source: Source::Own, f1: None, positives: 3 };
        let decisions = Decisions { model_id: "ab".into(), thresholds: [("X".to_owned(), own)].into() };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("decisions.yaml");
        std::fs::write(&path, decisions.to_yaml()).unwrap();
        assert_eq!(Decisions::read(&path).unwrap(), decisions);
        assert_eq!(threshold("X", None, Some(&decisions)), Ok(0.125));
        assert_eq!(threshold("X", Some(0.5), Some(&decisions)), Ok(0.5));
        assert!(threshold("Y", None, Some(&decisions)).unwrap_err().to_string().contains("detect.threshold"));
        std::fs::write(&path, "a: 1").unwrap();
        assert!(Decisions::read(&path).unwrap_err().to_string().contains("decisions.yaml"));
    }
}
