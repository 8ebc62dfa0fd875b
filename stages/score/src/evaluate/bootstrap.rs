//! Confidence intervals by the bootstrap over recordings: windows of one recording are alike, so recordings are what is drawn anew.
//!
//! A replicate draws as many recordings as a side has, with replacement; a recording drawn twice counts twice. Scores are sorted once, and the curves
//! of several replicates are followed at a time, each window weighing as often as its recording was drawn. The interval holds the middle 95 % of
//! the replicates in which the figure is defined (percentile method; Efron, Tibshirani 1993, chapter 13; clusters: Davison, Hinkley 1997, section 3.8).

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::decided::Cuts;
use super::draws::{Draws, LANES, LEAST_RECORDINGS, quantile};
use super::figures::{Figure, Metrics};
use super::scored::Side;
use super::sums::Counted;
use crate::metrics::{Areas, Confusion};

/// The ends of the interval.
const ENDS: (f64, f64) = (0.025, 0.975);

/// A window in falling order of score.
#[derive(Debug, Clone, Copy)]
struct Entry {
    recording: u32,
    positive: bool,
    /// Whether the next one scores less.
    ends_tie: bool,
}

/// The figures of one class in each replicate, and how many recordings hold it.
struct Replicates {
    recordings: usize,
    counted: Vec<Counted>,
}

/// Intervals of the figures of classes, and of averages over all of them and over groups; see [`intervals`].
pub(crate) struct Intervals {
    pub(crate) classes: ByFigure,
    pub(crate) all: ByFigure,
    pub(crate) groups: BTreeMap<String, ByFigure>,
}

