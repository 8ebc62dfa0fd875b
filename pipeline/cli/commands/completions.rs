//! `chorus completions`: scripts by which shells complete commands and options. They are made from the arguments.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::aot::generate;

use crate::args::{Args, CompletionsArgs};
use crate::output;

pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    generate(args.shell, &mut Args::command(), "chorus", &mut script);
    output::line(String::from_utf8(script)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
