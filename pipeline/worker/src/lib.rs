//! What the worker programs of `chorus` have in common. A worker holds a heavy library that `chorus` does not link. `chorus` starts it for
//! the passes that need the library, and hands it the configuration on its standard input.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use chorus_engine::graph::Program;
use chorus_engine::{Config, Console, Registry, RunDir, RunOptions, Runner, Selection, Share, message, read_assignment};
use chorus_text::shown_lines;
use clap::Args;

/// The arguments with which `chorus` starts a worker for stages of a run.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The run's folder.
    #[arg(long)]
    run: PathBuf,
    /// Threads.
    #[arg(long, short, default_value_t = 1)]
    jobs: usize,
    /// Make units again though they are fresh.
    #[arg(long)]
    force: bool,
    /// Compare every output with its recorded hash.
    #[arg(long)]
    verify: bool,
    /// Make nothing; take units from the bases of the run.
    #[arg(long)]
    take_only: bool,
    /// Only these units.
    #[arg(long)]
    unit: Vec<String>,
    /// Only this share of the units.
    #[arg(long)]
    units: Option<Share>,
    /// The stages.
    #[arg(required = true)]
    stages: Vec<String>,
}

/// What the outputs of a worker's passes depend on besides: versions of its library, the kind of device; and under the name of a key what
/// its value amounts to on this machine, which counts for the passes that read the key.
pub type Versions = BTreeMap<String, String>;

/// Makes stages of a run fresh, within a run that `chorus` holds. `prepare` adds the works of the program's passes to the registry, and
/// says what their outputs depend on.
///
/// # Errors
/// Those of the assignment, of `prepare` and of the run.
pub fn serve(
    args: RunArgs,
    program: Program,
    prepare: impl FnOnce(&Config, Registry) -> anyhow::Result<(Registry, Versions)>,
) -> anyhow::Result<()> {
    let RunArgs { run, jobs, force, verify, take_only, unit: units, units: share, stages } = args;
    let (config, passes) = read_assignment(std::io::stdin().lock(), &RunDir::new(run))?;
    end_with_parent();
    let (registry, versions) = prepare(&config, Registry::of(passes))?;
    let archive = chorus_store::named(config.values())?;
    let runner = Runner::new(config, registry, Console::new().of_worker()).with_archive(archive);
    let runner = runner.as_worker(program, versions).with_share(share);
    runner.stop_on_signals().context("signals cannot be handled")?;
    runner.run(&RunOptions { force, units, verify, take_only, ..RunOptions::new(Selection::Only(stages), jobs) })?;
    Ok(())
}

/// Ends this process when the one that started it is gone, however that went; commits are atomic, so no moment is a bad one.
fn end_with_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0; 64];
        while std::io::stdin().read(&mut nothing).is_ok_and(|n| n > 0) {}
        std::process::exit(1);
    });
}

/// The exit status of a worker; an error goes to stderr.
pub fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "error: {}", shown_lines(&message(&*error)));
            ExitCode::FAILURE
        }
    }
}
