//! Arguments of commands about sound files alone, without a run.

use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct ProbeArgs {
    /// Audio files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Print JSON, one object per line
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the samples of one file to stdout instead: float32, little-endian, channels interleaved
    #[arg(long, conflicts_with = "json")]
    pub(crate) samples: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DemoArgs {
    /// Folder to write; it must be new or empty
    pub(crate) folder: PathBuf,
    /// Random seed
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Number of sites, each with one recorder
    #[arg(long)]
    pub(crate) sites: Option<u32>,
    /// Number of nights
    #[arg(long)]
    pub(crate) nights: Option<u32>,
    /// Number of recordings per night and site
    #[arg(long)]
    pub(crate) recordings_per_night: Option<u32>,
    /// Length of a recording in seconds
    #[arg(long)]
    pub(crate) recording_s: Option<f64>,
    /// Number of invented species, 8 to 24
    #[arg(long)]
    pub(crate) species: Option<u32>,
    /// Sample rate in Hz
    #[arg(long)]
    pub(crate) sample_rate_hz: Option<u32>,
    /// Maximum number of species that call at the same time
    #[arg(long)]
    pub(crate) max_polyphony: Option<u32>,
    /// Write a survey small enough for a test
    #[arg(long)]
    pub(crate) tiny: bool,
    /// Leave out the damaged files and the silent site
    #[arg(long)]
    pub(crate) no_troubles: bool,
}
