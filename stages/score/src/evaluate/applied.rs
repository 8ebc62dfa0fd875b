//! What `detect` applies at each site: thresholds and calibrations of this run's decisions, and of those that a given model brought. What is
//! told of a side is told with these, so that metrics speak of the detections that a reader gets.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_card::Decisions;

use crate::calibration::{Calibration, METHODS, curves_at, method};
use crate::error::ScoreError;

/// The thresholds of the classes at each of these sites: by site, then class. A class of which nothing is decided detects nothing.
pub(crate) fn cuts(decisions: &Decisions, classes: &[String], sites: &[String]) -> Vec<Vec<f64>> {
    let at = |site: &String| classes.iter().map(|class| decisions.threshold(site, class).unwrap_or(f64::INFINITY)).collect();
    sites.iter().map(at).collect()
}

/// The calibrations that classes have of their own at each of these sites: by site, then the class's place.
///
/// # Errors
/// [`ScoreError::Calibration`] for a calibration that no method knows.
pub(crate) fn local(
    decisions: &Decisions,
    classes: &[String],
    sites: &[String],
) -> Result<Vec<BTreeMap<usize, Calibration>>, ScoreError> {
    let at = |site: &String| {
        let mut here = BTreeMap::new();
        let Some(own) = decisions.site_calibrations.get(site) else { return Ok(here) };
        let mut curves = curves_at(decisions, site, METHODS)?;
        for (place, class) in classes.iter().enumerate() {
            let Some((of, curve)) = own.get(class).zip(curves.remove(class)) else { continue };
            let (source, positives, weight) = (of.source, of.positives, of.weight);
            let method = method(&of.method)?.name();
            here.insert(place, Calibration { source, positives, method, weight, curve: Arc::from(curve) });
        }
        Ok(here)
    };
    sites.iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_have_what_was_decided_of_them_here_or_by_the_run_that_trained_the_model() {
        let text = "
model_id: m
thresholds:
  X: {threshold: 0.7, source: given, f1: null, positives: 0}
  Y: {threshold: 0.6, source: own, f1: 0.5, positives: 40}
site_thresholds:
  A:
    X: {threshold: 0.9, source: given, f1: null, positives: 0}
calibrations:
  X: {source: given, positives: 40, method: platt, slope: 1.0, intercept: 0.0}
site_calibrations:
  A:
    X: {source: given, positives: 9, method: platt, weight: 0.25, slope: 2.0, intercept: 0.0}
";
        let decisions: Decisions = serde_yaml::from_str(text).unwrap();
        let names = |of: &[&str]| of.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (classes, sites) = (names(&["X", "Y", "Z"]), names(&["A", "B"]));
        assert_eq!(cuts(&decisions, &classes, &sites), [[0.9, 0.6, f64::INFINITY], [0.7, 0.6, f64::INFINITY]]);
        let local = local(&decisions, &classes, &sites).unwrap();
        assert_eq!((local[0].keys().collect::<Vec<_>>(), local[1].len()), (vec![&0], 0));
        // A quarter of the site's 16 of 17, and the rest of the 0.8 of all sites.
        let probability = local[0][&0].curve.probability(0.8);
        assert!((probability - (0.75 * 0.8 + 0.25 * 16.0 / 17.0)).abs() < 1e-12, "{probability}");
    }
}
