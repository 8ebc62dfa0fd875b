//! What validation shows of a class at its threshold: may its detections be believed?
//!
//! The lower bound of precision is a quantile of the bootstrap over recordings. Replicates that lack the class, and those in which nothing is
//! detected, say nothing of its precision and are left out.
//!
//! The bootstrap is blind where every detection is right. Therefore the bound is never above the exact one for n right detections of n, which
//! is (1 - confidence)^(1 / n) (Clopper, Pearson 1934). It is blind too where all positive windows are of one recording, which every replicate
//! then holds: how many recordings are needed is a demand of its own.

use std::collections::BTreeMap;

use super::draws::{Draws, LEAST_RECORDINGS, quantile};
use super::rules::{Demand, Rules};
use super::scored::Side;
use super::subset::Subset;
use crate::metrics::Confusion;
use crate::thresholds::Threshold;

/// Enough for a bound to two decimals.
const REPLICATES: usize = 1000;

/// What some windows of validation show of a class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Evidence {
    /// Recordings with a label of the class, positive or not.
    reviewed: u64,
    /// Recordings with a positive window.
    recordings: u64,
    /// Positive windows.
    positives: u64,
    /// Share of the detected windows that are positive.
    precision: Option<f64>,
    /// Lower bound of that. `None` where nothing is detected, or too few recordings were reviewed.
    precision_low: Option<f64>,
}

impl Evidence {
    /// That of some windows at a threshold.
    pub(crate) fn of(side: &Side, class: usize, windows: &[usize], threshold: f64, rules: &Rules) -> Self {
        let mut recordings: BTreeMap<usize, Confusion> = BTreeMap::new();
        for &window in windows {
            if let Some((score, positive)) = side.labelled(class, window) {
                recordings.entry(side.recording(window)).or_default().count(positive, f64::from(score) >= threshold);
            }
        }
        let decided: Vec<Confusion> = recordings.into_values().collect();
        let all: Confusion = decided.iter().copied().sum();
        Self {
            reviewed: decided.len() as u64,
            recordings: decided.iter().filter(|of| of.positives() > 0).count() as u64,
            positives: all.positives(),
            precision: all.precision(),
            precision_low: precision_low(&decided, rules.demand.confidence, rules.seed),
        }
    }

    /// The threshold with what they show, and with the verdict.
    pub(crate) fn judged(&self, threshold: Threshold, demand: &Demand) -> Threshold {
        self.with_verdict(threshold, self.lacking(demand).or_else(|| self.imprecise(demand)))
    }

    /// The same at a site. Where too little of the class was reviewed there, what holds for all sites holds for it too.
    pub(crate) fn judged_here(&self, threshold: Threshold, everywhere: &Threshold, demand: &Demand) -> Threshold {
        match self.lacking(demand) {
            // Decisions of a given model need not say why.
            Some(_) => Threshold { usable: everywhere.usable, ..self.with_verdict(threshold, everywhere.why_not.clone()) },
            None => self.with_verdict(threshold, self.imprecise(demand)),
        }
    }

    fn with_verdict(&self, threshold: Threshold, why_not: Option<String>) -> Threshold {
        Threshold {
            recordings: Some(self.recordings),
            precision_low: self.precision_low,
            usable: why_not.is_none(),
            why_not,
            ..threshold
        }
    }

    /// What there is too little of, in words, with what would mend it.
    fn lacking(&self, demand: &Demand) -> Option<String> {
        let Self { reviewed, recordings, positives, .. } = *self;
        if reviewed < LEAST_RECORDINGS as u64 {
            return Some(format!(
                "{} reviewed for it and {LEAST_RECORDINGS} are needed; label more recordings, or raise split.validation_fraction (with model.path: split.threshold_fraction)",
                were(reviewed, "validation recording")
            ));
        }
        let mend = "label more recordings in which it calls";
        if positives < demand.positives {
            let found =
                if positives == 0 { "no validation window holds".to_owned() } else { hold(positives, "validation window") };
            return Some(format!("{found} it and {} are needed; {mend}", demand.positives));
        }
        (recordings < demand.recordings)
            .then(|| format!("{} it and {} are needed; {mend}", hold(recordings, "validation recording"), demand.recordings))
    }

