//! `decisions.yaml`: the score from which a window counts as detected, and the probability that belongs to a score.
//!
//! Decisions are a file of their own because `detect` reads them and `predict` does not: new thresholds cost no new predictions, and
//! the graph of stages stays free of cycles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_yaml::Mapping;

use crate::{CardError, file};

/// The decisions for one model, or for one ensemble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// Id of the model or ensemble whose scores the decisions were made for.
    pub model_id: String,
    /// Thresholds by class.
    pub thresholds: BTreeMap<String, Threshold>,
    /// Thresholds by site and class, for the classes that have their own at a site.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub site_thresholds: BTreeMap<String, BTreeMap<String, Threshold>>,
    /// Calibrations by class, for the classes that have one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calibrations: BTreeMap<String, Calibration>,
    /// Calibrations by site and class, for the classes that have their own at a site.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub site_calibrations: BTreeMap<String, BTreeMap<String, Calibration>>,
    /// The sites with validation windows; `None` in decisions of a version that did not record them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sites: Option<BTreeSet<String>>,
}

/// The windows that a threshold or a calibration comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The class's own windows.
    Own,
    /// The class's own windows, but no threshold reaches the wanted precision on them: this one has the highest precision.
    Unreached,
    /// The windows of all classes together, because the class has too few positives or scores that hardly separate them.
    Pooled,
    /// No windows: even all classes together have too few positives.
    Default,
    /// Those of another run: the model was given, and the labels here do not suffice for a decision of their own.
    Given,
}

impl Source {
    /// The name, as in the tables and in `decisions.yaml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Unreached => "unreached",
            Self::Pooled => "pooled",
            Self::Default => "default",
            Self::Given => "given",
        }
    }
}

/// The threshold of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// A window that scores at least this is a detection.
    pub threshold: f64,
    /// The windows that the threshold comes from.
    pub source: Source,
    /// F1 of the class at this threshold on those windows; `None` without positives.
    pub f1: Option<f64>,
    /// Precision there; `None` where nothing is detected.
    #[serde(default)]
    pub precision: Option<f64>,
    /// Recall there; `None` without positives.
    #[serde(default)]
    pub recall: Option<f64>,
    /// Positive windows of the class among them.
    pub positives: u64,
    /// Recordings that hold these; `None` in decisions of a version that did not record them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recordings: Option<u64>,
    /// Lower bound of the precision; `None` where there is too little to tell one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision_low: Option<f64>,
    /// Whether those windows show that the class can be told. Decisions of a version that did not ask are taken as they are.
    #[serde(default = "usable")]
    pub usable: bool,
    /// Why they do not show it, and what would mend that; `None` where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

fn usable() -> bool {
    true
}

/// The calibration of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The windows that the curve was fitted to: the class's own, or those of all classes.
    pub source: Source,
    /// Positive windows of the class among them.
    pub positives: u64,
    /// The calibration method, by the name that `evaluate.calibration` has for it.
    pub method: String,
    /// At a site: the share of this curve in the probability. The rest is that of the class's curve for all sites. `None`: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// The parameters of the fitted curve, which the method knows how to read.
    #[serde(flatten)]
    pub parameters: Mapping,
}

