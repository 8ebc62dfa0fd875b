//! Arguments of commands about configurations.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::shared::ConfigArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct InitArgs {
    /// Folder of the recordings
    pub(crate) archive: PathBuf,
    /// Folder of a trained model: it is applied to the archive, and judged where the archive has labels
    #[arg(long, value_name = "FOLDER")]
    pub(crate) model: Option<PathBuf>,
    /// File to write, - for stdout [default: configs/ARCHIVE.yaml]
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
