//! Whether the tables that a command reads are fresh: said on stderr, or an error with `--fresh`. One way for query, export and clips.

use std::path::{Path, PathBuf};

use chorus_engine::run_tables::{Fault, Finding};
use chorus_engine::{RunTables, RunTablesError};

use crate::output;
use crate::stages::passes;

/// A run whose freshness can be judged.
pub(super) fn open(run: &Path) -> Result<RunTables, RunTablesError> {
    RunTables::open(run, passes)
}

/// The same for several.
pub(super) fn open_all(runs: &[PathBuf]) -> Result<Vec<RunTables>, RunTablesError> {
    RunTables::open_all(runs, passes)
}

/// Says which of these tables are stale or incomplete, or why that is not known. With `must_be_fresh` this is an error; call it before
/// anything is written.
pub(super) fn check(runs: &[RunTables], tables: &[&str], must_be_fresh: bool) -> anyhow::Result<()> {
    let findings: Vec<Finding> = runs.iter().flat_map(|run| run.freshness(tables)).collect();
    if must_be_fresh && !findings.is_empty() {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::bail!("--fresh: nothing was written, since {}", lines.join("\nand "));
    }
    let (notes, warnings): (Vec<&Finding>, Vec<&Finding>) = findings.iter().partition(|finding| finding.fault == Fault::Unknown);
    output::warnings(&warnings);
    output::notes(&notes);
    Ok(())
}
