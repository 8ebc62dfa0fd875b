//! The command-line arguments of all commands.

use std::path::PathBuf;

use chorus_engine::Share;
use chorus_report::export::{EXPORTS, ExportOption, Filter, Options};
use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::help;
pub(crate) use crate::search_args::{ClustersArgs, EnrollArgs, SearchArgs};
use crate::shared_args::composed_name;
pub(crate) use crate::shared_args::{AnswerArgs, ConfigArgs, FreshArgs, RunsArgs, UsageError, newest_run};

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
    /// Remove what was made from recordings that are gone, also where most of the archive is
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

#[derive(Debug, ClapArgs)]
#[command(after_help = help::query())]
pub(crate) struct QueryArgs {
    /// The query in SQL; `-` reads it from stdin
    #[arg(required_unless_present = "file")]
    pub(crate) sql: Option<String>,
    #[command(flatten)]
    pub(crate) runs: RunsArgs,
    /// A value for `$NAME` in the query, and for the one-row table `params`; can be repeated. The type follows from the value:
    /// number, true or false, date (2020-03-01), else text; NAME:text=007 is always text
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) param: Vec<String>,
    /// Read the query from a file
    #[arg(long, short, value_name = "FILE", conflicts_with = "sql")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    /// With --format table: maximum number of rows; 0 for all [default: 100; with -o all]
    #[arg(long)]
    pub(crate) limit: Option<usize>,
    /// Memory that the query may use, such as 4GB; sorts and groups that need more use temporary files in the run's folder tmp
    /// [default: run.memory_gib of the run, else half of the machine's]
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
    /// Seconds after which the query is ended [default: 3600]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PublishArgs {
    /// Where to: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX. Credentials come from the environment
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
}

/// The options of single export formats.
#[derive(Debug, Clone)]
pub(crate) struct FormatArgs(pub(crate) Options);

impl FormatArgs {
    /// Every option once, with the names of the formats that take it.
    fn all() -> Vec<(ExportOption, String)> {
        let mut all: Vec<(ExportOption, Vec<&str>)> = Vec::new();
        for format in EXPORTS {
            for option in format.options() {
                match all.iter_mut().find(|(known, _)| known.name == option.name) {
                    Some((_, formats)) => formats.push(format.name()),
                    None => all.push((*option, vec![format.name()])),
                }
            }
        }
        all.into_iter().map(|(option, formats)| (option, formats.join(", "))).collect()
    }
}

impl ClapArgs for FormatArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        Self::all().into_iter().fold(command, |command, (option, formats)| {
            let help = format!("With {formats}: {}", option.about);
            let arg = clap::Arg::new(option.name).long(option.name).help(help);
            let is_switch = option.value.is_empty();
            command.arg(if is_switch { arg.action(clap::ArgAction::SetTrue) } else { arg.value_name(option.value) })
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for FormatArgs {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let value = |option: &ExportOption| {
            let is_switch = option.value.is_empty();
            let value = if is_switch {
                matches.get_flag(option.name).then(|| true.to_string())
            } else {
                matches.get_one::<String>(option.name).cloned()
            };
            value.map(|value| (option.name.to_owned(), value))
        };
        Ok(Self(Options::new(Self::all().iter().filter_map(|(option, _)| value(option)))))
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Debug, ClapArgs)]
#[command(after_help = help::export())]
pub(crate) struct ExportArgs {
    /// Format; see below
    pub(crate) format: String,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) destination: DestinationArgs,
    /// Write texts as they are. Without it, a text that a spreadsheet would take for a formula gets an apostrophe before it
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
    #[command(flatten)]
    pub(crate) options: FormatArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ClipsArgs {
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    /// Maximum number of clips per class: a fifth with the highest scores, a fifth nearest to the threshold, and a random sample
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = at_least_one)]
    pub(crate) per_class: usize,
    /// Sample windows in place of detections: by chance, from all scores, for `chorus prevalence`
    #[arg(long)]
    pub(crate) windows: bool,
}

/// What a person listens to, where it goes, and how clips are cut and drawn.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct ListenArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) destination: DestinationArgs,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
    /// Seconds of sound to add before and after, from 0 to 60
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = context)]
    pub(crate) context_s: f64,
    /// Seed of all that is left to chance
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = help::next())]
pub(crate) struct NextArgs {
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    /// Maximum number of clips per class
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least_one)]
    pub(crate) per_class: usize,
    /// Strategies with their shares of the clips, such as top=1,uncertain=2; others get none [default: see below]
    #[arg(long, value_name = "NAME=SHARE,…")]
    pub(crate) shares: Option<String>,
    /// Share of the clips that come from sites without labels, at least, where they have windows
    #[arg(long, value_name = "SHARE", default_value_t = 0.25, value_parser = share)]
    pub(crate) new_sites: f64,
    /// Maximum number of clips of a class from one hour at a site
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub(crate) per_hour: usize,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RoundsArgs {
    /// Sheets with verdicts, one for each round, in their order
    #[arg(required = true)]
    pub(crate) sheets: Vec<PathBuf>,
    /// Folder of the run that learned from a round; can be repeated, in the order of the rounds. With one more than there are
    /// sheets, the first is the run from before
    #[arg(long, value_name = "FOLDER")]
    pub(crate) run: Vec<PathBuf>,
    /// Format of the output: table, csv or json (one object per line)
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = ["table", "csv", "json"])]
    pub(crate) format: String,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ReviewArgs {
    /// A sheet from `chorus clips`, or from `chorus next`, with verdicts filled in: yes, no or unsure
    pub(crate) sheet: PathBuf,
    /// Precision to reach; the table shows the lowest threshold that has it
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    pub(crate) precision: f64,
    /// Format of the output: table, csv or json (one object per line)
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = ["table", "csv", "json"])]
    pub(crate) format: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PrevalenceArgs {
    /// Sheets from `chorus clips --windows`, with verdicts filled in [default: labels of validation and test recordings]
    pub(crate) sheets: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Only this class; can be repeated
    #[arg(long, value_name = "CLASS", value_parser = composed_name)]
    pub(crate) class: Vec<String>,
    /// Only this site; can be repeated
    #[arg(long, value_name = "SITE", value_parser = composed_name)]
    pub(crate) site: Vec<String>,
    /// A row for each night, or one for each site
    #[arg(long, value_name = "WHAT", default_value = "night", value_parser = ["night", "site"])]
    pub(crate) by: String,
    /// Format of the output: table, csv or json (one object per line)
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = ["table", "csv", "json"])]
    pub(crate) format: String,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
}

