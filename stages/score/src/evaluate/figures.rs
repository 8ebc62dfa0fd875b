//! The figures of some windows: of each class, and over classes as macro, micro and weighted averages.

use rayon::prelude::*;

use super::decided::Cuts;
use super::scored::Side;
use crate::error::ScoreError;
use crate::metrics::{Areas, Confusion, RankedLabels, macro_average, weighted_average};
use crate::reliability::Reliability;

/// The name of a metric, for one class or as macro average, as micro and as weighted average.
struct Names {
    own: &'static str,
    micro: &'static str,
    weighted: &'static str,
}

macro_rules! names {
    ($($name:literal),*) => {
        [$(Names { own: $name, micro: concat!($name, "_micro"), weighted: concat!($name, "_weighted") }),*]
    };
}

/// In the order of [`Counted::values`].
const COUNTED: [Names; 10] = names![
    "average_precision",
    "auroc",
    "f1_fixed",
    "f1_tuned",
    "precision_fixed",
    "precision_tuned",
    "recall_fixed",
    "recall_tuned",
    "specificity_fixed",
    "specificity_tuned"
];
/// In the order of [`Figures::sureness`].
const SURENESS: [Names; 4] = names!["brier", "brier_calibrated", "ece", "ece_calibrated"];
const LWLRAP: &str = "lwlrap";

/// What follows from the order of scores and from decisions: for one class, or for several together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Counted {
    pub(crate) areas: Areas,
    pub(crate) fixed: Confusion,
    pub(crate) tuned: Confusion,
}

/// What the metrics of one class, or of several together, are made from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Figures {
    pub(crate) counted: Counted,
    ranked: RankedLabels,
    /// Of the scores.
    pub(crate) scores: Reliability,
    /// Of the calibrated probabilities; without windows where there is no calibration.
    pub(crate) probabilities: Reliability,
}

/// A metric: of a class by its place, or of several where that is `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figure {
    pub(crate) class: Option<usize>,
    pub(crate) metric: &'static str,
    pub(crate) value: Option<f64>,
    pub(crate) support: u64,
    /// 95 % confidence interval.
    pub(crate) interval: Option<(f64, f64)>,
}

impl Figure {
    fn new(class: Option<usize>, metric: &'static str, value: Option<f64>, support: u64) -> Self {
        Self { class, metric, value, support, interval: None }
    }
}

impl Counted {
    /// Several classes together, whose pooled windows have these areas.
    fn pool<'a>(classes: impl Iterator<Item = &'a Self> + Clone, areas: Areas) -> Self {
        Self { areas, fixed: classes.clone().map(|class| class.fixed).sum(), tuned: classes.map(|class| class.tuned).sum() }
    }

    fn positives(&self) -> u64 {
        self.fixed.positives()
    }

    fn values(&self) -> [Option<f64>; COUNTED.len()] {
        let Self { areas, fixed, tuned } = self;
        [
            areas.average_precision,
            areas.auroc,
            fixed.f1(),
            tuned.f1(),
            fixed.precision(),
            tuned.precision(),
            fixed.recall(),
            tuned.recall(),
            fixed.specificity(),
            tuned.specificity(),
        ]
    }
}

impl Figures {
    fn of(side: &Side, class: usize, windows: &[usize], cuts: Cuts<'_>, ranked: RankedLabels) -> Result<Self, ScoreError> {
        let areas = side.ranking(class, windows)?.areas();
        let mut figures = Self { counted: Counted { areas, ..Counted::default() }, ranked, ..Self::default() };
        for &window in windows {
            let Some((score, positive)) = side.labelled(class, window) else { continue };
            let score = f64::from(score);
            figures.counted.fixed.count(positive, score >= cuts.fixed);
            figures.counted.tuned.count(positive, score >= cuts.tuned(side.site(window), class));
            figures.scores.count(score, positive);
            if let Some(probability) = cuts.probability(class, score) {
                figures.probabilities.count(probability, positive);
            }
        }
        Ok(figures)
    }

    /// Several classes together, whose pooled windows have these areas.
    fn pool(classes: &[&Self], areas: Areas) -> Self {
        let add = |sum: Self, next: &&Self| Self {
            counted: sum.counted,
            ranked: sum.ranked + next.ranked,
            scores: sum.scores + next.scores,
            probabilities: sum.probabilities + next.probabilities,
        };
        let counted = Counted::pool(classes.iter().map(|class| &class.counted), areas);
        classes.iter().fold(Self { counted, ..Self::default() }, add)
    }

