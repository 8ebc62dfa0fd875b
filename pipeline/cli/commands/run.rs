//! `chorus run`.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use chorus_archive::is_url;
use chorus_engine::plan::PassPlan;
use chorus_engine::{Config, Console, RunDir, RunOptions, Runner, Selection, bytes, counted};
use serde_json::json;

use super::status::state;
use super::{estimate, look_at, query};
use crate::args::{RunArgs, UsageError};
use crate::output::{self, aligned};
use crate::stages::runner_on;

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let config = args.config.load()?;
    let console = Console::new().quiet(args.quiet);
    let runner = runner_on(console.clone(), config.clone())?.with_share(args.units);
    let options = options(args)?;
    if args.dry_run {
        return dry_run(&runner, &options, args.json);
    }
    runner.stop_on_signals().context("signals cannot be handled")?;
    tell_time(&config, &options, args, &console);
    let summary = runner.run(&options)?;
    let took = start.elapsed().as_secs_f64();
    match (summary.made(), summary.taken()) {
        (0, 0) if summary.awaits_shares() => {
            console.say(&format!("done with this share ({took:.1} s); run it again when all shares have read"))
        }
        (0, 0) => console.say(&format!("nothing to do: everything is up to date ({took:.1} s)")),
        (made, 0) => console.say(&format!("done: {} made in {took:.1} s", counted(made, "unit"))),
        (made, taken) => {
            console.say(&format!("done: {} made and {taken} taken over from the base in {took:.1} s", counted(made, "unit")));
        }
    }
    if let Some(sql) = &args.query {
        query::answer(runner.run_dir().path(), sql)?;
    }
    // Else there may be one that tells of other settings.
    if look_at::has_report(&summary) {
        look_at::report(runner.run_dir().path()).iter().for_each(|report| console.say(report));
    }
    look_at::say(args, &config, &summary, &console);
    Ok(ExitCode::SUCCESS)
}

/// Says how long a new run will take, where a look at the recordings tells. What is wrong with them, the run itself says.
fn tell_time(config: &Config, options: &RunOptions, args: &RunArgs, console: &Console) {
    let is_new = !RunDir::new(config.run_path()).has_log();
    let is_whole = options.selection == Selection::All && args.units.is_none() && args.unit.is_empty();
    let is_remote = config.text("archive.path").is_some_and(is_url);
    // A run with a base takes over what nobody has counted yet.
    let makes_all = config.paths("run.base").is_empty() && !args.take_only;
    let has_purpose = config.declarations().is_some_and(|all| all.missing_purpose(config.values()).is_empty());
    if !is_new || !is_whole || !makes_all || is_remote || !has_purpose || console.is_quiet() {
        return;
    }
    if let Ok((recorded, _)) = estimate::hours(config) {
        console.say(&format!("time: {}", estimate::told(config, recorded, options.jobs)));
    }
}

fn options(args: &RunArgs) -> anyhow::Result<RunOptions> {
    let selection = match (&args.from, args.stages.is_empty()) {
        (Some(from), _) => Selection::From(from.clone()),
        (None, true) if args.with_upstream => {
            return Err(UsageError("--with-upstream needs a stage: chorus run STAGE --with-upstream".into()).into());
        }
        (None, true) => Selection::All,
        (None, false) if args.with_upstream => Selection::WithUpstream(args.stages.clone()),
        (None, false) => Selection::Only(args.stages.clone()),
    };
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    Ok(RunOptions {
        selection,
        force: args.force,
        jobs,
        units: args.unit.clone(),
        verify: args.verify,
        take_only: args.take_only,
        remove_missing: args.remove_missing,
    })
}

fn dry_run(runner: &Runner, options: &RunOptions, json: bool) -> anyhow::Result<ExitCode> {
    let planned = runner.dry_run(options)?;
    // New files have to be read before their units are known. Later stages get these units too.
    let unread = planned.iter().position(|(plan, _)| plan.pending.is_some()).unwrap_or(planned.len());
    if json {
        let rows: Vec<_> = planned
            .iter()
            .enumerate()
            .map(|(i, (plan, bytes))| {
                let units: Vec<String> = plan.units.iter().map(|u| u.unit.to_string()).collect();
                let more = has_more(plan, i >= unread);
                json!({"stage": plan.stage, "pass": plan.pass, "units": units, "more_units": more, "bytes": bytes, "reason": plan.reason()})
            })
            .collect();
        output::json(&serde_json::to_string(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["stage", "units to make", "disk", "why"].map(str::to_owned)];
    rows.extend(planned.iter().enumerate().map(|(i, (plan, bytes))| row(plan, *bytes, has_more(plan, i >= unread))));
    output::line(aligned(&rows).trim_end())?;
    if let Some((plan, _)) = planned.get(unread) {
        let found = plan.pending.as_deref().unwrap_or_default();
        output::line(&format!("\nmore units will follow when {} has read new files: {found}", plan.stage))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a pass may have more units than those known. A pass over the whole run always has one unit.
fn has_more(plan: &PassPlan, unread: bool) -> bool {
    unread && !plan.whole_run
}

fn row(plan: &PassPlan, needed: u64, has_more: bool) -> [String; 4] {
    let disk = if needed > 0 { bytes(needed) } else { String::new() };
    let (_, reason) = state(plan);
    let more = if has_more { " or more" } else { "" };
    [plan.pass.to_owned(), format!("{}{more}", plan.units.len()), disk, reason]
}
