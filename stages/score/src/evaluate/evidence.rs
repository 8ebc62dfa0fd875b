//! What validation shows of a class at its threshold: may its detections be believed?
//!
//! What the windows of one site show stands beside what those of all sites show, and what the labels of a run show beside what the run
//! showed that trained a given model. The rule is the same for both: labels decide where they suffice; where they do not, the wider
//! evidence holds, unless they contradict it.
//!
//! The lower bound of precision is a quantile of the bootstrap over recordings. Replicates that lack the class, and those in which nothing is
//! detected, say nothing of its precision and are left out.
//!
//! The bootstrap is blind where every detection is right. Therefore the bound is never above the exact one for n right detections of n, which
//! is (1 - confidence)^(1 / n) (Clopper, Pearson 1934). It is blind too where all positive windows are of one recording, which every replicate
//! then holds: how many recordings are needed is a demand of its own.
//!
//! The upper bound is the quantile at the other end, and never below the exact one for no right detection of n. It takes replicates without
//! the class too, since where a class never calls all that is detected is wrong.

use std::collections::BTreeMap;

use super::draws::{Draws, LEAST_RECORDINGS, quantile};
use super::given::Given;
use super::rules::{Demand, Rules};
use super::scored::Side;
use super::subset::Subset;
use crate::metrics::Confusion;
use crate::thresholds::Threshold;

/// Enough for a bound to two decimals.
const REPLICATES: usize = 1000;

/// What shows more of a class than the windows that are looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beside<'a> {
    /// The windows of all sites, where those of one are looked at.
    Sites(&'a Threshold),
    /// Those of the run that trained a given model.
    Training(&'a Threshold),
}

impl<'a> Beside<'a> {
    fn threshold(self) -> &'a Threshold {
        match self {
            Self::Sites(threshold) | Self::Training(threshold) => threshold,
        }
    }

    /// The labels that are looked at, and what they may contradict.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Sites(_) => ("the labels of this site", "those of all sites"),
            Self::Training(_) => ("the labels here", "the given model"),
        }
    }
}

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
    /// Decisions on all labelled windows, also on those that were chosen to listen to, which the figures above leave out.
    all: Confusion,
    /// Decisions on those.
    chosen: Confusion,
    /// Upper bound of the precision of all. `None` as with the lower bound.
    precision_high: Option<f64>,
}

impl Evidence {
    /// That of some windows at a threshold: those of a site, or of all.
    pub(crate) fn of(side: &Side, class: usize, windows: &[usize], site: Option<&str>, threshold: f64, rules: &Rules) -> Self {
        let mut recordings: BTreeMap<usize, Confusion> = BTreeMap::new();
        for &window in windows {
            if let Some((score, positive)) = side.labelled(class, window) {
                recordings.entry(side.recording(window)).or_default().count(positive, f64::from(score) >= threshold);
            }
        }
        let decided: Vec<Confusion> = recordings.values().copied().collect();
        let (mut chosen, mut of_others): (Confusion, BTreeMap<&str, Confusion>) = Default::default();
        for label in side.chosen(class, site) {
            let is_detected = f64::from(label.score) >= threshold;
            let of = match side.place_of(&label.recording).and_then(|place| recordings.get_mut(&place)) {
                Some(known) => known,
                None => of_others.entry(&label.recording).or_default(),
            };
            of.count(label.positive, is_detected);
            chosen.count(label.positive, is_detected);
        }
        let everything: Vec<Confusion> = recordings.into_values().chain(of_others.into_values()).collect();
        let (sample, all): (Confusion, Confusion) = (decided.iter().copied().sum(), everything.iter().copied().sum());
        let (confidence, drawn) = (rules.demand.confidence, replicates(&decided, rules.seed));
        let drawn_of_all = if all == sample { drawn.clone() } else { replicates(&everything, rules.seed) };
        Self {
            reviewed: decided.len() as u64,
            recordings: decided.iter().filter(|of| of.positives() > 0).count() as u64,
            positives: sample.positives(),
            precision: sample.precision(),
            precision_low: precision_low(&drawn, detected(sample), confidence),
            all,
            chosen,
            precision_high: precision_high(&drawn_of_all, detected(all), confidence),
        }
    }

