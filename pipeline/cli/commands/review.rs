//! `chorus review`: what the verdicts of a sheet tell of all detections.

use std::process::ExitCode;

use anyhow::Context;
use chorus_labels::review_sheet::{self, Line};
use chorus_report::review::estimate::{Judged, OfClass, Verdict, of_classes};
use serde_json::json;

use crate::args::{ReviewArgs, UsageError};
use crate::output::{self, aligned};

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
        return Err(UsageError(format!("--precision: found {}, expected a share above 0, up to 1", args.precision)).into());
    }
    let path = &args.sheet;
    let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let lines = review_sheet::read(&bytes).map_err(|fault| UsageError(format!("{}: {fault}", path.display())))?;
    for line in &lines {
        if let Err(problem) = &line.verdict {
            return Err(UsageError(format!("{}, line {}: {problem}", path.display(), line.line)).into());
        }
    }
    let judged: Vec<Judged> = lines.iter().map(judged).collect();
    let found = of_classes(&judged, args.precision);
    match args.format.as_str() {
        "csv" => {
            let mut table = csv::Writer::from_writer(Vec::new());
            table.write_record(COLUMNS)?;
            found.iter().try_for_each(|class| table.write_record(row(class)))?;
            let table = table.into_inner().map_err(csv::IntoInnerError::into_error)?;
            output::line(String::from_utf8(table)?.trim_end_matches('\n'))?;
        }
        "json" => found.iter().try_for_each(|class| output::line(&object(class).to_string()))?,
        _ => {
            let mut rows = vec![COLUMNS.map(str::to_owned)];
            rows.extend(found.iter().map(row));
            output::line(aligned(&rows).trim_end())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn judged(line: &Line) -> Judged {
    let verdict = match line.verdict {
        Ok(Some(review_sheet::Verdict::Yes)) => Verdict::Yes,
        Ok(Some(review_sheet::Verdict::No)) => Verdict::No,
        Ok(Some(review_sheet::Verdict::Unsure)) => Verdict::Unsure,
        _ => Verdict::Open,
    };
    Judged {
        class: line.class.clone(),
        bin: line.bin.clone(),
        bin_detections: line.bin_detections,
        score: line.score,
        is_random: line.is_random,
        verdict,
    }
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