/// Where files are written.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct DestinationArgs {
    /// Folder to write; it must be new or empty
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// Write to a folder that is not empty: replace files of the same name, keep others
    #[arg(long)]
    pub(crate) force: bool,
}

/// Which detections are wanted.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct FilterArgs {
    /// Only this class; can be repeated
    #[arg(long, value_name = "CLASS", value_parser = composed_name)]
    pub(crate) class: Vec<String>,
    /// Only this site; can be repeated
    #[arg(long, value_name = "SITE", value_parser = composed_name)]
    pub(crate) site: Vec<String>,
    /// Minimum of a detection's highest score (of a window's score), from 0 to 1
    #[arg(long, value_name = "SCORE", value_parser = share)]
    pub(crate) min_score: Option<f64>,
    /// Minimum of a detection's (a window's) calibrated probability, from 0 to 1
    #[arg(long, value_name = "PROBABILITY", value_parser = share)]
    pub(crate) min_probability: Option<f64>,
}

/// Reads a whole number above 0.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "expected a whole number of at least 1".to_owned())
}

/// Reads seconds of context.
fn context(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value| (0.0..=60.0).contains(value)).ok_or_else(|| "expected 0 to 60 seconds".to_owned())
}

/// Reads a number from 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value| (0.0..=1.0).contains(value)).ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

impl FilterArgs {
    /// The filter.
    pub(crate) fn filter(&self) -> Filter {
        Filter {
            classes: self.class.iter().cloned().collect(),
            sites: self.site.iter().cloned().collect(),
            min_score: self.min_score,
            min_probability: self.min_probability,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct InitArgs {
    /// Folder of the recordings
    pub(crate) archive: PathBuf,
    /// Folder of a trained model: it is applied to the archive, and judged where the archive has labels
    #[arg(long, value_name = "FOLDER")]
    pub(crate) model: Option<PathBuf>,
    /// File to write [default: configs/ARCHIVE.yaml]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print no advice on what is missing and what comes next
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct KeysArgs {
    /// A key such as segment.window_s, or a section such as segment [default: all keys]
    pub(crate) key: Option<String>,
    /// Print a JSON Schema instead; editors use it to check and complete configuration files
    #[arg(long, conflicts_with = "key")]
    pub(crate) schema: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SchemaArgs {
    /// Table or view [default: list all tables]
    pub(crate) table: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DoctorArgs {
    /// Folder where a run would lie; it need not exist yet [default: that of the configuration, else the current folder]
    #[arg(conflicts_with_all = ["config", "run"])]
    pub(crate) folder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::aot::Shell,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ManArgs {
    /// Folder to write, such as ~/.local/share/man/man1
    pub(crate) folder: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DeviceArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TorchArgs {
    /// Set of libraries: cpu (1.2 GB), cuda (for NVIDIA cards, 4.7 GB), or auto: cuda if an NVIDIA driver is found
    #[arg(default_value = "auto", value_parser = ["auto", "cpu", "cuda"])]
    pub(crate) set: String,
    /// Wheel of the worker, chorus_survey_torch-….whl, which `make wheel` writes; its package is not on PyPI
    #[arg(long, value_name = "FILE")]
    pub(crate) wheel: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackboneCommand {
    /// Run a backbone on noise: inputs, outputs, speed, and what its contract lacks
    Check {
        /// File of the backbone: .onnx, .pt, or weights.safetensors of a model
        file: PathBuf,
        /// Its contract; by default the file beside it with the extension .yaml
        #[arg(long, value_name = "FILE")]
        contract: Option<PathBuf>,
        /// Device: auto, cpu or cuda:N
        #[arg(long, default_value = "auto")]
        device: String,
        /// Number of threads; by default one for each processor core
        #[arg(long, short)]
        jobs: Option<std::num::NonZeroUsize>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the contract of a known backbone, to be saved beside its file; without a name, list the names
    Contract {
        /// Name, such as perch-2
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Show network, classes, thresholds, settings, training data and test metrics
    Show {
        /// Folder of the model, such as runs/NAME/model
        folder: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show all differences between two models, with their test metrics side by side
    Compare {
        /// Folder of the first model
        first: PathBuf,
        /// Folder of the second model
        second: PathBuf,
    },
    /// Write a model for other programs
    #[command(subcommand)]
    Export(ModelExport),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelExport {
    /// Write an ONNX file: from sound to embedding, logits and probabilities, with a contract that makes it a backbone of Chorus
    Onnx {
        /// Folder of the model, such as runs/NAME/model
        folder: PathBuf,
        /// The file to write; its name ends in .onnx
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// What the network takes: windows of sound, or rows of the table features
        #[arg(long, value_name = "INPUT", default_value = "audio", value_parser = ["audio", "features"])]
        input: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

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