    /// Whether they suffice for a decision of their own.
    pub(crate) fn suffices(&self, demand: &Demand) -> bool {
        self.lacking(demand).is_none() && self.imprecise(demand).is_none()
    }

    /// The threshold with what they show, and with the verdict.
    pub(crate) fn judged(&self, threshold: Threshold, demand: &Demand) -> Threshold {
        self.with_verdict(threshold, self.lacking(demand).or_else(|| self.imprecise(demand)))
    }

    /// The same where something shows more of the class. That holds where they do not suffice, unless they contradict it.
    pub(crate) fn judged_beside(&self, threshold: Threshold, beside: Beside<'_>, demand: &Demand) -> Threshold {
        if self.suffices(demand) {
            return self.with_verdict(threshold, None);
        }
        if beside.threshold().usable {
            return self.with_verdict(threshold, self.contradicting(beside, demand));
        }
        match self.lacking(demand) {
            // Decisions of a given model need not say why.
            Some(lacking) => Threshold { usable: false, ..self.with_verdict(threshold, self.unshown(beside, &lacking)) },
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

    /// That these labels contradict what shows more of the class, in words, with what would mend it; `None` where they do not.
    fn contradicting(&self, beside: Beside<'_>, demand: &Demand) -> Option<String> {
        if self.lacking(demand).is_none() && self.positives > 0 && self.precision.is_none() {
            // It calls often enough here, and none of that is detected.
            return self.imprecise(demand);
        }
        let high = self.precision_high.filter(|high| *high < demand.precision)?;
        let (labels, other) = beside.names();
        let (chosen, mend) = match detected(self.chosen) {
            0 => (String::new(), "label more recordings for a new threshold, or train with these labels"),
            n => {
                let mend = "judge a sample of windows (chorus clips --windows), or train with these labels";
                (format!(", {n} of them chosen to listen to and no sample"), mend)
            }
        };
        Some(format!(
            "{labels} contradict {other}: its detections are right in {} of {} reviewed windows{chosen}, a precision of at most {high:.2} \
             with {:.0} % confidence, and {} is needed; {mend}",
            self.all.true_positives,
            detected(self.all),
            100.0 * demand.confidence,
            demand.precision
        ))
    }

    /// Why a class is not usable that neither these windows show, which are `lacking`, nor what shows more of it.
    fn unshown(&self, beside: Beside<'_>, lacking: &str) -> Option<String> {
        let given = match beside {
            Beside::Sites(everywhere) => return everywhere.why_not.clone(),
            Beside::Training(given) => given,
        };
        let chosen = self.chosen != Confusion::default();
        let note = if chosen {
            " (windows that were chosen to listen to do not count: chorus clips --windows draws a sample)"
        } else {
            ""
        };
        let here = (self.reviewed > 0 || chosen).then(|| format!("here: {lacking}{note}"));
        let all: Vec<String> = Given::why_not(given).into_iter().chain(here).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// Draws recordings anew, and adds up the decisions in each replicate. None where nothing is detected, or too few recordings were reviewed.
fn replicates(recordings: &[Confusion], seed: u64) -> Vec<Confusion> {
    if detected(recordings.iter().copied().sum()) == 0 || recordings.len() < LEAST_RECORDINGS {
        return Vec::new();
    }
    Draws::new(recordings.len(), REPLICATES, seed, Subset::Validation).sums(recordings)
}

/// `1 window holds`, `2 windows hold`.
fn hold(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what} holds") } else { format!("{n} {what}s hold") }
}

/// `1 window was`, `2 windows were`.
fn were(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what} was") } else { format!("{n} {what}s were") }
}

/// Number of detected windows.
fn detected(of: Confusion) -> u64 {
    of.true_positives + of.false_positives
}

/// The lower bound of the precision of so many detected windows, from the decisions in each replicate.
fn precision_low(replicates: &[Confusion], detected: u64, confidence: f64) -> Option<f64> {
    let share = 1.0 - confidence;
    let bound = precision_at(replicates.iter().filter(|of| of.positives() > 0), share)?;
    Some(bound.min(share.powf(1.0 / detected as f64)))
}

/// The upper bound.
fn precision_high(replicates: &[Confusion], detected: u64, confidence: f64) -> Option<f64> {
    let share = 1.0 - confidence;
    Some(precision_at(replicates.iter(), confidence)?.max(1.0 - share.powf(1.0 / detected as f64)))
}

/// A quantile of the precisions of replicates. Those in which nothing is detected have none.
fn precision_at<'a>(replicates: impl Iterator<Item = &'a Confusion>, share: f64) -> Option<f64> {
    let mut values: Vec<f64> = replicates.filter_map(Confusion::precision).collect();
    values.sort_unstable_by(f64::total_cmp);
    (!values.is_empty()).then(|| quantile(&values, share))
}

#[cfg(test)]
mod tests {
    use super::super::scored::ChosenLabel;
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
        with_chosen(recordings, &[])
    }

