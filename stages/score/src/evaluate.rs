//! Stage `evaluate`: how well the classifier does, and how its scores are to be taken: the tables `metrics`, `reliability`, `confusions`, `curves`,
//! `thresholds` and `calibration`, and the file `model/decisions.yaml`.
//!
//! Thresholds and calibrations are fitted on validation windows only. Metrics are told for each side of the split, over all sites and for each, per
//! class and as averages; over all sites also for groups of classes and of windows. Windows that nobody reviewed count nowhere.
//! `docs/metrics.md` defines every figure.

mod bootstrap;
mod decided;
mod figures;
mod groups;
mod metric;
mod scored;
mod side_rows;
mod subset;
mod sums;
mod tables;

use std::collections::BTreeMap;

use chorus_engine::{Console, UnitContext, Work, WorkError};
use serde::Deserialize;

use crate::calibration::Method;
use crate::error::ScoreError;
use crate::thresholds::{Aim, Rule, Source};
use decided::{Cuts, Decided, Rules};
use groups::{ClassGroups, SUPPORTED, WELL_SUPPORTED};
use scored::Scored;
use side_rows::{Bootstrap, Rows};
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
    threshold_for: ThresholdFor,
    precision: f64,
    per_site: bool,
    min_positives: u64,
    calibration: Method,
    class_groups: BTreeMap<String, Vec<String>>,
    min_support: u64,
    bootstrap: usize,
    seed: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ThresholdFor {
    F1,
    Precision,
}

impl EvaluateParams {
    fn rules(&self) -> Rules {
        let aim = match self.threshold_for {
            ThresholdFor::F1 => Aim::F1,
            ThresholdFor::Precision => Aim::Precision(self.precision),
        };
        let threshold = Rule { aim, min_positives: self.min_positives, default: self.threshold };
        Rules { threshold, per_site: self.per_site, calibration: self.calibration }
    }
}

/// Every metric: its name, its definition, and what windows must hold for it to be defined.
pub fn metric_definitions() -> impl Iterator<Item = [&'static str; 3]> {
    metric::METRICS.iter().map(|metric| [metric.name(), metric.definition(), metric.needs()])
}

/// The stage.
pub struct Evaluate;

impl Work for Evaluate {
    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { evaluate } = cx.params()?;
        let scored = Scored::read(cx)?;
        let decided = Decided::on(&scored, &evaluate.rules())?;
        let groups = class_groups(&scored, &evaluate);
        tell(cx.console(), &scored.classes, &decided, &evaluate, &groups);
        let rows = rows(&scored, &decided, &evaluate, &groups)?;
        tables::write(cx, &scored, &decided, &rows)?;
        let decisions = decided.named(&scored.model_id, &scored.classes);
        Ok(cx.write_file("model/decisions.yaml", decisions.to_yaml().as_bytes())?)
    }
}

/// The groups of classes that are the same on each side.
fn class_groups(scored: &Scored, params: &EvaluateParams) -> ClassGroups {
    let positives = |subset| scored.sides[&subset].positives();
    let (train, test) = (positives(Subset::Train), positives(Subset::Test));
    let groups = groups::class_groups(&params.class_groups, &scored.classes, &train);
    side_rows::with(&groups, SUPPORTED, groups::supported(&[&train, &test], 1))
}

/// What is told of every side.
fn rows(scored: &Scored, decided: &Decided, params: &EvaluateParams, groups: &ClassGroups) -> Result<Rows, ScoreError> {
    let mut rows = Rows::default();
    let bootstrap = Bootstrap { replicates: params.bootstrap, seed: params.seed };
    for (&subset, side) in &scored.sides {
        let tuned = decided.cuts(side.sites());
        let cuts = Cuts { fixed: params.threshold, tuned: &tuned, calibrations: &decided.calibrations };
        let well_supported = groups::supported(&[&side.positives()], params.min_support);
        rows.add(subset, side, cuts, &side_rows::with(groups, WELL_SUPPORTED, well_supported), bootstrap)?;
    }
    Ok(rows)
}

/// Names the classes that something is to be known of.
fn tell(console: &Console, classes: &[String], decided: &Decided, params: &EvaluateParams, groups: &ClassGroups) {
    let warn = |what: &str, wanted: &dyn Fn(usize) -> bool| {
        let names: Vec<&str> = (0..classes.len()).filter(|&class| wanted(class)).map(|class| classes[class].as_str()).collect();
        if !names.is_empty() {
            console.warn(&format!("evaluate: {what}: {}", names.join(", ")));
        }
    };
    let source = |class: usize| decided.thresholds[class].source;
    warn(
        "without a threshold of their own, for few validation positives or scores that hardly tell them (see the table thresholds)",
        &|class| matches!(source(class), Source::Pooled | Source::Default),
    );
    warn(
        &format!("no threshold has a precision of {} on validation, so the most precise one was taken", params.precision),
        &|class| source(class) == Source::Unreached,
    );
    let calibrated = |class: usize| decided.calibrations[class].as_ref().map(|calibration| calibration.source);
    warn(
        "probabilities come from all classes pooled, for few validation positives or scores that do not rise with them (see the table calibration)",
        &|class| calibrated(class) == Some(Source::Pooled),
    );
    warn("without probabilities, since validation tells nothing of them", &|class| {
        params.calibration != Method::None && calibrated(class).is_none()
    });
    warn(&format!("left out of the group {SUPPORTED}, for want of positives in train or test"), &|class| {
        !groups[SUPPORTED].contains(&class)
    });
    let unknown: Vec<&str> = groups::unknown(&params.class_groups, classes).into_iter().collect();
    if !unknown.is_empty() {
        let list = unknown.join(", ");
        console.warn(&format!("evaluate: evaluate.class_groups names what is no class here (see the table classes): {list}"));
    }
}