/// Intervals by class and metric.
pub(crate) type ByFigure = BTreeMap<(Option<usize>, &'static str), (f64, f64)>;

/// Draws recordings anew, and tells in which interval each figure of the side's windows then lies.
pub(crate) fn intervals(side: &Side, cuts: Cuts<'_>, draws: &Draws, groups: &BTreeMap<String, Vec<usize>>) -> Intervals {
    let metrics = Metrics::all();
    let classes: Vec<Replicates> =
        (0..side.classes()).into_par_iter().map(|class| replicates(side, class, cuts, draws)).collect();
    let supported = classes.iter().enumerate().filter(|(_, of)| of.recordings >= LEAST_RECORDINGS);
    let own = |replicate: usize| {
        let of = move |(class, of): (usize, &Replicates)| metrics.counted_of_class(class, &of.counted[replicate]);
        supported.clone().flat_map(of).collect()
    };
    let averages = |group: &[usize]| {
        let of = |replicate: usize| {
            let counted: Vec<&Counted> = group.iter().map(|&class| &classes[class].counted[replicate]).collect();
            metrics.counted_averages(&counted, Areas::default())
        };
        let enough = if side.recordings() >= LEAST_RECORDINGS { draws.replicates } else { 0 };
        middle((0..enough).map(of))
    };
    let everything: Vec<usize> = (0..classes.len()).collect();
    Intervals {
        classes: middle((0..draws.replicates).map(own)),
        all: averages(&everything),
        groups: groups.iter().map(|(name, group)| (name.clone(), averages(group))).collect(),
    }
}

/// The middle of each figure's values over replicates.
fn middle(replicates: impl Iterator<Item = Vec<Figure>>) -> ByFigure {
    let mut values: BTreeMap<(Option<usize>, &'static str), Vec<f64>> = BTreeMap::new();
    for figure in replicates.flatten() {
        if let Some(value) = figure.value {
            values.entry((figure.class, figure.metric)).or_default().push(value);
        }
    }
    let ends = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        (quantile(&values, ENDS.0), quantile(&values, ENDS.1))
    };
    values.into_iter().map(|(figure, values)| (figure, ends(values))).collect()
}

/// The figures of one class in each replicate.
fn replicates(side: &Side, class: usize, cuts: Cuts<'_>, draws: &Draws) -> Replicates {
    let (entries, decided) = (entries(side, class), decided(side, class, cuts));
    let recordings = decided.iter().filter(|[fixed, _]| fixed.positives() > 0).count();
    let of = |times: &[[u16; LANES]]| {
        let areas = areas(&entries, times);
        let counts: [_; LANES] = std::array::from_fn(|lane| counts(&decided, times, lane));
        areas.into_iter().zip(counts).map(|(areas, [fixed, tuned])| Counted { areas, fixed, tuned }).collect::<Vec<_>>()
    };
    let mut counted: Vec<Counted> = draws.blocks().flat_map(of).collect();
    counted.truncate(draws.replicates);
    // Without recordings there are no blocks.
    counted.resize(draws.replicates, Counted::default());
    Replicates { recordings, counted }
}

/// The labelled windows of a class in falling order of score.
fn entries(side: &Side, class: usize) -> Vec<Entry> {
    let labelled =
        |window| side.labelled(class, window).map(|(score, positive)| (score, side.recording(window) as u32, positive));
    let mut windows: Vec<(f32, u32, bool)> = (0..side.windows()).filter_map(labelled).collect();
    windows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let ends_tie = |at: usize| windows.get(at + 1).is_none_or(|next| next.0 != windows[at].0);
    let entry = |(at, &(_, recording, positive))| Entry { recording, positive, ends_tie: ends_tie(at) };
    windows.iter().enumerate().map(entry).collect()
}

/// Decisions on a class's windows in each recording, at the fixed and at the tuned threshold.
fn decided(side: &Side, class: usize, cuts: Cuts<'_>) -> Vec<[Confusion; 2]> {
    let mut decided = vec![[Confusion::default(); 2]; side.recordings()];
    for window in 0..side.windows() {
        if let Some((score, positive)) = side.labelled(class, window) {
            let [fixed, tuned] = &mut decided[side.recording(window)];
            fixed.count(positive, f64::from(score) >= cuts.fixed);
            tuned.count(positive, f64::from(score) >= cuts.tuned(side.site(window), class));
        }
    }
    decided
}

/// Decisions in one replicate.
fn counts(decided: &[[Confusion; 2]], times: &[[u16; LANES]], lane: usize) -> [Confusion; 2] {
    let drawn = decided.iter().zip(times).filter(|(_, times)| times[lane] > 0);
    drawn.fold([Confusion::default(); 2], |[fixed, tuned], (of, times)| {
        let n = u64::from(times[lane]);
        [fixed + of[0].times(n), tuned + of[1].times(n)]
    })
}

/// Average precision and AUROC in each lane, as [`Areas::under`] defines them.
fn areas(entries: &[Entry], times: &[[u16; LANES]]) -> [Areas; LANES] {
    let zero = [0.0_f64; LANES];
    let (mut positives, mut negatives, mut precision, mut pairs) = (zero, zero, zero, zero);
    let (mut rise, mut run, mut rises) = (zero, zero, false);
    for entry in entries {
        let tied = if entry.positive { &mut rise } else { &mut run };
        for (sum, &times) in tied.iter_mut().zip(&times[entry.recording as usize]) {
            *sum += f64::from(times);
        }
        rises |= entry.positive;
        if entry.ends_tie {
            for lane in 0..LANES {
                pairs[lane] += run[lane] * (positives[lane] + rise[lane] / 2.0);
                positives[lane] += rise[lane];
                negatives[lane] += run[lane];
            }
            // Most windows are negative, and divisions are dear.
            for lane in 0..if rises { LANES } else { 0 } {
                // At least 1, so that a recording that was not drawn divides nothing by zero.
                precision[lane] += rise[lane] * positives[lane] / (positives[lane] + negatives[lane]).max(1.0);
            }
            (rise, run, rises) = (zero, zero, false);
        }
    }
    let ratio = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    std::array::from_fn(|lane| Areas {
        average_precision: ratio(precision[lane], positives[lane]),
        auroc: ratio(pairs[lane], positives[lane] * negatives[lane]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::subset::Subset;
    use crate::metrics::Ranking;
    use proptest::prelude::*;

    const TUNED: f64 = 0.25;

    /// One class; of each recording the scores and labels of its windows.
    fn side(recordings: &[Vec<(u8, bool)>]) -> Side {
        let mut side = Side::of(1);
        for windows in recordings {
            let recording = side.open_recording("A");
            for &(score, positive) in windows {
                side.push(recording, 3.0, None, &[f32::from(score) / 8.0], &[Some(positive)]);
            }
        }
        side
    }

    fn cuts(tuned: &[Vec<f64>]) -> Cuts<'_> {
        Cuts { fixed: 0.5, tuned, calibrations: &[None], local: &[] }
    }

    /// The windows of a replicate, written out.
    fn drawn(recordings: &[Vec<(u8, bool)>], draws: &Draws, replicate: usize) -> Ranking {
        let times = |recording: usize| draws.times[replicate / LANES * draws.recordings + recording][replicate % LANES];
        let windows = recordings.iter().enumerate().flat_map(|(r, windows)| windows.repeat(usize::from(times(r))));
        let (scores, labels): (Vec<f32>, Vec<_>) = windows.map(|(s, positive)| (f32::from(s) / 8.0, Some(positive))).unzip();
        Ranking::new(&scores, &labels).unwrap()
    }

    proptest! {
        #[test]
        fn weighing_recordings_is_writing_their_windows_out(
            recordings in prop::collection::vec(prop::collection::vec((0_u8..=8, any::<bool>()), 1..6), 1..8)
        ) {
            let draws = Draws::new(recordings.len(), 11, 3, Subset::Test);
            let tuned = [vec![TUNED]];
            let found = replicates(&side(&recordings), 0, cuts(&tuned), &draws);
            prop_assert_eq!(found.counted.len(), 11);
            for (replicate, found) in found.counted.iter().enumerate() {
                let written = drawn(&recordings, &draws, replicate);
                let near = |a: Option<f64>, b: Option<f64>| a.is_some() == b.is_some() && a.zip(b).is_none_or(|(a, b)| (a - b).abs() < 1e-12);
                prop_assert!(near(found.areas.average_precision, written.average_precision()));
                prop_assert!(near(found.areas.auroc, written.auroc()));
                prop_assert_eq!(found.fixed, written.confusion(0.5));
                prop_assert_eq!(found.tuned, written.confusion(TUNED));
            }
        }
    }

    #[test]
    fn intervals_hold_the_figure_and_few_recordings_have_none() {
        let recordings: Vec<_> = (0..40_u8).map(|r| vec![(r % 9, r % 3 == 0), ((r + 5) % 9, r % 2 == 0)]).collect();
        let tuned = [vec![TUNED]];
        let found = |recordings: &[Vec<(u8, bool)>]| {
            let draws = Draws::new(recordings.len(), 200, 0, Subset::Test);
            intervals(&side(recordings), cuts(&tuned), &draws, &[("all".to_owned(), vec![0])].into())
        };
        let all = found(&recordings);
        let (low, high) = all.classes[&(Some(0), "f1_fixed")];
        let value =
            drawn(&recordings, &Draws { replicates: 1, recordings: 40, times: vec![[1; LANES]; 40] }, 0).confusion(0.5).f1();
        assert!(low < value.unwrap() && value.unwrap() < high && high - low < 0.6, "{low} {high}");
        assert_eq!((all.all[&(None, "f1_fixed")], all.groups["all"][&(None, "f1_fixed")]), ((low, high), (low, high)));
        assert!(!all.all.contains_key(&(None, "average_precision_micro")));
        let few = found(&recordings[..4]);
        assert!(few.classes.is_empty() && few.all.is_empty());
        assert!(found(&[]).classes.is_empty());
    }
}
