//! A run's detections as files that other programs open: `chorus export`. docs/exports.md says what each file holds.
//!
//! - [`Export`]: what a format is. [`EXPORTS`]: all formats, one file each.
//! - [`Run`]: recordings with their detections, one unit at a time. [`Destination`]: a folder that appears when all its files are whole.
//!   [`Start`]: instants and local time.
//!
//! To add a format: implement [`Export`] in a file of this folder, add it to [`EXPORTS`], and describe its files in docs/exports.md. The
//! command line, its help and its errors take names, descriptions and options from there.
//!
//! Names from the archive are plain text to every format: separators, quotation marks and line ends within them are quoted, or become
//! spaces where the format has no quoting. What a spreadsheet would take for a formula gets an apostrophe, except in the formats whose
//! standard has no place for it (Camtrap DP, Darwin Core) and with `--raw`.

mod audacity;
mod camtrap_dp;
pub(crate) mod clock;
mod darwin_core;
pub(crate) mod destination;
pub(crate) mod detection;
pub(crate) mod error;
pub(crate) mod filter;
mod flat;
pub(crate) mod format;
mod histories;
mod kaleidoscope;
mod occupancy;
pub(crate) mod raven;
pub(crate) mod run;
pub(crate) mod scores;
mod sites;
#[cfg(test)]
mod tests;
mod unit_rows;
mod verdicts;
mod visits;

use std::path::PathBuf;

use chorus_engine::RunTables;
use chorus_text::Cells;

pub use clock::Start;
pub use destination::{Destination, Output, Table};
pub use detection::{Detection, Expectation, Recording};
pub use error::ExportError;
pub use filter::Filter;
pub use format::{Export, ExportOption, Options, Summary};
pub use run::Run;

/// All formats, in the order in which the help lists them.
pub static EXPORTS: &[&dyn Export] = &[
    &raven::Raven,
    &audacity::Audacity,
    &kaleidoscope::Kaleidoscope,
    &flat::Csv,
    &camtrap_dp::CamtrapDp,
    &darwin_core::DarwinCore,
    &histories::DetectionHistories,
    &occupancy::Occupancy,
];

/// The format of this name.
pub fn named(name: &str) -> Option<&'static dyn Export> {
    EXPORTS.iter().copied().find(|format| format.name() == name)
}

/// What to export, and where to.
pub struct Request<'a> {
    /// The run.
    pub run: &'a RunTables,
    /// The format.
    pub format: &'a dyn Export,
    /// Which detections.
    pub filter: Filter,
    /// Values of the format's own options.
    pub options: Options,
    /// The folder to write.
    pub folder: PathBuf,
    /// Whether files in the folder may be replaced.
    pub force: bool,
    /// Whether texts are written as they are, also those that a spreadsheet would take for a formula.
    pub raw: bool,
}

impl Request<'_> {
    /// The tables that the export reads.
    pub fn tables(&self) -> Vec<&'static str> {
        run::tables(self.run, &self.filter, &[&run::READ, self.format.tables()].concat())
    }
}

/// Exports the detections of a run.
///
/// # Errors
/// [`ExportError`]; nothing is written then.
pub fn export(request: &Request<'_>) -> Result<Summary, ExportError> {
    let Request { format, filter, options, .. } = request;
    options.check(*format, EXPORTS)?;
    let run = Run::open(request.run, request.tables())?;
    run.check(filter)?;
    let destination = Destination::new(&request.folder, request.force, run.path(), run.archive().as_deref())?;
    let destination = destination.with_cells(if request.raw { Cells::Raw } else { Cells::Harmless });
    let mut summary = format.write(&run, filter, options, &destination)?;
    summary.notes.extend(run.withheld());
    summary.left_out = run.left_out()?;
    destination.publish()?;
    Ok(summary)
}
