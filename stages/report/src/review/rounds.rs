//! What each round of listening taught, and when more of it no longer pays for a class.
//!
//! A class can stop for one of two reasons. **agrees**: of its last [`LAST`] verdicts on clips that test the model
//! ([`Strategy::tests_model`](super::next::Strategy)), a share of [`AGREED`] says what the model says. That is the min-error criterion of
//! Zhu and Hovy (EMNLP-CoNLL 2007, "Active learning for word sense disambiguation with methods for addressing the class imbalance
//! problem"). **no gain**: average precision on validation windows rose by less than [`GAIN`] over the last [`ROUNDS`] rounds, in each of
//! which the class got verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chorus_engine::{RunTables, RunTablesError};
use chorus_labels::verdicts::clips;

use super::estimate::Verdict;
use super::next::STRATEGIES;
use crate::facts::cells::cell;

/// Verdicts that the first reason looks at.
pub const LAST: usize = 20;
/// The share of them that agrees.
pub const AGREED: f64 = 0.95;
/// The least gain in average precision that is worth listening for.
pub const GAIN: f64 = 0.01;
/// Rounds over which it is measured.
pub const ROUNDS: usize = 2;

/// What somebody said of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The recording, as the sheet names it.
    pub recording: String,
    /// The span that was judged, seconds of the recording.
    pub span_s: Range<f64>,
    /// The class.
    pub class: String,
    /// Why the clip was chosen; several reasons are joined by `+`.
    pub strata: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the model says that the class calls; `None` where its score or threshold is not known.
    pub is_detected: Option<bool>,
}

/// Average precision by class; `None` stands for the mean over classes.
pub type Precisions = BTreeMap<Option<String>, f64>;

/// Why a class can stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Listener and model agree.
    Agrees,
    /// The model gets no better.
    NoGain,
}

impl Stop {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::NoGain => "no gain",
        }
    }
}

/// A class after a round.
#[derive(Debug, Clone, PartialEq)]
pub struct OfRound {
    /// The round, from 1; 0 is before the first.
    pub round: usize,
    /// The class; `None` for all together.
    pub class: Option<String>,
    /// Verdicts so far: yes, no, unsure.
    pub verdicts: [u64; 3],
    /// Clips of this round with yes, and with yes or no, by strategy.
    pub strategies: BTreeMap<String, (u64, u64)>,
    /// Of the last verdicts on clips that test the model: how many agree with it, and how many there are.
    pub agreed: (u64, u64),
    /// Average precision on validation windows of the run that learned from this round.
    pub precision: Option<f64>,
    /// How much it rose over the last rounds.
    pub gain: Option<f64>,
    /// Why the class can stop.
    pub stop: Option<Stop>,
}

/// A row for each round and class, and one for all classes together. `runs` has what the run after each round reached; where it has one
/// more than there are rounds, the first is from before.
pub fn rounds(rounds: &[Vec<Heard>], runs: &[Precisions]) -> Vec<OfRound> {
    let before = usize::from(runs.len() > rounds.len());
    let classes: BTreeSet<&str> = rounds.iter().flatten().map(|heard| heard.class.as_str()).collect();
    let classes: Vec<Option<&str>> = classes.into_iter().map(Some).chain([None]).collect();
    let of_round = |round: usize| {
        let of_class = move |class: &Option<&str>| of_class(rounds, runs, before, round, *class);
        classes.iter().map(of_class).collect::<Vec<_>>()
    };
    (1 - before..=rounds.len()).flat_map(of_round).collect()
}

/// The clips of what was said, each once: with its last verdict ([`chorus_labels::verdicts`]), and with why it was chosen and what the model
/// said when it was judged last. They are in the order of these verdicts.
fn standing(given: &[Heard]) -> Vec<Heard> {
    fn topic(heard: &Heard) -> chorus_labels::verdicts::Topic<'_> {
        (&heard.recording, &heard.class, heard.span_s.clone())
    }
    let is_judged = |heard: &Heard| heard.verdict != Verdict::Open;
    let mut found = clips(given, topic, is_judged);
    found.sort_by_key(|clip| clip.verdict);
    let of_clip = |clip: chorus_labels::verdicts::Clip| {
        let own = clip.rows.iter().rev().find(|at| is_judged(&given[**at])).unwrap_or(&clip.rows[0]);
        Heard { verdict: clip.verdict.map_or(Verdict::Open, |at| given[at].verdict), ..given[*own].clone() }
    };
    found.into_iter().map(of_clip).collect()
}