impl Decisions {
    /// Reads a file of decisions.
    ///
    /// # Errors
    /// [`CardError::Decisions`] when the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, CardError> {
        let bad = |found: String| CardError::Decisions { path: path.to_owned(), found };
        file::read(path).map_err(bad)
    }

    /// What was decided of a class at a site: for the site alone, otherwise for all sites. `None` for an unknown class.
    pub fn at(&self, site: &str, class: &str) -> Option<&Threshold> {
        let at_site = self.site_thresholds.get(site).and_then(|classes| classes.get(class));
        at_site.or_else(|| self.thresholds.get(class))
    }

    /// The threshold of a class at a site. `None` for an unknown class.
    pub fn threshold(&self, site: &str, class: &str) -> Option<f64> {
        self.at(site, class).map(|t| t.threshold)
    }

    /// Whether thresholds and calibrations were chosen with windows of this site too. `None` where nobody recorded it.
    pub fn knows_site(&self, site: &str) -> Option<bool> {
        self.sites.as_ref().map(|sites| sites.contains(site))
    }

    /// The decisions as YAML.
    ///
    /// # Panics
    /// Never: decisions are plain data.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("plain data is YAML")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decisions() -> Decisions {
        let own = Threshold {
            threshold: 0.125,
            source: Source::Own,
            f1: None,
            precision: None,
            recall: Some(1.0),
            positives: 3,
            recordings: Some(2),
            precision_low: Some(0.5),
            usable: true,
            why_not: None,
        };
        let calibration = |source, method: &str, parameters: &str| {
            let parameters = serde_yaml::from_str(parameters).unwrap();
            Calibration { source, positives: 3, method: method.to_owned(), weight: None, parameters }
        };
        let here = Calibration { weight: Some(0.25), ..calibration(Source::Own, "platt", "{slope: 2.0, intercept: 0.5}") };
        let unproven = Threshold { threshold: 0.25, usable: false, why_not: Some("few".into()), ..own.clone() };
        Decisions {
            model_id: "ab".into(),
            thresholds: [("X".to_owned(), own)].into(),
            site_thresholds: [("A".to_owned(), [("X".to_owned(), unproven)].into())].into(),
            calibrations: [
                ("X".to_owned(), calibration(Source::Pooled, "platt", "{slope: 1.0, intercept: 0.0}")),
                ("Z".to_owned(), calibration(Source::Own, "isotonic", "{scores: [0.25], probabilities: [0.5]}")),
            ]
            .into(),
            site_calibrations: [("A".to_owned(), [("X".to_owned(), here)].into())].into(),
            sites: Some(["A".to_owned()].into()),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("decisions.yaml");
        std::fs::write(&path, decisions().to_yaml()).unwrap();
        let read = Decisions::read(&path).unwrap();
        assert_eq!(read, decisions());
        assert_eq!(
            (read.threshold("A", "X"), read.threshold("B", "X"), read.threshold("A", "Y")),
            (Some(0.25), Some(0.125), None)
        );
        let usable = |site| read.at(site, "X").unwrap().usable;
        assert_eq!(
            (usable("A"), usable("B"), read.knows_site("A"), read.knows_site("B")),
            (false, true, Some(true), Some(false))
        );
        std::fs::write(&path, "a: 1").unwrap();
        let error = Decisions::read(&path).unwrap_err().to_string();
        assert!(error.contains("decisions.yaml: cannot be used as the thresholds of a model"), "{error}");
    }

    /// Other versions of chorus, and the programs of others, read these bytes.
    #[test]
    fn the_format_stays_as_it_is() {
        let expected = "\
model_id: ab
thresholds:
  X:
    threshold: 0.125
    source: own
    f1: null
    precision: null
    recall: 1.0
    positives: 3
    recordings: 2
    precision_low: 0.5
    usable: true
site_thresholds:
  A:
    X:
      threshold: 0.25
      source: own
      f1: null
      precision: null
      recall: 1.0
      positives: 3
      recordings: 2
      precision_low: 0.5
      usable: false
      why_not: few
calibrations:
  X:
    source: pooled
    positives: 3
    method: platt
    slope: 1.0
    intercept: 0.0
  Z:
    source: own
    positives: 3
    method: isotonic
    scores:
    - 0.25
    probabilities:
    - 0.5
site_calibrations:
  A:
    X:
      source: own
      positives: 3
      method: platt
      weight: 0.25
      slope: 2.0
      intercept: 0.5
sites:
- A
";
        assert_eq!(decisions().to_yaml(), expected);
    }

    #[test]
    fn decisions_from_before_calibrations_are_read_and_every_class_of_them_may_be_used() {
        let text = "model_id: ab\nthresholds:\n  X: {threshold: 0.5, source: own, f1: null, positives: 3}\n";
        let read: Decisions = serde_yaml::from_str(text).unwrap();
        assert_eq!((read.threshold("A", "X"), read.calibrations.len()), (Some(0.5), 0));
        assert_eq!((read.at("A", "X").unwrap().usable, read.knows_site("A")), (true, None));
    }
}
