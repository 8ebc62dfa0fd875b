//! The tables that evaluate writes.

use std::collections::{BTreeMap, BTreeSet};

use chorus_card::{Calibration, Decisions, Source, Threshold};
use chorus_engine::{UnitContext, WorkError};

use super::scored::Scored;
use super::side_rows::Rows;
use super::subset::Subset;

/// Writes all of them.
///
/// # Errors
/// Those of [`UnitContext::write`].
pub(crate) fn write(cx: &UnitContext<'_>, scored: &Scored, decisions: &Decisions, rows: &Rows) -> Result<(), WorkError> {
    metrics(cx, scored, rows)?;
    reliability(cx, scored, rows)?;
    confusions(cx, scored, rows)?;
    false_alarms(cx, scored, rows)?;
    curves(cx, scored, rows)?;
    thresholds(cx, decisions)?;
    calibration(cx, scored, decisions)
}

fn metrics(cx: &UnitContext<'_>, scored: &Scored, Rows { metrics: rows, .. }: &Rows) -> Result<(), WorkError> {
    cx.write("metrics", |batch| {
        batch
            .column("model_id", rows.iter().map(|_| &scored.model_id))
            .column("subset", rows.iter().map(|r| r.subset.as_str()))
            .column("site", rows.iter().map(|r| r.site.as_deref()))
            .column("class", rows.iter().map(|r| scored.class(r.figure.class)))
            .column("group", rows.iter().map(|r| r.group.as_deref()))
            .column("metric", rows.iter().map(|r| r.figure.metric))
            .column("value", rows.iter().map(|r| r.figure.value))
            .column("support", rows.iter().map(|r| r.figure.support))
            .column("ci_low", rows.iter().map(|r| r.figure.interval.map(|(low, _)| low)))
            .column("ci_high", rows.iter().map(|r| r.figure.interval.map(|(_, high)| high)))
    })?;
    Ok(())
}

fn reliability(cx: &UnitContext<'_>, scored: &Scored, Rows { reliability: rows, .. }: &Rows) -> Result<(), WorkError> {
    cx.write("reliability", |batch| {
        batch
            .column("model_id", rows.iter().map(|_| &scored.model_id))
            .column("subset", rows.iter().map(|r| r.subset.as_str()))
            .column("class", rows.iter().map(|r| scored.class(r.class)))
            .column("scale", rows.iter().map(|r| r.scale))
            .column("low", rows.iter().map(|r| r.low))
            .column("high", rows.iter().map(|r| r.high))
            .column("windows", rows.iter().map(|r| r.bin.windows))
            .column("positives", rows.iter().map(|r| r.bin.positives))
            .column("mean", rows.iter().map(|r| r.bin.mean()))
    })?;
    Ok(())
}

fn confusions(cx: &UnitContext<'_>, scored: &Scored, Rows { confusions: rows, .. }: &Rows) -> Result<(), WorkError> {
    cx.write("confusions", |batch| {
        batch
            .column("model_id", rows.iter().map(|_| &scored.model_id))
            .column("subset", rows.iter().map(|(subset, _)| subset.as_str()))
            .column("class", rows.iter().map(|(_, pair)| scored.class(pair.class)))
            .column("taken_for", rows.iter().map(|(_, pair)| scored.class(pair.taken_for)))
            .column("windows", rows.iter().map(|(_, pair)| pair.windows))
            .column("windows_detected", rows.iter().map(|(_, pair)| pair.cell.detected))
            .column("windows_instead", rows.iter().map(|(_, pair)| pair.cell.instead))
    })?;
    Ok(())
}

fn false_alarms(cx: &UnitContext<'_>, scored: &Scored, Rows { alarms: rows, .. }: &Rows) -> Result<(), WorkError> {
    cx.write("false_alarms", |batch| {
        batch
            .column("model_id", rows.iter().map(|_| &scored.model_id))
            .column("subset", rows.iter().map(|(subset, _)| subset.as_str()))
            .column("class", rows.iter().map(|(_, alarm)| scored.class(alarm.class)))
            .column("present", rows.iter().map(|(_, alarm)| scored.class(alarm.present)))
            .column("windows", rows.iter().map(|(_, alarm)| alarm.windows))
            .column("windows_all", rows.iter().map(|(_, alarm)| alarm.all))
    })?;
    Ok(())
}

fn curves(cx: &UnitContext<'_>, scored: &Scored, Rows { curves: rows, .. }: &Rows) -> Result<(), WorkError> {
    let share = |part: u64, whole: u64| part as f64 / whole as f64;
    cx.write("curves", |batch| {
        batch
            .column("model_id", rows.iter().map(|_| &scored.model_id))
            .column("subset", rows.iter().map(|r| r.subset.as_str()))
            .column("class", rows.iter().map(|r| scored.class(Some(r.class))))
            .column("threshold", rows.iter().map(|r| r.step.threshold))
            .column(
                "precision",
                rows.iter().map(|r| share(r.step.true_positives, r.step.true_positives + r.step.false_positives)),
            )
            .column("recall", rows.iter().map(|r| share(r.step.true_positives, r.positives)))
            .column("true_positives", rows.iter().map(|r| r.step.true_positives))
            .column("false_positives", rows.iter().map(|r| r.step.false_positives))
    })?;
    Ok(())
}

