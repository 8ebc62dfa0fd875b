//! How well the classifier does: the tables `metrics` and `thresholds`.

use std::collections::{BTreeMap, BTreeSet};

use chorus_tables::{Batch, TableError};

use super::alarms::Alarms;
use super::cells::cell;
use super::curves::Curves;
use super::learned::Subset;

pub(super) const METRICS: &[&str] = &["subset", "site", "class", "group", "metric", "value", "support", "ci_low", "ci_high"];
pub(super) const THRESHOLDS: &[&str] = &["site", "class", "threshold", "source"];
const AVERAGE_PRECISION: &str = "average_precision";
/// The mean over sites of a class's average precision within each of them, weighted by positive windows.
pub(crate) const BY_SITE: &str = "average_precision_by_site";
/// How evaluate names the groups of windows of one night.
const NIGHT: &str = "night_";

/// How well the classifier does.
#[derive(Debug, Default)]
pub(crate) struct Scores {
    /// By what they are about.
    pub(crate) metrics: BTreeMap<(Subset, Scope), Metrics>,
    /// Thresholds by class for all sites, with their source (own, unreached, pooled or default).
    pub(crate) thresholds: BTreeMap<String, (f64, String)>,
    /// What every threshold would give.
    pub(crate) curves: Curves,
    /// What is there when a class is detected falsely.
    pub(crate) alarms: Alarms,
    /// Average precision within sites, by class: the sum over sites, each weighted by its positive windows, and their number.
    by_site: BTreeMap<(Subset, String), (f64, u64)>,
}

/// What metrics are about. Scores of a class at one site or in one group, and those of single nights, are left to the table: here they would be noise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// The mean over classes.
    All,
    /// One class.
    Class(String),
    /// The mean over classes at one site.
    Site(String),
    /// The mean over classes in one group of classes or windows.
    Group(String),
}

/// Metrics by name.
#[derive(Debug, Default)]
pub(crate) struct Metrics(pub(crate) BTreeMap<String, Metric>);

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Metric {
    /// Its value; `None` where it is not defined.
    pub(crate) value: Option<f64>,
    /// Positive windows; for an average, the number of classes in it.
    pub(crate) support: u64,
    /// The confidence interval, where one was computed.
    pub(crate) interval: Option<(f64, f64)>,
}

impl Scores {
    pub(super) fn add_metrics(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (subsets, metrics, values) = (batch.utf8("subset")?, batch.utf8("metric")?, batch.f64("value")?);
        let (sites, classes, groups) = (batch.utf8("site")?, batch.utf8("class")?, batch.utf8("group")?);
        let (support, low, high) = (batch.u64("support")?, batch.f64("ci_low")?, batch.f64("ci_high")?);
        for i in 0..batch.rows() {
            let scope = match (cell(sites, i), cell(classes, i), cell(groups, i)) {
                (None, None, None) => Scope::All,
                (None, Some(class), None) => Scope::Class(class.to_owned()),
                (Some(site), None, None) => Scope::Site(site.to_owned()),
                (None, None, Some(group)) if !group.starts_with(NIGHT) => Scope::Group(group.to_owned()),
                (Some(_), Some(class), None) => {
                    if let (AVERAGE_PRECISION, Some(value)) = (metrics.value(i), cell(values, i)) {
                        let of = self.by_site.entry((Subset::parse(subsets.value(i)), class.to_owned())).or_default();
                        *of = (of.0 + value * support.value(i) as f64, of.1 + support.value(i));
                    }
                    continue;
                }
                _ => continue,
            };
            let metric = Metric { value: cell(values, i), support: support.value(i), interval: cell(low, i).zip(cell(high, i)) };
            let of = self.metrics.entry((Subset::parse(subsets.value(i)), scope)).or_default();
            of.0.insert(metrics.value(i).to_owned(), metric);
        }
        Ok(())
    }

    /// Adds [`BY_SITE`] to each class and to their mean, once all metrics were added.
    pub(super) fn settle(&mut self) {
        let mut means: BTreeMap<Subset, (f64, u64)> = BTreeMap::new();
        let metric =
            |(sum, support): (f64, u64), of: u64| Metric { value: (of > 0).then(|| sum / of as f64), support, interval: None };
        for ((subset, class), (sum, positives)) in std::mem::take(&mut self.by_site) {
            let mean = means.entry(subset).or_default();
            let found = metric((sum, positives), positives);
            *mean = found.value.map_or(*mean, |value| (mean.0 + value, mean.1 + 1));
            self.metrics.entry((subset, Scope::Class(class))).or_default().0.insert(BY_SITE.to_owned(), found);
        }
        for (subset, (sum, classes)) in means {
            if let Some(all) = self.metrics.get_mut(&(subset, Scope::All)) {
                all.0.insert(BY_SITE.to_owned(), metric((sum, classes), classes));
            }
        }
    }

    pub(super) fn add_thresholds(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (classes, thresholds, sources) = (batch.utf8("class")?, batch.f64("threshold")?, batch.utf8("source")?);
        let sites = batch.utf8("site")?;
        let everywhere = (0..batch.rows()).filter(|&i| cell(sites, i).is_none());
        self.thresholds
            .extend(everywhere.map(|i| (classes.value(i).to_owned(), (thresholds.value(i), sources.value(i).to_owned()))));
        Ok(())
    }

