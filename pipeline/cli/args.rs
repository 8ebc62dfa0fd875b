//! The arguments of every command, as typed.

use std::path::{Path, PathBuf};

use chorus_engine::{Config, RunDir, Share};
use chorus_report::export::{EXPORTS, ExportOption, Filter, Options};
use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::declarations::declarations;
use crate::help;

const EXAMPLES: &str = "\
Examples:
  chorus demo demo                                  make a synthetic survey to try things on
  chorus run -c configs/demo.yaml                   make every stage fresh
  chorus run featurize -c configs/demo.yaml         make one stage fresh
  chorus sweep -c configs/demo.yaml --vary train.mixing=none,mix2 --vary train.seed=0,1,2
                                                    compare methods over seeds
  chorus status -c configs/demo.yaml                what is fresh, what is not, and why
  chorus query \"SELECT * FROM metrics LIMIT 5\"      ask the newest run in runs/
  chorus export raven -o selections                 its detections for Raven, Audacity, R, GBIF, …
  chorus clips -o listen                            clips of detections to listen to, and a sheet for the verdicts
  chorus init /archive/2026 --model runs/demo/model write a configuration for an archive of one's own";

/// From an archive of field recordings to tables that answer questions.
#[derive(Debug, Parser)]
#[command(name = "chorus", version, about, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make stages fresh: all of them, or the ones that are named
    Run(RunArgs),
    /// What is fresh, what is not, and why
    Status(StatusArgs),
    /// Run every combination of some settings, and compare them in one table
    Sweep(SweepArgs),
    /// Ask the tables of a run in SQL
    Query(QueryArgs),
    /// Write a run's detections as files that other programs open
    Export(ExportArgs),
    /// Write clips of detections to listen to, with spectrograms and a sheet for the verdicts
    Clips(ClipsArgs),
    /// Say what the verdicts of a sheet tell of all detections: precision, and the threshold for a wanted one
    Review(ReviewArgs),
    /// Write a starting configuration for an archive
    Init(InitArgs),
    /// Check a configuration, its archive and its model, and make nothing
    Check(CheckArgs),
    /// Print configuration keys: meaning, unit, range, example and default
    Config(KeysArgs),
    /// Print the tables, or the columns of one, with units and meaning
    Schema(SchemaArgs),
    /// Which libtorch, CUDA and cuDNN there are, and which devices
    Device(DeviceArgs),
    /// What a model is, or in what two differ
    #[command(subcommand)]
    Model(ModelCommand),
    /// Say what audio files hold, how loud they are, and what is wrong with them
    Probe(ProbeArgs),
    /// Make a synthetic survey
    Demo(DemoArgs),
}

/// Wrong usage that clap does not see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Which configuration.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct ConfigArgs {
    /// Configuration file
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The configuration that this run was last made with
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    pub(crate) run: Option<PathBuf>,
    /// Put a value over the file's, such as featurize.n_mels=64
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

impl ConfigArgs {
    /// The file that is meant.
    pub(crate) fn file(&self) -> Result<PathBuf, UsageError> {
        match (&self.config, &self.run) {
            (Some(config), _) => Ok(config.clone()),
            (None, Some(run)) => Ok(RunDir::new(run).resolved_config()),
            (None, None) => {
                let next = "name a configuration with -c FILE (there are some in configs/, and `chorus init ARCHIVE` writes one), or a run with --run FOLDER";
                Err(UsageError(next.into()))
            }
        }
    }

    /// The checked configuration.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        let path = self.file()?;
        // A run that was moved is still the one that was named.
        let run = self.run.iter().map(|run| format!("run.path={}", run.display()));
        Ok(Config::load(&path, &run.chain(self.set.iter().cloned()).collect::<Vec<_>>(), declarations())?)
    }

    /// The run's folder; without any argument the newest in `runs/`.
    pub(crate) fn run_dir(&self) -> anyhow::Result<PathBuf> {
        match (&self.config, &self.run) {
            (Some(_), _) => Ok(self.load()?.run_path()),
            (None, Some(run)) => Ok(run.clone()),
            (None, None) => newest_run(Path::new("runs")).ok_or_else(|| {
                UsageError(
                    "there is no run in runs/ yet: make one with `chorus run -c FILE`, or name one with --run FOLDER".into(),
                )
                .into()
            }),
        }
    }
}

