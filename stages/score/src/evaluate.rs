//! Stage `evaluate`: how well the classifier does, and from which score on a window is to count as detected: the tables `metrics` and
//! `thresholds`, and the file `model/decisions.yaml`.
//!
//! Thresholds are chosen on validation windows only. Metrics are told for each side of the split, over all sites and for each, per
//! class and as averages; over all sites also for groups of classes and of windows. Windows that nobody reviewed count nowhere.
//! `docs/metrics.md` defines every figure.

mod figures;
mod groups;
mod scored;
mod subset;

use std::collections::BTreeMap;

use chorus_engine::{Console, UnitContext, Work, WorkError};
use serde::Deserialize;

use crate::decisions::Decisions;
use crate::error::ScoreError;
use crate::metrics::Ranking;
use crate::thresholds::{Source, Threshold, tune};
use figures::{Cuts, Figure};
use groups::{ClassGroups, SUPPORTED, WELL_SUPPORTED};
use scored::{Scored, Side};
use subset::Subset;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    evaluate: EvaluateParams,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct EvaluateParams {
    threshold: f64,
    min_positives: u64,
    class_groups: BTreeMap<String, Vec<String>>,
    min_support: u64,
}

/// The stage.
pub struct Evaluate;

impl Work for Evaluate {
    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { evaluate } = cx.params()?;
        let scored = Scored::read(cx)?;
        let thresholds = tuned(&scored, &evaluate)?;
        let groups = class_groups(&scored, &evaluate);
        tell(cx.console(), &scored.classes, &thresholds, &evaluate, &groups);
        let rows = metrics(&scored, &thresholds, &evaluate, &groups)?;
        write_metrics(cx, &scored, &rows)?;
        write_thresholds(cx, &scored, &thresholds)?;
        let thresholds = scored.classes.iter().cloned().zip(thresholds).collect();
        let decisions = Decisions { model_id: scored.model_id, thresholds };
        Ok(cx.write_file("model/decisions.yaml", decisions.to_yaml().as_bytes())?)
    }
}

/// Thresholds from validation.
fn tuned(scored: &Scored, params: &EvaluateParams) -> Result<Vec<Threshold>, ScoreError> {
    let validation = &scored.sides[&Subset::Validation];
    let (windows, classes) = (all(validation.windows()), all(scored.classes.len()));
    let rankings: Result<Vec<Ranking>, _> = classes.iter().map(|&class| validation.ranking(class, &windows)).collect();
    let pooled = Ranking::from(validation.pooled(&classes, &windows)?);
    Ok(tune(&rankings?, &pooled, params.min_positives, params.threshold))
}

fn all(count: usize) -> Vec<usize> {
    (0..count).collect()
}

/// The groups of classes that are the same on each side.
fn class_groups(scored: &Scored, params: &EvaluateParams) -> ClassGroups {
    let positives = |subset| scored.sides[&subset].positives();
    let (train, test) = (positives(Subset::Train), positives(Subset::Test));
    let mut groups = groups::class_groups(&params.class_groups, &scored.classes, &train);
    groups.insert(SUPPORTED.to_owned(), groups::supported(&[&train, &test], 1));
    groups
}

/// A row of `metrics`.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    subset: Subset,
    site: Option<String>,
    group: Option<String>,
    figure: Figure,
}

/// All rows, in the order of the table.
fn metrics(
    scored: &Scored,
    thresholds: &[Threshold],
    params: &EvaluateParams,
    groups: &ClassGroups,
) -> Result<Vec<Row>, ScoreError> {
    let cuts = Cuts { fixed: params.threshold, tuned: thresholds };
    let mut rows = Vec::new();
    for (&subset, side) in &scored.sides {
        let mut add = |site: Option<&str>, group: Option<&str>, figures: Vec<Figure>| {
            let (site, group) = (site.map(str::to_owned), group.map(str::to_owned));
            rows.extend(figures.into_iter().map(|figure| Row { subset, site: site.clone(), group: group.clone(), figure }));
        };
        let mut groups = groups.clone();
        groups.insert(WELL_SUPPORTED.to_owned(), groups::supported(&[&side.positives()], params.min_support));
        let whole = all(side.windows());
        let (own, averages) = classes_and_averages(side, &whole, cuts)?;
        add(None, None, figures::of_classes(&own));
        add(None, None, averages);
        for (group, classes) in &groups {
            add(None, Some(group), figures::averages(side, &whole, &own, classes)?);
        }
        for (group, windows) in groups::by_polyphony(side) {
            add(None, Some(&group), classes_and_averages(side, &windows, cuts)?.1);
        }
        for (site, windows) in &side.sites {
            let (own, averages) = classes_and_averages(side, windows, cuts)?;
            add(Some(site), None, figures::of_classes(&own));
            add(Some(site), None, averages);
        }
    }
    sort(&mut rows, &scored.classes);
    Ok(rows)
}

