//! `chorus device`. The worker answers, because only the worker is linked to libtorch.

use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use chorus_engine::graph::Program;
use chorus_engine::worker_program;

use crate::args::DeviceArgs;

pub(crate) fn run(args: &DeviceArgs) -> anyhow::Result<ExitCode> {
    let Some(program) = worker_program(Program::Torch) else {
        bail!(
            "found no worker chorus-torch in the folder of chorus; build it with `make build`, after `make setup` for libtorch"
        );
    };
    let mut command = Command::new(&program);
    command.arg("device");
    if args.json {
        command.arg("--json");
    }
    let status = command.status().with_context(|| format!("{} cannot be started", program.display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
