//! Answers on stdout or in a file, in the format that was asked for. Shared by query, search and clusters.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use chorus_engine::{Config, RunDir, is_within};
use chorus_query::{Answer, Format, QueryError, TableStyle};
use chorus_text::Cells;

use crate::args::{AnswerArgs, UsageError};

/// Maximum number of rows on a terminal.
const SHOWN: usize = 100;

/// Where an answer goes, and how.
pub(super) struct Destination {
    format: Format,
    output: Option<PathBuf>,
    cells: Cells,
}

impl Destination {
    /// The wanted one. Refuses, before anything is computed, to write into a run, its archive, or a binary format to a terminal.
    pub(super) fn of(args: &AnswerArgs, runs: &[PathBuf]) -> anyhow::Result<Self> {
        let format = format(args)?;
        match &args.output {
            Some(output) => refuse_within(output, runs)?,
            None if matches!(format, Format::Parquet | Format::Arrow) && std::io::stdout().is_terminal() => {
                let next =
                    format!("a file of the format {format} cannot be shown on a terminal; write it to a file with -o FILE");
                return Err(UsageError(next).into());
            }
            None => {}
        }
        Ok(Self { format, output: args.output.clone(), cells: if args.raw { Cells::Raw } else { Cells::Harmless } })
    }

    /// Writes an answer. As a table on a terminal the first rows are enough, unless a limit is given (0 for none); a file gets all rows.
    pub(super) fn write(&self, answer: Answer, limit: Option<usize>) -> anyhow::Result<()> {
        let limit = limit.unwrap_or(if self.output.is_some() { 0 } else { SHOWN });
        let write = |out: &mut (dyn Write + Send)| match self.format {
            Format::Table => answer.write_table(&style(limit), out),
            format => answer.with_cells(self.cells).write(format, out),
        };
        match &self.output {
            Some(path) => to_file(path, write),
            None => Ok(write(&mut std::io::stdout())?),
        }
    }
}

/// A table of at most so many rows; 0 for all.
pub(super) fn style(limit: usize) -> TableStyle {
    TableStyle { limit: (limit > 0).then_some(limit), ..TableStyle::default() }
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

/// The requested format, or else the one of the output file's extension.
fn format(args: &AnswerArgs) -> anyhow::Result<Format> {
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
