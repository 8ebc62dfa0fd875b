//! Arguments of commands about the tables of runs.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::shared::{AnswerArgs, ConfigArgs, FreshArgs, RunsArgs};
use crate::help;

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
pub(crate) struct SchemaArgs {
    /// Table or view [default: list all tables]
    pub(crate) table: Option<String>,
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
