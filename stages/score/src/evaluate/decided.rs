//! What is decided on validation windows: thresholds, for all sites and perhaps for single ones, and calibrations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chorus_card::Decisions;
use rayon::prelude::*;

use super::evidence::{Beside, Evidence};
use super::given::Given;
use super::local::{AtSites, Here, at_sites};
use super::rules::Rules;
use super::scored::{Scored, Side};
use super::subset::Subset;
use crate::calibration::{self, Calibration, Curve};
use crate::error::ScoreError;
use crate::metrics::Ranking;
use crate::thresholds::{self, Source, Threshold};

/// Decisions by the places of classes.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    /// For all sites.
    pub(crate) thresholds: Vec<Threshold>,
    /// Of each class that has one.
    pub(crate) calibrations: Vec<Option<Calibration>>,
    /// For single sites.
    pub(crate) at_sites: AtSites,
    /// The sites of the validation windows.
    pub(crate) sites: BTreeSet<String>,
    /// The same with the sites of labels that decide nothing.
    labelled_sites: BTreeSet<String>,
}

impl Decided {
    /// From the validation windows, with what these show of each class. Where they do not suffice for a decision of their own, what was
    /// decided of a given model holds.
    ///
    /// # Errors
    /// Those of `Side::ranking`.
    pub(crate) fn on(scored: &Scored, rules: &Rules, given: Option<&Given>) -> Result<Self, ScoreError> {
        let validation = &scored.sides[&Subset::Validation];
        let (windows, classes): (Vec<_>, Vec<_>) = ((0..validation.windows()).collect(), (0..scored.classes.len()).collect());
        let hours = |class| validation.hours(class, &windows);
        let own = |&class: &usize| {
            let ranking = validation.ranking(class, &windows)?;
            let own = Own::of(&ranking, hours(class), rules);
            Ok(match given {
                Some(given) => {
                    let suffices = own.suffices(validation, class, &windows, rules);
                    own.beside(&scored.classes[class], &ranking, given, suffices)
                }
                None => own,
            })
        };
        let mut own: Vec<Own> = classes.par_iter().map(own).collect::<Result<_, ScoreError>>()?;
        if own.iter().any(|own| own.lacks(rules)) {
            // All pairs of window and class in one ranking: made only where it is needed.
            let pooled = Ranking::from(validation.pooled(&classes, &windows)?);
            let threshold = thresholds::fallback(&pooled, classes.iter().map(|&class| hours(class)).sum(), &rules.threshold);
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
        let thresholds: Vec<Threshold> = thresholds.into_iter().flatten().collect();
        let judged = |(class, threshold): (usize, Threshold)| {
            let shown = Evidence::of(validation, class, &windows, None, threshold.threshold, rules);
            match given.filter(|_| threshold.source == Source::Given).and_then(|given| given.threshold(&scored.classes[class])) {
                Some(given) => shown.judged_beside(threshold, Beside::Training(given), &rules.demand),
                None => shown.judged(threshold, &rules.demand),
            }
        };
        let thresholds: Vec<Threshold> = thresholds.into_par_iter().enumerate().map(judged).collect();
        Ok(Self {
            at_sites: if rules.per_site { at_sites(validation, rules, &thresholds, &calibrations)? } else { AtSites::new() },
            thresholds,
            calibrations,
            sites: validation.sites().iter().cloned().collect(),
            labelled_sites: validation.labelled_sites(),
        })
    }

    /// The same by names, with what was decided of a given model for other classes and sites.
    pub(crate) fn named(&self, model_id: &str, classes: &[String], given: Option<&Given>) -> Decisions {
        let threshold = |(&class, here): (&usize, &Here)| (classes[class].clone(), here.threshold.clone());
        let calibration = |(&class, here): (&usize, &Here)| Some((classes[class].clone(), here.calibration.as_ref()?.decision()));
        let at_sites = || self.at_sites.iter();
        let calibrated: BTreeMap<String, BTreeMap<String, _>> =
            at_sites().map(|(site, of)| (site.clone(), of.iter().filter_map(calibration).collect())).collect();
        let calibrations = classes.iter().zip(&self.calibrations);
        let own = Decisions {
            model_id: model_id.to_owned(),
            thresholds: classes.iter().cloned().zip(self.thresholds.iter().cloned()).collect(),
            site_thresholds: at_sites().map(|(site, of)| (site.clone(), of.iter().map(threshold).collect())).collect(),
            site_calibrations: calibrated.into_iter().filter(|(_, classes)| !classes.is_empty()).collect(),
            sites: Some(self.sites.clone()),
            calibrations: calibrations
                .filter_map(|(class, calibration)| Some((class.clone(), calibration.as_ref()?.decision())))
                .collect(),
        };
        match given {
            Some(given) => over(own, &given.decisions, &self.labelled_sites),
            None => own,
        }
    }
}

/// Whether the labels here contradict what was decided of a class of a given model: it could be told there, and is not usable here.
pub(crate) fn is_contradicted(here: &Threshold, given: Option<&Threshold>) -> bool {
    here.source == Source::Given && !here.usable && given.is_some_and(|given| given.usable)
}

/// Decisions of this run, put over those of a given model. `labelled_sites` are those with labels of validation.
fn over(mut own: Decisions, given: &Decisions, labelled_sites: &BTreeSet<String>) -> Decisions {
    let contradicted: BTreeSet<String> = own
        .thresholds
        .iter()
        .filter(|(class, here)| is_contradicted(here, given.thresholds.get(*class)))
        .map(|(class, _)| class.clone())
        .collect();
    for (class, threshold) in &given.thresholds {
        own.thresholds.entry(class.clone()).or_insert_with(|| Given::from_elsewhere(threshold));
    }
    for (class, calibration) in &given.calibrations {
        own.calibrations.entry(class.clone()).or_insert_with(|| Given::calibration_from_elsewhere(calibration));
    }
    // At a site with validation windows, a class that they decide is decided by them and no longer by the given run. The same holds at
    // sites with labels for a class that labels contradict.
    let sites = own.sites.clone().unwrap_or_default();
    let decided: BTreeSet<String> =
        own.thresholds.iter().filter(|(_, of)| of.source != Source::Given).map(|(class, _)| class.clone()).collect();
    let holds = |site: &str, class: &str| {
        !(sites.contains(site) && decided.contains(class) || labelled_sites.contains(site) && contradicted.contains(class))
    };
    for (site, thresholds) in &given.site_thresholds {
        for (class, threshold) in thresholds {
            if holds(site, class) {
                let here = own.site_thresholds.entry(site.clone()).or_default();
                here.entry(class.clone()).or_insert_with(|| Given::from_elsewhere(threshold));
            }
        }
    }
    for (site, calibrations) in &given.site_calibrations {
        for (class, calibration) in calibrations {
            if holds(site, class) {
                let here = own.site_calibrations.entry(site.clone()).or_default();
                here.entry(class.clone()).or_insert_with(|| Given::calibration_from_elsewhere(calibration));
            }
        }
    }
    // Older decisions do not say which sites they come from.
    own.sites = match (&given.sites, own.sites.take()) {
        (Some(given), own) => Some(given.iter().cloned().chain(own.into_iter().flatten()).collect()),
        (None, own) => own.filter(|sites| !sites.is_empty()),
    };
    own
}

/// What a class's own windows decide, as far as they do.
struct Own {
    threshold: Option<Threshold>,
    calibration: Option<Calibration>,
}

impl Own {
    fn of(ranking: &Ranking, hours: f64, rules: &Rules) -> Self {
        let curve = calibration::fit(ranking, rules.calibration, rules.threshold.min_positives);
        let (source, positives, method) = (Source::Own, ranking.positives(), rules.calibration.name());
        let calibration = |curve| Calibration { source, positives, method, weight: None, curve };
        Self { threshold: thresholds::own(ranking, hours, &rules.threshold), calibration: curve.map(calibration) }
    }