fn classes_and_averages(
    side: &Side,
    windows: &[usize],
    cuts: Cuts<'_>,
) -> Result<(Vec<figures::Figures>, Vec<Figure>), ScoreError> {
    let own = figures::by_class(side, windows, cuts)?;
    let averages = figures::averages(side, windows, &own, &all(own.len()))?;
    Ok((own, averages))
}

/// Sorts rows by the table's key; null stands first there, as `None` does.
fn sort(rows: &mut [Row], classes: &[String]) {
    let class = |row: &Row| row.figure.class.map(|class| classes[class].as_str());
    rows.sort_by(|a, b| {
        let (left, right) = ((a.subset, &a.site, class(a)), (b.subset, &b.site, class(b)));
        left.cmp(&right).then_with(|| (&a.group, a.figure.metric).cmp(&(&b.group, b.figure.metric)))
    });
}

fn write_metrics(cx: &UnitContext<'_>, scored: &Scored, rows: &[Row]) -> Result<(), WorkError> {
    cx.write("metrics", |batch| {
        batch
            .utf8(rows.iter().map(|_| &scored.model_id))
            .utf8(rows.iter().map(|r| r.subset.as_str()))
            .utf8(rows.iter().map(|r| r.site.as_deref()))
            .utf8(rows.iter().map(|r| r.figure.class.map(|class| &scored.classes[class])))
            .utf8(rows.iter().map(|r| r.group.as_deref()))
            .utf8(rows.iter().map(|r| r.figure.metric))
            .f64(rows.iter().map(|r| r.figure.value))
            .u64(rows.iter().map(|r| r.figure.support))
            .f64(rows.iter().map(|_| None))
            .f64(rows.iter().map(|_| None))
    })?;
    Ok(())
}

fn write_thresholds(cx: &UnitContext<'_>, scored: &Scored, thresholds: &[Threshold]) -> Result<(), WorkError> {
    cx.write("thresholds", |batch| {
        batch
            .utf8(thresholds.iter().map(|_| &scored.model_id))
            .utf8(&scored.classes)
            .f64(thresholds.iter().map(|t| t.threshold))
            .utf8(thresholds.iter().map(|t| t.source.as_str()))
            .f64(thresholds.iter().map(|t| t.f1))
            .u64(thresholds.iter().map(|t| t.positives))
    })?;
    Ok(())
}

/// Names the classes that something is to be known of.
fn tell(console: &Console, classes: &[String], thresholds: &[Threshold], params: &EvaluateParams, groups: &ClassGroups) {
    let named = |wanted: &dyn Fn(usize) -> bool| {
        let names: Vec<&str> = (0..classes.len()).filter(|&class| wanted(class)).map(|class| classes[class].as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(list) = named(&|class| thresholds[class].source != Source::Own) {
        console.warn(&format!(
            "evaluate: without a threshold of their own, for few validation positives or scores that hardly tell them: {list}; see the table thresholds"
        ));
    }
    if let Some(list) = named(&|class| !groups[SUPPORTED].contains(&class)) {
        console.warn(&format!("evaluate: left out of the group {SUPPORTED}, for want of positives in train or test: {list}"));
    }
    let unknown: Vec<&str> = groups::unknown(&params.class_groups, classes).into_iter().collect();
    if !unknown.is_empty() {
        let list = unknown.join(", ");
        console.warn(&format!("evaluate: evaluate.class_groups names what is no class here: {list}; see the table classes"));
    }
}
