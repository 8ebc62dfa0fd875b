//! `chorus-torch`: the worker that `chorus` starts for the stages that need libtorch. It holds the engine and those two stages and
//! nothing else.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use chorus_engine::{Console, Registry, RunDir, RunOptions, Runner, Selection, Share, message, read_assignment};
use chorus_torch::{Predict, Train, device, speed};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "chorus-torch", version, about = "Runs the stages train and predict for chorus")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes stages of a run fresh, within a run that chorus holds.
    Run {
        /// The run's folder.
        #[arg(long)]
        run: PathBuf,
        /// Threads for decoding.
        #[arg(long, short, default_value_t = 1)]
        jobs: usize,
        /// Make units again though they are fresh.
        #[arg(long)]
        force: bool,
        /// Compare every output with its recorded hash.
        #[arg(long)]
        verify: bool,
        /// Only these units.
        #[arg(long)]
        unit: Vec<String>,
        /// Only this share of the units.
        #[arg(long)]
        units: Option<Share>,
        /// The stages.
        #[arg(required = true)]
        stages: Vec<String>,
    },
    /// Measures how fast this machine learns and predicts, in windows per second, as JSON.
    Speed {
        /// Threads of libtorch.
        #[arg(long, default_value_t = 1)]
        threads: usize,
        /// Windows of a batch.
        #[arg(long, default_value_t = 128)]
        batch: usize,
        /// Steps that are timed, after one that is not.
        #[arg(long, default_value_t = 3)]
        steps: usize,
        /// auto, cpu or cuda:N.
        #[arg(long, default_value = "auto")]
        device: String,
        /// A run whose feature table is read too.
        #[arg(long)]
        run: Option<PathBuf>,
    },
    /// Says which libtorch, CUDA and cuDNN there are, and which devices.
    Device {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Run { run, jobs, force, verify, unit, units, stages } => {
            let options = RunOptions { selection: Selection::Only(stages), force, jobs, units: unit, verify };
            make(RunDir::new(run), &options, units)
        }
        Command::Device { json } => describe(json),
        Command::Speed { threads, batch, steps, device, run } => speed(&device, threads, batch, steps, run.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "error: {}", message(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Ends this process when the one that started it is gone, however that went; commits are atomic, so no moment is a bad one.
fn end_with_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0; 64];
        while std::io::stdin().read(&mut nothing).is_ok_and(|n| n > 0) {}
        std::process::exit(1);
    });
}

fn make(run: RunDir, options: &RunOptions, share: Option<Share>) -> anyhow::Result<()> {
    let (config, passes) = read_assignment(std::io::stdin().lock(), &run)?;
    end_with_parent();
    let device = device::resolve(config.text("device").unwrap_or("auto"))?;
    let registry = Registry::of(passes).holding("train", Train).holding("predict", Predict);
    // Another device of the same kind makes nothing stale, another kind does.
    let runtime =
        [("libtorch".to_owned(), device::describe().libtorch_version), ("device".to_owned(), device::kind(device).to_owned())];
    let runner = Runner::new(config, registry, Console::new()).as_worker(runtime.into()).with_share(share);
    runner.stop_on_signals().context("signals cannot be handled")?;
    runner.run(options)?;
    Ok(())
}

fn speed(device: &str, threads: usize, batch: usize, steps: usize, run: Option<&Path>) -> anyhow::Result<()> {
    let speed = speed::measure(device::resolve(device)?, threads, batch, steps, run).map_err(anyhow::Error::from_boxed)?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&speed)?).context("stdout")
}

fn describe(json: bool) -> anyhow::Result<()> {
    let report = device::describe();
    let text = if json { serde_json::to_string(&report)? } else { report.to_string() };
    writeln!(std::io::stdout(), "{text}").context("stdout")
}