/// The run that was worked on last.
fn newest_run(runs: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(runs).ok()?.flatten().map(|entry| entry.path());
    let dated = folders.filter_map(|run| Some((std::fs::metadata(RunDir::new(&run).log()).ok()?.modified().ok()?, run)));
    dated.max().map(|(_, run)| run)
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// Stages; all of them when none is named
    pub(crate) stages: Vec<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// This stage and all later ones
    #[arg(long, value_name = "STAGE", conflicts_with = "stages")]
    pub(crate) from: Option<String>,
    /// The named stages and all that they depend on
    #[arg(long)]
    pub(crate) with_upstream: bool,
    /// Make units again though they are fresh
    #[arg(long)]
    pub(crate) force: bool,
    /// Read every output and compare its hash with the recorded one, so that damaged ones are made again
    #[arg(long)]
    pub(crate) verify: bool,
    /// Say what would be made, why, and how much disk it needs
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// With --dry-run: as JSON
    #[arg(long, requires = "dry_run")]
    pub(crate) json: bool,
    /// Threads: units in work at once, and recordings within a unit [default: all processors]
    #[arg(long, short, value_name = "THREADS")]
    pub(crate) jobs: Option<usize>,
    /// Only these units, such as site=POND01 or site=POND01/date=2020-03-01
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Vec<String>,
    /// Only this share of the units, such as 3/64, while other processes make the others; what belongs to the whole run is made by the first
    #[arg(long, value_name = "SHARE")]
    pub(crate) units: Option<Share>,
    /// When done, answer this question about the run
    #[arg(long, value_name = "SQL", conflicts_with = "dry_run")]
    pub(crate) query: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SweepArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// A key and the values to try, such as train.seed=0,1,2; several make every combination [default: sweep.vary]
    #[arg(long, value_name = "KEY=V1,V2,…")]
    pub(crate) vary: Vec<String>,
    /// Say which runs there would be, and what is to be made of each
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Threads: units in work at once, and recordings within a unit [default: all processors]
    #[arg(long, short, value_name = "THREADS")]
    pub(crate) jobs: Option<usize>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Read every output and compare its hash with the recorded one
    #[arg(long)]
    pub(crate) verify: bool,
    /// List the units too
    #[arg(long)]
    pub(crate) units: bool,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = help::query())]
pub(crate) struct QueryArgs {
    /// The question in SQL; `-` reads it from stdin
    #[arg(required_unless_present = "file")]
    pub(crate) sql: Option<String>,
    /// The configuration whose run is asked
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The run to ask; several make one of their tables, with a column `run` [default: the newest in runs/]
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    pub(crate) run: Vec<PathBuf>,
    /// With -c: put a value over the file's, such as run.path=runs/other
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// A value for the one-row table `params`: a number, true, a date such as 2020-03-01, or text; NAME:text=007 is text in any case
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) param: Vec<String>,
    /// Read the question from a file
    #[arg(long, short, value_name = "FILE", conflicts_with = "sql")]
    pub(crate) file: Option<PathBuf>,
    /// table, csv, json (one object a line) or parquet [default: by the extension of -o, else table]
    #[arg(long)]
    pub(crate) format: Option<String>,
    /// Write to a file in place of stdout
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// With format table: rows to show at most; 0 for all [default: 100, or all with -o]
    #[arg(long)]
    pub(crate) limit: Option<usize>,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
}

impl QueryArgs {
    /// The folders of the runs.
    pub(crate) fn run_dirs(&self) -> anyhow::Result<Vec<PathBuf>> {
        if !self.run.is_empty() {
            return Ok(self.run.clone());
        }
        let config = ConfigArgs { config: self.config.clone(), run: None, set: self.set.clone() };
        Ok(vec![config.run_dir()?])
    }
}

