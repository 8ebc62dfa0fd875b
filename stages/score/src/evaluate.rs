//! Stage `evaluate`: how well the classifier does, and how its scores are to be taken: the tables `metrics`, `reliability`, `confusions`,
//! `false_alarms`, `curves`, `thresholds` and `calibration`, and the file `model/decisions.yaml`.
//!
//! Thresholds and calibrations are fitted on validation windows only, and a class whose precision they do not show is marked as not usable
//! ([`evidence`]). Metrics are told for each side of the split, over all sites and for each, per
//! class and as averages; over all sites also for groups of classes and of windows. Windows that nobody reviewed count nowhere.
//! `docs/metrics.md` defines every figure.

mod applied;
mod bootstrap;
mod decided;
mod draws;
mod evidence;
mod figures;
mod given;
mod groups;
mod local;
mod metric;
mod rules;
mod scored;
mod side_rows;
mod subset;
mod sums;
mod tables;

use std::collections::BTreeMap;

use chorus_card::{DECISIONS, Decisions};
use chorus_engine::graph::{CHOSEN_LABELS, Input, Output, Pass, Per, has_labels, judges_given_model, reads_review_sheets};
use chorus_engine::{Config, Console, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_keys::{Choices, Finding, Keys, Values};
use serde::Deserialize;

use crate::calibration;
use crate::error::ScoreError;
use crate::thresholds::{Aim, Rule, Source};
use applied::{cuts, local};
use decided::{Cuts, Decided, is_contradicted};
use given::Given;
use groups::{ClassGroups, SUPPORTED, WELL_SUPPORTED};
use rules::{Demand, Rules};
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
    /// What thresholds are chosen for on validation.
    #[key(default = "f1")]
    threshold_for: ThresholdFor,
    /// With threshold_for: precision, the lowest precision that a threshold may have on validation.
    #[key(default = "0.9", range = 0.0..=1.0, example = "0.95")]
    precision: f64,
    /// With threshold_for: cost, what a false alarm costs, where a missed window costs 1. With 4, four misses are as bad as one false
    /// alarm.
    #[key(default = "1", range = 0.001..=1000.0, example = "4")]
    false_alarm_cost: f64,
    /// With threshold_for: false_alarms, the highest number of falsely detected windows in an hour of reviewed validation recordings.
    #[key(unit = "windows", default = "1", range = 0.0..=10_000.0, example = "0.5")]
    false_alarms_per_hour: f64,
    /// Choose thresholds and calibrations for each site too, for classes with at least min_positives validation positives at the site.
    /// They are drawn towards those of all sites: with 5 recordings of the site that hold the class, both count the same.
    #[key(default = "false")]
    per_site: bool,
    /// How scores are calibrated: fitted on validation, the method maps scores to the probabilities in the table detections.
    #[key(default = "platt", choices = calibration::words)]
    calibration: String,
    /// Lowest number of validation positives with which a class gets a threshold and a calibration of its own. With model.path they
    /// replace those of the model only where validation here shows that the class is usable.
    #[key(unit = "windows", default = "5", range = 1..=1_000_000)]
    min_positives: u64,
    /// Lowest number of validation positives with which a class is usable. Classes that are not usable make no detections (detect.classes).
    #[key(unit = "windows", default = "5", range = 0..=1_000_000)]
    usable_positives: u64,
    /// Lowest number of validation recordings with a positive window with which a class is usable. At least 5 recordings have to be
    /// reviewed for it in any case.
    #[key(unit = "recordings", default = "2", range = 0..=1_000_000, example = "5")]
    usable_recordings: u64,
    /// Lowest precision on validation with which a class is usable: that of the lower bound, and not of the estimate.
    #[key(default = "0.5", range = 0.0..=1.0, example = "0.8")]
    usable_precision: f64,
    /// Probability with which the precision is above its lower bound.
    #[key(default = "0.9", range = 0.5..=0.999, example = "0.95")]
    usable_confidence: f64,
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

/// What thresholds are chosen for.
#[derive(Debug, Clone, Copy, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
enum ThresholdFor {
    /// The highest F1.
    F1,
    /// The highest recall with at least evaluate.precision.
    Precision,
    /// The lowest cost of misses and false alarms (evaluate.false_alarm_cost).
    Cost,
    /// The highest recall with at most evaluate.false_alarms_per_hour.
    FalseAlarms,
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
            ThresholdFor::Cost => Aim::Cost(self.false_alarm_cost),
            ThresholdFor::FalseAlarms => Aim::FalseAlarms(self.false_alarms_per_hour),
        };
        let threshold = Rule { aim, min_positives: self.min_positives, default: self.threshold };
        let demand = Demand {
            positives: self.usable_positives,
            recordings: self.usable_recordings,
            precision: self.usable_precision,
            confidence: self.usable_confidence,
        };
        let calibration = calibration::method(&self.calibration)?;
        Ok(Rules { threshold, per_site: self.per_site, calibration, demand, seed: self.seed })
    }

    /// What thresholds are wanted to have, in words, where some class may have none that does.
    fn wanted(&self) -> String {
        match self.threshold_for {
            ThresholdFor::F1 => String::new(),
            ThresholdFor::Precision => format!("has a precision of {} on validation", self.precision),
            ThresholdFor::Cost => "costs less on validation than to detect nothing".to_owned(),
            ThresholdFor::FalseAlarms => {
                format!("has at most {} false alarms an hour on validation", self.false_alarms_per_hour)
            }
        }
    }
}