    fn lacks(&self, rules: &Rules) -> bool {
        self.threshold.is_none() || (self.calibration.is_none() && rules.calibration.is_fitted())
    }

    /// Whether the windows show at this threshold that the class can be told.
    fn suffices(&self, validation: &Side, class: usize, windows: &[usize], rules: &Rules) -> bool {
        let shown = |own: &Threshold| Evidence::of(validation, class, windows, None, own.threshold, rules);
        self.threshold.as_ref().is_some_and(|own| shown(own).suffices(&rules.demand))
    }

    /// The same beside what was decided of a given model: that fills what is lacking, and comes first where the windows do not suffice. Few
    /// labels would replace what many showed.
    fn beside(self, class: &str, ranking: &Ranking, given: &Given, suffices: bool) -> Self {
        let threshold = given.threshold(class).map(|given| thresholds::at(ranking, given.threshold, Source::Given));
        let given = Self { threshold, calibration: given.calibration(class) };
        let (first, second) = if suffices { (self, given) } else { (given, self) };
        Self { threshold: first.threshold.or(second.threshold), calibration: first.calibration.or(second.calibration) }
    }

    /// Takes what all classes together decide where it lacks something.
    fn fill(&mut self, ranking: &Ranking, (threshold, source): (f64, Source), curve: Option<(&'static str, &Arc<dyn Curve>)>) {
        self.threshold.get_or_insert_with(|| thresholds::at(ranking, threshold, source));
        let (source, positives) = (Source::Pooled, ranking.positives());
        let pooled = |(method, curve): (&'static str, &Arc<dyn Curve>)| Calibration {
            source,
            positives,
            method,
            weight: None,
            curve: Arc::clone(curve),
        };
        self.calibration = self.calibration.take().or_else(|| curve.map(pooled));
    }
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
    /// Those of single sites: by site of the side, then class. A site that is missing has none of its own.
    pub(crate) local: &'a [BTreeMap<usize, Calibration>],
}

impl Cuts<'_> {
    /// The tuned threshold.
    pub(crate) fn tuned(&self, site: usize, class: usize) -> f64 {
        self.tuned[site][class]
    }