/// Whether tables have to be fresh.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct FreshArgs {
    /// Fail, and write nothing, where a table that is read is stale or incomplete, or where that is not known [default: a warning]
    #[arg(long)]
    pub(crate) fresh: bool,
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
            command.arg(clap::Arg::new(option.name).long(option.name).value_name(option.value).help(help))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for FormatArgs {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let value = |name: &str| matches.get_one::<String>(name).map(|value| (name.to_owned(), value.clone()));
        Ok(Self(Options::new(Self::all().iter().filter_map(|(option, _)| value(option.name)))))
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Debug, ClapArgs)]
#[command(after_help = help::export())]
pub(crate) struct ExportArgs {
    /// The format, one of those below
    pub(crate) format: String,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) destination: DestinationArgs,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
    #[command(flatten)]
    pub(crate) options: FormatArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ClipsArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) destination: DestinationArgs,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
    /// Clips of each class at most: a fifth of the highest scores, a fifth of the nearest to the threshold, the others a sample of all
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) per_class: usize,
    /// Seconds before and after each detection
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    pub(crate) context_s: f64,
    /// Seed of the draw
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ReviewArgs {
    /// A sheet that `chorus clips` wrote, with verdicts filled in: yes, no or unsure
    pub(crate) sheet: PathBuf,
    /// The precision that is wanted
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    pub(crate) precision: f64,
    /// table, csv or json (one object a line)
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = ["table", "csv", "json"])]
    pub(crate) format: String,
}

/// Where to.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct DestinationArgs {
    /// A new or empty folder to write
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// Put files over those of the same name in the folder; others stay
    #[arg(long)]
    pub(crate) force: bool,
}

/// Which detections.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct FilterArgs {
    /// Only this class; may be given several times
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Vec<String>,
    /// Only this site; may be given several times
    #[arg(long, value_name = "SITE")]
    pub(crate) site: Vec<String>,
    /// Only detections whose highest score is at least this, from 0 to 1
    #[arg(long, value_name = "SCORE", value_parser = share)]
    pub(crate) min_score: Option<f64>,
    /// Only detections whose probability is at least this, from 0 to 1
    #[arg(long, value_name = "PROBABILITY", value_parser = share)]
    pub(crate) min_probability: Option<f64>,
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
    /// Folder of a trained model, for an archive without labels
    #[arg(long, value_name = "FOLDER")]
    pub(crate) model: Option<PathBuf>,
    /// File to write; default configs/ and the archive's name
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
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
    /// Print a JSON Schema of configuration files in place of the keys; editors check and complete with it
    #[arg(long, conflicts_with = "key")]
    pub(crate) schema: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SchemaArgs {
    /// The table; a list of all when none is named
    pub(crate) table: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DeviceArgs {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Network, classes, thresholds, settings, what it learnt from, and how good it is
    Show {
        /// The model's folder, such as runs/NAME/model
        folder: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Everything that differs between two models, and their test figures side by side
    Compare {
        /// The one model's folder
        first: PathBuf,
        /// The other's
        second: PathBuf,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ProbeArgs {
    /// Audio files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// As JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the samples of the one file to stdout instead: float32, little-endian, channels interleaved
    #[arg(long, conflicts_with = "json")]
    pub(crate) samples: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DemoArgs {
    /// A new or empty folder
    pub(crate) folder: PathBuf,
    /// Seed of every random draw
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Recorders, each with its own site
    #[arg(long)]
    pub(crate) sites: Option<u32>,
    /// Nights
    #[arg(long)]
    pub(crate) nights: Option<u32>,
    /// Recordings a night at each site
    #[arg(long)]
    pub(crate) recordings_per_night: Option<u32>,
    /// Length of a recording, seconds
    #[arg(long)]
    pub(crate) recording_s: Option<f64>,
    /// Invented species, 8 to 24
    #[arg(long)]
    pub(crate) species: Option<u32>,
    /// Sample rate, Hz
    #[arg(long)]
    pub(crate) sample_rate_hz: Option<u32>,
    /// Most species that call at once
    #[arg(long)]
    pub(crate) max_polyphony: Option<u32>,
    /// A survey small enough for a test
    #[arg(long)]
    pub(crate) tiny: bool,
    /// Leave out the damaged files and the silent site
    #[arg(long)]
    pub(crate) no_troubles: bool,
}
