//! Arguments of commands around clips: choosing them, and what verdicts on them say.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::shared::{ConfigArgs, DestinationArgs, FilterArgs, FreshArgs};
use super::values::{at_least_one, composed_name, context, share};
use crate::help;

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
