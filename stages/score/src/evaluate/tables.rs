//! The tables that evaluate writes.

use chorus_engine::{UnitContext, WorkError};

use super::decided::Decided;
use super::scored::Scored;
use super::side_rows::Rows;
use super::subset::Subset;
use crate::calibration::Curve;
use crate::thresholds::Threshold;

/// Writes all of them.
///
/// # Errors
/// Those of [`UnitContext::write`].
pub(crate) fn write(cx: &UnitContext<'_>, scored: &Scored, decided: &Decided, rows: &Rows) -> Result<(), WorkError> {
    metrics(cx, scored, rows)?;
    reliability(cx, scored, rows)?;
    confusions(cx, scored, rows)?;
    curves(cx, scored, rows)?;
    thresholds(cx, scored, decided)?;
    calibration(cx, scored, decided)
}

fn metrics(cx: &UnitContext<'_>, scored: &Scored, Rows { metrics: rows, .. }: &Rows) -> Result<(), WorkError> {
    cx.write("metrics", |batch| {
        batch
            .utf8(rows.iter().map(|_| &scored.model_id))
            .utf8(rows.iter().map(|r| r.subset.as_str()))
            .utf8(rows.iter().map(|r| r.site.as_deref()))
            .utf8(rows.iter().map(|r| scored.class(r.figure.class)))
            .utf8(rows.iter().map(|r| r.group.as_deref()))
            .utf8(rows.iter().map(|r| r.figure.metric))
            .f64(rows.iter().map(|r| r.figure.value))
            .u64(rows.iter().map(|r| r.figure.support))
            .f64(rows.iter().map(|r| r.figure.interval.map(|(low, _)| low)))
            .f64(rows.iter().map(|r| r.figure.interval.map(|(_, high)| high)))
    })?;
    Ok(())
}

fn reliability(cx: &UnitContext<'_>, scored: &Scored, Rows { reliability: rows, .. }: &Rows) -> Result<(), WorkError> {
    cx.write("reliability", |batch| {
        batch
            .utf8(rows.iter().map(|_| &scored.model_id))
            .utf8(rows.iter().map(|r| r.subset.as_str()))
            .utf8(rows.iter().map(|r| scored.class(r.class)))
            .utf8(rows.iter().map(|r| r.scale))
            .f64(rows.iter().map(|r| r.low))
            .f64(rows.iter().map(|r| r.high))
            .u64(rows.iter().map(|r| r.bin.windows))
            .u64(rows.iter().map(|r| r.bin.positives))
            .f64(rows.iter().map(|r| r.bin.mean()))
    })?;
    Ok(())
}

fn confusions(cx: &UnitContext<'_>, scored: &Scored, Rows { confusions: rows, .. }: &Rows) -> Result<(), WorkError> {
    cx.write("confusions", |batch| {
        batch
            .utf8(rows.iter().map(|_| &scored.model_id))
            .utf8(rows.iter().map(|(subset, _)| subset.as_str()))
            .utf8(rows.iter().map(|(_, pair)| scored.class(pair.class)))
            .utf8(rows.iter().map(|(_, pair)| scored.class(pair.taken_for)))
            .u64(rows.iter().map(|(_, pair)| pair.windows))
            .u64(rows.iter().map(|(_, pair)| pair.cell.detected))
            .u64(rows.iter().map(|(_, pair)| pair.cell.instead))
    })?;
    Ok(())
}

fn curves(cx: &UnitContext<'_>, scored: &Scored, Rows { curves: rows, .. }: &Rows) -> Result<(), WorkError> {
    let share = |part: u64, whole: u64| part as f64 / whole as f64;
    cx.write("curves", |batch| {
        batch
            .utf8(rows.iter().map(|_| &scored.model_id))
            .utf8(rows.iter().map(|r| r.subset.as_str()))
            .utf8(rows.iter().map(|r| scored.class(Some(r.class))))
            .f64(rows.iter().map(|r| r.step.threshold))
            .f64(rows.iter().map(|r| share(r.step.true_positives, r.step.true_positives + r.step.false_positives)))
            .f64(rows.iter().map(|r| share(r.step.true_positives, r.positives)))
            .u64(rows.iter().map(|r| r.step.true_positives))
            .u64(rows.iter().map(|r| r.step.false_positives))
    })?;
    Ok(())
}

/// Thresholds for all sites, then those of single ones.
fn thresholds(cx: &UnitContext<'_>, scored: &Scored, decided: &Decided) -> Result<(), WorkError> {
    let all = decided.thresholds.iter().enumerate().map(|(class, threshold)| (None, class, threshold));
    let at_sites = decided
        .at_sites
        .iter()
        .flat_map(|(site, classes)| classes.iter().map(move |(&class, threshold)| (Some(site.as_str()), class, threshold)));
    let rows: Vec<(Option<&str>, usize, &Threshold)> = all.chain(at_sites).collect();
    cx.write("thresholds", |batch| {
        batch
            .utf8(rows.iter().map(|_| &scored.model_id))
            .utf8(rows.iter().map(|r| r.0))
            .utf8(rows.iter().map(|r| scored.class(Some(r.1))))
            .f64(rows.iter().map(|r| r.2.threshold))
            .utf8(rows.iter().map(|r| r.2.source.as_str()))
            .f64(rows.iter().map(|r| r.2.f1))
            .f64(rows.iter().map(|r| r.2.precision))
            .f64(rows.iter().map(|r| r.2.recall))
            .u64(rows.iter().map(|r| r.2.positives))
    })?;
    Ok(())
}

fn calibration(cx: &UnitContext<'_>, scored: &Scored, decided: &Decided) -> Result<(), WorkError> {
    let positives = scored.sides[&Subset::Validation].positives();
    let rows = &decided.calibrations;
    let platt = |curve: &Curve| if let Curve::Platt { slope, intercept } = *curve { Some((slope, intercept)) } else { None };
    let line = |row: usize| rows[row].as_ref().and_then(|calibration| platt(&calibration.curve));
    cx.write("calibration", |batch| {
        batch
            .utf8(rows.iter().map(|_| &scored.model_id))
            .utf8(&scored.classes)
            .utf8(rows.iter().map(|r| r.as_ref().map_or("none", |calibration| calibration.curve.method())))
            .utf8(rows.iter().map(|r| r.as_ref().map_or("none", |calibration| calibration.source.as_str())))
            .f64((0..rows.len()).map(|row| line(row).map(|(slope, _)| slope)))
            .f64((0..rows.len()).map(|row| line(row).map(|(_, intercept)| intercept)))
            .u64(positives)
    })?;
    Ok(())
}