    /// The same beside chosen windows that are all detected: the numbers of their recordings, and whether the class is there. Numbers from 100
    /// on are of recordings without other labels.
    fn with_chosen(recordings: &[[usize; 4]], chosen: &[(usize, bool)]) -> Evidence {
        let mut side = Side::of(1);
        for &(recording, positive) in chosen {
            let (recording, site) = (recording.to_string(), "A".to_owned());
            side.put_aside(0, ChosenLabel { recording, site, score: 0.75, positive });
        }
        for counts in recordings {
            let recording = side.open_recording("A");
            side.name_recording(&recording.to_string(), recording);
            for (n, (score, positive)) in counts.iter().zip([(0.75, true), (0.75, false), (0.25, true), (0.25, false)]) {
                (0..*n).for_each(|_| side.push(recording, 3.0, None, &[score], &[Some(positive)]));
            }
        }
        let windows: Vec<usize> = (0..side.windows()).collect();
        Evidence::of(&side, 0, &windows, None, 0.5, &rules())
    }

    fn low(recordings: &[[usize; 4]]) -> f64 {
        evidence(recordings).precision_low.unwrap()
    }

    fn high(recordings: &[[usize; 4]]) -> f64 {
        evidence(recordings).precision_high.unwrap()
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
    fn the_upper_bound_is_high_where_few_windows_were_detected() {
        // 1 - 0.1^(1 / 3) and 1 - 0.1^(1 / 12), also where the class never calls.
        assert!((high(&[ALARM, ALARM, ALARM, QUIET, QUIET]) - 0.535_841).abs() < 1e-6);
        assert!((high(&[[0, 4, 2, 14], [0, 4, 0, 16], [0, 4, 0, 16], QUIET, QUIET]) - 0.174_596).abs() < 1e-6);
        // Of the replicates, hardly more than a tenth hold the two right recordings as often as the four wrong ones.
        let (right, wrong) = ([5, 0, 0, 5], [0, 4, 0, 6]);
        assert!(high(&[right, right, wrong, wrong, wrong, wrong]) > 0.5);
        assert_eq!(high(&[right, right, QUIET, QUIET, QUIET]), 1.0);
        assert_eq!(evidence(&[ALARM, ALARM, ALARM, ALARM]).precision_high, None, "too few recordings");
    }

    #[test]
    fn windows_that_were_chosen_count_in_the_upper_bound_alone() {
        let good = [[5, 0, 0, 5], [5, 0, 0, 5], QUIET, QUIET, QUIET];
        let found = with_chosen(&good, &[(0, false), (0, false), (100, false), (101, false)]);
        let alone = evidence(&good);
        assert_eq!((found.reviewed, found.positives, found.precision), (5, 10, Some(1.0)));
        assert_eq!(found.precision_low, alone.precision_low);
        assert_eq!((detected(found.all), found.all.true_positives, detected(found.chosen)), (14, 10, 4));
        assert!(found.precision_high < alone.precision_high, "{found:?}");
        let only: Vec<(usize, bool)> = (100..105).map(|recording| (recording, false)).collect();
        let found = with_chosen(&[], &only);
        assert!((found.precision_high.unwrap() - 0.369_043).abs() < 1e-6, "1 - 0.1^(1 / 5): {found:?}");
        assert_eq!((found.reviewed, found.precision, found.precision_low), (0, None, None));
        // Five of one recording are one recording.
        assert_eq!(with_chosen(&[], &[(100, false); 5]).precision_high, None);
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

    fn threshold() -> Threshold {
        let ranking = crate::metrics::Ranking::new(&[0.75_f32], &[Some(true)]).unwrap();
        at(&ranking, 0.5, Source::Own)
    }

    #[test]
    fn at_a_site_with_little_evidence_the_verdict_for_all_sites_holds() {
        let unusable = Threshold { usable: false, why_not: Some("few".into()), ..threshold() };
        let judged = |of: &Evidence, everywhere: &Threshold| of.judged_beside(threshold(), Beside::Sites(everywhere), &DEMAND);
        let few = evidence(&[[9, 0, 0, 11], QUIET]);
        let here = judged(&few, &unusable);
        assert_eq!(
            (here.usable, here.why_not.as_deref(), here.recordings, here.precision_low),
            (false, Some("few"), Some(1), None)
        );
        assert!(judged(&few, &threshold()).usable);
        let unsaid = Threshold { usable: false, ..threshold() };
        assert!(!judged(&few, &unsaid).usable, "also where nothing says why");
        let good = evidence(&[[9, 0, 0, 11], [9, 0, 0, 11], QUIET, QUIET, QUIET]);
        assert!(judged(&good, &unusable).usable, "the site's own windows show it");
        let bad = judged(&evidence(&[[3, 9, 0, 8], [3, 9, 0, 8], ALARM, ALARM, QUIET]), &threshold());
        assert!(!bad.usable);
        let why = bad.why_not.unwrap();
        assert!(why.starts_with("the labels of this site contradict those of all sites: "), "{why}");
        // Its precision is 0.5 here, between 0.4 and 0.6.
        let open = evidence(&[[3, 2, 0, 15], [2, 3, 0, 15], QUIET, QUIET, QUIET]);
        assert!(judged(&open, &threshold()).usable, "they contradict nothing");
        assert!(judged(&open, &unusable).why_not.unwrap().starts_with("its precision on validation is 0.50"));
        let missed = judged(&evidence(&[[0, 0, 9, 11], [0, 0, 9, 11], QUIET, QUIET, QUIET]), &threshold());
        assert!(missed.why_not.unwrap().starts_with("no validation window reaches its threshold"));
        let silent = judged(&evidence(&[QUIET; 5]), &threshold());
        assert!(silent.usable, "that it does not call here says nothing of its precision");
    }

    #[test]
    fn labels_that_contradict_a_given_model_say_how_and_few_labels_change_nothing() {
        let judged = |of: &Evidence, given: &Threshold| of.judged_beside(threshold(), Beside::Training(given), &DEMAND);
        let why = |of: &Evidence| judged(of, &threshold()).why_not.unwrap_or_default();
        let wrong = [ALARM, ALARM, ALARM, ALARM, ALARM];
        assert_eq!(
            why(&evidence(&wrong)),
            "the labels here contradict the given model: its detections are right in 0 of 5 reviewed windows, a precision of at most \
             0.37 with 90 % confidence, and 0.5 is needed; label more recordings for a new threshold, or train with these labels"
        );
        assert_eq!(why(&evidence(&[ALARM, ALARM, ALARM, QUIET, QUIET])), "", "three may be chance");
        assert_eq!(why(&evidence(&wrong[..4])), "", "four recordings are too few");
        let chosen: Vec<(usize, bool)> = (100..120).map(|recording| (recording, recording == 100)).collect();
        let told = why(&with_chosen(&[], &chosen));
        assert!(told.contains("right in 1 of 20 reviewed windows, 20 of them chosen to listen to and no sample, "), "{told}");
        assert!(told.ends_with("judge a sample of windows (chorus clips --windows), or train with these labels"), "{told}");
        // However good chosen windows are, they do not show that a class can be told.
        let unusable = Threshold { usable: false, why_not: Some("noise".into()), ..threshold() };
        let right: Vec<(usize, bool)> = (100..120).map(|recording| (recording, true)).collect();
        let told = judged(&with_chosen(&[], &right), &unusable).why_not.unwrap();
        assert!(told.starts_with("in the run that trained the model: noise; here: 0 validation recordings were"), "{told}");
        assert!(told.ends_with("(windows that were chosen to listen to do not count: chorus clips --windows draws a sample)"));
        assert_eq!(judged(&evidence(&[]), &unusable).why_not.unwrap(), "in the run that trained the model: noise");
        let good = evidence(&[[9, 0, 0, 11], [9, 0, 0, 11], QUIET, QUIET, QUIET]);
        assert!(judged(&good, &unusable).usable, "the labels here show it");
    }
}
