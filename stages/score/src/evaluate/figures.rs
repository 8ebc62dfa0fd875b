//! The figures of a set of metrics: of each class, and of several classes together.

use std::sync::LazyLock;

use super::metric::METRICS;
use super::metric::definition::{Average, Formula, Metric};
use super::scored::Side;
use super::sums::{Counted, Figures};
use crate::error::ScoreError;
use crate::metrics::{Areas, macro_average, weighted_average};

/// A value of a metric: of a class by its place, or of several classes where that is `None`.
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

/// A metric with the names of its averages.
struct Named {
    metric: &'static dyn Metric,
    micro: String,
    weighted: String,
}

impl Named {
    fn name(&'static self, average: Average) -> &'static str {
        match average {
            Average::Macro | Average::Pooled => self.metric.name(),
            Average::Micro => &self.micro,
            Average::Weighted => &self.weighted,
        }
    }

    /// The averages of a metric: of `own`, its value of each class with the positive windows, and of `pooled`, its value of all pairs
    /// together.
    fn averages(
        &'static self,
        own: impl Iterator<Item = (Option<f64>, u64)> + Clone,
        pooled: Option<f64>,
        support: u64,
    ) -> impl Iterator<Item = Figure> {
        self.metric.averages().iter().map(move |&average| {
            let (value, support) = match average {
                Average::Macro => {
                    let mean = macro_average(own.clone().map(|(value, _)| value));
                    (mean.value, mean.classes)
                }
                Average::Micro | Average::Pooled => (pooled, support),
                Average::Weighted => (weighted_average(own.clone()), support),
            };
            Figure::new(None, self.name(average), value, support)
        })
    }
}

/// A set of metrics.
pub(crate) struct Metrics(Vec<Named>);

impl Metrics {
    /// Those of the stage.
    pub(crate) fn all() -> &'static Self {
        static ALL: LazyLock<Metrics> = LazyLock::new(|| Metrics::of(METRICS));
        &ALL
    }

    pub(crate) fn of(metrics: &[&'static dyn Metric]) -> Self {
        let named = |&metric: &&'static dyn Metric| {
            let with = |ending: &str| format!("{}_{ending}", metric.name());
            Named { metric, micro: with("micro"), weighted: with("weighted") }
        };
        Self(metrics.iter().map(named).collect())
    }

    /// The metrics of each class.
    pub(crate) fn of_classes(&'static self, figures: &[Figures]) -> Vec<Figure> {
        let of = |(class, figures): (usize, &Figures)| {
            let support = figures.counted.positives();
            let all = self.0.iter().map(|named| (named.metric.name(), named.metric.formula().value(figures)));
            all.map(|(name, value)| Figure::new(Some(class), name, value, support)).collect::<Vec<_>>()
        };
        figures.iter().enumerate().flat_map(of).collect()
    }

    /// The metrics that are counted in bootstrap replicates too, with their formulas.
    fn counted(&'static self) -> impl Iterator<Item = (&'static Named, Formula)> {
        self.0.iter().map(|named| (named, named.metric.formula())).filter(|(_, formula)| formula.is_counted())
    }

    /// The metrics of a class that follow from order and decisions.
    pub(crate) fn counted_of_class(&'static self, class: usize, counted: &Counted) -> impl Iterator<Item = Figure> + use<> {
        let (counted, support) = (*counted, counted.positives());
        self.counted()
            .map(move |(named, formula)| Figure::new(Some(class), named.metric.name(), formula.counted_value(&counted), support))
    }

