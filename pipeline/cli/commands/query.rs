//! `chorus query`.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use chorus_engine::{Config, RunDir, is_within};
use chorus_query::{Format, Param, QueryError, TableStyle, Tables};

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
    let (tables, sql) = (Tables::of(freshness::open_all(&runs)?).with_params(params), sql(args)?);
    freshness::check(tables.runs(), &tables.reads(&sql)?, args.fresh.fresh)?;
    let answer = tables.sql(&sql)?;
    // On a terminal the first rows are enough; a file gets all rows.
    let limit = args.limit.unwrap_or(if args.output.is_some() { 0 } else { SHOWN });
    let write = |out: &mut dyn Write| match format {
        Format::Table => answer.write_table(&style(limit), out),
        format => answer.write(format, out),
    };
    match &args.output {
        Some(path) => to_file(path, write)?,
        None => {
            if format == Format::Parquet && std::io::stdout().is_terminal() {
                return Err(
                    UsageError("a Parquet file cannot be shown on a terminal; write it to a file with -o FILE".into()).into()
                );
            }
            let mut out = BufWriter::new(std::io::stdout().lock());
            write(&mut out)?;
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a file that appears when it is complete. A path that exists and is not a file, such as a pipe or `/dev/stdout`, is
/// written to directly.
fn to_file(path: &Path, write: impl Fn(&mut dyn Write) -> Result<(), QueryError>) -> anyhow::Result<()> {
    let failed = || format!("{} cannot be written", path.display());
    let name = path.file_name().with_context(failed)?.to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.partial-{}", std::process::id()));
    let fill = |path: &Path| -> anyhow::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        write(&mut out)?;
        Ok(out.flush()?)
    };
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
    let mut out = BufWriter::new(std::io::stdout().lock());
    let tables = Tables::of(vec![freshness::open(run)?]);
    freshness::check(tables.runs(), &tables.reads(sql)?, false)?;
    tables.sql(sql)?.write_table(&style(0), &mut out)?;
    Ok(out.flush()?)
}

/// The requested format, or else the one of the output file's extension.
fn format(args: &QueryArgs) -> anyhow::Result<Format> {
    let extension = args.output.as_ref().map(|path| path.extension().unwrap_or_default().to_string_lossy().into_owned());
    match &args.format {
        None => match extension.as_deref() {
            None | Some("txt") => Ok(Format::Table),
            Some(name) => Ok(name.parse().map_err(|_| {
                UsageError(format!(
                    "-o: found the extension `{name}`, expected csv, json, parquet or txt; or choose the format with --format"
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