/// Every metric: its name, its definition, and what windows must hold for it to be defined.
pub fn metric_definitions() -> impl Iterator<Item = [&'static str; 3]> {
    metric::METRICS.iter().map(|metric| [metric.name(), metric.definition(), metric.needs()])
}

/// The key that names a given model.
const GIVEN: &str = "model.path";
/// What was decided of it. The decisions of this run are a file of its own.
const GIVEN_DECISIONS: Input = Input::Models { key: GIVEN, file: DECISIONS };

/// The stage.
pub struct Evaluate;

impl Evaluate {
    /// What the stage declares of itself; a run that only applies a model has no labels to compare with.
    pub fn declare(config: &Config) -> Option<Pass> {
        use Output::{File, Table};
        let mut inputs = ["predictions", "labels", "splits", "recordings"].map(Input::Table).to_vec();
        if judges_given_model(config) {
            inputs.push(GIVEN_DECISIONS);
        }
        if reads_review_sheets(config) {
            inputs.push(Input::Table(CHOSEN_LABELS));
        }
        has_labels(config).then(|| Pass {
            code_version: 6,
            inputs,
            outputs: vec![
                Table("metrics"),
                Table("reliability"),
                Table("confusions"),
                Table("false_alarms"),
                Table("curves"),
                Table("thresholds"),
                Table("calibration"),
                File("model/decisions.yaml"),
            ],
            keys: vec!["evaluate.*", GIVEN],
            // The content of the given decisions counts, and not where they are.
            hints: vec![GIVEN],
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
        let is_given = cx.value::<Option<String>>(GIVEN)?.is_some();
        let scored = Scored::read(cx, is_given)?;
        let files = if is_given { cx.model_files(GIVEN, DECISIONS)? } else { Vec::new() };
        let given = files.iter().find(|path| path.exists()).map(|path| Given::read(path)).transpose()?;
        let decided = Decided::on(&scored, &evaluate.rules()?, given.as_ref())?;
        let groups = class_groups(&scored, &evaluate, is_given);
        tell(cx.console(), &scored.classes, &decided, &evaluate, &groups);
        tell_chosen(&scored, is_given).iter().for_each(|sentence| cx.console().warn(sentence));
        if let Some(given) = &given {
            tell_beside(cx.console(), &scored, &decided, given);
        }
        let decisions = decided.named(&scored.model_id, &scored.classes, given.as_ref());
        let rows = rows(&scored, &decided, &decisions, &evaluate, &groups)?;
        tables::write(cx, &scored, &decisions, &rows)?;
        Ok(cx.write_file("model/decisions.yaml", decisions.to_yaml().as_bytes())?)
    }
}

/// The groups of classes that are the same on each side. Nothing is known of the windows that a given model learnt from: those of test stand
/// for them.
fn class_groups(scored: &Scored, params: &EvaluateSettings, is_given: bool) -> ClassGroups {
    let positives = |subset| scored.sides[&subset].positives();
    let (train, test) = (positives(if is_given { Subset::Test } else { Subset::Train }), positives(Subset::Test));
    let groups = groups::class_groups(&params.class_groups, &scored.classes, &train);
    side_rows::with(&groups, SUPPORTED, groups::supported(&[&train, &test], 1))
}

/// What is told of every side.
fn rows(
    scored: &Scored,
    decided: &Decided,
    decisions: &Decisions,
    params: &EvaluateSettings,
    groups: &ClassGroups,
) -> Result<Rows, ScoreError> {
    let mut rows = Rows::default();
    let bootstrap = Bootstrap { replicates: params.bootstrap, seed: params.seed };
    for (&subset, side) in &scored.sides {
        let tuned = cuts(decisions, &scored.classes, side.sites());
        let local = local(decisions, &scored.classes, side.sites())?;
        let cuts = Cuts { fixed: params.threshold, tuned: &tuned, calibrations: &decided.calibrations, local: &local };
        let well_supported = groups::supported(&[&side.positives()], params.min_support);
        rows.add(subset, side, cuts, &side_rows::with(groups, WELL_SUPPORTED, well_supported), bootstrap)?;
    }
    Ok(rows)
}

/// Names the classes of which something is to be known, where there are any.
fn warn(console: &Console, classes: &[String], what: &str, wanted: &dyn Fn(usize) -> bool) {
    let names: Vec<&str> = (0..classes.len()).filter(|&class| wanted(class)).map(|class| classes[class].as_str()).collect();
    if !names.is_empty() {
        console.warn(&format!("evaluate: {what}: {}", names.join(", ")));
    }
}

/// How many labels of validation and test are of windows that were chosen to listen to, and what that means.
fn tell_chosen(scored: &Scored, is_given: bool) -> Vec<String> {
    let on = |subset: Subset| {
        let (chosen, all) = scored.sides[&subset].chosen_of_all();
        let share = 100.0 * chosen as f64 / all as f64;
        (chosen > 0).then(|| format!("{chosen} of {all} {} labels ({share:.0} %)", subset.as_str()))
    };
    let told = |labels: String, follows: &str| {
        format!(
            "evaluate: {labels} are of windows that were chosen to listen to (`chorus next`, top and uncertain clips), and no sample: \
             {follows}, judge a sample of windows (`chorus clips --windows`)"
        )
    };
    let count =
        "they count like all others, so that thresholds and metrics speak of windows like these; for figures of the archive";
    if !is_given {
        let sides: Vec<String> = [Subset::Validation, Subset::Test].into_iter().filter_map(on).collect();
        return (!sides.is_empty()).then(|| told(sides.join(" and "), count)).into_iter().collect();
    }
    let aside = "they replace no threshold of the given model, and can only contradict it; for thresholds of this archive";
    let measured = "they count like all others, so that metrics speak of windows like these; for figures of the archive";
    let validation = on(Subset::Validation).map(|labels| told(labels, aside));
    validation.into_iter().chain(on(Subset::Test).map(|labels| told(labels, measured))).collect()
}

/// Says which classes of a given model labels contradict.
fn tell_beside(console: &Console, scored: &Scored, decided: &Decided, given: &Given) {
    let what =
        "the labels here contradict the given model, so it is left out of the detections (see why_not in the table thresholds)";
    warn(console, &scored.classes, what, &|class| {
        is_contradicted(&decided.thresholds[class], given.threshold(&scored.classes[class]))
    });
}

/// Names the classes that something is to be known of.
fn tell(console: &Console, classes: &[String], decided: &Decided, params: &EvaluateSettings, groups: &ClassGroups) {
    let warn = |what: &str, wanted: &dyn Fn(usize) -> bool| warn(console, classes, what, wanted);
    let source = |class: usize| decided.thresholds[class].source;
    warn(
        "without a threshold of their own, for few validation positives or scores that hardly tell them (see the table thresholds)",
        &|class| matches!(source(class), Source::Pooled | Source::Default),
    );
    warn(
        "with the threshold of the given model, since the labels here do not suffice for another (see the table thresholds)",
        &|class| source(class) == Source::Given,
    );
    warn(&format!("no threshold {}, so the most precise one was taken", params.wanted()), &|class| {
        source(class) == Source::Unreached
    });
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
