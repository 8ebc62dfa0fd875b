//! `chorus-torch`: the worker that `chorus` starts for the stages that need libtorch. It holds the engine and those stages and nothing
//! else.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use chorus_embed::worker::BackboneCommand;
use chorus_embed::{Embed, FindSpeech};
use chorus_engine::Config;
use chorus_engine::graph::{Program, learns_from_embeddings};
use chorus_torch::onnx::{self, Takes};
use chorus_torch::precision::Precision;
use chorus_torch::{Distill, Libtorch, Predict, Pretrain, Train, TrainHead, device, speed, trial};
use chorus_worker::{RunArgs, Versions, ended, serve};
use clap::{Parser, Subcommand};
use tch::Device;

#[derive(Parser)]
#[command(name = "chorus-torch", version, about = "Runs the stages of chorus that need libtorch")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes stages of a run fresh, within a run that chorus holds.
    Run(RunArgs),
    #[command(flatten)]
    Backbone(BackboneCommand),
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
    /// Compares a device with the processor, and measures its speeds, as JSON; fails where they are too far apart.
    Trial {
        /// auto, cpu or cuda:N.
        #[arg(long, default_value = "auto")]
        device: String,
        /// Threads of libtorch.
        #[arg(long, default_value_t = 1)]
        threads: usize,
        /// Windows of a batch, for the speeds.
        #[arg(long, default_value_t = 128)]
        batch: usize,
        /// Steps that are timed, after one that is not.
        #[arg(long, default_value_t = 30)]
        steps: usize,
    },
    /// Writes a model as an ONNX file, and says what was written as JSON.
    Export {
        /// The model's folder.
        #[arg(long)]
        model: PathBuf,
        /// The file to write.
        #[arg(long)]
        out: PathBuf,
        /// Whether it takes features in place of sound.
        #[arg(long)]
        features: bool,
    },
    /// Says which libtorch, CUDA and cuDNN there are, and which devices.
    Device {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    ended(match Args::parse().command {
        Command::Run(args) => run(args),
        Command::Backbone(command) => command.answer(&Libtorch),
        Command::Device { json } => describe(json),
        Command::Trial { device, threads, batch, steps } => trial(&device, threads, batch, steps),
        Command::Export { model, out, features } => export(&model, &out, if features { Takes::Features } else { Takes::Audio }),
        Command::Speed { threads, batch, steps, device, run } => speed(&device, threads, batch, steps, run.as_deref()),
    })
}

fn run(args: RunArgs) -> anyhow::Result<()> {
    serve(args, Program::Torch, |config, registry| {
        let device = device::resolve(config.text("device").unwrap_or("auto"))?;
        // Another device of the same kind makes nothing stale, another kind does.
        let mut versions: Versions = [
            ("libtorch".to_owned(), device::describe().libtorch_version),
            ("device".to_owned(), device::kind(device).to_owned()),
        ]
        .into();
        let registry = registry
            .holding("speech", FindSpeech(Libtorch))
            .holding("embed", Embed(Libtorch))
            .holding("pretrain", Pretrain)
            .holding("distill", Distill)
            .holding("predict", Predict);
        let on_embeddings = learns_from_embeddings(config);
        // A head computes in float32 whatever the key says.
        if !on_embeddings {
            versions.extend(resolved_precisions(config, device));
        }
        let registry = if on_embeddings { registry.holding("train", TrainHead) } else { registry.holding("train", Train) };
        Ok((registry, versions))
    })
}

/// What `auto` amounts to on the device, by the key that says `auto`: outputs depend on it.
fn resolved_precisions(config: &Config, device: Device) -> Vec<(String, String)> {
    let has_bfloat16 = device::lacks_bfloat16(device).is_none();
    let are_auto =
        ["predict.precision", "train.precision"].into_iter().filter(|key| config.text(key) == Some(Precision::Auto.name()));
    are_auto.map(|key| (key.to_owned(), Precision::Auto.resolved(has_bfloat16).name().to_owned())).collect()
}

fn speed(device: &str, threads: usize, batch: usize, steps: usize, run: Option<&Path>) -> anyhow::Result<()> {
    let speed = speed::measure(device::resolve(device)?, threads, batch, steps, run).map_err(anyhow::Error::from_boxed)?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&speed)?).context("stdout")
}

fn trial(device: &str, threads: usize, batch: usize, steps: usize) -> anyhow::Result<()> {
    let trial = trial::run(device::resolve(device)?, threads, batch, steps).map_err(anyhow::Error::from_boxed)?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&trial)?).context("stdout")?;
    let failures: Vec<String> = trial.failures().iter().map(|check| format!("{}: {}", check.what, check.found)).collect();
    anyhow::ensure!(failures.is_empty(), "{} and the processor are too far apart: {}", trial.device, failures.join("; "));
    Ok(())
}

fn export(model: &Path, out: &Path, takes: Takes) -> anyhow::Result<()> {
    onnx::check_name(out)?;
    let report = onnx::export(model, out, takes).map_err(anyhow::Error::from_boxed)?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?).context("stdout")
}

fn describe(json: bool) -> anyhow::Result<()> {
    let report = device::describe();
    let text = if json { serde_json::to_string(&report)? } else { report.to_string() };
    writeln!(std::io::stdout(), "{text}").context("stdout")
}
