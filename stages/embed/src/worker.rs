//! What every program that opens backbones answers, besides making the stage: a trial on noise, and the embedding of a clip.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chorus_archive::Local;
use chorus_audio::container;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::backbone::Runtime;
use crate::embed::open;
use crate::noise;
use crate::opened::Heard;
use crate::recording::{Source, hear};
use crate::settings::EmbedSettings;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum BackboneCommand {
    /// Tries a backbone out on noise, and prints what was found as JSON.
    Check(BackboneArgs),
    /// Prints the embedding of one window of a sound file as JSON.
    Clip {
        /// Which backbone.
        #[command(flatten)]
        backbone: BackboneArgs,
        /// The sound file.
        #[arg(long)]
        audio: PathBuf,
        /// Where the window starts, s.
        #[arg(long, default_value_t = 0.0)]
        at: f64,
        /// Length of a window of the run, s.
        #[arg(long)]
        window_s: f64,
        /// The section embed, as JSON.
        #[arg(long)]
        settings: String,
    },
}

/// Which backbone, and how it is opened.
#[derive(Debug, Args)]
pub struct BackboneArgs {
    /// The backbone's file.
    #[arg(long)]
    backbone: PathBuf,
    /// Its contract.
    #[arg(long)]
    contract: PathBuf,
    /// Where it computes.
    #[arg(long, default_value = "auto")]
    device: String,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Memory that it may take, GiB.
    #[arg(long, default_value_t = 8.0)]
    memory_gib: f64,
}

impl BackboneCommand {
    /// Answers on stdout.
    ///
    /// # Errors
    /// Those of opening and running the backbone, and of reading the sound.
    pub fn answer(&self, runtime: &dyn Runtime) -> anyhow::Result<()> {
        let (Self::Check(args) | Self::Clip { backbone: args, .. }) = self;
        let threads = rayon::ThreadPoolBuilder::new().num_threads(args.threads.max(1)).build()?;
        let BackboneArgs { backbone, contract, device, memory_gib, .. } = args;
        let opened =
            open(runtime, backbone, contract, device, args.threads.max(1), *memory_gib).map_err(anyhow::Error::from_boxed)?;
        let answer = match self {
            Self::Check(_) => {
                let batch = if opened.contract().has_batches() { 8 } else { 1 };
                serde_json::to_value(threads.install(|| noise::report(&opened, batch))?)?
            }
            Self::Clip { audio, at, window_s, settings, .. } => {
                let settings: EmbedSettings = serde_json::from_str(settings).context("--settings")?;
                let embedding = threads.install(|| clip(&opened, &settings, audio, *at, *window_s))?;
                json!({"id": opened.id(), "embedding": embedding})
            }
        };
        writeln!(std::io::stdout(), "{answer}").context("stdout")
    }
}

/// The embedding of the window of a sound file that starts at a second.
fn clip(opened: &crate::Opened, settings: &EmbedSettings, audio: &Path, at: f64, window_s: f64) -> anyhow::Result<Vec<f32>> {
    let absolute = std::path::absolute(audio)?;
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    let name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let archive = Local::new(folder);
    let facts = container::probe(&archive, &name)?;
    let length_s = facts.frames as f64 / f64::from(facts.sample_rate_hz);
    if at < 0.0 || at >= length_s {
        anyhow::bail!("{}: found {length_s:.1} s of sound, expected some at second {at}; give another second", audio.display());
    }
    let channels: Vec<usize> = (0..usize::from(facts.channels)).collect();
    let source = Source {
        path: &name,
        channels: &channels,
        segments: &[(at * f64::from(facts.sample_rate_hz)).round() as u64],
        segment_s: window_s,
        frames: facts.frames,
        rate_hz: facts.sample_rate_hz,
    };
    let mut found = Vec::new();
    let take = |heard: &Heard| {
        found.clone_from(&heard.embedding);
        Ok(())
    };
    hear(opened, settings, &archive, source, &|| false, take).map_err(anyhow::Error::from_boxed)?;
    Ok(found)
}
