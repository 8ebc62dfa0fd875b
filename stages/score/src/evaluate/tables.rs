//! The tables that evaluate writes.

use chorus_card::{Decisions, Threshold};
use chorus_engine::{UnitContext, WorkError};

use super::decided::Decided;
use super::local::Here;
use super::scored::Scored;
use super::side_rows::Rows;
use super::subset::Subset;
use crate::calibration::Calibration;

/// Writes all of them.
///
/// # Errors
/// Those of [`UnitContext::write`].
pub(crate) fn write(
    cx: &UnitContext<'_>,
    scored: &Scored,
    decided: &Decided,
    decisions: &Decisions,
    rows: &Rows,
) -> Result<(), WorkError> {
    metrics(cx, scored, rows)?;
    reliability(cx, scored, rows)?;
    confusions(cx, scored, rows)?;
    curves(cx, scored, rows)?;
    thresholds(cx, decisions)?;
    calibration(cx, scored, decided)
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

/// What is decided at single sites, in the order of the tables.
fn at_sites(decided: &Decided) -> impl Iterator<Item = (&str, usize, &Here)> {
    decided.at_sites.iter().flat_map(|(site, classes)| classes.iter().map(move |(&class, here)| (site.as_str(), class, here)))
}

/// Calibrations for all sites, then those of single ones.
fn calibration(cx: &UnitContext<'_>, scored: &Scored, decided: &Decided) -> Result<(), WorkError> {
    let positives = scored.sides[&Subset::Validation].positives();
    let all = decided.calibrations.iter().enumerate();
    let all = all.map(|(class, calibration)| (None, class, calibration.as_ref(), positives[class]));
    let at_sites = at_sites(decided).filter_map(|(site, class, here)| {
        let calibration = here.calibration.as_ref()?;
        Some((Some(site), class, Some(calibration), calibration.positives))
    });
    let rows: Vec<(Option<&str>, usize, Option<&Calibration>, u64)> = all.chain(at_sites).collect();
    // Null where the method has no such number.
    let parameter = |name: &'static str| {
        rows.iter().map(move |row| row.2.and_then(|calibration| calibration.curve.parameters().get(name)?.as_f64()))
    };
    cx.write("calibration", |batch| {
        batch
            .column("model_id", rows.iter().map(|_| &scored.model_id))
            .column("site", rows.iter().map(|r| r.0))
            .column("class", rows.iter().map(|r| scored.class(Some(r.1))))
            .column("method", rows.iter().map(|r| r.2.map_or("none", |calibration| calibration.method)))
            .column("source", rows.iter().map(|r| r.2.map_or("none", |calibration| calibration.source.as_str())))
            .column("weight", rows.iter().map(|r| r.2.map(|calibration| calibration.weight.unwrap_or(1.0))))
            .column("slope", parameter("slope"))
            .column("intercept", parameter("intercept"))
            .column("validation_positives", rows.iter().map(|r| r.3))
    })?;
    Ok(())
}