/// Thresholds for all sites, then those of single ones.
fn thresholds(cx: &UnitContext<'_>, decisions: &Decisions) -> Result<(), WorkError> {
    let all = decisions.thresholds.iter().map(|(class, threshold)| (None, class, threshold));
    let at_sites = decisions.site_thresholds.iter();
    let at_sites = at_sites.flat_map(|(site, of)| of.iter().map(move |(class, threshold)| (Some(site), class, threshold)));
    let rows: Vec<(Option<&String>, &String, &Threshold)> = all.chain(at_sites).collect();
    cx.write("thresholds", |batch| {
        batch
            .column("model_id", rows.iter().map(|_| &decisions.model_id))
            .column("site", rows.iter().map(|r| r.0))
            .column("class", rows.iter().map(|r| r.1))
            .column("threshold", rows.iter().map(|r| r.2.threshold))
            .column("source", rows.iter().map(|r| r.2.source.as_str()))
            .column("usable", rows.iter().map(|r| r.2.usable))
            .column("why_not", rows.iter().map(|r| r.2.why_not.as_deref()))
            .column("validation_f1", rows.iter().map(|r| r.2.f1))
            .column("validation_precision", rows.iter().map(|r| r.2.precision))
            .column("validation_precision_low", rows.iter().map(|r| r.2.precision_low))
            .column("validation_recall", rows.iter().map(|r| r.2.recall))
            .column("validation_positives", rows.iter().map(|r| r.2.positives))
            .column("validation_recordings", rows.iter().map(|r| r.2.recordings.unwrap_or(0)))
    })?;
    Ok(())
}

/// Calibrations for all sites, of each class whether it has one or not, then those of single sites.
fn calibration(cx: &UnitContext<'_>, scored: &Scored, decisions: &Decisions) -> Result<(), WorkError> {
    let rows = calibrations(decisions, &scored.classes, &scored.sides[&Subset::Validation].positives());
    // Null where the method has no such number.
    let parameter = |name: &'static str| rows.iter().map(move |row| row.calibration?.parameters.get(name)?.as_f64());
    cx.write("calibration", |batch| {
        batch
            .column("model_id", rows.iter().map(|_| &decisions.model_id))
            .column("site", rows.iter().map(|r| r.site))
            .column("class", rows.iter().map(|r| r.class))
            .column("method", rows.iter().map(|r| r.calibration.map_or("none", |of| of.method.as_str())))
            .column("source", rows.iter().map(|r| r.calibration.map_or("none", |of| of.source.as_str())))
            .column("weight", rows.iter().map(|r| r.calibration.map(|of| of.weight.unwrap_or(1.0))))
            .column("slope", parameter("slope"))
            .column("intercept", parameter("intercept"))
            .column("validation_positives", rows.iter().map(|r| r.positives))
    })?;
    Ok(())
}

/// A row of `calibration`.
#[derive(Debug, PartialEq)]
struct CalibrationRow<'a> {
    site: Option<&'a str>,
    class: &'a str,
    calibration: Option<&'a Calibration>,
    /// Positive windows of validation here.
    positives: u64,
}

/// The calibrations of all classes of the decisions, also of those that a given model brought and that nobody labelled here. `positives` are
/// those of the labelled classes.
fn calibrations<'a>(decisions: &'a Decisions, labelled: &[String], positives: &[u64]) -> Vec<CalibrationRow<'a>> {
    let of: BTreeMap<&str, u64> = labelled.iter().map(String::as_str).zip(positives.iter().copied()).collect();
    let classes: BTreeSet<&String> = decisions.thresholds.keys().chain(decisions.calibrations.keys()).collect();
    let all = classes.into_iter().map(|class| CalibrationRow {
        site: None,
        class,
        calibration: decisions.calibrations.get(class),
        positives: of.get(class.as_str()).copied().unwrap_or(0),
    });
    let at_sites = decisions.site_calibrations.iter().flat_map(|(site, classes)| {
        classes.iter().map(move |(class, calibration)| CalibrationRow {
            site: Some(site),
            class,
            calibration: Some(calibration),
            // The windows of another run are none of validation here.
            positives: if calibration.source == Source::Given { 0 } else { calibration.positives },
        })
    });
    all.chain(at_sites).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calibrations_that_a_given_model_brought_are_in_the_table() {
        let text = "
model_id: m
thresholds:
  OWL: {threshold: 0.7, source: given, f1: null, positives: 0}
  X: {threshold: 0.7, source: own, f1: null, positives: 4}
  Y: {threshold: 0.7, source: own, f1: null, positives: 1}
calibrations:
  OWL: {source: given, positives: 40, method: platt, slope: 1.0, intercept: 0.0}
  X: {source: own, positives: 4, method: platt, slope: 2.0, intercept: 0.5}
site_calibrations:
  A:
    X: {source: own, positives: 3, method: platt, weight: 0.5, slope: 2.0, intercept: 0.0}
  Z:
    OWL: {source: given, positives: 9, method: platt, weight: 0.5, slope: 2.0, intercept: 0.0}
";
        let decisions: Decisions = serde_yaml::from_str(text).unwrap();
        let rows = calibrations(&decisions, &["X".to_owned(), "Y".to_owned()], &[4, 1]);
        let found: Vec<_> =
            rows.iter().map(|row| (row.site, row.class, row.calibration.map(|of| of.source), row.positives)).collect();
        let (own, given) = (Some(Source::Own), Some(Source::Given));
        assert_eq!(
            found,
            [
                (None, "OWL", given, 0),
                (None, "X", own, 4),
                (None, "Y", None, 1),
                (Some("A"), "X", own, 3),
                (Some("Z"), "OWL", given, 0)
            ]
        );
    }
}
