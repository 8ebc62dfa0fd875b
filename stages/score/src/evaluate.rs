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

use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, Console, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_keys::{Choices, Finding, Keys, Values};
use serde::Deserialize;

use crate::calibration;
use crate::error::ScoreError;
use crate::thresholds::{Aim, Rule, Source};
use decided::{Cuts, Decided, Rules};
use groups::{ClassGroups, SUPPORTED, WELL_SUPPORTED};
use scored::Scored;
use side_rows::{Bootstrap, Rows};
use subset::Subset;

/// The section `evaluate` of the configuration.
#[derive(Debug, Clone, Deserialize, Keys)]
#[keys(section = "evaluate")]
pub(crate) struct EvaluateSettings {
    /// Fixed threshold: that of the metrics whose names end in _fixed, and of a class when all classes together have too few
    /// validation positives to choose one.
    #[key(default = "0.5", range = 0.0..=1.0)]
    threshold: f64,
    /// What the thresholds that are chosen on validation maximise.
    #[key(default = "f1")]
    threshold_for: ThresholdFor,
    /// With threshold_for: precision, the lowest precision that a threshold may have on validation.
    #[key(default = "0.9", range = 0.0..=1.0, example = "0.95")]
    precision: f64,
    /// Choose thresholds for each site too, for classes with at least min_positives validation positives at the site.
    #[key(default = "false")]
    per_site: bool,
    /// How scores are calibrated: fitted on validation, the method maps scores to the probabilities in the table detections.
    #[key(default = "platt", choices = calibration::words)]
    calibration: String,
    /// Lowest number of validation positives with which a class gets a threshold and a calibration of its own.
    #[key(unit = "windows", default = "5", range = 1..=1_000_000)]
    min_positives: u64,
    /// Number of bootstrap replicates for the 95 % confidence intervals. Each resamples whole recordings; 0: no intervals.
    #[key(unit = "replicates", default = "200", range = 0..=100_000, example = "1000")]
    bootstrap: usize,
    /// Seed of the bootstrap.
    #[key(default = "0", range = 0..)]
    seed: u64,
    /// Groups of classes over which metrics are averaged too. In a group, "*" means all classes that are in no other group. {}: the
    /// groups frequent, common and rare, which are thirds of the classes by training positives.
    #[key(default = "{}", example = "{common: [A, B], rare: [\"*\"]}")]
    class_groups: BTreeMap<String, Vec<String>>,
    /// Lowest number of positive windows in a subset with which a class is in the group well_supported.
    #[key(unit = "windows", default = "5", range = 1..=1_000_000)]
    min_support: u64,
}

/// What thresholds maximise.
#[derive(Debug, Clone, Copy, Deserialize, Choices)]
#[serde(rename_all = "lowercase")]
enum ThresholdFor {
    /// F1.
    F1,
    /// Recall, among thresholds with at least evaluate.precision.
    Precision,
}

/// Refuses groups whose names the stage uses itself.
pub(crate) fn names_of_groups(values: &Values) -> Vec<Finding> {
    let names = values.get("evaluate.class_groups").as_mapping().into_iter().flatten().filter_map(|(name, _)| name.as_str());
    let refuse = |name: &str| {
        let allowed = "evaluate makes groups of that name itself: choose another";
        Finding::new("evaluate.class_groups", format!("a group `{name}`"), allowed)
    };
    names.filter(|name| groups::is_taken(name)).map(refuse).collect()
}

impl EvaluateSettings {
    fn rules(&self) -> Result<Rules, ScoreError> {
        let aim = match self.threshold_for {
            ThresholdFor::F1 => Aim::F1,
            ThresholdFor::Precision => Aim::Precision(self.precision),
        };
        let threshold = Rule { aim, min_positives: self.min_positives, default: self.threshold };
        Ok(Rules { threshold, per_site: self.per_site, calibration: calibration::method(&self.calibration)? })
    }
}

/// Every metric: its name, its definition, and what windows must hold for it to be defined.
pub fn metric_definitions() -> impl Iterator<Item = [&'static str; 3]> {
    metric::METRICS.iter().map(|metric| [metric.name(), metric.definition(), metric.needs()])
}

/// The stage.
pub struct Evaluate;

impl Evaluate {
    /// What the stage declares of itself; a run with a model from elsewhere has no labels to compare with.
    pub fn declare(config: &Config) -> Option<Pass> {
        use Output::{File, Table};
        config.text("model.path").is_none().then(|| Pass {
            code_version: 3,
            inputs: ["predictions", "labels", "splits", "recordings"].map(Input::Table).to_vec(),
            outputs: vec![
                Table("metrics"),
                Table("reliability"),
                Table("confusions"),
                Table("curves"),
                Table("thresholds"),
                Table("calibration"),
                File("model/decisions.yaml"),
            ],
            keys: vec!["evaluate.*"],
            ..Pass::new("evaluate", Per::Run)
        })
    }
}

impl Work for Evaluate {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let evaluate = cx.settings::<EvaluateSettings>()?;
        let scored = Scored::read(cx)?;
        let decided = Decided::on(&scored, &evaluate.rules()?)?;
        let groups = class_groups(&scored, &evaluate);
        tell(cx.console(), &scored.classes, &decided, &evaluate, &groups);
        let rows = rows(&scored, &decided, &evaluate, &groups)?;
        tables::write(cx, &scored, &decided, &rows)?;
        let decisions = decided.named(&scored.model_id, &scored.classes);
        Ok(cx.write_file("model/decisions.yaml", decisions.to_yaml().as_bytes())?)
    }
}

/// The groups of classes that are the same on each side.
fn class_groups(scored: &Scored, params: &EvaluateSettings) -> ClassGroups {
    let positives = |subset| scored.sides[&subset].positives();
    let (train, test) = (positives(Subset::Train), positives(Subset::Test));
    let groups = groups::class_groups(&params.class_groups, &scored.classes, &train);
    side_rows::with(&groups, SUPPORTED, groups::supported(&[&train, &test], 1))
}

/// What is told of every side.
fn rows(scored: &Scored, decided: &Decided, params: &EvaluateSettings, groups: &ClassGroups) -> Result<Rows, ScoreError> {
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
fn tell(console: &Console, classes: &[String], decided: &Decided, params: &EvaluateSettings, groups: &ClassGroups) {
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
    let is_fitted = calibration::method(&params.calibration).is_ok_and(|method| method.is_fitted());
    warn("without probabilities, since validation tells nothing of them", &|class| is_fitted && calibrated(class).is_none());
    warn(&format!("left out of the group {SUPPORTED}, for want of positives in train or test"), &|class| {
        !groups[SUPPORTED].contains(&class)
    });
    let unknown: Vec<&str> = groups::unknown(&params.class_groups, classes).into_iter().collect();
    if !unknown.is_empty() {
        let list = unknown.join(", ");
        console.warn(&format!("evaluate: evaluate.class_groups names unknown classes (see the table classes): {list}"));
    }
}
