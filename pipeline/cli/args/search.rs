//! Arguments of `chorus search`, `chorus enroll` and `chorus clusters`.

use std::path::PathBuf;

use chorus_search::{Filter, Hours, SearchError};
use clap::Args as ClapArgs;
use jiff::civil::Date;

use super::shared::{AnswerArgs, FreshArgs, RunsArgs};
use super::values::{composed_name, context, seconds, strength};

const SEARCH: &str = "\
Similarity is the cosine of two embeddings: 1 for the same direction. The search is exact: every window is compared with every example.
Examples:
  chorus search --recording POND01/POND01_20200301_190000.wav --at 12
  chorus search --class FICPRI --site 'POND*' --hours 20-5 --top 100 --clips listen
  chorus search --table annotations --where \"label LIKE '%drum%'\"
docs/searching.md says more.";

const ENROLL: &str = "\
The run is the one that trained the model, with the table embeddings: a head on a backbone, or a network with predict.embeddings.
Examples:
  chorus enroll FROG --clip frog1.wav --clip frog2.wav -o models/with-frog
  chorus enroll FROG --table annotations --where \"label = 'new frog'\" -o models/with-frog
  chorus run -c configs/ponds.yaml --set model.path=models/with-frog --set run.path=runs/with-frog
docs/without-labels.md says more.";

const CLUSTERS: &str = "\
Examples:
  chorus clusters --clips listen
  chorus clusters --groups 200 --site POND01 --hours 20-5 -o groups.csv
docs/searching.md says how groups are made.";

#[derive(Debug, ClapArgs)]
#[command(after_help = SEARCH)]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    pub(crate) runs: RunsArgs,
    #[command(flatten)]
    pub(crate) examples: ExampleArgs,
    /// Number of windows to find
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) top: u32,
    /// Use the mean similarity to all examples [default: the similarity to the nearest example]
    #[arg(long)]
    pub(crate) mean: bool,
    /// Also find the examples themselves
    #[arg(long)]
    pub(crate) with_examples: bool,
    #[command(flatten)]
    pub(crate) windows: WindowArgs,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    #[command(flatten)]
    pub(crate) clips: ClipArgs,
    /// With --clips: the class that the sheet asks about [default: the class of --class, else the listener fills it in]
    #[arg(long, value_name = "CLASS", requires = "clips")]
    pub(crate) ask: Option<String>,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
}

/// What is searched for.
#[derive(Debug, Clone, ClapArgs)]
#[group(skip)]
pub(crate) struct ExampleArgs {
    /// Search with the windows of this recording, by its path in the archive or its recording_id
    #[arg(long, value_name = "PATH_OR_ID", group = "what", required_unless_present_any = ["class", "table", "clip"])]
    pub(crate) recording: Option<String>,
    /// With --recording or --clip: only the window at this second
    #[arg(long, value_name = "SECOND", conflicts_with_all = ["class", "table"], value_parser = seconds)]
    pub(crate) at: Option<f64>,
    /// Search with the reviewed windows in which this class calls (table labels)
    #[arg(long, group = "what", value_parser = composed_name)]
    pub(crate) class: Option<String>,
    /// Search with the windows of rows of this table, such as annotations or detections
    #[arg(long, group = "what", requires = "where")]
    pub(crate) table: Option<String>,
    /// With --table: which rows, as a condition in SQL, such as \"label = 'drum'\"
    #[arg(long, value_name = "CONDITION", requires = "table")]
    pub(crate) r#where: Option<String>,
    /// Search with a sound file; can be repeated
    #[arg(long, value_name = "FILE", group = "what")]
    pub(crate) clip: Vec<PathBuf>,
    /// Maximum number of examples that are compared; of more, these are spread evenly over them
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) examples: u32,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = ENROLL)]
pub(crate) struct EnrollArgs {
    /// Name of the new class
    #[arg(value_name = "CLASS", value_parser = composed_name)]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) runs: RunsArgs,
    #[command(flatten)]
    pub(crate) examples: ExampleArgs,
    /// Maximum number of windows of train that the class is told from; of more, these are spread evenly over them
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) others: u32,
    /// Strength of the regression, as in head.strengths [default: that of the model's head, or 0.01]
    #[arg(long, value_name = "C", value_parser = strength)]
    pub(crate) strength: Option<f64>,
    /// Folder for the model with the new class
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = CLUSTERS)]
pub(crate) struct ClustersArgs {
    #[command(flatten)]
    pub(crate) runs: RunsArgs,
    /// Number of groups
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) groups: u32,
    /// Windows of each group to name and to cut: the nearest to its centre
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) examples: u32,
    /// Seed of the sample from which the groups are made
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) windows: WindowArgs,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    #[command(flatten)]
    pub(crate) clips: ClipArgs,
    #[command(flatten)]
    pub(crate) fresh: FreshArgs,
}

/// Which windows are looked at.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct WindowArgs {
    /// Only this site; `*` stands for any text; can be repeated
    #[arg(long, value_name = "SITE", value_parser = composed_name)]
    pub(crate) site: Vec<String>,
    /// Only recordings that begin on this local date, such as 2020-03-01, or later
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<Date>,
    /// Only recordings that begin on this local date or earlier
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<Date>,
    /// Only windows that start within these local hours; 20-5 is from 20:00 to before 05:00
    #[arg(long, value_name = "HOURS")]
    pub(crate) hours: Option<Hours>,
}

impl WindowArgs {
    /// The filter.
    pub(crate) fn filter(&self) -> Result<Filter, SearchError> {
        let mut filter = Filter::default().sites(&self.site)?;
        (filter.from, filter.to, filter.hours) = (self.from, self.to, self.hours);
        Ok(filter)
    }
}

/// Clips of what was found.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct ClipArgs {
    /// Also write clips with spectrograms and a sheet for verdicts to this folder; it must be new or empty
    #[arg(long, value_name = "FOLDER")]
    pub(crate) clips: Option<PathBuf>,
    /// With --clips: seconds of sound to add before and after each window
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = context)]
    pub(crate) context_s: f64,
    /// With --clips: write to a folder that is not empty: replace files of the same name, keep others
    #[arg(long)]
    pub(crate) force: bool,
}
