//! `chorus next`: windows to listen to next.

use std::process::ExitCode;

use chorus_report::review::next::{Request, next, shares};

use super::clips::{request, told};
use super::freshness;
use crate::args::{NextArgs, UsageError};

pub(crate) fn run(args: &NextArgs) -> anyhow::Result<ExitCode> {
    let shares = shares(args.shares.as_deref()).map_err(|problem| UsageError(format!("--shares: {problem}")))?;
    let run = freshness::open(&args.listen.config)?;
    let clips = request(&args.listen, &run, args.per_class);
    let request = Request { clips, shares, new_sites: args.new_sites, per_hour: args.per_hour };
    freshness::check(std::slice::from_ref(&run), &request.tables(), args.listen.fresh.fresh)?;
    told(&next(&request)?, &args.listen.destination.output)
}
