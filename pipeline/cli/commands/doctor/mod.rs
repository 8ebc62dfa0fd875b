//! `chorus doctor`: whether this machine has what Chorus needs, a line for each part, with what to do where something is lacking. Nothing
//! is written but a folder for trials in the place of the run, which is removed again.

mod check;
mod installation;
mod machine;
mod place;

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::args::{DoctorArgs, UsageError};
use crate::declarations::declarations;
use crate::output::{self, aligned};

use check::{Check, State};

/// The key that says how much of the disk stays free.
const KEEP_FREE: &str = "units.keep_free_gib";

pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let (folder, keep_free_gib) = place_of(args)?;
    let installation = installation::look();
    let mut checks = installation.checks;
    checks.extend(place::checks(&folder, keep_free_gib));
    checks.extend(machine::checks(installation.cuda_devices));
    if args.json {
        let rows: Vec<_> = checks.iter().map(json).collect();
        output::json(&serde_json::to_string(&rows)?)?;
    } else {
        let rows: Vec<[String; 3]> = checks.iter().map(Check::row).collect();
        output::line(aligned(&rows).trim_end())?;
    }
    Ok(if checks.iter().any(|check| check.state == State::Fail) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The folder of the run, and how much of its disk stays free, GiB.
fn place_of(args: &DoctorArgs) -> anyhow::Result<(PathBuf, f64)> {
    let defaults = || declarations().defaults().number(KEEP_FREE);
    if args.config.config.is_none() && !args.config.set.is_empty() {
        return Err(UsageError("--set changes a configuration: name one with -c".into()).into());
    }
    Ok(match (&args.folder, &args.config.config, &args.config.run) {
        (Some(folder), ..) => (folder.clone(), defaults()),
        (None, Some(_), _) => {
            let config = args.config.load()?;
            (config.run_path(), config.number(KEEP_FREE))
        }
        (None, None, Some(run)) => (run.clone(), defaults()),
        (None, None, None) => (PathBuf::from("."), defaults()),
    })
}

fn json(check: &Check) -> serde_json::Value {
    json!({"name": check.name, "state": check.state.word(), "found": check.found, "advice": check.advice})
}
