//! What is told of one side of the split, as rows of the tables.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::bootstrap::{ByFigure, Intervals, intervals};
use super::decided::Cuts;
use super::draws::Draws;
use super::figures::{Figure, Metrics};
use super::groups::{ClassGroups, by_night, by_polyphony};
use super::scored::Side;
use super::subset::Subset;
use super::sums::{Figures, by_class};
use crate::alarms::{Alarm, Alarms};
use crate::confusions::{Confusions, Pair};
use crate::curves::{MOST_POINTS, thinned};
use crate::error::ScoreError;
use crate::metrics::Step;
use crate::reliability::{Bin, Reliability};

/// How confidence intervals are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bootstrap {
    /// 0 for none.
    pub(crate) replicates: usize,
    pub(crate) seed: u64,
}

/// A row of `metrics`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MetricRow {
    pub(crate) subset: Subset,
    pub(crate) site: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) figure: Figure,
}

/// A row of `reliability`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReliabilityRow {
    pub(crate) subset: Subset,
    pub(crate) class: Option<usize>,
    pub(crate) scale: &'static str,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) bin: Bin,
}

/// A point of `curves`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CurveRow {
    pub(crate) subset: Subset,
    pub(crate) class: usize,
    pub(crate) positives: u64,
    pub(crate) step: Step,
}

/// Rows of all tables, each in its table's order.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) metrics: Vec<MetricRow>,
    pub(crate) reliability: Vec<ReliabilityRow>,
    pub(crate) confusions: Vec<(Subset, Pair)>,
    pub(crate) alarms: Vec<(Subset, Alarm)>,
    pub(crate) curves: Vec<CurveRow>,
}

impl Rows {
    /// Adds those of a side. Sides come in the order of [`Subset`].
    ///
    /// # Errors
    /// Those of [`Side::ranking`].
    pub(crate) fn add(
        &mut self,
        subset: Subset,
        side: &Side,
        cuts: Cuts<'_>,
        groups: &ClassGroups,
        bootstrap: Bootstrap,
    ) -> Result<(), ScoreError> {
        let whole: Vec<usize> = (0..side.windows()).collect();
        let own = by_class(side, &whole, cuts)?;
        // The classifier was fitted to train: an interval around its figures there would say nothing of any other recording.
        let intervals = (bootstrap.replicates > 0 && subset != Subset::Train).then(|| {
            let draws = Draws::new(side.recordings(), bootstrap.replicates, bootstrap.seed, subset);
            intervals(side, cuts, &draws, groups)
        });
        self.metrics.extend(metrics(subset, side, &own, cuts, groups, intervals.as_ref())?);
        self.reliability.extend(reliability(subset, &own));
        let (confusions, alarms) = mistakes(side, cuts);
        self.confusions.extend(confusions.pairs().into_iter().map(|pair| (subset, pair)));
        self.alarms.extend(alarms.rows().into_iter().map(|alarm| (subset, alarm)));
        if subset != Subset::Train {
            self.curves.extend(curves(subset, side, &whole)?);
        }
        Ok(())
    }
}

/// Adds rows under a site and a group.
struct Under {
    subset: Subset,
    rows: Vec<MetricRow>,
}

impl Under {
    fn add(&mut self, site: Option<&str>, group: Option<&str>, figures: Vec<Figure>, intervals: Option<&ByFigure>) {
        let (site, group) = (site.map(str::to_owned), group.map(str::to_owned));
        let interval = |figure: &Figure| intervals?.get(&(figure.class, figure.metric)).copied();
        // An interval belongs to a figure that is defined.
        let told = |figure: Figure| Figure { interval: figure.value.and_then(|_| interval(&figure)), ..figure };
        let row = |figure| MetricRow { subset: self.subset, site: site.clone(), group: group.clone(), figure: told(figure) };
        self.rows.extend(figures.into_iter().map(row));
    }
}

