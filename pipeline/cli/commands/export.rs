//! `chorus export`: the detections of a run as files for other programs.

use std::process::ExitCode;

use chorus_report::export::{EXPORTS, Request, export, named};

use super::freshness;
use crate::args::{ExportArgs, UsageError};
use crate::output;

pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let format = named(&args.format).ok_or_else(|| {
        let known: Vec<&str> = EXPORTS.iter().map(|format| format.name()).collect();
        UsageError(format!("FORMAT: found `{}`, expected one of {}", args.format, known.join(", ")))
    })?;
    let run = freshness::open(&args.config)?;
    let request = Request {
        run: &run,
        format,
        filter: args.filter.filter(),
        options: args.options.0.clone(),
        folder: args.destination.output.clone(),
        force: args.destination.force,
        raw: args.raw,
    };
    freshness::check(std::slice::from_ref(&run), &request.tables(), args.fresh.fresh)?;
    let done = export(&request)?;
    output::notes(&done.notes);
    output::note_of_lines(&done.left_out);
    output::line(&format!(
        "{}: {} detections in {} recordings, for {}",
        args.destination.output.display(),
        done.detections,
        done.recordings,
        format.name()
    ))?;
    Ok(ExitCode::SUCCESS)
}
