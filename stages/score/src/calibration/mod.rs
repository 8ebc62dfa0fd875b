//! From scores to probabilities, fitted per class on validation windows: an open set with one file for each method and one line in
//! [`METHODS`].
//!
//! A probability is one of windows like those of validation: where a class calls more or less often, it is off.

mod isotonic;
mod method;
mod none;
pub(crate) mod platt;
mod shrunk;

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_card::{Decisions, Source};
use chorus_keys::Word;

use crate::error::ScoreError;
use crate::metrics::Ranking;

pub use isotonic::{Rising, isotonic};
pub use method::{Curve, Form, Method};
pub use platt::{LEAST_MARGIN, Logistic, platt};
pub use shrunk::Shrunk;

/// Every method, as `evaluate.calibration` names them.
pub static METHODS: &[&dyn Method] = &[&none::NoCalibration, &platt::Platt, &isotonic::Isotonic];

/// The calibration of one class.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// The windows that the curve was fitted to.
    pub source: Source,
    /// Positive windows of the class among them.
    pub positives: u64,
    /// The name of the method.
    pub method: &'static str,
    /// At a site: the share of the site's own curve in [`Calibration::curve`].
    pub weight: Option<f64>,
    /// The curve.
    pub curve: Arc<dyn Curve>,
}

impl Calibration {
    /// As `decisions.yaml` holds it.
    pub fn decision(&self) -> chorus_card::Calibration {
        let Self { source, positives, method, weight, curve } = self;
        chorus_card::Calibration {
            source: *source,
            positives: *positives,
            method: (*method).to_owned(),
            weight: *weight,
            parameters: curve.parameters(),
        }
    }
}

/// The method of that name.
///
/// # Errors
/// [`ScoreError::Method`] where no method has it.
pub fn method(name: &str) -> Result<&'static dyn Method, ScoreError> {
    let method = METHODS.iter().copied().find(|method| method.name() == name);
    method.ok_or_else(|| ScoreError::Method { found: name.to_owned(), expected: names(METHODS) })
}

/// The methods as words of the configuration.
pub fn words() -> Vec<Word> {
    METHODS.iter().map(|method| Word { name: method.name(), about: method.about() }).collect()
}

fn names(methods: &[&dyn Method]) -> String {
    methods.iter().map(|method| method.name()).collect::<Vec<_>>().join(", ")
}

/// The curve for the windows of a ranking, where it has at least `min_positives` positive windows, a negative one, and scores that rise
/// with them.
pub fn fit(ranking: &Ranking, method: &dyn Method, min_positives: u64) -> Option<Arc<dyn Curve>> {
    if ranking.positives() < min_positives || ranking.negatives() == 0 {
        return None;
    }
    method.fit(ranking).filter(|curve| curve.is_rising()).map(Arc::from)
}

/// The curves of a model by class.
pub type Curves = BTreeMap<String, Box<dyn Curve>>;

/// The curves of a model's decisions, by some methods.
///
/// # Errors
/// [`ScoreError::Calibration`] where a class has a method that is unknown, or other parameters than its method.
pub fn curves(decisions: &Decisions, methods: &[&dyn Method]) -> Result<Curves, ScoreError> {
    let curve =
        |(class, calibration): (&String, &chorus_card::Calibration)| Ok((class.clone(), read(class, calibration, methods)?));
    decisions.calibrations.iter().map(curve).collect()
}

/// The same at a site, where classes may have curves of their own.
///
/// # Errors
/// Those of [`curves`].
pub fn curves_at(decisions: &Decisions, site: &str, methods: &[&dyn Method]) -> Result<Curves, ScoreError> {
    let mut curves = curves(decisions, methods)?;
    for (class, calibration) in decisions.site_calibrations.get(site).into_iter().flatten() {
        let own = Arc::from(read(class, calibration, methods)?);
        let everywhere = curves.remove(class).map(Arc::from);
        let here = Shrunk { own, weight: calibration.weight.unwrap_or(1.0), everywhere };
        curves.insert(class.clone(), Box::new(here));
    }
    Ok(curves)
}

