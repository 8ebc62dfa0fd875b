//! `chorus status`.

use std::process::ExitCode;

use chorus_engine::plan::{PassPlan, Status, UnitPlan};
use serde_json::json;

use crate::args::StatusArgs;
use crate::output::{self, aligned};
use crate::stages::runner;

pub(crate) fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let plans = runner(args.config.load()?)?.plan(args.verify)?;
    if args.json {
        let rows: Vec<_> = plans.iter().map(|plan| json(plan, args.units)).collect();
        output::json(&serde_json::to_string(&rows)?)?;
    } else {
        let mut rows = vec![["stage", "state", "units", "why"].map(str::to_owned)];
        for plan in &plans {
            let (state, reason) = state(plan);
            rows.push([plan.pass.to_owned(), state.to_owned(), format!("{}/{}", plan.fresh(), plan.units.len()), reason]);
            if args.units {
                rows.extend(plan.units.iter().map(|unit| {
                    let (state, reason) = unit_state(unit);
                    [format!("  {}", unit.unit), state.to_owned(), String::new(), reason]
                }));
            }
        }
        output::line(aligned(&rows).trim_end())?;
    }
    Ok(if plans.iter().all(PassPlan::is_fresh) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The state of a pass as one word, and the reason if it is not fresh.
pub(super) fn state(plan: &PassPlan) -> (&'static str, String) {
    let reason = plan.reason().unwrap_or_default();
    let is = |wanted: fn(&Status) -> bool| plan.units.iter().any(|unit| wanted(&unit.status));
    let state = if plan.is_fresh() {
        "fresh"
    } else if plan.pending.is_some() || !plan.gone.is_empty() || is(|s| matches!(s, Status::Stale(_))) {
        "stale"
    } else if is(|s| *s == Status::Missing) {
        "missing"
    } else if plan.awaits.is_some() || is(|s| matches!(s, Status::Waiting(_))) {
        "waiting"
    } else {
        "in base"
    };
    // The state has its own column.
    let reason =
        ["stale, ", "stale: ", "missing, "].iter().find_map(|prefix| reason.strip_prefix(prefix)).unwrap_or(&reason).to_owned();
    (state, reason)
}

fn unit_state(unit: &UnitPlan) -> (&'static str, String) {
    match &unit.status {
        Status::Fresh => ("fresh", String::new()),
        Status::Missing => ("missing", String::new()),
        Status::Stale(reason) => ("stale", reason.clone()),
        Status::Waiting(stage) => ("waiting", format!("for {stage}")),
        Status::InBase => ("in base", String::new()),
    }
}

fn json(plan: &PassPlan, units: bool) -> serde_json::Value {
    let (state, reason) = state(plan);
    let mut value = json!({
        "stage": plan.stage, "pass": plan.pass, "state": state, "units": plan.units.len(), "fresh": plan.fresh(),
        "reason": if reason.is_empty() { None } else { Some(reason) },
    });
    if units {
        let list = plan.units.iter().map(|unit| {
            let (state, reason) = unit_state(unit);
            json!({"unit": unit.unit.to_string(), "state": state, "reason": if reason.is_empty() { None } else { Some(reason) }})
        });
        value["unit_list"] = list.collect();
    }
    value
}
