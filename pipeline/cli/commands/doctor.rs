//! `chorus doctor`: what the file system of a run can.

use std::process::ExitCode;

use chorus_engine::{RunDir, abilities};

use crate::args::DoctorArgs;
use crate::output::{self, aligned};

pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let found = abilities(&args.folder)?;
    let free = RunDir::new(&args.folder).free_bytes()?;
    let mut rows: Vec<[String; 3]> = found
        .iter()
        .map(|ability| [ability.name.to_owned(), ability.found.clone(), ability.advice.unwrap_or_default().to_owned()])
        .collect();
    rows.push(["free space".into(), output::bytes(free), String::new()]);
    output::line(aligned(&rows).trim_end())?;
    Ok(if found.iter().any(|ability| ability.is_fatal) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
