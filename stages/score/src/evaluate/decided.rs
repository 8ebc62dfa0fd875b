//! What is decided on validation windows: thresholds, for all sites and perhaps for single ones, and calibrations.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_card::Decisions;
use rayon::prelude::*;

use super::scored::{Scored, Side};
use super::subset::Subset;
use crate::calibration::{self, Calibration, Curve, Method};
use crate::error::ScoreError;
use crate::metrics::Ranking;
use crate::thresholds::{self, Rule, Source, Threshold};

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
    pub(crate) calibration: &'static dyn Method,
}

impl Decided {
    /// From the validation windows.
    ///
    /// # Errors
    /// Those of [`Side::ranking`].
    pub(crate) fn on(scored: &Scored, rules: &Rules) -> Result<Self, ScoreError> {
        let validation = &scored.sides[&Subset::Validation];
        let (windows, classes): (Vec<_>, Vec<_>) = ((0..validation.windows()).collect(), (0..scored.classes.len()).collect());
        let own = |&class: &usize| Ok(Own::of(&validation.ranking(class, &windows)?, rules));
        let mut own: Vec<Own> = classes.par_iter().map(own).collect::<Result<_, ScoreError>>()?;
        if own.iter().any(|own| own.lacks(rules)) {
            // All pairs of window and class in one ranking: made only where it is needed.
            let pooled = Ranking::from(validation.pooled(&classes, &windows)?);
            let threshold = thresholds::fallback(&pooled, &rules.threshold);
            let curve = calibration::fit(&pooled, rules.calibration, rules.threshold.min_positives);
            for (class, own) in own.iter_mut().enumerate().filter(|(_, own)| own.lacks(rules)) {
                own.fill(
                    &validation.ranking(class, &windows)?,
                    threshold,
                    curve.as_ref().map(|curve| (rules.calibration.name(), curve)),
                );
            }
        }
        let (thresholds, calibrations): (Vec<_>, Vec<_>) = own.into_iter().map(|own| (own.threshold, own.calibration)).unzip();
        Ok(Self {
            thresholds: thresholds.into_iter().flatten().collect(),
            at_sites: if rules.per_site { at_sites(validation, &rules.threshold)? } else { BTreeMap::new() },
            calibrations,
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
            calibrations: calibrations
                .filter_map(|(class, calibration)| Some((class.clone(), calibration.as_ref()?.decision())))
                .collect(),
        }
    }
}

/// What a class's own windows decide, as far as they do.
struct Own {
    threshold: Option<Threshold>,
    calibration: Option<Calibration>,
}

impl Own {
    fn of(ranking: &Ranking, rules: &Rules) -> Self {
        let curve = calibration::fit(ranking, rules.calibration, rules.threshold.min_positives);
        let (source, positives, method) = (Source::Own, ranking.positives(), rules.calibration.name());
        let calibration = |curve| Calibration { source, positives, method, curve };
        Self { threshold: thresholds::own(ranking, &rules.threshold), calibration: curve.map(calibration) }
    }

    fn lacks(&self, rules: &Rules) -> bool {
        self.threshold.is_none() || (self.calibration.is_none() && rules.calibration.is_fitted())
    }

    /// Takes what all classes together decide where it lacks something.
    fn fill(&mut self, ranking: &Ranking, (threshold, source): (f64, Source), curve: Option<(&'static str, &Arc<dyn Curve>)>) {
        self.threshold.get_or_insert_with(|| thresholds::at(ranking, threshold, source));
        let (source, positives) = (Source::Pooled, ranking.positives());
        let pooled = |(method, curve): (&'static str, &Arc<dyn Curve>)| Calibration {
            source,
            positives,
            method,
            curve: Arc::clone(curve),
        };
        self.calibration = self.calibration.take().or_else(|| curve.map(pooled));
    }
}

/// The thresholds of the classes that get their own at a site.
fn at_sites(validation: &Side, rule: &Rule) -> Result<BTreeMap<String, BTreeMap<usize, Threshold>>, ScoreError> {
    let mut sites = BTreeMap::new();
    for (site, windows) in validation.sites().iter().zip(validation.by_site()) {
        let own = |class: usize| Ok((class, thresholds::own(&validation.ranking(class, &windows)?, rule)));
        let classes: Vec<(usize, Option<Threshold>)> =
            (0..validation.classes()).into_par_iter().map(own).collect::<Result<_, ScoreError>>()?;
        let thresholds: BTreeMap<usize, Threshold> =
            classes.into_iter().filter_map(|(class, threshold)| Some((class, threshold?))).collect();
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
    use crate::calibration::METHODS;
    use crate::thresholds::Aim;

    static RULES: Rules =
        Rules { threshold: Rule { aim: Aim::F1, min_positives: 2, default: 0.5 }, per_site: true, calibration: METHODS[1] };

    /// Two classes at two sites, three windows each: the first class is in two of each, the second in one.
    fn scored() -> Scored {
        let mut validation = Side::of(2);
        for (site, loud) in [("A", 0.9_f32), ("B", 0.5)] {
            let recording = validation.open_recording(site);
            for window in 0..3 {
                let score = |positive| if positive { loud } else { loud - 0.2 };
                let positive = [window < 2, window == 0 && site == "A"];
                validation.push(recording, None, &positive.map(score), &positive.map(Some));
            }
        }
        Scored { model_id: "m".into(), classes: vec!["X".into(), "Y".into()], sides: [(Subset::Validation, validation)].into() }
    }

    #[test]
    fn a_site_has_its_own_threshold_where_it_has_enough_positives() {
        let scored = scored();
        let decided = Decided::on(&scored, &RULES).unwrap();
        let cuts = decided.cuts(&["A".into(), "B".into(), "C".into()]);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(cuts[0][0], 0.8) && near(cuts[1][0], 0.4), "{cuts:?}");
        assert_eq!((cuts[2][0], cuts[1][1]), (decided.thresholds[0].threshold, decided.thresholds[1].threshold));
        let named = decided.named("m", &scored.classes);
        assert_eq!((named.threshold("B", "X"), named.threshold("C", "Y")), (Some(cuts[1][0]), Some(cuts[2][1])));
        assert!(!named.site_thresholds["B"].contains_key("Y"));
        let decided = Decided::on(&scored, &Rules { per_site: false, calibration: METHODS[0], ..RULES }).unwrap();
        assert!(decided.at_sites.is_empty() && decided.calibrations.iter().all(Option::is_none));
    }

    #[test]
    fn few_positives_take_what_all_classes_decide_and_say_so() {
        let scored = scored();
        let of = |min_positives| {
            let threshold = Rule { min_positives, ..RULES.threshold };
            let named = Decided::on(&scored, &Rules { threshold, ..RULES }).unwrap().named("m", &scored.classes);
            let calibration = |class| named.calibrations.get(class).map(|c| (c.source, c.positives));
            ["X", "Y"].map(|class| (named.thresholds[class].source, calibration(class)))
        };
        let (own, pooled) = (Source::Own, Source::Pooled);
        assert_eq!(of(2), [(own, Some((own, 4))), (pooled, Some((pooled, 1)))]);
        assert_eq!(of(5), [(pooled, Some((pooled, 4))), (pooled, Some((pooled, 1)))]);
        assert_eq!(of(6), [(Source::Default, None); 2]);
    }
}
