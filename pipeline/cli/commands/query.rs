//! `chorus query`.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use chorus_query::{Format, Param, TableStyle, Tables, VIEWS};

use crate::args::{QueryArgs, UsageError};
use crate::output::aligned;

pub(crate) fn run(args: &QueryArgs) -> anyhow::Result<ExitCode> {
    let format = format(args)?;
    let runs = args.run_dirs()?;
    if let Some(output) = &args.output {
        refuse_within(output, &runs)?;
    }
    let params = args.param.iter().map(|text| Param::parse(text)).collect::<Result<_, _>>()?;
    let answer = Tables::open_all(&runs)?.with_params(params).sql(&sql(args)?)?;
    let write = |out: &mut dyn Write| match format {
        Format::Table => answer.write_table(&style(args.limit), out),
        format => answer.write(format, out),
    };
    match &args.output {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
            let mut out = BufWriter::new(file);
            write(&mut out)?;
            out.flush().with_context(|| format!("{} cannot be written", path.display()))?;
        }
        None => {
            if format == Format::Parquet && std::io::stdout().is_terminal() {
                return Err(UsageError("parquet is no text for a terminal: name a file with -o FILE".into()).into());
            }
            let mut out = BufWriter::new(std::io::stdout().lock());
            write(&mut out)?;
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What stands below the options in the help.
pub(crate) fn help() -> String {
    let views: Vec<[String; 2]> = VIEWS.iter().map(|view| [format!("  {}", view.name), view.about().to_owned()]).collect();
    format!(
        "Tables: `chorus schema` lists all, `chorus schema TABLE` the columns of one; SHOW TABLES and DESCRIBE TABLE those of a run.\n\n\
         Views, which are asked as tables are:\n{}\n\
         Questions to begin with are in configs/queries/, such as: chorus query -f configs/queries/nightly_index.sql --param wanted=FICPRI\n\
         docs/querying.md tells more, also how to ask the same of polars, DuckDB and R.",
        aligned(&views)
    )
}

/// Refuses to write into a run.
fn refuse_within(output: &Path, runs: &[PathBuf]) -> anyhow::Result<()> {
    for run in runs {
        if std::path::absolute(output)?.starts_with(std::path::absolute(run)?) {
            let why = "lies within the run, which only its stages write to; name a file elsewhere";
            return Err(UsageError(format!("{}: {why}", output.display())).into());
        }
    }
    Ok(())
}

/// Answers one question as a table on stdout.
pub(super) fn answer(run: &Path, sql: &str) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    Tables::open(run)?.sql(sql)?.write_table(&style(0), &mut out)?;
    Ok(out.flush()?)
}

/// The format that was asked for, or that the output file's extension names.
fn format(args: &QueryArgs) -> anyhow::Result<Format> {
    let by_name = || args.output.as_ref()?.extension()?.to_str()?.parse().ok();
    match &args.format {
        None => Ok(by_name().unwrap_or(Format::Table)),
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