fn of_class(rounds: &[Vec<Heard>], runs: &[Precisions], before: usize, round: usize, class: Option<&str>) -> OfRound {
    let own = |round: &'_ [Heard]| -> Vec<Heard> {
        round.iter().filter(|heard| class.is_none_or(|class| heard.class == class)).cloned().collect()
    };
    let so_far = standing(&rounds[..round].iter().flat_map(|round| own(round)).collect::<Vec<_>>());
    let count = |verdict| so_far.iter().filter(|heard| heard.verdict == verdict).count() as u64;
    let decided = |heard: &&Heard| matches!(heard.verdict, Verdict::Yes | Verdict::No);
    let mut strategies: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let this = round.checked_sub(1).map(|at| standing(&own(&rounds[at]))).unwrap_or_default();
    for heard in this.iter().filter(decided) {
        for stratum in heard.strata.split('+') {
            let (yes, all) = strategies.entry(stratum.to_owned()).or_default();
            *yes += u64::from(heard.verdict == Verdict::Yes);
            *all += 1;
        }
    }
    let tests =
        |heard: &&Heard| STRATEGIES.iter().any(|s| s.tests_model() && heard.strata.split('+').any(|name| name == s.name()));
    let agreements = so_far.iter().filter(decided).filter(tests);
    let agreements: Vec<bool> =
        agreements.filter_map(|heard| Some(heard.is_detected? == (heard.verdict == Verdict::Yes))).collect();
    let last = &agreements[agreements.len().saturating_sub(LAST)..];
    let agreed = (last.iter().filter(|agrees| **agrees).count() as u64, last.len() as u64);
    let precision_after = |round: usize| {
        let run = runs.get((round + before).checked_sub(1)?)?;
        run.get(&class.map(str::to_owned)).copied()
    };
    let precision = precision_after(round);
    let gain = round.checked_sub(ROUNDS).and_then(precision_after).zip(precision).map(|(then, now)| now - then);
    let was_heard = |at: usize| own(&rounds[at]).iter().any(|heard| decided(&heard));
    let stop = if last.len() == LAST && agreed.0 as f64 >= AGREED * LAST as f64 {
        Some(Stop::Agrees)
    } else if gain.is_some_and(|gain| gain < GAIN) && (round - ROUNDS..round).all(was_heard) {
        Some(Stop::NoGain)
    } else {
        None
    };
    let verdicts = [Verdict::Yes, Verdict::No, Verdict::Unsure].map(count);
    OfRound { round, class: class.map(str::to_owned), verdicts, strategies, agreed, precision, gain, stop }
}