    fn sureness(&self) -> [Option<f64>; SURENESS.len()] {
        let Self { scores, probabilities, .. } = self;
        [scores.brier(), probabilities.brier(), scores.expected_calibration_error(), probabilities.expected_calibration_error()]
    }
}

/// The figures of every class over some windows of a side.
///
/// # Errors
/// Those of [`Side::ranking`].
pub(crate) fn by_class(side: &Side, windows: &[usize], cuts: Cuts<'_>) -> Result<Vec<Figures>, ScoreError> {
    let ranked = ranked_labels(side, windows);
    ranked.par_iter().enumerate().map(|(class, &ranked)| Figures::of(side, class, windows, cuts, ranked)).collect()
}

/// Precision at the ranks of positive classes, by class, in windows in which every class was looked for.
fn ranked_labels(side: &Side, windows: &[usize]) -> Vec<RankedLabels> {
    let mut ranked = vec![RankedLabels::default(); side.classes()];
    let mut row = Vec::new();
    for &window in windows {
        if side.row(window, &mut row) {
            for class in (0..row.len()).filter(|&class| row[class].1) {
                ranked[class].count(&row, class);
            }
        }
    }
    ranked
}

/// The metrics of each class.
pub(crate) fn of_classes(figures: &[Figures]) -> Vec<Figure> {
    let of = |(class, figures): (usize, &Figures)| {
        let sureness = SURENESS.iter().zip(figures.sureness()).map(|(names, value)| (names.own, value));
        let support = figures.counted.positives();
        let figure = move |(metric, value)| Figure::new(Some(class), metric, value, support);
        let others = sureness.chain([(LWLRAP, figures.ranked.mean())]).map(figure);
        counted_of_class(class, &figures.counted).chain(others).collect::<Vec<_>>()
    };
    figures.iter().enumerate().flat_map(of).collect()
}

/// The metrics of a class that follow from order and decisions.
pub(crate) fn counted_of_class(class: usize, counted: &Counted) -> impl Iterator<Item = Figure> + use<> {
    let support = counted.positives();
    COUNTED.iter().zip(counted.values()).map(move |(names, value)| Figure::new(Some(class), names.own, value, support))
}

/// The averages over some classes, given the figures of all of them over some windows of a side.
///
/// # Errors
/// Those of [`Side::pooled`].
pub(crate) fn averages(
    side: &Side,
    windows: &[usize],
    figures: &[Figures],
    classes: &[usize],
) -> Result<Vec<Figure>, ScoreError> {
    let areas = Areas::under(side.pooled(classes, windows)?.sorted().steps());
    let own: Vec<&Figures> = classes.iter().map(|&class| &figures[class]).collect();
    let pooled = Figures::pool(&own, areas);
    let counted: Vec<&Counted> = own.iter().map(|figures| &figures.counted).collect();
    let sureness: Vec<_> = own.iter().map(|figures| (figures.sureness(), figures.counted.positives())).collect();
    let support = pooled.counted.positives();
    let mut all = vec![Figure::new(None, LWLRAP, pooled.ranked.mean(), support)];
    all.extend(counted_averages(&counted, areas));
    all.extend(each_average(&SURENESS, &sureness, pooled.sureness(), support));
    Ok(all)
}

/// The averages over some classes that follow from order and decisions; `areas` are those of their pooled windows.
pub(crate) fn counted_averages(classes: &[&Counted], areas: Areas) -> Vec<Figure> {
    let pooled = Counted::pool(classes.iter().copied(), areas);
    let own: Vec<_> = classes.iter().map(|class| (class.values(), class.positives())).collect();
    each_average(&COUNTED, &own, pooled.values(), pooled.positives())
}