fn read(class: &str, calibration: &chorus_card::Calibration, methods: &[&dyn Method]) -> Result<Box<dyn Curve>, ScoreError> {
    let failed = |detail: String| ScoreError::Calibration { class: class.to_owned(), detail };
    let name = &calibration.method;
    let method = methods.iter().find(|method| method.name() == name);
    let method = method.ok_or_else(|| failed(format!("found method `{name}`, expected one of {}", names(methods))))?;
    method.read(&calibration.parameters).map_err(|detail| failed(format!("method {name}: {detail}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Labelled;
    use proptest::prelude::*;
    use serde_yaml::Mapping;

    #[test]
    fn the_schema_of_the_table_allows_every_method() {
        let schema = chorus_tables::schema("calibration").unwrap();
        let column = schema.columns.iter().find(|column| column.name == "method").unwrap();
        assert_eq!(column.allowed.join(", "), names(METHODS), "data-schemas/calibration.yaml");
    }

    fn ranking(windows: &[(f64, bool)]) -> Ranking {
        let (scores, labels): (Vec<f64>, Vec<_>) = windows.iter().map(|&(score, positive)| (score, Some(positive))).unzip();
        Ranking::new(&scores, &labels).unwrap()
    }

    #[test]
    fn a_rising_curve_pools_what_falls() {
        let curve = isotonic(&ranking(&[(0.1, false), (0.2, true), (0.3, false), (0.6, true)]));
        let found: Vec<f64> = [0.0, 0.1, 0.2, 0.25, 0.3, 0.45, 0.6, 1.0].map(|score| curve.probability(score)).into();
        assert_eq!(found, [0.0, 0.0, 0.5, 0.5, 0.5, 0.75, 1.0, 1.0]);
        assert_eq!(Rising { scores: vec![], probabilities: vec![] }.probability(0.5), 0.0);
    }

    #[test]
    fn perfectly_separated_windows_give_a_finite_curve_and_equal_scores_the_smoothed_share() {
        let Logistic { slope, intercept } = platt(&ranking(&[(1.0, true), (0.0, false)]));
        assert!(slope.is_finite() && intercept.is_finite() && slope > 0.0);
        // Targets are 3/4, 3/4 and 1/3.
        for score in [0.0, 0.001, 0.5, 0.9] {
            let level = platt(&ranking(&[(score, true), (score, true), (score, false)])).probability(score);
            assert!((level - (0.75 + 0.75 + 1.0 / 3.0) / 3.0).abs() < 1e-9, "{score}: {level}");
        }
        let curve = Logistic { slope: 2.0, intercept: 0.0 };
        assert!(curve.probability(0.5) == 0.5 && (curve.probability(0.8) - 16.0 / 17.0).abs() < 1e-12);
        assert!(curve.probability(0.0) > 0.0 && curve.probability(1.0) < 1.0);
    }

    #[test]
    fn few_positives_or_scores_that_fall_give_no_curve() {
        let good = [(0.9, true), (0.8, true), (0.3, true), (0.2, false), (0.1, false)];
        let falling = [(0.1, true), (0.2, true), (0.9, false)];
        for method in METHODS.iter().copied().filter(|method| method.is_fitted()) {
            assert!(fit(&ranking(&good), method, 3).is_some(), "{}", method.name());
            assert!(fit(&ranking(&good), method, 4).is_none() && fit(&ranking(&falling), method, 2).is_none());
            assert!(fit(&ranking(&good[..3]), method, 1).is_none(), "without a negative one");
        }
        assert!(fit(&ranking(&good), method("none").unwrap(), 1).is_none());
    }

    /// The decisions of a model with one calibrated class.
    fn decisions(method: &'static str, curve: Arc<dyn Curve>) -> Decisions {
        let calibration = Calibration { source: Source::Own, positives: 1, method, weight: None, curve };
        let calibrations = [("X".to_owned(), calibration.decision())].into();
        let text = serde_yaml::to_string(&Decisions {
            model_id: "m".into(),
            thresholds: BTreeMap::new(),
            site_thresholds: BTreeMap::new(),
            calibrations,
            site_calibrations: BTreeMap::new(),
            sites: None,
        });
        serde_yaml::from_str(&text.unwrap()).unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_anything_else_is_refused() {
        let windows = ranking(&[(0.9, true), (0.4, true), (0.2, false), (0.6, false), (0.8, true)]);
        for method in METHODS.iter().copied().filter(|method| method.is_fitted()) {
            let curve = fit(&windows, method, 1).unwrap();
            let read = curves(&decisions(method.name(), curve.clone()), METHODS).unwrap();
            let at = |curve: &dyn Curve| (0..=20).map(|i| curve.probability(f64::from(i) / 20.0)).collect::<Vec<_>>();
            assert_eq!(at(read["X"].as_ref()), at(curve.as_ref()), "{}", method.name());
            let other = decisions("spline", curve.clone());
            let refused = curves(&other, METHODS).unwrap_err().to_string();
            assert!(refused.contains("`spline`, expected one of none, platt, isotonic"), "{refused}");
        }
        let line = Arc::new(platt(&windows));
        assert!(curves(&decisions("isotonic", line), METHODS).unwrap_err().to_string().contains("slope"));
    }

    #[test]
    fn a_curve_of_a_site_counts_by_its_weight() {
        let curve = |slope| Arc::new(Logistic { slope, intercept: 0.0 });
        let mut decisions = decisions("platt", curve(1.0));
        let here = Calibration { source: Source::Own, positives: 1, method: "platt", weight: Some(0.25), curve: curve(2.0) };
        let own = [("X", &here), ("Y", &here)].map(|(class, here)| (class.to_owned(), here.decision()));
        decisions.site_calibrations = [("A".to_owned(), own.into())].into();
        let at = |site: &str, class: &str| curves_at(&decisions, site, METHODS).unwrap().get(class).map(|c| c.probability(0.8));
        // 0.8 for all sites; 16 of 17 by the site's own windows.
        assert!((at("A", "X").unwrap() - (0.75 * 0.8 + 0.25 * 16.0 / 17.0)).abs() < 1e-12);
        assert!((at("B", "X").unwrap() - 0.8).abs() < 1e-12);
        assert!((at("A", "Y").unwrap() - 16.0 / 17.0).abs() < 1e-12, "without a curve for all sites its own is all there is");
        assert_eq!(at("B", "Y"), None);
    }

    /// A method of its own: one probability below a score of 0.5, and one from there on.
    #[derive(Debug)]
    struct Halves;

    #[derive(Debug)]
    struct Step {
        below: f64,
        above: f64,
    }

    impl Method for Halves {
        fn name(&self) -> &'static str {
            "halves"
        }

        fn about(&self) -> &'static str {
            "the share of positives below and above a score of 0.5"
        }

        fn fit(&self, ranking: &Ranking) -> Option<Box<dyn Curve>> {
            let above = ranking.confusion(0.5);
            let (negatives, positives) = (above.true_negatives, above.false_negatives);
            let below = positives as f64 / (positives + negatives).max(1) as f64;
            Some(Box::new(Step { below, above: above.precision()? }))
        }

        fn read(&self, parameters: &Mapping) -> Result<Box<dyn Curve>, String> {
            let number = |name: &str| parameters.get(name).and_then(serde_yaml::Value::as_f64).ok_or(format!("lacks {name}"));
            Ok(Box::new(Step { below: number("below")?, above: number("above")? }))
        }
    }

    impl Curve for Step {
        fn probability(&self, score: f64) -> f64 {
            if score < 0.5 { self.below } else { self.above }
        }

        fn is_rising(&self) -> bool {
            self.below < self.above
        }

        fn parameters(&self) -> Mapping {
            [("below", self.below), ("above", self.above)].into_iter().map(|(name, value)| (name.into(), value.into())).collect()
        }
    }

    #[test]
    fn a_method_is_one_implementation_and_one_line() {
        let windows = ranking(&[(0.9, true), (0.6, false), (0.2, false), (0.1, false)]);
        let curve = fit(&windows, &Halves, 1).unwrap();
        let read = curves(&decisions("halves", curve), &[&Halves]).unwrap();
        assert_eq!((read["X"].probability(0.4), read["X"].probability(0.7)), (0.0, 0.5));
    }

    #[test]
    fn an_unknown_method_is_refused_with_those_there_are() {
        let refused = method("spline").unwrap_err().to_string();
        assert!(refused.contains("is `spline`, expected one of none, platt, isotonic"), "{refused}");
    }

    #[test]
    fn the_schema_names_every_method() {
        let own: Vec<&str> = METHODS.iter().map(|method| method.name()).collect();
        assert_eq!(chorus_tables::schema("calibration").unwrap().column("method").unwrap().allowed, own);
    }

    proptest! {
        #[test]
        fn probabilities_never_fall_with_the_score_and_keep_the_mean(windows in prop::collection::vec((0_u8..=20, any::<bool>()), 1..50)) {
            let windows: Vec<(f64, bool)> = windows.iter().map(|&(score, positive)| (f64::from(score) / 20.0, positive)).collect();
            let ranking = ranking(&windows);
            let curve = isotonic(&ranking);
            let found: Vec<f64> = (0..=100).map(|at| curve.probability(f64::from(at) / 100.0)).collect();
            prop_assert!(found.is_sorted() && found.iter().all(|p| (0.0..=1.0).contains(p)));
            let sum: f64 = windows.iter().map(|&(score, _)| curve.probability(score)).sum();
            prop_assert!((sum - ranking.positives() as f64).abs() < 1e-9);
            let platt = platt(&ranking);
            prop_assert!((0..=10).all(|at| (0.0..=1.0).contains(&platt.probability(f64::from(at) / 10.0))));
        }

        #[test]
        fn pooling_classes_is_pooling_windows(windows in prop::collection::vec((0.0..1.0_f64, any::<bool>()), 2..40)) {
            let (left, right) = windows.split_at(windows.len() / 2);
            let mut pooled = Labelled::default();
            for part in [left, right] {
                let (scores, labels): (Vec<f64>, Vec<_>) = part.iter().map(|&(score, positive)| (score, Some(positive))).unzip();
                pooled.extend(&scores, &labels).unwrap();
            }
            prop_assert_eq!(isotonic(&Ranking::from(pooled)), isotonic(&ranking(&windows)));
        }
    }
}