    /// The calibrated probability; `None` where the class has no calibration.
    pub(crate) fn probability(&self, site: usize, class: usize, score: f64) -> Option<f64> {
        let here = self.local.get(site).and_then(|classes| classes.get(&class));
        here.or(self.calibrations[class].as_ref()).map(|calibration| calibration.curve.probability(score))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::METHODS;
    use crate::evaluate::applied::{cuts, local};
    use crate::evaluate::rules::Demand;
    use crate::evaluate::scored::ChosenLabel;
    use crate::thresholds::{Aim, Rule};

    static RULES: Rules = Rules {
        threshold: Rule { aim: Aim::F1, min_positives: 2, default: 0.5 },
        per_site: true,
        calibration: METHODS[1],
        demand: Demand { positives: 2, recordings: 1, precision: 0.5, confidence: 0.9 },
        seed: 0,
    };

    /// Two classes at two sites, three windows each: the first class is in two of each, the second in one.
    fn scored() -> Scored {
        let mut validation = Side::of(2);
        for (site, loud) in [("A", 0.9_f32), ("B", 0.5)] {
            let recording = validation.open_recording(site);
            for window in 0..3 {
                let score = |positive| if positive { loud } else { loud - 0.2 };
                let positive = [window < 2, window == 0 && site == "A"];
                validation.push(recording, 3.0, None, &positive.map(score), &positive.map(Some));
            }
        }
        Scored {
            model_id: "m".into(),
            classes: vec!["X".into(), "Y".into()],
            places: vec![0, 1],
            predicted: 2,
            sides: [(Subset::Validation, validation)].into(),
        }
    }

    #[test]
    fn a_site_has_its_own_threshold_and_calibration_where_it_has_enough_positives() {
        let scored = scored();
        let decided = Decided::on(&scored, &RULES, None).unwrap();
        let named = decided.named("m", &scored.classes, None);
        let cuts = cuts(&named, &scored.classes, &["A".into(), "B".into(), "C".into()]);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        // 0.8 at A, drawn by one recording a sixth of the way from the 0.4 of all sites.
        assert!(near(cuts[0][0], 0.473_316) && near(cuts[1][0], 0.4), "{cuts:?}");
        assert_eq!((cuts[2][0], cuts[1][1]), (decided.thresholds[0].threshold, decided.thresholds[1].threshold));
        assert_eq!((named.threshold("B", "X"), named.threshold("C", "Y")), (Some(cuts[1][0]), Some(cuts[2][1])));
        assert!(!named.site_thresholds["B"].contains_key("Y"));
        assert_eq!(named.site_calibrations["A"]["X"].weight, Some(1.0 / 6.0));
        assert_eq!((named.knows_site("B"), named.knows_site("C")), (Some(true), Some(false)));
        let local = local(&named, &scored.classes, &["A".into(), "C".into()]).unwrap();
        assert_eq!((local[0].contains_key(&0), local[1].len()), (true, 0));
        let cuts = Cuts { fixed: 0.5, tuned: &cuts, calibrations: &decided.calibrations, local: &local };
        let (here, elsewhere) = (cuts.probability(0, 0, 0.5).unwrap(), cuts.probability(1, 0, 0.5).unwrap());
        assert!(here < elsewhere, "calls are loud at A: {here} {elsewhere}");
        let decided = Decided::on(&scored, &Rules { per_site: false, calibration: METHODS[0], ..RULES }, None).unwrap();
        assert!(decided.at_sites.is_empty() && decided.calibrations.iter().all(Option::is_none));
    }

    #[test]
    fn classes_of_which_validation_shows_too_little_are_not_usable_and_say_why() {
        let few = Decided::on(&scored(), &RULES, None).unwrap();
        assert!(few.thresholds.iter().all(|threshold| !threshold.usable), "two recordings are too few");
        let mut scored = scored();
        let validation = scored.sides.get_mut(&Subset::Validation).unwrap();
        for _ in 0..4 {
            let recording = validation.open_recording("C");
            (0..3).for_each(|_| validation.push(recording, 3.0, None, &[0.1, 0.1], &[Some(false), Some(false)]));
        }
        let named = Decided::on(&scored, &RULES, None).unwrap().named("m", &scored.classes, None);
        let of = |class: &str| (named.thresholds[class].usable, named.thresholds[class].recordings);
        assert_eq!((of("X"), of("Y")), ((true, Some(2)), (false, Some(1))));
        assert!(named.thresholds["Y"].why_not.as_ref().unwrap().starts_with("1 validation window holds it and 2 are needed"));
        assert_eq!(named.at("A", "X").map(|threshold| threshold.usable), Some(true), "as for all sites");
    }

    #[test]
    fn few_positives_take_what_all_classes_decide_and_say_so() {
        let scored = scored();
        let of = |min_positives| {
            let threshold = Rule { min_positives, ..RULES.threshold };
            let named = Decided::on(&scored, &Rules { threshold, ..RULES }, None).unwrap().named("m", &scored.classes, None);
            let calibration = |class| named.calibrations.get(class).map(|c| (c.source, c.positives));
            ["X", "Y"].map(|class| (named.thresholds[class].source, calibration(class)))
        };
        let (own, pooled) = (Source::Own, Source::Pooled);
        assert_eq!(of(2), [(own, Some((own, 4))), (pooled, Some((pooled, 1)))]);
        assert_eq!(of(5), [(pooled, Some((pooled, 4))), (pooled, Some((pooled, 1)))]);
        assert_eq!(of(6), [(Source::Default, None); 2]);
    }

    const GIVEN: &str = "
model_id: m
thresholds:
  OWL: {threshold: 0.7, source: own, f1: 0.5, positives: 40, usable: false, why_not: noise}
  X: {threshold: 0.7, source: own, f1: 0.5, positives: 40, usable: true}
  Y: {threshold: 0.6, source: own, f1: 0.5, positives: 40, usable: true}
site_thresholds:
  A:
    X: {threshold: 0.65, source: own, f1: 0.5, positives: 9, usable: true}
  Z:
    X: {threshold: 0.65, source: own, f1: 0.5, positives: 9, usable: true}
calibrations:
  OWL: {source: own, positives: 40, method: platt, slope: 1.0, intercept: 0.0}
  X: {source: own, positives: 40, method: platt, slope: 1.0, intercept: 0.0}
site_calibrations:
  Z:
    X: {source: own, positives: 9, method: platt, weight: 0.5, slope: 2.0, intercept: 0.0}
sites: [Z]
";

    fn given() -> Given {
        Given::of(serde_yaml::from_str(GIVEN).unwrap()).unwrap()
    }

    fn decide(scored: &Scored) -> Decisions {
        let given = given();
        let decided = Decided::on(scored, &Rules { per_site: false, ..RULES }, Some(&given)).unwrap();
        decided.named("m", &scored.classes, Some(&given))
    }

    /// Adds recordings of a site, each with one window that scores so much for the first class, and says whether it is there.
    fn add(scored: &mut Scored, site: &str, recordings: usize, score: f32, positive: bool) {
        let validation = scored.sides.get_mut(&Subset::Validation).unwrap();
        for _ in 0..recordings {
            let recording = validation.open_recording(site);
            validation.push(recording, 3.0, None, &[score, 0.1], &[Some(positive), Some(false)]);
        }
    }

    #[test]
    fn what_was_decided_of_a_given_model_holds_where_validation_does_not_suffice() {
        let scored = scored();
        let named = decide(&scored);
        let of =
            |class: &str| (named.thresholds[class].source, named.thresholds[class].usable, named.thresholds[class].positives);
        // X has four positive windows in two recordings here, Y one, and nobody labelled OWL.
        let given = Source::Given;
        assert_eq!((of("X"), of("Y"), of("OWL")), ((given, true, 4), (given, true, 1), (given, false, 0)));
        assert_eq!(named.thresholds["OWL"].why_not.as_deref(), Some("in the run that trained the model: noise"));
        assert_eq!((named.threshold("B", "X"), named.threshold("A", "X")), (Some(0.7), Some(0.65)));
        assert_eq!((named.threshold("A", "Y"), named.threshold("Z", "X")), (Some(0.6), Some(0.65)));
        // The model brought no calibration of Y, and one window is too few for one.
        assert_eq!((named.calibrations["X"].source, named.calibrations["Y"].source), (given, Source::Pooled));
        // What nobody labelled here keeps what was decided of it, and says where that comes from.
        assert_eq!((named.calibrations["OWL"].source, named.calibrations["OWL"].positives), (given, 40));
        assert_eq!((named.site_calibrations["Z"]["X"].source, named.site_calibrations["Z"]["X"].weight), (given, Some(0.5)));
        // Metrics of a site take the same as detect does there.
        let sites = ["A", "Z"].map(str::to_owned);
        assert_eq!(cuts(&named, &scored.classes, &sites)[1], [0.65, 0.6]);
        assert!(local(&named, &scored.classes, &sites).unwrap()[1].contains_key(&0));
        assert_eq!((named.knows_site("A"), named.knows_site("Z"), named.knows_site("Q")), (Some(true), Some(true), Some(false)));
        // Without validation, all of it holds.
        let mut without = scored;
        without.sides.insert(Subset::Validation, Side::of(2));
        let named = decide(&without);
        let threshold = |class: &str| (named.thresholds[class].threshold, named.thresholds[class].usable);
        assert_eq!(["OWL", "X", "Y"].map(threshold), [(0.7, false), (0.7, true), (0.6, true)]);
        assert_eq!(named.sites, Some(["Z".to_owned()].into()));
    }

    #[test]
    fn where_labels_suffice_they_decide_alone() {
        let mut scored = scored();
        add(&mut scored, "C", 4, 0.1, false);
        let named = decide(&scored);
        let x = &named.thresholds["X"];
        assert_eq!((x.source, x.usable, x.positives, x.recordings), (Source::Own, true, 4, Some(2)));
        assert!((x.threshold - 0.4).abs() < 1e-6, "{}", x.threshold);
        assert_eq!(named.threshold("A", "X"), Some(x.threshold), "A has windows here, which decide X");
        assert_eq!(named.threshold("Z", "X"), Some(0.65), "Z has none");
        assert_eq!((named.calibrations["X"].source, named.thresholds["Y"].source), (Source::Own, Source::Given));
        // At a site, its own windows and the given threshold are drawn together, as its own and those of all sites are.
        let few = self::scored();
        let decided = Decided::on(&few, &RULES, Some(&given())).unwrap();
        let here = &decided.at_sites["B"][&0].threshold;
        // Logits of 0.4 and 0.7; one recording is a sixth of the way.
        let (own, all) = (calibration::platt::logit(0.4), calibration::platt::logit(0.7));
        let drawn = calibration::platt::logistic(own / 6.0 + all * 5.0 / 6.0);
        assert!((here.threshold - drawn).abs() < 1e-6 && here.usable, "{here:?} {drawn}");
    }

    #[test]
    fn labels_that_contradict_a_given_model_leave_a_class_out() {
        let mut scored = scored();
        add(&mut scored, "A", 12, 0.9, false);
        let named = decide(&scored);
        let x = &named.thresholds["X"];
        // Of 14 windows that score 0.9, two hold it. The score 0.7 of another is a little less than that in 32 bits.
        assert_eq!((x.source, x.threshold, x.usable), (Source::Given, 0.7, false));
        let why = x.why_not.as_deref().unwrap();
        assert!(
            why.starts_with("the labels here contradict the given model: its detections are right in 2 of 14 reviewed"),
            "{why}"
        );
        let usable = |site: &str| named.at(site, "X").unwrap().usable;
        assert_eq!(
            (usable("A"), usable("Q"), usable("Z")),
            (false, false, true),
            "Z has no labels here, and has its own evidence"
        );
        assert_eq!(named.calibrations["X"].source, Source::Given);
    }

    #[test]
    fn windows_that_were_chosen_replace_nothing_and_may_contradict() {
        let chosen = |positive: bool| {
            let mut scored = scored();
            let validation = scored.sides.get_mut(&Subset::Validation).unwrap();
            for recording in 0..20 {
                let (recording, site) = (format!("r{recording}"), "A".to_owned());
                validation.put_aside(0, ChosenLabel { recording, site, score: 0.9, positive });
            }
            assert_eq!(validation.chosen_of_all(), (20, 32));
            decide(&scored)
        };
        let (right, wrong) = (chosen(true), chosen(false));
        let of = |named: &Decisions| {
            let x = &named.thresholds["X"];
            (x.source, x.threshold, x.usable, x.positives)
        };
        assert_eq!((of(&right), of(&wrong)), ((Source::Given, 0.7, true, 4), (Source::Given, 0.7, false, 4)));
        let why = wrong.thresholds["X"].why_not.as_deref().unwrap();
        assert!(why.contains("20 of them chosen to listen to and no sample"), "{why}");
        assert_eq!((right.threshold("A", "X"), wrong.threshold("A", "X")), (Some(0.65), Some(0.7)));
    }
}
