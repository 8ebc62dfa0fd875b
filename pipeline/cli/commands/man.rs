//! `chorus man`: a manual page of each command. They are made from the arguments.

use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

use crate::args::{Args, ManArgs};
use crate::output;

pub(crate) fn run(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let folder = args.folder.display();
    std::fs::create_dir_all(&args.folder).with_context(|| format!("{folder} cannot be made"))?;
    clap_mangen::generate_to(Args::command(), &args.folder)
        .with_context(|| format!("{folder}: pages cannot be written there"))?;
    output::line(&format!("wrote the pages to {folder}; to read the first: man {folder}/chorus.1"))?;
    Ok(ExitCode::SUCCESS)
}