/// Macro, micro and weighted averages of each metric: of `own`, the values of each class with its positive windows, and `pooled`, those of all
/// together.
fn each_average<const N: usize>(
    names: &[Names; N],
    own: &[([Option<f64>; N], u64)],
    pooled: [Option<f64>; N],
    support: u64,
) -> Vec<Figure> {
    let of = |(at, names): (usize, &Names)| {
        let mean = macro_average(own.iter().map(|(values, _)| values[at]));
        let weighted = weighted_average(own.iter().map(|(values, positives)| (values[at], *positives)));
        [
            Figure::new(None, names.own, mean.value, mean.classes),
            Figure::new(None, names.micro, pooled[at], support),
            Figure::new(None, names.weighted, weighted, support),
        ]
    };
    names.iter().enumerate().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{Calibration, Curve};
    use crate::thresholds::Source;

    #[test]
    fn undefined_metrics_are_null_and_stay_out_of_the_means() {
        let mut side = Side::of(2);
        let recordings = [side.open_recording("A"), side.open_recording("B")];
        side.push(recordings[0], None, &[0.9, 0.9], &[Some(true), Some(false)]);
        side.push(recordings[1], None, &[0.6, 0.2], &[Some(false), Some(false)]);
        let curve = Curve::Isotonic { scores: vec![0.0], probabilities: vec![0.5] };
        let calibration = Calibration { source: Source::Own, positives: 1, curve };
        let cuts = Cuts { fixed: 0.5, tuned: &[vec![0.75; 2], vec![0.5, 0.75]], calibrations: &[Some(calibration), None] };
        let figures = by_class(&side, &[0, 1], cuts).unwrap();
        let rows = [of_classes(&figures), averages(&side, &[0, 1], &figures, &[0, 1]).unwrap()].concat();
        let find = |class, metric| {
            let row = rows.iter().find(|r| r.class == class && r.metric == metric).unwrap();
            (row.value, row.support)
        };
        assert_eq!((find(Some(0), "f1_fixed"), find(Some(0), "f1_tuned")), ((Some(2.0 / 3.0), 1), (Some(2.0 / 3.0), 1)));
        assert_eq!((find(Some(1), "f1_fixed"), find(Some(1), "auroc")), ((None, 0), (None, 0)));
        assert_eq!((find(Some(1), "specificity_fixed"), find(Some(1), "precision_fixed")), ((Some(0.5), 0), (Some(0.0), 0)));
        assert_eq!(find(None, "average_precision"), (Some(1.0), 1));
        assert_eq!(find(None, "f1_fixed_weighted"), (Some(2.0 / 3.0), 1));
        assert_eq!(find(None, "f1_fixed_micro"), (Some(0.5), 1));
        // 0.9 is the score of the positive pair and of a negative one.
        assert_eq!((find(None, "average_precision_micro"), find(None, "lwlrap")), ((Some(0.5), 1), (Some(0.5), 1)));
        assert_eq!((find(Some(0), "brier_calibrated"), find(Some(1), "brier_calibrated")), ((Some(0.25), 1), (None, 0)));
        assert_eq!(find(None, "brier_calibrated"), (Some(0.25), 1));
        assert_eq!(rows.len(), 2 * 15 + 43);
        let none = averages(&side, &[], &by_class(&side, &[], cuts).unwrap(), &[]).unwrap();
        assert!(none.iter().all(|figure| figure.value.is_none() && figure.support == 0));
    }

    /// What `tests/golden/averages/make.py` wrote.
    #[derive(serde::Deserialize)]
    struct Golden {
        cases: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        scores: Vec<Vec<f32>>,
        labels: Vec<Vec<bool>>,
        threshold: f64,
        metrics: std::collections::BTreeMap<String, Option<f64>>,
    }

    fn averages_of(case: &Case) -> Vec<Figure> {
        let classes = case.scores.len();
        let mut side = Side::of(classes);
        let recording = side.open_recording("A");
        for window in 0..case.scores[0].len() {
            let scores: Vec<f32> = case.scores.iter().map(|class| class[window]).collect();
            let labels: Vec<_> = case.labels.iter().map(|class| Some(class[window])).collect();
            side.push(recording, None, &scores, &labels);
        }
        let cuts = Cuts { fixed: case.threshold, tuned: &[vec![0.5; classes]], calibrations: &vec![None; classes] };
        let windows: Vec<usize> = (0..side.windows()).collect();
        let own = by_class(&side, &windows, cuts).unwrap();
        averages(&side, &windows, &own, &(0..classes).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn averages_equal_scikit_learn() {
        let golden: Golden = serde_json::from_str(include_str!("../../tests/golden/averages/cases.json")).unwrap();
        assert!(golden.cases.len() > 12);
        for case in &golden.cases {
            let found = averages_of(case);
            for (metric, expected) in &case.metrics {
                let found = found.iter().find(|figure| figure.metric == metric).unwrap().value;
                let is_near = match (found, expected) {
                    (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                    (found, expected) => found == *expected,
                };
                assert!(is_near, "{}: {metric}: found {found:?}, expected {expected:?}", case.name);
            }
        }
    }
}
