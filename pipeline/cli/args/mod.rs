//! The command line: all commands, and the arguments of each, by theme.

mod audio;
mod config;
mod export;
mod listen;
mod machine;
mod model;
mod run;
mod search;
mod shared;
mod tables;
mod values;

use clap::{Parser, Subcommand};

pub(crate) use audio::{DemoArgs, ProbeArgs};
pub(crate) use config::{CheckArgs, InitArgs, KeysArgs};
pub(crate) use export::ExportArgs;
pub(crate) use listen::{ClipsArgs, ListenArgs, NextArgs, PrevalenceArgs, ReviewArgs, RoundsArgs};
pub(crate) use machine::{CompletionsArgs, DeviceArgs, DoctorArgs, ManArgs, TorchArgs};
pub(crate) use model::{BackboneCommand, ModelCommand, ModelExport};
pub(crate) use run::{PlanArgs, RunArgs, SelfTrainArgs, StatusArgs, SweepArgs};
pub(crate) use search::{ClipArgs, ClustersArgs, EnrollArgs, ExampleArgs, SearchArgs};
pub(crate) use shared::{AnswerArgs, ConfigArgs, RunsArgs, UsageError, newest_run};
pub(crate) use tables::{PublishArgs, QueryArgs, SchemaArgs};

const EXAMPLES: &str = "\
Examples:
  chorus demo demo                                  write a synthetic survey to the folder demo
  chorus run -c configs/demo.yaml                   run all stages; units that are fresh are kept
  chorus run featurize -c configs/demo.yaml         run one stage
  chorus sweep -c configs/demo.yaml --vary train.mixing=none,mix2 --vary train.seed=0,1,2
                                                    compare two methods over three seeds
  chorus status -c configs/demo.yaml                show which stages are fresh (up to date)
  chorus query \"SELECT * FROM metrics LIMIT 5\"      query the newest run in runs/
  chorus export raven -o selections                 export detections for Raven (or Audacity, R, GBIF, …)
  chorus clips -o listen                            cut clips of detections to listen to
  chorus next -o round1                             choose windows whose labels would help most
  chorus init /archive/2026 --model runs/demo/model write a configuration for your own archive";

/// Turns an archive of field recordings into tables that answer questions
#[derive(Debug, Parser)]
#[command(name = "chorus", version, about, after_help = EXAMPLES)]
pub(crate) struct Args {
    // Without one, `chorus` says what is in this folder and what to type next.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run all stages, or the named ones; units that are fresh (up to date) are kept
    Run(RunArgs),
    /// Show which stages are fresh (up to date), and why others are not
    Status(StatusArgs),
    /// Propose jobs for a cluster: in how many shares to cut a run, with memory, time and GPU
    Plan(PlanArgs),
    /// Run every combination of some settings and compare their metrics
    Sweep(SweepArgs),
    /// Train, then let the model teach a new one with recordings that nobody labelled, for some rounds
    SelfTrain(SelfTrainArgs),
    /// Query the tables of a run in SQL
    Query(QueryArgs),
    /// Put a run on an object store, where others can query it
    Publish(PublishArgs),
    /// Find the windows that sound most like an example
    Search(SearchArgs),
    /// Add a class to a trained model from a few examples, without training again
    Enroll(EnrollArgs),
    /// Group what is in an archive by how it sounds, largest groups first
    Clusters(ClustersArgs),
    /// Export the detections of a run for other programs
    Export(ExportArgs),
    /// Cut clips of detections, or of windows, to listen to, with spectrograms and a sheet for verdicts
    Clips(ClipsArgs),
    /// Choose what to listen to next: clips of windows whose labels would teach the model most
    Next(NextArgs),
    /// Estimate the precision of all detections from a sheet with verdicts
    Review(ReviewArgs),
    /// Estimate how often each class calls, by site and night, from windows that somebody heard
    Prevalence(PrevalenceArgs),
    /// Show what each round of listening taught, and which classes can stop
    Rounds(RoundsArgs),
    /// Write a starting configuration for an archive
    Init(InitArgs),
    /// Check a configuration, its archive and its model, without running anything
    Check(CheckArgs),
    /// Print the configuration keys with meaning, unit, range, example and default
    Config(KeysArgs),
    /// List the tables, or the columns of one table with units and meaning
    Schema(SchemaArgs),
    /// Show the versions of libtorch, CUDA and cuDNN, and the available devices
    Device(DeviceArgs),
    /// Get libtorch, which training and prediction need, from PyPI
    Torch(TorchArgs),
    /// Check installation, libraries, disk, clock, processor and GPU, and say what to mend
    Doctor(DoctorArgs),
    /// Try out a backbone, or print the contracts of known ones
    #[command(subcommand)]
    Backbone(BackboneCommand),
    /// Describe a model, compare two models, or write one for other programs
    #[command(subcommand)]
    Model(ModelCommand),
    /// Show format, level and damage of audio files
    Probe(ProbeArgs),
    /// Write a synthetic survey
    Demo(DemoArgs),
    /// Print a script that completes commands and options in a shell
    Completions(CompletionsArgs),
    /// Write a manual page of each command into a folder
    Man(ManArgs),
}
