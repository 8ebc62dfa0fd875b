//! `chorus clips`: detections, or windows, to listen to.

use std::path::Path;
use std::process::ExitCode;

use chorus_engine::RunTables;
use chorus_report::export::Summary;
use chorus_report::review::{Of, Request, clips};

use super::freshness;
use crate::args::{ClipsArgs, ListenArgs};
use crate::output;

pub(crate) fn run(args: &ClipsArgs) -> anyhow::Result<ExitCode> {
    let run = freshness::open(&args.listen.config)?;
    let of = if args.windows { Of::Windows } else { Of::Detections };
    let request = Request { of, ..request(&args.listen, &run, args.per_class) };
    freshness::check(std::slice::from_ref(&run), &request.tables(), args.listen.fresh.fresh)?;
    told(&clips(&request)?, &args.listen.destination.output)
}

/// Which clips the arguments ask for, and where to.
pub(super) fn request<'a>(args: &ListenArgs, run: &'a RunTables, per_class: usize) -> Request<'a> {
    Request {
        run,
        filter: args.filter.filter(),
        folder: args.destination.output.clone(),
        force: args.destination.force,
        of: Of::Detections,
        per_class,
        context_s: args.context_s,
        seed: args.seed,
    }
}

/// Says how many clips there are, and what to do with them.
pub(super) fn told(done: &Summary, folder: &Path) -> anyhow::Result<ExitCode> {
    output::notes(&done.notes);
    let (folder, clips) = (folder.display(), done.detections);
    output::line(&format!("{folder}: {clips} clips; judge them in review.html, or fill in the column verdict of sheet.csv"))?;
    Ok(ExitCode::SUCCESS)
}
