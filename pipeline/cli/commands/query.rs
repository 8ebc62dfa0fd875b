//! `chorus query`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use chorus_engine::{Config, Memory, RunDir};
use chorus_platform::signals::stop_on_signals;
use chorus_query::{Limits, Param, Tables};

use super::answers::{Destination, style};
use super::freshness;
use crate::args::{QueryArgs, UsageError};

pub(crate) fn run(args: &QueryArgs) -> anyhow::Result<ExitCode> {
    let (runs, copies) = args.runs.copies()?;
    let destination = Destination::of(&args.answer, &runs)?;
    let params = args.param.iter().map(|text| Param::parse(text)).collect::<Result<_, _>>()?;
    let opened = if copies.is_empty() {
        freshness::open_all(&runs, args.runs.typed().as_deref())?
    } else {
        freshness::open_copies(&runs)?
    };
    let tables = Tables::of(opened).with_params(params).with_limits(limits(args, &runs)?);
    let sql = sql(args)?;
    let read = tables.reads(&sql)?;
    copies.iter().try_for_each(|copy| copy.fetch_tables(&read))?;
    freshness::check(tables.runs(), &read, args.fresh.fresh)?;
    let answer = tables.sql(&sql)?;
    destination.write(answer, args.limit)?;
    Ok(ExitCode::SUCCESS)
}

/// What the query may take; ctrl-C ends it.
fn limits(args: &QueryArgs, runs: &[PathBuf]) -> anyhow::Result<Limits> {
    let mut limits = limits_of(runs);
    if let Some(memory) = &args.memory {
        limits.memory = Limits::bytes(memory).map_err(|error| UsageError(format!("--memory: {error}")))?;
    }
    if let Some(seconds) = args.timeout {
        limits.timeout = Duration::from_secs(seconds);
    }
    stop_on_signals(&limits.stop)?;
    Ok(limits)
}

/// What a query may take by the configurations of the runs that it asks. Of several runs the smallest bound holds.
fn limits_of(runs: &[PathBuf]) -> Limits {
    let configs = runs.iter().filter_map(|run| Config::resolved(&RunDir::new(run).resolved_config()).ok());
    let memory = configs.filter_map(|config| Memory::configured(&config)).min();
    let default = Limits::default();
    Limits { memory: memory.map_or(default.memory, Memory::bytes), ..default }
}

/// The tables of a run, for questions within the bounds of its configuration.
///
/// # Errors
/// It is no run.
pub(super) fn opened(run: &Path) -> anyhow::Result<Tables> {
    Ok(Tables::of(vec![freshness::open_at(run)?]).with_limits(limits_of(&[run.to_owned()])))
}

/// Prints the answer to one query as a table on stdout.
pub(super) fn answer(run: &Path, sql: &str) -> anyhow::Result<()> {
    let tables = opened(run)?;
    freshness::check(tables.runs(), &tables.reads(sql)?, false)?;
    Ok(tables.sql(sql)?.write_table(&style(0), &mut std::io::stdout())?)
}

fn sql(args: &QueryArgs) -> anyhow::Result<String> {
    match (&args.file, args.sql.as_deref()) {
        (Some(path), _) => std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display())),
        (None, Some("-")) => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("stdin cannot be read")?;
            Ok(text)
        }
        (None, sql) => Ok(sql.unwrap_or_default().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_bound_of_the_runs_holds_and_runs_without_one_take_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let run = |name: &str, memory_gib: &str| {
            let run = folder.path().join(name);
            std::fs::create_dir(&run).unwrap();
            std::fs::write(RunDir::new(&run).resolved_config(), format!("run:\n  memory_gib: {memory_gib}\n")).unwrap();
            run
        };
        let (two, three, none) = (run("two", "2"), run("three", "3.0"), run("none", "null"));
        assert_eq!(limits_of(&[three, two, none.clone()]).memory, 2 << 30);
        assert_eq!(limits_of(&[none, folder.path().join("nowhere")]).memory, Limits::default().memory);
    }
}