/// Average precision on validation windows, as a run's table `metrics` has it.
///
/// # Errors
/// Those of reading the table.
pub fn precisions(run: &RunTables) -> Result<Precisions, RunTablesError> {
    let mut found = Precisions::new();
    for part in run.made_partitions("metrics")? {
        let batch = part.read(&["subset", "site", "class", "group", "metric", "value"])?;
        let (subsets, sites, classes) = (batch.utf8("subset")?, batch.utf8("site")?, batch.utf8("class")?);
        let (groups, metrics, values) = (batch.utf8("group")?, batch.utf8("metric")?, batch.f64("value")?);
        for row in 0..batch.rows() {
            let is_wanted = subsets.value(row) == "validation" && metrics.value(row) == "average_precision";
            let is_of_all = cell(sites, row).is_none() && cell(groups, row).is_none();
            if let Some(value) = cell(values, row).filter(|_| is_wanted && is_of_all) {
                found.insert(cell(classes, row).map(str::to_owned), value);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A clip of its own.
    fn heard(strata: &str, verdict: Verdict, is_detected: bool) -> Heard {
        static CLIPS: AtomicU32 = AtomicU32::new(0);
        let start_s = f64::from(CLIPS.fetch_add(1, Ordering::Relaxed)) * 3.0;
        let (recording, class, strata) = ("A/1.wav".into(), "FROG".into(), strata.into());
        Heard { recording, span_s: start_s..start_s + 3.0, class, strata, verdict, is_detected: Some(is_detected) }
    }

    fn frog(rows: &[OfRound]) -> Vec<&OfRound> {
        rows.iter().filter(|row| row.class.as_deref() == Some("FROG")).collect()
    }

    fn reached(value: f64) -> Precisions {
        [(Some("FROG".to_owned()), value), (None, value / 2.0)].into()
    }

    #[test]
    fn verdicts_add_up_and_strategies_are_of_the_round() {
        use Verdict::{No, Open, Unsure, Yes};
        let first = vec![heard("top", Yes, true), heard("top+uncertain", No, true), heard("diverse", Unsure, false)];
        let second = vec![heard("top", Yes, true), heard("added", Yes, false), heard("top", Open, true)];
        let rows = rounds(&[first, second], &[]);
        let of = frog(&rows);
        assert_eq!((of[0].verdicts, of[1].verdicts), ([1, 1, 1], [3, 1, 1]));
        assert_eq!(of[0].strategies, [("top".to_owned(), (1, 2)), ("uncertain".to_owned(), (0, 1))].into());
        assert_eq!(of[1].strategies, [("top".to_owned(), (1, 1)), ("added".to_owned(), (1, 1))].into());
        assert_eq!((of[0].agreed, of[1].agreed), ((0, 1), (0, 1)), "top and added do not test the model");
        assert!(rows.iter().all(|row| row.stop.is_none()));
        assert_eq!(
            rows.iter().map(|row| (row.round, row.class.is_none())).collect::<Vec<_>>(),
            [(1, false), (1, true), (2, false), (2, true)]
        );
    }

    #[test]
    fn a_clip_that_was_judged_again_counts_with_its_last_verdict() {
        use Verdict::{No, Open, Yes};
        let clip = heard("uncertain", Yes, true);
        let again = |verdict| Heard { verdict, ..clip.clone() };
        let rows = rounds(&[vec![clip.clone(), again(Yes)], vec![again(No)], vec![again(Open)]], &[]);
        let of = frog(&rows);
        assert_eq!([0, 1, 2].map(|at: usize| of[at].verdicts), [[1, 0, 0], [0, 1, 0], [0, 1, 0]]);
        assert_eq!([0, 1, 2].map(|at: usize| of[at].agreed), [(1, 1), (0, 1), (0, 1)]);
        assert_eq!(of[0].strategies, [("uncertain".to_owned(), (1, 1))].into());
    }

    #[test]
    fn a_class_stops_when_listener_and_model_agree() {
        use Verdict::{No, Yes};
        let round = |agree: usize, wrong: usize| {
            let agreeing =
                (0..agree).map(|i| if i % 2 == 0 { heard("uncertain", Yes, true) } else { heard("diverse", No, false) });
            (0..wrong).map(|_| heard("uncertain", No, true)).chain(agreeing).collect::<Vec<_>>()
        };
        let stop = |sheets: &[Vec<Heard>]| frog(&rounds(sheets, &[])).last().map(|row| (row.agreed, row.stop)).unwrap();
        assert_eq!(stop(&[round(19, 1)]), ((19, 20), Some(Stop::Agrees)));
        assert_eq!(stop(&[round(18, 2)]), ((18, 20), None));
        assert_eq!(stop(&[round(19, 0)]), ((19, 19), None), "too few");
        assert_eq!(stop(&[round(0, 9), round(20, 0)]), ((20, 20), Some(Stop::Agrees)), "early errors are forgotten");
    }

    #[test]
    fn a_class_stops_when_two_rounds_gained_nothing() {
        let sheets = vec![vec![heard("top", Verdict::Yes, true)]; 3];
        let of = |values: &[f64]| {
            let rows = rounds(&sheets, &values.iter().copied().map(reached).collect::<Vec<_>>());
            frog(&rows).into_iter().map(|row| (row.round, row.precision, row.stop)).collect::<Vec<_>>()
        };
        // Before the first round, and after each.
        assert_eq!(
            of(&[0.5, 0.55, 0.75, 0.555]),
            [(0, Some(0.5), None), (1, Some(0.55), None), (2, Some(0.75), None), (3, Some(0.555), Some(Stop::NoGain))]
        );
        // Only after each.
        assert_eq!(of(&[0.5, 0.5, 0.505])[2], (3, Some(0.505), Some(Stop::NoGain)));
        assert_eq!(of(&[0.5, 0.5])[2], (3, None, None));
        // A round without verdicts proves nothing.
        let mut silent = sheets.clone();
        silent[1].clear();
        let rows = rounds(&silent, &[0.5, 0.5, 0.5].map(reached));
        assert_eq!(frog(&rows)[2].stop, None);
        let all = rows.iter().filter(|row| row.class.is_none()).map(|row| row.precision);
        assert_eq!(all.collect::<Vec<_>>(), [Some(0.25); 3]);
    }
}
