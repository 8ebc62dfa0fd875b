//! `chorus device`. The worker answers, because only the worker is linked to libtorch.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, anyhow, bail};
use chorus_engine::graph::Program;
use chorus_engine::{worker_failure, worker_program};

use crate::args::DeviceArgs;

pub(crate) fn run(args: &DeviceArgs) -> anyhow::Result<ExitCode> {
    let worker = Program::Torch;
    let program = worker_program(worker).map_err(|lack| anyhow!("the worker {} {lack}", worker.file()))?;
    report(&program, if args.json { &["--json"] } else { &[] })?;
    Ok(ExitCode::SUCCESS)
}

/// Lets the worker print what libtorch offers here.
///
/// # Errors
/// It cannot be started or fails, for example since it does not find libtorch.
pub(crate) fn report(program: &Path, options: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(program).arg("device").args(options).status();
    let status = status.with_context(|| format!("{} cannot be started", program.display()))?;
    if !status.success() {
        bail!("the worker {} {}", program.display(), worker_failure(Program::Torch, status));
    }
    Ok(())
}
