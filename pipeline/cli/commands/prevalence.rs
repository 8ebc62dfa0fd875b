//! `chorus prevalence`: estimates the share of windows in which each class calls, by site and night.

use std::collections::BTreeSet;
use std::process::ExitCode;

use chorus_report::export::Filter;
use chorus_report::review::prevalence::{OfNight, Request, Sheet, prevalence};
use serde_json::json;

use super::freshness;
use super::review::read;
use crate::args::PrevalenceArgs;
use crate::output;

/// The columns, with their names in CSV and JSON.
const COLUMNS: [&str; 11] =
    ["class", "site", "night", "windows", "share", "ci_low", "ci_high", "covered", "heard", "heard_here", "calibrated_here"];

pub(crate) fn run(args: &PrevalenceArgs) -> anyhow::Result<ExitCode> {
    let sheets: Vec<Sheet> = args.sheets.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<_>>>()?.concat();
    let run = freshness::open(&args.config)?;
    let names = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
    let filter = Filter { classes: names(&args.class), sites: names(&args.site), ..Filter::default() };
    let request = Request { run: &run, filter, sheets: &sheets, by_night: args.by == "night" };
    freshness::check(std::slice::from_ref(&run), &request.tables(), args.fresh.fresh)?;
    let found = prevalence(&request)?;
    output::notes(&found.notes);
    output::found(&args.format, COLUMNS, &found.rows, row, object)?;
    Ok(ExitCode::SUCCESS)
}

fn row(found: &OfNight) -> [String; COLUMNS.len()] {
    let share = |share: Option<f64>| share.map(|share| format!("{share:.4}")).unwrap_or_default();
    [
        found.class.clone(),
        found.site.clone(),
        found.night.map(|night| night.to_string()).unwrap_or_default(),
        found.windows.to_string(),
        share(found.share.map(|of| of.share)),
        share(found.share.map(|of| of.low)),
        share(found.share.map(|of| of.high)),
        format!("{:.3}", found.covered),
        found.heard.to_string(),
        found.heard_here.to_string(),
        found.is_calibrated_here().to_string(),
    ]
}

fn object(found: &OfNight) -> serde_json::Value {
    json!({
        "class": found.class, "site": found.site, "night": found.night.map(|night| night.to_string()), "windows": found.windows,
        "share": found.share.map(|of| of.share), "ci_low": found.share.map(|of| of.low), "ci_high": found.share.map(|of| of.high),
        "covered": found.covered, "heard": found.heard, "heard_here": found.heard_here,
        "calibrated_here": found.is_calibrated_here(),
    })
}