/// The rows of `metrics`, in its order.
fn metrics(
    subset: Subset,
    side: &Side,
    own: &[Figures],
    cuts: Cuts<'_>,
    groups: &ClassGroups,
    intervals: Option<&Intervals>,
) -> Result<Vec<MetricRow>, ScoreError> {
    let (whole, everything): (Vec<usize>, Vec<usize>) = ((0..side.windows()).collect(), (0..own.len()).collect());
    let all = Metrics::all();
    let mut under = Under { subset, rows: Vec::new() };
    under.add(None, None, all.of_classes(own), intervals.map(|i| &i.classes));
    under.add(None, None, all.averages(side, &whole, own, &everything)?, intervals.map(|i| &i.all));
    for (group, classes) in groups {
        let intervals = intervals.and_then(|i| i.groups.get(group));
        under.add(None, Some(group), all.averages(side, &whole, own, classes)?, intervals);
    }
    let polyphony = by_polyphony(side);
    let windows = polyphony.iter().map(|(level, windows)| (level.clone(), windows.as_slice()));
    for (group, windows) in windows.chain(by_night(side)) {
        under.add(None, Some(&group), all.averages(side, windows, &by_class(side, windows, cuts)?, &everything)?, None);
    }
    for (site, windows) in side.sites().iter().zip(side.by_site()) {
        let own = by_class(side, &windows, cuts)?;
        under.add(Some(site), None, all.of_classes(&own), None);
        under.add(Some(site), None, all.averages(side, &windows, &own, &everything)?, None);
    }
    let mut rows = under.rows;
    // Null stands first in a table, as `None` does here; classes are in the order of their names.
    rows.sort_by(|a, b| {
        let key = |row: &MetricRow| (row.site.clone(), row.figure.class, row.group.clone(), row.figure.metric);
        key(a).cmp(&key(b))
    });
    Ok(rows)
}

/// The rows of `reliability`, in its order: all classes together, then each.
fn reliability(subset: Subset, own: &[Figures]) -> Vec<ReliabilityRow> {
    let sum = |of: fn(&Figures) -> Reliability| own.iter().map(of).fold(Reliability::default(), |sum, next| sum + next);
    let all = (None, sum(|figures| figures.probabilities), sum(|figures| figures.scores));
    let each = own.iter().enumerate().map(|(class, figures)| (Some(class), figures.probabilities, figures.scores));
    let of = |(class, probabilities, scores): (Option<usize>, Reliability, Reliability)| {
        [("probability", probabilities), ("score", scores)].into_iter().flat_map(move |(scale, reliability)| {
            let row = |(low, high, &bin): (f64, f64, &Bin)| ReliabilityRow { subset, class, scale, low, high, bin };
            reliability.bins().map(row).collect::<Vec<_>>()
        })
    };
    std::iter::once(all).chain(each).flat_map(of).collect()
}

/// What goes wrong at the tuned thresholds in windows that were reviewed for all classes: which class is taken for which, and what is there
/// when a class is detected falsely.
fn mistakes(side: &Side, cuts: Cuts<'_>) -> (Confusions, Alarms) {
    let (mut confusions, mut alarms) = (Confusions::new(side.classes()), Alarms::new(side.classes()));
    let mut row = Vec::new();
    for window in (0..side.windows()).filter(|&window| side.polyphony(window).is_some()) {
        side.row(window, &mut row);
        let site = side.site(window);
        let judged = |(class, &(score, positive)): (usize, &(f32, bool))| (positive, f64::from(score) >= cuts.tuned(site, class));
        let judged: Vec<(bool, bool)> = row.iter().enumerate().map(judged).collect();
        confusions.add(&judged);
        alarms.add(&judged);
    }
    (confusions, alarms)
}

/// The points of `curves`, in its order: by rising threshold.
fn curves(subset: Subset, side: &Side, windows: &[usize]) -> Result<Vec<CurveRow>, ScoreError> {
    let of = |class: usize| {
        let ranking = side.ranking(class, windows)?;
        let positives = ranking.positives();
        let points = thinned(ranking.steps(), MOST_POINTS).into_iter().rev();
        Ok(points.map(|step| CurveRow { subset, class, positives, step }).collect())
    };
    let classes: Result<Vec<Vec<CurveRow>>, _> = (0..side.classes()).into_par_iter().map(of).collect();
    Ok(classes?.concat())
}

