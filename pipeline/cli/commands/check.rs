//! `chorus check`.

use std::process::ExitCode;

use crate::args::CheckArgs;
use crate::output;
use crate::stages::runner;

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    let run = config.run_path();
    let runner = runner(config);
    runner.check()?;
    output::line(&format!(
        "the configuration is sound; the run is {}, its stages: {}",
        run.display(),
        runner.stages().join(", ")
    ))?;
    Ok(ExitCode::SUCCESS)
}