    /// The averages over some classes, given the figures of all of them over some windows of a side.
    ///
    /// # Errors
    /// Those of [`Side::pooled`].
    pub(crate) fn averages(
        &'static self,
        side: &Side,
        windows: &[usize],
        figures: &[Figures],
        classes: &[usize],
    ) -> Result<Vec<Figure>, ScoreError> {
        let areas = Areas::under(side.pooled(classes, windows)?.sorted().steps());
        let own: Vec<&Figures> = classes.iter().map(|&class| &figures[class]).collect();
        let pooled = Figures::pool(&own, areas);
        let of = |named: &'static Named| {
            let formula = named.metric.formula();
            let values: Vec<_> = own.iter().map(|f| (formula.value(f), f.counted.positives())).collect();
            named.averages(values.into_iter(), formula.value(&pooled), pooled.counted.positives()).collect::<Vec<_>>()
        };
        Ok(self.0.iter().flat_map(of).collect())
    }

    /// The averages over some classes that follow from order and decisions; `areas` are those of their pooled windows.
    pub(crate) fn counted_averages(&'static self, classes: &[&Counted], areas: Areas) -> Vec<Figure> {
        let pooled = Counted::pool(classes.iter().copied(), areas);
        let averages = |(named, formula): (&'static Named, Formula)| {
            let values: Vec<_> = classes.iter().map(|counted| (formula.counted_value(counted), counted.positives())).collect();
            named.averages(values.into_iter(), formula.counted_value(&pooled), pooled.positives()).collect::<Vec<_>>()
        };
        self.counted().flat_map(averages).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::calibration::{Calibration, Rising};
    use crate::evaluate::decided::Cuts;
    use crate::evaluate::metric::definition::Threshold;
    use crate::evaluate::sums::by_class;
    use crate::thresholds::Source;

    #[test]
    fn undefined_metrics_are_null_and_stay_out_of_the_means() {
        let mut side = Side::of(2);
        let recordings = [side.open_recording("A"), side.open_recording("B")];
        side.push(recordings[0], 3.0, None, &[0.9, 0.9], &[Some(true), Some(false)]);
        side.push(recordings[1], 3.0, None, &[0.6, 0.2], &[Some(false), Some(false)]);
        let curve = Arc::new(Rising { scores: vec![0.0], probabilities: vec![0.5] });
        let calibration = Calibration { source: Source::Own, positives: 1, method: "isotonic", weight: None, curve };
        let cuts =
            Cuts { fixed: 0.5, tuned: &[vec![0.75; 2], vec![0.5, 0.75]], calibrations: &[Some(calibration), None], local: &[] };
        let (metrics, figures) = (Metrics::all(), by_class(&side, &[0, 1], cuts).unwrap());
        let rows = [metrics.of_classes(&figures), metrics.averages(&side, &[0, 1], &figures, &[0, 1]).unwrap()].concat();
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
        // Each metric of each class and each average, once.
        let keys: BTreeSet<_> = rows.iter().map(|figure| (figure.class, figure.metric)).collect();
        assert_eq!((rows.len(), keys.len()), (2 * METRICS.len() + names(metrics).len(), rows.len()));
        let none = metrics.averages(&side, &[], &by_class(&side, &[], cuts).unwrap(), &[]).unwrap();
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
            side.push(recording, 3.0, None, &scores, &labels);
        }
        let cuts = Cuts { fixed: case.threshold, tuned: &[vec![0.5; classes]], calibrations: &vec![None; classes], local: &[] };
        let windows: Vec<usize> = (0..side.windows()).collect();
        let own = by_class(&side, &windows, cuts).unwrap();
        Metrics::all().averages(&side, &windows, &own, &(0..classes).collect::<Vec<_>>()).unwrap()
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

    /// The names of all figures of a set.
    fn names(metrics: &'static Metrics) -> BTreeSet<&'static str> {
        let of = |named: &'static Named| named.metric.averages().iter().map(|&average| named.name(average));
        metrics.0.iter().flat_map(of).chain(metrics.0.iter().map(|named| named.metric.name())).collect()
    }

    /// Compares a part of a file of the repository with what follows from the metrics; `CHORUS_BLESS=1` writes it.
    fn check_part(file: &str, begin: &str, end: &str, expected: &str) {
        let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{file} lacks `{begin}`"));
        let (found, after) = rest.split_once(end).unwrap_or_else(|| panic!("{file} lacks `{end}`"));
        if std::env::var_os("CHORUS_BLESS").is_some() {
            std::fs::write(&path, [before, begin, expected, end, after].concat()).unwrap();
            return;
        }
        assert_eq!(found, expected, "{file} differs from the metrics; CHORUS_BLESS=1 cargo test -p chorus-score writes it anew");
    }

    #[test]
    fn schema_and_documentation_follow_from_the_metrics() {
        let names: Vec<&str> = names(Metrics::all()).into_iter().collect();
        check_part("data-schemas/metrics.yaml", "{name: metric, type: utf8, allowed: [", "]", &names.join(", "));
        let row = |[name, definition, needs]: [&str; 3]| format!("| `{name}` | {definition} | {needs} |\n");
        let rows: String = crate::metric_definitions().map(row).collect();
        let table = format!("\n| metric | definition | null without |\n|---|---|---|\n{rows}");
        check_part("docs/metrics.md", "<!-- metrics: begin -->", "<!-- metrics: end -->", &table);
    }

    /// A metric of its own: the share of the windows that are decided rightly at the fixed threshold.
    struct Accuracy;

    impl Metric for Accuracy {
        fn name(&self) -> &'static str {
            "accuracy"
        }

        fn definition(&self) -> &'static str {
            "(tp + tn) / (tp + fp + fn + tn)"
        }

        fn needs(&self) -> &'static str {
            "a labelled window"
        }

        fn formula(&self) -> Formula {
            Formula::Decisions(Threshold::Fixed, |of| {
                let all = of.true_positives + of.false_positives + of.false_negatives + of.true_negatives;
                (all > 0).then(|| (of.true_positives + of.true_negatives) as f64 / all as f64)
            })
        }

        fn averages(&self) -> &'static [Average] {
            &[Average::Macro, Average::Micro]
        }
    }

    #[test]
    fn a_metric_is_one_implementation_and_one_line() {
        static ONE: LazyLock<Metrics> = LazyLock::new(|| Metrics::of(&[&Accuracy]));
        let mut side = Side::of(2);
        let recording = side.open_recording("A");
        side.push(recording, 3.0, None, &[0.9, 0.9], &[Some(true), Some(false)]);
        side.push(recording, 3.0, None, &[0.6, 0.2], &[Some(false), None]);
        let cuts = Cuts { fixed: 0.5, tuned: &[vec![0.5; 2]], calibrations: &[None, None], local: &[] };
        let figures = by_class(&side, &[0, 1], cuts).unwrap();
        let told = |figures: Vec<Figure>| -> Vec<_> { figures.iter().map(|f| (f.class, f.metric, f.value)).collect() };
        assert_eq!(told(ONE.of_classes(&figures)), [(Some(0), "accuracy", Some(0.5)), (Some(1), "accuracy", Some(0.0))]);
        let averages = [(None, "accuracy", Some(0.25)), (None, "accuracy_micro", Some(1.0 / 3.0))];
        assert_eq!(told(ONE.averages(&side, &[0, 1], &figures, &[0, 1]).unwrap()), averages);
        // It has intervals too, since it follows from what replicates count.
        let counted: Vec<&Counted> = figures.iter().map(|figures| &figures.counted).collect();
        assert_eq!(told(ONE.counted_averages(&counted, Areas::default())), averages);
    }
}