/// The groups of classes of a side: those that are the same on each, and one more.
pub(crate) fn with(groups: &ClassGroups, name: &str, classes: Vec<usize>) -> ClassGroups {
    let mut groups: BTreeMap<_, _> = groups.clone();
    groups.insert(name.to_owned(), classes);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_all_tables_come_in_order_and_each_window_is_told_of() {
        let mut side = Side::of(2);
        for r in 0..12_u8 {
            let recording = side.open_recording(if r < 6 { "B" } else { "A" });
            let score = f32::from(r) / 12.0;
            side.push(recording, 3.0, Some("2020-03-01"), &[score, 0.5], &[Some(r > 5), Some(r == 3)]);
        }
        let tuned = vec![vec![0.5; 2]; 2];
        let cuts = Cuts { fixed: 0.5, tuned: &tuned, calibrations: &[None, None], local: &[] };
        let groups = [("few".to_owned(), vec![1])].into();
        let of = |replicates| {
            let mut rows = Rows::default();
            for subset in [Subset::Test, Subset::Train] {
                rows.add(subset, &side, cuts, &groups, Bootstrap { replicates, seed: 0 }).unwrap();
            }
            rows
        };
        let rows = of(50);
        let key = |row: &MetricRow| (row.subset, row.site.clone(), row.figure.class, row.group.clone(), row.figure.metric);
        assert!(rows.metrics.is_sorted_by(|a, b| key(a) < key(b)));
        let find = |subset, group: Option<&str>, class, metric| {
            let wanted = (subset, None, class, group.map(str::to_owned), metric);
            rows.metrics.iter().find(|row| key(row) == wanted).unwrap().figure
        };
        let test = find(Subset::Test, None, Some(0), "average_precision");
        assert_eq!((test.value, test.interval), (Some(1.0), Some((1.0, 1.0))));
        // The second class is in one recording.
        assert_eq!(find(Subset::Test, None, Some(1), "average_precision").interval, None);
        assert!(find(Subset::Test, Some("few"), None, "f1_fixed").interval.is_some());
        assert_eq!(find(Subset::Train, None, Some(0), "average_precision").interval, None);
        let night = find(Subset::Test, Some("night_2020-03-01"), None, "f1_fixed");
        assert_eq!(night.value, find(Subset::Test, None, None, "f1_fixed").value);
        assert!(of(0).metrics.iter().all(|row| row.figure.interval.is_none()));
        assert_eq!(of(0).metrics.len(), rows.metrics.len());

        let windows = |class| {
            rows.reliability.iter().filter(|r| r.class == class && r.subset == Subset::Test).map(|r| r.bin.windows).sum::<u64>()
        };
        assert_eq!((windows(None), windows(Some(0))), (24, 12));
        // The second class is detected in all: instead of the first nowhere, instead of nothing in five of six windows.
        let pair = |class, taken_for| {
            rows.confusions.iter().find(|(s, p)| *s == Subset::Test && p.class == class && p.taken_for == taken_for).unwrap().1
        };
        assert_eq!((pair(Some(0), Some(1)).cell.detected, pair(Some(0), Some(1)).cell.instead), (6, 0));
        assert_eq!((pair(None, Some(1)).windows, pair(None, Some(1)).cell.instead), (5, 5));
        let alarms: u64 =
            rows.alarms.iter().filter(|(s, a)| *s == Subset::Test && a.class == Some(1)).map(|(_, a)| a.windows).sum();
        assert_eq!(alarms, 11, "six with the first class, five with none");
        assert_eq!(rows.curves.iter().filter(|r| r.class == 0).count(), 6);
        assert!(rows.curves.iter().all(|r| r.subset == Subset::Test));
    }
}
