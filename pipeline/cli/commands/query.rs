//! `chorus query`.

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chorus_engine::{Config, RunDir, is_within};
use chorus_query::{Format, Limits, Param, QueryError, TableStyle, Tables};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::freshness;
use crate::args::{QueryArgs, UsageError};

/// Maximum number of rows on a terminal.
const SHOWN: usize = 100;

pub(crate) fn run(args: &QueryArgs) -> anyhow::Result<ExitCode> {
    let format = format(args)?;
    let runs = args.run_dirs()?;
    if let Some(output) = &args.output {
        refuse_within(output, &runs)?;
    }
    let params = args.param.iter().map(|text| Param::parse(text)).collect::<Result<_, _>>()?;
    let tables = Tables::of(freshness::open_all(&runs)?).with_params(params).with_limits(limits(args)?);
    let sql = sql(args)?;
    freshness::check(tables.runs(), &tables.reads(&sql)?, args.fresh.fresh)?;
    let answer = tables.sql(&sql)?;
    // On a terminal the first rows are enough; a file gets all rows.
    let limit = args.limit.unwrap_or(if args.output.is_some() { 0 } else { SHOWN });
    let write = |out: &mut (dyn Write + Send)| match format {
        Format::Table => answer.write_table(&style(limit), out),
        format => answer.write(format, out),
    };
    match &args.output {
        Some(path) => to_file(path, write)?,
        None => {
            if matches!(format, Format::Parquet | Format::Arrow) && std::io::stdout().is_terminal() {
                let next =
                    format!("a file of the format {format} cannot be shown on a terminal; write it to a file with -o FILE");
                return Err(UsageError(next).into());
            }
            write(&mut std::io::stdout())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the query may take; ctrl-C ends it.
fn limits(args: &QueryArgs) -> anyhow::Result<Limits> {
    let mut limits = Limits::default();
    if let Some(memory) = &args.memory {
        limits.memory = Limits::bytes(memory).map_err(|error| UsageError(format!("--memory: {error}")))?;
    }
    if let Some(seconds) = args.timeout {
        limits.timeout = Duration::from_secs(seconds);
    }
    for signal in [SIGINT, SIGTERM] {
        // A second time ends the program at once.
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&limits.stop))?;
        flag::register(signal, Arc::clone(&limits.stop))?;
    }
    Ok(limits)
}

/// Writes a file that appears when it is complete. A path that exists and is not a file, such as a pipe or `/dev/stdout`, is
/// written to directly.
fn to_file(path: &Path, write: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), QueryError>) -> anyhow::Result<()> {
    let failed = || format!("{} cannot be written", path.display());
    let name = path.file_name().with_context(failed)?.to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.partial-{}", std::process::id()));
    let fill = |path: &Path| -> anyhow::Result<()> { Ok(write(&mut File::create(path)?)?) };
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return fill(path).with_context(failed);
    }
    let written = fill(&partial).and_then(|()| Ok(std::fs::rename(&partial, path)?));
    written.inspect_err(|_| drop(std::fs::remove_file(&partial))).with_context(failed)
}

/// Refuses to write into a run or its archive.
fn refuse_within(output: &Path, runs: &[PathBuf]) -> anyhow::Result<()> {
    let refused = |what: &str| UsageError(format!("{}: lies within {what}; choose a file elsewhere", output.display())).into();
    for run in runs {
        if is_within(output, run) {
            return Err(refused("the run, and only stages write there"));
        }
        let config = Config::resolved(&RunDir::new(run).resolved_config()).ok();
        let archive = config.as_ref().and_then(|config| config.text("archive.path"));
        if archive.is_some_and(|archive| is_within(output, Path::new(archive))) {
            return Err(refused("the archive, which is never written to"));
        }
    }
    Ok(())
}

/// Prints the answer to one query as a table on stdout.
pub(super) fn answer(run: &Path, sql: &str) -> anyhow::Result<()> {
    let tables = Tables::of(vec![freshness::open(run)?]);
    freshness::check(tables.runs(), &tables.reads(sql)?, false)?;
    Ok(tables.sql(sql)?.write_table(&style(0), &mut std::io::stdout())?)
}

/// The requested format, or else the one of the output file's extension.
fn format(args: &QueryArgs) -> anyhow::Result<Format> {
    let extension = args.output.as_ref().map(|path| path.extension().unwrap_or_default().to_string_lossy().into_owned());
    match &args.format {
        None => match extension.as_deref() {
            None | Some("txt") => Ok(Format::Table),
            Some(name) => Ok(name.parse().map_err(|_| {
                UsageError(format!(
                    "-o: found the extension `{name}`, expected csv, json, parquet, arrow or txt; or choose the format with --format"
                ))
            })?),
        },
        Some(name) => Ok(name
            .parse()
            .map_err(|_| UsageError(format!("--format: found `{name}`, expected {}", Format::NAMES.join(", "))))?),
    }
}

fn style(limit: usize) -> TableStyle {
    TableStyle { limit: (limit > 0).then_some(limit), ..TableStyle::default() }
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
