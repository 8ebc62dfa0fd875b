//! Checks whether the tables that a command reads are fresh: a warning on stderr, or an error with `--fresh`. Shared by query,
//! export and clips.

use std::path::{Path, PathBuf};

use chorus_engine::run_tables::{Fault, Finding};
use chorus_engine::{RunTables, RunTablesError};

use crate::output;
use crate::stages::passes;

/// Opens a run with what is needed to check freshness.
pub(super) fn open(run: &Path) -> Result<RunTables, RunTablesError> {
    RunTables::open(run, passes)
}

/// Opens several runs in the same way.
pub(super) fn open_all(runs: &[PathBuf]) -> Result<Vec<RunTables>, RunTablesError> {
    RunTables::open_all(runs, passes)
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
