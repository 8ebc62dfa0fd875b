//! `chorus-onnx`: the worker that `chorus` starts for backbones in ONNX files. ONNX Runtime is opened at run time, so that nothing is linked.

mod library;
mod parts;
mod session;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use chorus_embed::worker::BackboneCommand;
use chorus_embed::{Embed, FindSpeech};
use chorus_engine::graph::Program;
use chorus_worker::{RunArgs, ended, serve};
use clap::{Parser, Subcommand};
use serde_json::json;

use session::Onnx;

#[derive(Parser)]
#[command(name = "chorus-onnx", version, about = "Runs the stage embed for chorus, with backbones in ONNX files")]
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
    /// Opens ONNX Runtime, and prints its version, its file, and whether it can use NVIDIA's cards, as JSON.
    Library,
}

fn main() -> ExitCode {
    ended(match Args::parse().command {
        Command::Run(args) => run(args),
        Command::Backbone(command) => Onnx::start().map_err(anyhow::Error::msg).and_then(|onnx| command.answer(&onnx)),
        Command::Library => library(),
    })
}

fn library() -> anyhow::Result<()> {
    let onnx = Onnx::start().map_err(anyhow::Error::msg)?;
    let path = library::find().map_err(anyhow::Error::msg)?.display().to_string();
    let found = json!({"version": onnx.version(), "path": path, "cuda": library::has_cuda()});
    writeln!(std::io::stdout(), "{found}").context("stdout")
}

fn run(args: RunArgs) -> anyhow::Result<()> {
    serve(args, Program::Onnx, |config, registry| {
        let onnx = Arc::new(Onnx::start().map_err(anyhow::Error::msg)?);
        let device = session::device(config.text("device").unwrap_or("auto"));
        let versions = [("onnxruntime".to_owned(), onnx.version().to_owned()), ("device".to_owned(), device.kind().to_owned())];
        let registry = registry.holding("embed", Embed(Arc::clone(&onnx))).holding("speech", FindSpeech(onnx));
        Ok((registry, versions.into()))
    })
}