    /// That its detections are too often false, or may be, in words, with what would mend it.
    fn imprecise(&self, demand: &Demand) -> Option<String> {
        let Some((precision, low)) = self.precision.zip(self.precision_low) else {
            return Some("no validation window reaches its threshold; label more of it and train again".to_owned());
        };
        // Where all that is detected is right, a higher threshold shows no more: there is too little of it.
        let higher = if precision < 1.0 { ", or take higher thresholds (evaluate.threshold_for: precision)" } else { "" };
        (low < demand.precision).then(|| {
            format!(
                "its precision on validation is {precision:.2}, at least {low:.2} with {:.0} % confidence, and {} is needed; label more of it \
                 and train again{higher}",
                100.0 * demand.confidence,
                demand.precision
            )
        })
    }
}

/// `1 window holds`, `2 windows hold`.
fn hold(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what} holds") } else { format!("{n} {what}s hold") }
}

/// `1 window was`, `2 windows were`.
fn were(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what} was") } else { format!("{n} {what}s were") }
}

/// The lower bound of precision, from the decisions on the windows of each recording.
fn precision_low(recordings: &[Confusion], confidence: f64, seed: u64) -> Option<f64> {
    let all: Confusion = recordings.iter().copied().sum();
    let detected = all.true_positives + all.false_positives;
    if detected == 0 || recordings.len() < LEAST_RECORDINGS {
        return None;
    }
    let draws = Draws::new(recordings.len(), REPLICATES, seed, Subset::Validation);
    let replicates = draws.sums(recordings).into_iter().filter(|of| of.positives() > 0);
    let mut values: Vec<f64> = replicates.filter_map(|of| of.precision()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let share = 1.0 - confidence;
    (!values.is_empty()).then(|| quantile(&values, share).min(share.powf(1.0 / detected as f64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::METHODS;
    use crate::thresholds::{Aim, Rule, Source, at};

    const DEMAND: Demand = Demand { positives: 5, recordings: 2, precision: 0.5, confidence: 0.9 };

    fn rules() -> Rules {
        let threshold = Rule { aim: Aim::F1, min_positives: 5, default: 0.5 };
        Rules { threshold, per_site: false, calibration: METHODS[0], demand: DEMAND, seed: 0 }
    }

    /// One class at threshold 0.5; of each recording its windows that are detected rightly, detected falsely, missed, and rightly left.
    fn evidence(recordings: &[[usize; 4]]) -> Evidence {
        let mut side = Side::of(1);
        for counts in recordings {
            let recording = side.open_recording("A");
            for (n, (score, positive)) in counts.iter().zip([(0.75, true), (0.75, false), (0.25, true), (0.25, false)]) {
                (0..*n).for_each(|_| side.push(recording, 3.0, None, &[score], &[Some(positive)]));
            }
        }
        let windows: Vec<usize> = (0..side.windows()).collect();
        Evidence::of(&side, 0, &windows, 0.5, &rules())
    }

    fn low(recordings: &[[usize; 4]]) -> f64 {
        evidence(recordings).precision_low.unwrap()
    }

    const QUIET: [usize; 4] = [0, 0, 0, 20];
    const ALARM: [usize; 4] = [0, 1, 0, 19];

    #[test]
    fn detections_that_are_all_right_have_the_exact_bound() {
        // 0.1^(1 / 12) and 0.1^(1 / 3).
        assert!((low(&[[4, 0, 0, 16]; 3].into_iter().chain([QUIET; 3]).collect::<Vec<_>>()) - 0.825_404).abs() < 1e-6);
        assert!((low(&[[3, 0, 9, 8], QUIET, QUIET, QUIET, QUIET]) - 0.464_159).abs() < 1e-6);
    }

    #[test]
    fn false_alarms_lower_the_bound_and_replicates_without_the_class_do_not() {
        // 12 right ones of 14 are above 0.1^(1 / 14), and 12 of 13 above 0.1^(1 / 13), also where the false one is in another recording.
        assert!((low(&[[12, 2, 0, 6], QUIET, QUIET, QUIET, QUIET, QUIET]) - 0.848_343).abs() < 1e-6);
        assert!((low(&[[12, 0, 0, 8], ALARM, QUIET, QUIET, QUIET, QUIET]) - 0.837_678).abs() < 1e-6);
        // Every recording has detections: five right ones in two of them, four false ones in the others. Of the replicates with the class,
        // more than a tenth hold it once: 5 of 25 are right there.
        let (right, wrong) = ([5, 0, 0, 5], [0, 4, 0, 6]);
        assert!((low(&[right, right, wrong, wrong, wrong, wrong]) - 0.2).abs() < 1e-9);
    }

    #[test]
    fn what_is_detected_mostly_falsely_is_not_usable() {
        let often = [[4, 9, 0, 7], [3, 6, 0, 11], [0, 8, 0, 12], [0, 9, 0, 11], [2, 7, 0, 11], QUIET];
        let why = evidence(&often).imprecise(&DEMAND).unwrap();
        // 9 of 48.
        assert!(
            why.starts_with("its precision on validation is 0.19, at least 0.") && why.contains("with 90 % confidence"),
            "{why}"
        );
        assert!(why.ends_with("train again, or take higher thresholds (evaluate.threshold_for: precision)"), "{why}");
        let rarely = evidence(&[[1, 0, 9, 10], QUIET, QUIET, QUIET, QUIET]).imprecise(&DEMAND).unwrap();
        assert!(rarely.starts_with("its precision on validation is 1.00") && rarely.ends_with("train again"), "{rarely}");
        assert_eq!(
            evidence(&[QUIET, QUIET, QUIET, QUIET, [0, 0, 6, 14]]).imprecise(&DEMAND).unwrap().split(';').next().unwrap(),
            "no validation window reaches its threshold"
        );
    }

    #[test]
    fn what_there_is_too_little_of_is_told_with_what_would_mend_it() {
        let lacking = |recordings: &[[usize; 4]]| evidence(recordings).lacking(&DEMAND).unwrap_or_default();
        assert_eq!(
            lacking(&[[9, 0, 0, 11], QUIET, QUIET]),
            "3 validation recordings were reviewed for it and 5 are needed; label more recordings, or raise split.validation_fraction (with model.path: split.threshold_fraction)"
        );
        assert!(lacking(&[QUIET; 5]).starts_with("no validation window holds it and 5 are needed; label more recordings"));
        assert!(
            lacking(&[[1, 0, 0, 19], QUIET, QUIET, QUIET, QUIET]).starts_with("1 validation window holds it and 5 are needed")
        );
        assert!(
            lacking(&[[9, 0, 0, 11], QUIET, QUIET, QUIET, QUIET]).starts_with("1 validation recording holds it and 2 are needed")
        );
        assert_eq!(lacking(&[[4, 0, 0, 16], [4, 0, 0, 16], QUIET, QUIET, QUIET]), "");
    }

    #[test]
    fn at_a_site_with_little_evidence_the_verdict_for_all_sites_holds() {
        let ranking = crate::metrics::Ranking::new(&[0.75_f32], &[Some(true)]).unwrap();
        let threshold = || at(&ranking, 0.5, Source::Own);
        let unusable = Threshold { usable: false, why_not: Some("few".into()), ..threshold() };
        let few = evidence(&[[9, 0, 0, 11], QUIET]);
        let here = few.judged_here(threshold(), &unusable, &DEMAND);
        assert_eq!(
            (here.usable, here.why_not.as_deref(), here.recordings, here.precision_low),
            (false, Some("few"), Some(1), None)
        );
        assert!(few.judged_here(threshold(), &threshold(), &DEMAND).usable);
        let unsaid = Threshold { usable: false, ..threshold() };
        assert!(!few.judged_here(threshold(), &unsaid, &DEMAND).usable, "also where nothing says why");
        let good = evidence(&[[9, 0, 0, 11], [9, 0, 0, 11], QUIET, QUIET, QUIET]);
        assert!(good.judged_here(threshold(), &unusable, &DEMAND).usable, "the site's own windows show it");
        let bad = evidence(&[[3, 9, 0, 8], [3, 9, 0, 8], ALARM, ALARM, QUIET]);
        assert!(!bad.judged_here(threshold(), &threshold(), &DEMAND).usable);
    }
}
