//! `chorus next`: windows to listen to next.

use std::process::ExitCode;

use chorus_report::review::next::{Request, next, shares};

use super::clips::told;
use super::freshness;
use crate::args::{NextArgs, UsageError};

pub(crate) fn run(args: &NextArgs) -> anyhow::Result<ExitCode> {
    let shares = shares(args.shares.as_deref()).map_err(|problem| UsageError(format!("--shares: {problem}")))?;
    let run = freshness::open(&args.config.run_dir()?)?;
    let request = Request {
        run: &run,
        filter: args.filter.filter(),
        folder: args.destination.output.clone(),
        force: args.destination.force,
        per_class: args.per_class,
        shares,
        new_sites: args.new_sites,
        per_hour: args.per_hour,
        context_s: args.cut.context_s,
        seed: args.cut.seed,
    };
    freshness::check(std::slice::from_ref(&run), &request.tables(), args.fresh.fresh)?;
    told(&next(&request)?, &args.destination.output)
}
