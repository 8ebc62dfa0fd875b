//! Opens runs, and checks whether the tables that a command reads are fresh: a warning on stderr, or an error with `--fresh`. Shared by
//! query, export and clips.

use std::path::{Path, PathBuf};

use chorus_engine::run_tables::{Fault, Finding};
use chorus_engine::{RunTables, RunTablesError};
use chorus_text::in_shell;

use crate::args::ConfigArgs;
use crate::output;
use crate::stages::passes;

/// Opens the run that arguments choose, with what is needed to check freshness.
pub(super) fn open(args: &ConfigArgs) -> anyhow::Result<RunTables> {
    Ok(named(RunTables::open(&args.run_dir()?, passes)?, args.typed()))
}

/// The same of the run in a folder.
pub(super) fn open_at(run: &Path) -> Result<RunTables, RunTablesError> {
    Ok(named(RunTables::open(run, passes)?, None))
}

/// Opens several runs in the same way. `typed` are the arguments that give a command their configuration, where a file of it was named.
pub(super) fn open_all(runs: &[PathBuf], typed: Option<&str>) -> Result<Vec<RunTables>, RunTablesError> {
    let runs = RunTables::open_all(runs, passes)?;
    Ok(runs.into_iter().map(|run| named(run, typed.map(str::to_owned))).collect())
}

/// Opens runs that lie elsewhere, in their local copies: nobody makes tables there.
pub(super) fn open_copies(runs: &[PathBuf]) -> Result<Vec<RunTables>, RunTablesError> {
    RunTables::open_all(runs, passes)
}

/// A run that knows how messages name its configuration: as it was typed, or else by the run's folder, where that holds it.
fn named(run: RunTables, typed: Option<String>) -> RunTables {
    let by_folder = run.config().map(|_| format!("--run {}", in_shell(&run.path().to_string_lossy())));
    match typed.or(by_folder) {
        Some(arguments) => run.with_arguments(arguments),
        None => run,
    }
}

/// Warns which of these tables are stale or incomplete, or why that is not known. With `must_be_fresh` this is an error. Call it
/// before anything is written.
pub(super) fn check(runs: &[RunTables], tables: &[&str], must_be_fresh: bool) -> anyhow::Result<()> {
    let findings = RunTables::freshness_of_all(runs, tables);
    if must_be_fresh && !findings.is_empty() {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::bail!("--fresh: nothing was written, because {}", lines.join("\nand "));
    }
    let (notes, warnings): (Vec<&Finding>, Vec<&Finding>) = findings.iter().partition(|finding| finding.fault == Fault::Unknown);
    output::warnings(&warnings);
    output::notes(&notes);
    Ok(())
}
