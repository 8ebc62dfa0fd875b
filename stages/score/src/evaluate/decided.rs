//! What is decided on validation windows: thresholds, for all sites and perhaps for single ones, and calibrations.

use std::collections::BTreeMap;

use super::scored::{Scored, Side};
use super::subset::Subset;
use crate::calibration::{Calibration, Method, calibrate};
use crate::decisions::Decisions;
use crate::error::ScoreError;
use crate::metrics::Ranking;
use crate::thresholds::{Rule, Threshold, own, tune};

/// Decisions by the places of classes.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    /// For all sites.
    pub(crate) thresholds: Vec<Threshold>,
    /// For single sites, by the class's place.
    pub(crate) at_sites: BTreeMap<String, BTreeMap<usize, Threshold>>,
    /// Of each class that has one.
    pub(crate) calibrations: Vec<Option<Calibration>>,
}

/// How they are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) threshold: Rule,
    pub(crate) per_site: bool,
    pub(crate) calibration: Method,
}

impl Decided {
    /// From the validation windows.
    ///
    /// # Errors
    /// Those of [`Side::ranking`].
    pub(crate) fn on(scored: &Scored, rules: &Rules) -> Result<Self, ScoreError> {
        let validation = &scored.sides[&Subset::Validation];
        let (windows, classes): (Vec<_>, Vec<_>) = ((0..validation.windows()).collect(), (0..scored.classes.len()).collect());
        let rankings: Result<Vec<Ranking>, _> = classes.iter().map(|&class| validation.ranking(class, &windows)).collect();
        let (rankings, pooled) = (rankings?, Ranking::from(validation.pooled(&classes, &windows)?));
        Ok(Self {
            thresholds: tune(&rankings, &pooled, &rules.threshold),
            at_sites: if rules.per_site { at_sites(validation, &rules.threshold)? } else { BTreeMap::new() },
            calibrations: calibrate(&rankings, &pooled, rules.calibration, rules.threshold.min_positives),
        })
    }

    /// The thresholds of all classes at each of these sites.
    pub(crate) fn cuts(&self, sites: &[String]) -> Vec<Vec<f64>> {
        let at = |site: &String, class: usize| self.at_sites.get(site).and_then(|classes| classes.get(&class));
        let of = |site| {
            let classes = self.thresholds.iter().enumerate();
            classes.map(|(class, all)| at(site, class).unwrap_or(all).threshold).collect()
        };
        sites.iter().map(of).collect()
    }

    /// The same by names.
    pub(crate) fn named(&self, model_id: &str, classes: &[String]) -> Decisions {
        let at_site = |thresholds: &BTreeMap<usize, Threshold>| {
            thresholds.iter().map(|(&class, &threshold)| (classes[class].clone(), threshold)).collect()
        };
        let calibrations = classes.iter().zip(&self.calibrations);
        Decisions {
            model_id: model_id.to_owned(),
            thresholds: classes.iter().cloned().zip(self.thresholds.iter().copied()).collect(),
            site_thresholds: self.at_sites.iter().map(|(site, thresholds)| (site.clone(), at_site(thresholds))).collect(),
            calibrations: calibrations.filter_map(|(class, curve)| Some((class.clone(), curve.clone()?))).collect(),
        }
    }
}

/// The thresholds of the classes that get their own at a site.
fn at_sites(validation: &Side, rule: &Rule) -> Result<BTreeMap<String, BTreeMap<usize, Threshold>>, ScoreError> {
    let mut sites = BTreeMap::new();
    for (site, windows) in validation.sites().iter().zip(validation.by_site()) {
        let mut thresholds = BTreeMap::new();
        for class in 0..validation.classes() {
            thresholds.extend(own(&validation.ranking(class, &windows)?, rule).map(|threshold| (class, threshold)));
        }
        if !thresholds.is_empty() {
            sites.insert(site.clone(), thresholds);
        }
    }
    Ok(sites)
}

/// From which scores the windows of a side count as detected, and how probable they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cuts<'a> {
    /// One for all classes.
    pub(crate) fixed: f64,
    /// By site of the side, then class.
    pub(crate) tuned: &'a [Vec<f64>],
    /// By class.
    pub(crate) calibrations: &'a [Option<Calibration>],
}

impl Cuts<'_> {
    /// The tuned threshold.
    pub(crate) fn tuned(&self, site: usize, class: usize) -> f64 {
        self.tuned[site][class]
    }

    /// The calibrated probability; `None` where the class has no calibration.
    pub(crate) fn probability(&self, class: usize, score: f64) -> Option<f64> {
        self.calibrations[class].as_ref().map(|calibration| calibration.curve.probability(score))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thresholds::{Aim, Source};

    #[test]
    fn a_site_has_its_own_threshold_where_it_has_enough_positives() {
        let mut validation = Side::of(2);
        for (site, loud) in [("A", 0.9_f32), ("B", 0.5)] {
            let recording = validation.open_recording(site);
            for positive in [true, true, false] {
                let score = if positive { loud } else { loud - 0.2 };
                // The second class is in one window of each site.
                validation.push(recording, None, &[score, score], &[Some(positive), Some(positive && site == "A")]);
            }
        }
        let sides = [(Subset::Validation, validation)].into();
        let scored = Scored { model_id: "m".into(), classes: vec!["X".into(), "Y".into()], sides };
        let threshold = Rule { aim: Aim::F1, min_positives: 2, default: 0.5 };
        let rules = Rules { threshold, per_site: true, calibration: Method::Platt };
        let decided = Decided::on(&scored, &rules).unwrap();
        let cuts = decided.cuts(&["A".into(), "B".into(), "C".into()]);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(cuts[0][0], 0.8) && near(cuts[1][0], 0.4), "{cuts:?}");
        assert_eq!((cuts[2][0], cuts[1][1]), (decided.thresholds[0].threshold, decided.thresholds[1].threshold));
        let named = decided.named("m", &scored.classes);
        assert_eq!((named.threshold("B", "X"), named.threshold("C", "Y")), (Some(cuts[1][0]), Some(cuts[2][1])));
        assert_eq!(named.calibrations["X"].source, Source::Own);
        assert!(!named.site_thresholds["B"].contains_key("Y"));
        let rules = Rules { per_site: false, calibration: Method::None, ..rules };
        let decided = Decided::on(&scored, &rules).unwrap();
        assert!(decided.at_sites.is_empty() && decided.calibrations == [None, None]);
    }
}
