//! `chorus rounds`: what each round of listening taught, and which classes can stop.

use std::path::Path;
use std::process::ExitCode;

use chorus_labels::layouts::review::SheetRow;
use chorus_report::review::estimate::Verdict;
use chorus_report::review::rounds::{Heard, OfRound, precisions, rounds};
use serde_json::json;

use super::freshness;
use super::review::read;
use crate::args::{RoundsArgs, UsageError};
use crate::output;

/// The columns, with their names in CSV and JSON.
const COLUMNS: [&str; 10] =
    ["round", "class", "yes", "no", "unsure", "yes_by_strategy", "agreed", "average_precision", "gain", "stop"];
/// What stands for all classes together in the text table and in CSV.
const ALL: &str = "(all)";

pub(crate) fn run(args: &RoundsArgs) -> anyhow::Result<ExitCode> {
    let (sheets, runs) = (args.sheets.len(), args.run.len());
    if runs > sheets + 1 {
        let expected = format!("at most {}: one from before the first round, and one after each", sheets + 1);
        return Err(UsageError(format!("--run: found {runs} runs for {sheets} sheets, expected {expected}")).into());
    }
    let heard = args.sheets.iter().map(|sheet| of_sheet(sheet)).collect::<anyhow::Result<Vec<_>>>()?;
    let runs = if args.run.is_empty() { Vec::new() } else { freshness::open_all(&args.run, None)? };
    freshness::check(&runs, &["metrics"], args.fresh.fresh)?;
    let reached = runs.iter().map(precisions).collect::<Result<Vec<_>, _>>()?;
    let found = rounds(&heard, &reached);
    output::found(&args.format, COLUMNS, &found, row, object)?;
    Ok(ExitCode::SUCCESS)
}

/// What was said in a round, which is a sheet or a folder of them.
fn of_sheet(sheet: &Path) -> anyhow::Result<Vec<Heard>> {
    Ok(read(sheet)?.iter().flat_map(|(_, rows)| rows).map(heard).collect())
}

fn heard(row: &SheetRow) -> Heard {
    Heard {
        recording: row.recording.clone(),
        span_s: row.span_s(),
        class: row.class.clone(),
        strata: row.strata.clone(),
        verdict: Verdict::of(row),
        is_detected: row.score.zip(row.threshold).map(|(score, threshold)| score >= threshold),
    }
}

fn row(found: &OfRound) -> [String; COLUMNS.len()] {
    let share = |share: Option<f64>| share.map(|share| format!("{share:.3}")).unwrap_or_default();
    let [yes, no, unsure] = found.verdicts.map(|n| n.to_string());
    let strategies: Vec<String> = found.strategies.iter().map(|(name, (yes, all))| format!("{name} {yes}/{all}")).collect();
    let (agreed, of) = found.agreed;
    [
        found.round.to_string(),
        found.class.clone().unwrap_or_else(|| ALL.to_owned()),
        yes,
        no,
        unsure,
        strategies.join(", "),
        if of > 0 { format!("{agreed}/{of}") } else { String::new() },
        share(found.precision),
        share(found.gain),
        found.stop.map(|stop| stop.name().to_owned()).unwrap_or_default(),
    ]
}

fn object(found: &OfRound) -> serde_json::Value {
    let [yes, no, unsure] = found.verdicts;
    let strategy = |(name, (yes, all)): (&String, &(u64, u64))| (name.clone(), json!({"yes": yes, "judged": all}));
    json!({
        "round": found.round, "class": found.class, "yes": yes, "no": no, "unsure": unsure,
        "strategies": found.strategies.iter().map(strategy).collect::<serde_json::Map<_, _>>(),
        "agreed": found.agreed.0, "agreed_of": found.agreed.1,
        "average_precision": found.precision, "gain": found.gain, "stop": found.stop.map(|stop| stop.name()),
    })
}
