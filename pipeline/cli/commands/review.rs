//! `chorus review`: estimates the precision of all detections from the verdicts of a sheet.

use std::path::Path;
use std::process::ExitCode;

use chorus_labels::layouts::review::{self, SheetRow};
use chorus_labels::verdicts;
use chorus_report::review::estimate::{OfClass, judged, of_classes};
use chorus_report::review::prevalence::Sheet;
use chorus_report::sheets;
use serde_json::json;

use crate::args::{ReviewArgs, UsageError};
use crate::output;

/// The columns, with their names in CSV and JSON.
const COLUMNS: [&str; 14] = [
    "class",
    "yes",
    "no",
    "unsure",
    "open",
    "sampled",
    "detections",
    "covered",
    "precision",
    "ci_low",
    "ci_high",
    "threshold",
    "threshold_precision",
    "threshold_detections",
];

pub(crate) fn run(args: &ReviewArgs) -> anyhow::Result<ExitCode> {
    if !(args.precision > 0.0 && args.precision <= 1.0) {
        return Err(UsageError(format!("--precision: found {}, expected a number above 0 and at most 1", args.precision)).into());
    }
    let sheets = read(&args.sheet)?;
    let rows: Vec<&SheetRow> = sheets.iter().flat_map(|(_, rows)| rows).collect();
    let found = of_classes(&judged(&rows), args.precision);
    output::found(&args.format, COLUMNS, &found, row, object)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads filled-in sheets: one, or those of a folder. Rows that cannot be used are counted and told.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Sheet>> {
    let wrong = |fault: String| UsageError(format!("{}: {fault}", path.display()));
    let found = sheets::at(path, review::read)?.ok_or_else(|| wrong("there is no such sheet or folder of sheets".to_owned()))?;
    if found.is_empty() {
        return Err(wrong("the folder has no .csv or .tsv; name a sheet, or a folder of them".to_owned()).into());
    }
    let (mut sheets, mut faults) = (Vec::new(), Vec::new());
    for (name, sheet) in found {
        let sheet = sheet.map_err(|fault| UsageError(format!("{name}: {fault}")))?;
        faults.extend(sheet.unusable.iter().map(|fault| format!("{name}, {fault}")));
        sheets.push((name, sheet.rows));
    }
    output::notes(verdicts::told(&faults).as_slice());
    Ok(sheets)
}

fn row(found: &OfClass) -> [String; COLUMNS.len()] {
    let share = |share: Option<f64>| share.map(|share| format!("{share:.3}")).unwrap_or_default();
    let [yes, no, unsure, open] = found.clips.map(|n| n.to_string());
    [
        found.class.clone(),
        yes,
        no,
        unsure,
        open,
        found.sampled.to_string(),
        found.detections.to_string(),
        share(Some(found.covered)),
        share(found.all.map(|all| all.precision)),
        share(found.all.map(|all| all.low)),
        share(found.all.map(|all| all.high)),
        found.threshold.map(|(threshold, ..)| threshold.to_string()).unwrap_or_default(),
        share(found.threshold.map(|(_, at, _)| at.precision)),
        found.threshold.map(|(.., left)| format!("{left:.0}")).unwrap_or_default(),
    ]
}

fn object(found: &OfClass) -> serde_json::Value {
    let [yes, no, unsure, open] = found.clips;
    json!({
        "class": found.class, "yes": yes, "no": no, "unsure": unsure, "open": open, "sampled": found.sampled,
        "detections": found.detections, "covered": found.covered,
        "precision": found.all.map(|all| all.precision), "ci_low": found.all.map(|all| all.low), "ci_high": found.all.map(|all| all.high),
        "effective_n": found.all.map(|all| all.effective_n),
        "threshold": found.threshold.map(|(threshold, ..)| threshold),
        "threshold_precision": found.threshold.map(|(_, at, _)| at.precision),
        "threshold_ci_low": found.threshold.map(|(_, at, _)| at.low), "threshold_ci_high": found.threshold.map(|(_, at, _)| at.high),
        "threshold_detections": found.threshold.map(|(.., left)| left),
    })
}
