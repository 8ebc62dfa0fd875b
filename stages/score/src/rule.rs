//! The section `detect` of the configuration: which windows are an event.

use chorus_card::Decisions;
use chorus_engine::{EngineError, UnitContext};
use chorus_keys::Keys;
use serde::Deserialize;

use crate::error::ScoreError;
use crate::events::{Rule, Window, groups};
use crate::predicted::Predicted;
use crate::told::{Classes, Told};

/// What both passes of the stage are configured with.
#[derive(Debug)]
pub(crate) struct Params {
    pub(crate) detect: DetectSettings,
    /// `predict.min_score`: lower scores are not in the table predictions.
    pub(crate) min_score: f64,
}

impl Params {
    /// Those of the run.
    ///
    /// # Errors
    /// [`EngineError::Undeclared`].
    pub(crate) fn of(cx: &UnitContext<'_>) -> Result<Self, EngineError> {
        Ok(Self { detect: *cx.settings::<DetectSettings>()?, min_score: cx.value("predict.min_score")? })
    }

    /// What makes windows of a class an event at a site.
    ///
    /// # Errors
    /// [`ScoreError::NoThreshold`] when nothing says the class's threshold, [`ScoreError::LeftOut`] when windows that would count are not in
    /// the table.
    pub(crate) fn rule(&self, site: &str, class: &str, decisions: Option<&Decisions>) -> Result<Rule, ScoreError> {
        let rule = self.detect.rule(site, class, decisions)?;
        let min_score = self.min_score;
        if rule.hold < min_score {
            return Err(ScoreError::LeftOut { class: class.to_owned(), needed: rule.hold, min_score });
        }
        Ok(rule)
    }

    /// The events of a recording at a site, by class, of the classes that are looked for there.
    ///
    /// # Errors
    /// Those of [`Params::rule`]; windows that contradict each other.
    pub(crate) fn events<'a>(
        &self,
        site: &str,
        recording: &'a Predicted,
        decisions: Option<&Decisions>,
    ) -> Result<Vec<ClassEvents<'a>>, ScoreError> {
        let told = self.detect.told(decisions);
        let of = |(class, windows): (&'a String, &'a Vec<Window>)| {
            let rule = self.rule(site, class, decisions)?;
            Ok(ClassEvents { class, windows, threshold: rule.threshold, groups: groups(windows, &rule)? })
        };
        recording.windows.iter().filter(|(class, _)| told.takes(site, class)).map(of).collect()
    }
}

/// The events of one class in one recording.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClassEvents<'a> {
    pub(crate) class: &'a str,
    /// All windows of the class.
    pub(crate) windows: &'a [Window],
    /// The threshold that was applied.
    pub(crate) threshold: f64,
    /// The windows of each event by their positions, in order of time.
    pub(crate) groups: Vec<Vec<usize>>,
}

/// The section `detect` of the configuration.
#[derive(Debug, Clone, Copy, Deserialize, Keys)]
#[keys(section = "detect")]
pub(crate) struct DetectSettings {
    /// One threshold for all classes, used in place of the thresholds that were chosen on validation; null: those.
    #[key(range = 0.0..=1.0, example = "0.7")]
    pub(crate) threshold: Option<f64>,
    /// Which classes are looked for. Those that are left out are named by detect and in the report, and in a run with labels in the view left_out. With
    /// detect.threshold, all are looked for.
    #[key(default = "usable", before = "all")]
    pub(crate) classes: Classes,
    /// Longest gap between two windows over the threshold that are merged to one event.
    #[key(unit = "s", default = "0", range = 0.0..=3600.0, example = "3")]
    pub(crate) max_gap_s: f64,
    /// Hysteresis: an event begins at the threshold and goes on while scores are at least (1 - hysteresis) times the threshold. With
    /// 0.4 and a threshold of 0.5, an event begins at 0.5 and goes on down to 0.3.
    #[key(default = "0", range = 0.0..=1.0, example = "0.4")]
    pub(crate) hysteresis: f64,
    /// Shortest event. Shorter ones are dropped from the detections and from all counts. An event of a single window is as long as
    /// segment.window_s.
    #[key(unit = "s", default = "0", range = 0.0..=3600.0, example = "6")]
    pub(crate) min_event_s: f64,
}

/// The threshold of a class at a site: `overriding`, which is `detect.threshold`, or else that of the model; `None` where neither has one.
pub fn threshold(overriding: Option<f64>, decisions: Option<&Decisions>, site: &str, class: &str) -> Option<f64> {
    overriding.or_else(|| decisions?.threshold(site, class))
}

impl DetectSettings {
    /// The classes that are looked for.
    pub(crate) fn told(self, decisions: Option<&Decisions>) -> Told<'_> {
        Told::of(decisions, self.classes, self.threshold)
    }

    /// What makes windows of a class an event at a site. `detect.threshold` overrides the model's thresholds.
    ///
    /// # Errors
    /// [`ScoreError::NoThreshold`] when neither has a threshold for the class.
    fn rule(self, site: &str, class: &str, decisions: Option<&Decisions>) -> Result<Rule, ScoreError> {
        let unknown = || ScoreError::NoThreshold { class: class.to_owned() };
        let threshold = threshold(self.threshold, decisions, site, class).ok_or_else(unknown)?;
        let hold = threshold * (1.0 - self.hysteresis);
        Ok(Rule { threshold, hold, max_gap_s: self.max_gap_s, min_event_s: self.min_event_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_threshold_for_all_classes_overrides_the_models() {
        let text = "model_id: ab\nthresholds:\n  X: {threshold: 0.125, source: own, f1: null, positives: 3}\n";
        let decisions: Decisions = serde_yaml::from_str(text).unwrap();
        let of = |threshold, class| {
            let params = DetectSettings { threshold, max_gap_s: 0.0, min_event_s: 0.0, hysteresis: 0.0, classes: Classes::All };
            params.rule("A", class, Some(&decisions)).map(|rule| rule.threshold)
        };
        assert_eq!((of(None, "X"), of(Some(0.5), "X"), of(Some(0.5), "Y")), (Ok(0.125), Ok(0.5), Ok(0.5)));
        assert!(of(None, "Y").unwrap_err().to_string().contains("detect.threshold"));
    }

    #[test]
    fn hysteresis_is_a_share_of_the_threshold() {
        let (threshold, classes) = (Some(0.5), Classes::Usable);
        let params = DetectSettings { threshold, classes, max_gap_s: 1.0, min_event_s: 2.0, hysteresis: 0.25 };
        let rule = Rule { threshold: 0.5, hold: 0.375, max_gap_s: 1.0, min_event_s: 2.0 };
        assert_eq!(params.rule("A", "X", None), Ok(rule));
        assert_eq!(DetectSettings { hysteresis: 0.0, ..params }.rule("A", "X", None).unwrap().hold, 0.5);
        assert!(DetectSettings { threshold: None, ..params }.rule("A", "X", None).is_err());
        let all = |min_score| Params { detect: params, min_score };
        assert_eq!(all(0.375).rule("A", "X", None), Ok(rule));
        assert_eq!(all(0.4).rule("A", "X", None), Err(ScoreError::LeftOut { class: "X".into(), needed: 0.375, min_score: 0.4 }));
    }
}
