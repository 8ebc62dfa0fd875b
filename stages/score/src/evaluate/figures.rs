//! The figures of some windows: of each class, and over classes as macro, micro and weighted averages.

use rayon::prelude::*;

use super::scored::Side;
use crate::error::ScoreError;
use crate::metrics::{Areas, Confusion, RankedLabels, Ranking, macro_average, weighted_average};
use crate::thresholds::Threshold;

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

/// In the order of [`Figures::values`].
const METRICS: [Names; 10] = names![
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
const LWLRAP: &str = "lwlrap";

/// From which scores a window counts as detected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cuts<'a> {
    /// One for all classes.
    pub(crate) fixed: f64,
    /// By class.
    pub(crate) tuned: &'a [Threshold],
}

/// What the metrics of one class, or of several together, are made from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Figures {
    areas: Areas,
    fixed: Confusion,
    tuned: Confusion,
    ranked: RankedLabels,
}

/// A metric: of a class by its place, or of several where that is `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figure {
    pub(crate) class: Option<usize>,
    pub(crate) metric: &'static str,
    pub(crate) value: Option<f64>,
    pub(crate) support: u64,
}

impl Figures {
    fn of(ranking: &Ranking, fixed: f64, tuned: f64, ranked: RankedLabels) -> Self {
        let (fixed, tuned) = (ranking.confusion(fixed), ranking.confusion(tuned));
        Self { areas: ranking.areas(), fixed, tuned, ranked }
    }

    /// Several classes together, whose pooled windows have these areas.
    fn pool(classes: &[&Self], areas: Areas) -> Self {
        Self {
            areas,
            fixed: classes.iter().map(|class| class.fixed).sum(),
            tuned: classes.iter().map(|class| class.tuned).sum(),
            ranked: classes.iter().map(|class| class.ranked).fold(RankedLabels::default(), |sum, next| sum + next),
        }
    }

    fn positives(&self) -> u64 {
        self.fixed.positives()
    }

    fn values(&self) -> [Option<f64>; METRICS.len()] {
        let Self { areas, fixed, tuned, .. } = self;
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

/// The figures of every class over some windows of a side.
///
/// # Errors
/// Those of [`Side::ranking`].
pub(crate) fn by_class(side: &Side, windows: &[usize], cuts: Cuts<'_>) -> Result<Vec<Figures>, ScoreError> {
    let ranked = ranked_labels(side, windows, cuts.tuned.len());
    let of = |class: usize| {
        let ranking = side.ranking(class, windows)?;
        Ok(Figures::of(&ranking, cuts.fixed, cuts.tuned[class].threshold, ranked[class]))
    };
    (0..cuts.tuned.len()).into_par_iter().map(of).collect()
}

/// Precision at the ranks of positive classes, by class, in windows in which every class was looked for.
fn ranked_labels(side: &Side, windows: &[usize], classes: usize) -> Vec<RankedLabels> {
    let mut ranked = vec![RankedLabels::default(); classes];
    let mut row = Vec::new();
    for &window in windows {
        if side.row(window, &mut row) {
            for class in (0..classes).filter(|&class| row[class].1) {
                ranked[class].add(&row, class);
            }
        }
    }
    ranked
}

/// The metrics of each class.
pub(crate) fn of_classes(figures: &[Figures]) -> Vec<Figure> {
    let of = |(class, figures): (usize, &Figures)| {
        let support = figures.positives();
        let figure = move |metric, value| Figure { class: Some(class), metric, value, support };
        let named = METRICS.iter().zip(figures.values()).map(|(names, value)| (names.own, value));
        named.chain([(LWLRAP, figures.ranked.mean())]).map(|(metric, value)| figure(metric, value)).collect::<Vec<_>>()
    };
    figures.iter().enumerate().flat_map(of).collect()
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
    let pooled = Areas::under(side.pooled(classes, windows)?.sorted().steps());
    let own: Vec<&Figures> = classes.iter().map(|&class| &figures[class]).collect();
    let pooled = Figures::pool(&own, pooled);
    let values: Vec<_> = own.iter().map(|class| (class.values(), class.positives())).collect();
    let support = pooled.positives();
    let figure = |metric, value, support| Figure { class: None, metric, value, support };
    let mut all = vec![figure(LWLRAP, pooled.ranked.mean(), support)];
    for (at, (names, micro)) in METRICS.iter().zip(pooled.values()).enumerate() {
        let mean = macro_average(values.iter().map(|(values, _)| values[at]));
        all.push(figure(names.own, mean.value, mean.classes));
        all.push(figure(names.micro, micro, support));
        all.push(figure(
            names.weighted,
            weighted_average(values.iter().map(|(values, positives)| (values[at], *positives))),
            support,
        ));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thresholds::Source;

    const TUNED: Threshold = Threshold { threshold: 0.75, source: Source::Own, f1: None, positives: 0 };

    #[test]
    fn undefined_metrics_are_null_and_stay_out_of_the_means() {
        let mut side = Side::of(2);
        side.push("A", &[0.9, 0.9], &[Some(true), Some(false)]);
        side.push("A", &[0.6, 0.2], &[Some(false), Some(false)]);
        let cuts = Cuts { fixed: 0.5, tuned: &[TUNED; 2] };
        let figures = by_class(&side, &[0, 1], cuts).unwrap();
        let rows = [of_classes(&figures), averages(&side, &[0, 1], &figures, &[0, 1]).unwrap()].concat();
        let find = |class, metric| {
            let row = rows.iter().find(|r| r.class == class && r.metric == metric).unwrap();
            (row.value, row.support)
        };
        assert_eq!(find(Some(0), "f1_fixed"), (Some(2.0 / 3.0), 1));
        assert_eq!(find(Some(0), "f1_tuned"), (Some(1.0), 1));
        assert_eq!((find(Some(1), "f1_fixed"), find(Some(1), "auroc")), ((None, 0), (None, 0)));
        assert_eq!((find(Some(1), "specificity_fixed"), find(Some(1), "precision_fixed")), ((Some(0.5), 0), (Some(0.0), 0)));
        assert_eq!(find(None, "average_precision"), (Some(1.0), 1));
        assert_eq!(find(None, "f1_fixed_weighted"), (Some(2.0 / 3.0), 1));
        assert_eq!(find(None, "f1_fixed_micro"), (Some(0.5), 1));
        // 0.9 is the score of the positive pair and of a negative one.
        assert_eq!((find(None, "average_precision_micro"), find(None, "lwlrap")), ((Some(0.5), 1), (Some(0.5), 1)));
        assert_eq!(rows.len(), 2 * 11 + 31);
        let none = averages(&side, &[], &by_class(&side, &[], cuts).unwrap(), &[]).unwrap();
        assert!(none.iter().all(|figure| figure.value.is_none() && figure.support == 0));
    }
}
