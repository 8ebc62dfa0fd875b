//! The section `detect` of the configuration: which windows are an event.

use serde::Deserialize;

use crate::decisions::{Decisions, threshold};
use crate::error::ScoreError;
use crate::events::{Rule, Window, groups};
use crate::predicted::Predicted;

/// The keys of both passes of the stage.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    pub(crate) detect: DetectParams,
    pub(crate) predict: PredictParams,
}

/// What predict left out.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PredictParams {
    pub(crate) min_score: f64,
}

impl Params {
    /// What makes windows of a class an event at a site.
    ///
    /// # Errors
    /// [`ScoreError::NoThreshold`] when nothing says the class's threshold, [`ScoreError::LeftOut`] when windows that would count are not in
    /// the table.
    pub(crate) fn rule(&self, site: &str, class: &str, decisions: Option<&Decisions>) -> Result<Rule, ScoreError> {
        let rule = self.detect.rule(site, class, decisions)?;
        let min_score = self.predict.min_score;
        if rule.hold < min_score {
            return Err(ScoreError::LeftOut { class: class.to_owned(), needed: rule.hold, min_score });
        }
        Ok(rule)
    }

    /// The events of a recording at a site, by class.
    ///
    /// # Errors
    /// Those of [`Params::rule`]; windows that contradict each other.
    pub(crate) fn events<'a>(
        &self,
        site: &str,
        recording: &'a Predicted,
        decisions: Option<&Decisions>,
    ) -> Result<Vec<ClassEvents<'a>>, ScoreError> {
        let of = |(class, windows): (&'a String, &'a Vec<Window>)| {
            let rule = self.rule(site, class, decisions)?;
            Ok(ClassEvents { class, windows, threshold: rule.threshold, groups: groups(windows, &rule)? })
        };
        recording.windows.iter().map(of).collect()
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

/// The keys of the section.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetectParams {
    pub(crate) threshold: Option<f64>,
    pub(crate) max_gap_s: f64,
    pub(crate) min_event_s: f64,
    pub(crate) hysteresis: f64,
}

impl DetectParams {
    /// What makes windows of a class an event at a site.
    ///
    /// # Errors
    /// [`ScoreError::NoThreshold`] when nothing says the class's threshold.
    fn rule(self, site: &str, class: &str, decisions: Option<&Decisions>) -> Result<Rule, ScoreError> {
        let threshold = threshold(site, class, self.threshold, decisions)?;
        let hold = threshold * (1.0 - self.hysteresis);
        Ok(Rule { threshold, hold, max_gap_s: self.max_gap_s, min_event_s: self.min_event_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hysteresis_is_a_share_of_the_threshold() {
        let params = DetectParams { threshold: Some(0.5), max_gap_s: 1.0, min_event_s: 2.0, hysteresis: 0.25 };
        let rule = Rule { threshold: 0.5, hold: 0.375, max_gap_s: 1.0, min_event_s: 2.0 };
        assert_eq!(params.rule("A", "X", None), Ok(rule));
        assert_eq!(DetectParams { hysteresis: 0.0, ..params }.rule("A", "X", None).unwrap().hold, 0.5);
        assert!(DetectParams { threshold: None, ..params }.rule("A", "X", None).is_err());
        let all = |min_score| Params { detect: params, predict: PredictParams { min_score } };
        assert_eq!(all(0.375).rule("A", "X", None), Ok(rule));
        assert_eq!(all(0.4).rule("A", "X", None), Err(ScoreError::LeftOut { class: "X".into(), needed: 0.375, min_score: 0.4 }));
    }
}
