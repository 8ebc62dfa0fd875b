//! Arguments of commands about the program on this machine: its libraries, devices, shell and manual.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::shared::ConfigArgs;

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
