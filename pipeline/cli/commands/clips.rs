//! `chorus clips`: detections to listen to.

use std::process::ExitCode;

use chorus_report::review::{Request, clips};

use super::freshness;
use crate::args::{ClipsArgs, UsageError};
use crate::output;

pub(crate) fn run(args: &ClipsArgs) -> anyhow::Result<ExitCode> {
    if args.per_class == 0 {
        return Err(UsageError("--per-class: found 0, expected at least 1".into()).into());
    }
    if !(0.0..=60.0).contains(&args.context_s) {
        return Err(UsageError(format!("--context-s: found {}, expected 0 to 60 seconds", args.context_s)).into());
    }
    let run = freshness::open(&args.config.run_dir()?)?;
    let request = Request {
        run: &run,
        filter: args.filter.filter(),
        folder: args.destination.output.clone(),
        force: args.destination.force,
        per_class: args.per_class,
        context_s: args.context_s,
        seed: args.seed,
    };
    freshness::check(std::slice::from_ref(&run), &request.tables(), args.fresh.fresh)?;
    let done = clips(&request)?;
    output::notes(&done.notes);
    output::line(&format!(
        "{}: {} clips; listen to them and fill in the column verdict of sheet.csv",
        args.destination.output.display(),
        done.detections
    ))?;
    Ok(ExitCode::SUCCESS)
}
