//! `chorus export`: a run's detections as files that other programs open.

use std::process::ExitCode;

use chorus_report::export::{Format, Request, export};

use crate::args::{ExportArgs, UsageError};
use crate::output;

pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let format: Format = args.format.parse().map_err(|e| UsageError(format!("the format: {e}")))?;
    if args.metadata.is_some() && format != Format::CamtrapDp {
        return Err(UsageError(format!("--metadata is of camtrap-dp, and {format} has no place for it")).into());
    }
    let request = Request {
        run: args.config.run_dir()?,
        format,
        filter: args.filter.filter(),
        folder: args.destination.output.clone(),
        force: args.destination.force,
        metadata: args.metadata.clone(),
    };
    let done = export(&request)?;
    output::notes(&done.notes);
    output::line(&format!(
        "{}: {} detections in {} recordings, for {format}",
        args.destination.output.display(),
        done.detections,
        done.recordings
    ))?;
    Ok(ExitCode::SUCCESS)
}