    /// The subset to judge by: test, or validation where there is no test.
    pub(crate) fn subset(&self) -> Option<Subset> {
        let subsets: BTreeSet<Subset> = self.metrics.keys().map(|(subset, _)| *subset).collect();
        [Subset::Test, Subset::Validation, Subset::Train].into_iter().find(|s| subsets.contains(s))
    }

    /// The metrics of one subset, in the order of scopes.
    pub(crate) fn of(&self, subset: Subset) -> impl Iterator<Item = (&Scope, &Metrics)> {
        self.metrics.iter().filter(move |((s, _), _)| *s == subset).map(|((_, scope), metrics)| (scope, metrics))
    }
}

impl Metrics {
    /// The metric of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Metric> {
        self.0.get(name).copied()
    }

    /// Positive windows, or classes in the average; it can differ between the metrics of an average.
    pub(crate) fn support(&self) -> u64 {
        self.0.values().map(|m| m.support).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{f64, i64, read_back, text};
    use super::*;

    #[test]
    fn metrics_fall_under_what_they_are_about() {
        // Site, class, group, value, support, in the order of the table's key.
        type Row = (Option<&'static str>, Option<&'static str>, Option<&'static str>, Option<f64>, i64);
        let rows: [Row; 7] = [
            (None, None, None, Some(0.5), 1),
            (None, None, Some("night_2020-03-01"), Some(0.75), 1),
            (None, None, Some("rare"), Some(0.25), 1),
            (None, Some("X"), None, Some(0.5), 7),
            (None, Some("Y"), None, None, 0),
            (Some("A"), None, None, Some(0.75), 1),
            (Some("A"), Some("X"), None, Some(0.75), 3),
        ];
        let batch = read_back(
            "metrics",
            [
                text("model_id", ["m"; 7]),
                text("subset", ["test"; 7]),
                text("site", rows.iter().map(|r| r.0)),
                text("class", rows.iter().map(|r| r.1)),
                text("group", rows.iter().map(|r| r.2)),
                text("metric", ["auroc"; 7]),
                f64("value", rows.iter().map(|r| r.3)),
                i64("support", rows.iter().map(|r| r.4)),
                f64("ci_low", rows.iter().map(|r| r.1.and(r.3).map(|v| v - 0.125))),
                f64("ci_high", rows.iter().map(|r| r.1.and(r.3).map(|v| v + 0.125))),
            ],
        );
        let mut scores = Scores::default();
        assert_eq!(scores.subset(), None);
        scores.add_metrics(&batch).unwrap();
        assert_eq!(scores.subset(), Some(Subset::Test));
        let scopes: Vec<_> = scores.of(Subset::Test).map(|(scope, m)| (scope.clone(), m.get("auroc").unwrap().value)).collect();
        assert_eq!(
            scopes,
            [
                (Scope::All, Some(0.5)),
                (Scope::Class("X".into()), Some(0.5)),
                (Scope::Class("Y".into()), None),
                (Scope::Site("A".into()), Some(0.75)),
                (Scope::Group("rare".into()), Some(0.25)),
            ]
        );
        let x = &scores.metrics[&(Subset::Test, Scope::Class("X".into()))];
        assert_eq!((x.support(), x.get("auroc").unwrap().interval, x.get("f1_fixed")), (7, Some((0.375, 0.625)), None));
        let thresholds = read_back(
            "thresholds",
            [
                text("model_id", ["m"; 2]),
                text("site", [None, Some("A")]),
                text("class", ["X"; 2]),
                f64("threshold", [0.25, 0.5]),
                text("source", ["own"; 2]),
            ],
        );
        scores.add_thresholds(&thresholds).unwrap();
        assert_eq!(scores.thresholds["X"], (0.25, "own".to_owned()));
    }

    #[test]
    fn average_precision_within_sites_is_weighted_by_positive_windows() {
        let batch = read_back(
            "metrics",
            [
                text("model_id", ["m"; 6]),
                text("subset", ["test"; 6]),
                text("site", [None, None, Some("A"), Some("A"), Some("B"), Some("B")]),
                text("class", [None, Some("X"), Some("X"), Some("Y"), Some("X"), Some("Y")]),
                text("metric", ["average_precision"; 6]),
                f64("value", [Some(0.5), Some(0.5), Some(0.75), None, Some(1.0), Some(0.5)]),
                i64("support", [1, 8, 6, 0, 2, 4]),
            ],
        );
        let mut scores = Scores::default();
        scores.add_metrics(&batch).unwrap();
        scores.settle();
        let of = |scope| scores.metrics[&(Subset::Test, scope)].get(BY_SITE).map(|metric| (metric.value, metric.support));
        // (6 x 0.75 + 2 x 1) / 8, and one site alone; their mean over two classes.
        assert_eq!(of(Scope::Class("X".into())), Some((Some(0.8125), 8)));
        assert_eq!(of(Scope::Class("Y".into())), Some((Some(0.5), 4)));
        assert_eq!(of(Scope::All), Some((Some(0.65625), 2)));
    }
}
