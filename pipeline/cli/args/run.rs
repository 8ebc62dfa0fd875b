//! Arguments of commands that make and watch runs.

use std::path::PathBuf;

use chorus_engine::Share;
use clap::Args as ClapArgs;

use super::shared::ConfigArgs;
use super::values::at_least_one;

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// Stages to run [default: all]
    pub(crate) stages: Vec<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Run this stage and all later ones
    #[arg(long, value_name = "STAGE", conflicts_with = "stages")]
    pub(crate) from: Option<String>,
    /// Also run the stages that the named stages depend on
    #[arg(long)]
    pub(crate) with_upstream: bool,
    /// Also run units that are fresh
    #[arg(long)]
    pub(crate) force: bool,
    /// Compare the hash of every output with the recorded one; make damaged outputs again
    #[arg(long)]
    pub(crate) verify: bool,
    /// Make nothing: take all units from the runs that run.base names, and fail where none of them has a unit
    #[arg(long, conflicts_with = "force")]
    pub(crate) take_only: bool,
    /// Remove what was made from recordings that are gone, also where a whole site or most of the archive is
    #[arg(long)]
    pub(crate) remove_missing: bool,
    /// Only print what would be made, why, and how much disk space it needs
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// With --dry-run: print JSON
    #[arg(long, requires = "dry_run")]
    pub(crate) json: bool,
    /// Number of threads [default: all processors]
    #[arg(long, short, value_name = "THREADS")]
    pub(crate) jobs: Option<usize>,
    /// Make only these units, such as site=POND01 or site=POND01/date=2020-03-01; can be repeated
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Vec<String>,
    /// Make only this share of the units, such as 3/64; other processes make the other shares. What belongs to the whole run is made
    /// without --units
    #[arg(long, value_name = "SHARE")]
    pub(crate) units: Option<Share>,
    /// Run this SQL query when the stages are done
    #[arg(long, value_name = "SQL", conflicts_with = "dry_run")]
    pub(crate) query: Option<String>,
    /// Print warnings and errors only: no progress, and no advice at the end
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Threads of a job that makes a share
    #[arg(long, value_name = "THREADS", default_value_t = 2, value_parser = at_least_one)]
    pub(crate) threads: usize,
    /// Minutes that a job should last at least
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = at_least_one)]
    pub(crate) minutes: usize,
    /// Folder of another run, such as one on a part of the archive, whose log tells how fast the stages are here
    #[arg(long, value_name = "FOLDER")]
    pub(crate) speed_from: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// What the command does anyway
    #[arg(long, hide = true)]
    pub(crate) jobs: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SweepArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// A key and the values to try, such as train.seed=0,1,2; can be repeated to run all combinations [default: sweep.vary]
    #[arg(long, value_name = "KEY=V1,V2,…")]
    pub(crate) vary: Vec<String>,
    /// Only print the runs and what has to be made in each
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Make only what all runs have in common; then the parts can be made
    #[arg(long, conflicts_with = "part")]
    pub(crate) shared: bool,
    /// Make only these runs, such as 3/8: the third of eight parts. Then `chorus sweep` without --part makes the tables
    #[arg(long, value_name = "I/N")]
    pub(crate) part: Option<Share>,
    /// Number of threads [default: all processors]
    #[arg(long, short, value_name = "THREADS")]
    pub(crate) jobs: Option<usize>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SelfTrainArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Largest number of rounds; they end earlier when validation no longer gains
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=10))]
    pub(crate) rounds: u32,
    /// Number of threads [default: all processors]
    #[arg(long, short, value_name = "THREADS")]
    pub(crate) jobs: Option<usize>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Compare the hash of every output with the recorded one
    #[arg(long)]
    pub(crate) verify: bool,
    /// Also list the units
    #[arg(long)]
    pub(crate) units: bool,
}
