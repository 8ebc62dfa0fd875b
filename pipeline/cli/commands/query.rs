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
    let tables = Tables::of(freshness::open_all(&runs)?).with_params(params).with_limits(limits(args, &runs)?);
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
    let mut limits = Limits::default();
    // Where several runs are asked, the smallest of their bounds holds for the question.
    let configs = runs.iter().filter_map(|run| Config::resolved(&RunDir::new(run).resolved_config()).ok());
    if let Some(memory) = configs.filter_map(|config| Memory::configured(&config)).min() {
        limits.memory = memory.bytes();
    }
    if let Some(memory) = &args.memory {
        limits.memory = Limits::bytes(memory).map_err(|error| UsageError(format!("--memory: {error}")))?;
    }
    if let Some(seconds) = args.timeout {
        limits.timeout = Duration::from_secs(seconds);
    }
    stop_on_signals(&limits.stop)?;
    Ok(limits)
}

/// Prints the answer to one query as a table on stdout.
pub(super) fn answer(run: &Path, sql: &str) -> anyhow::Result<()> {
    let tables = Tables::of(vec![freshness::open(run)?]);
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
