//! Arguments of `chorus backbone` and `chorus model`.

use std::path::PathBuf;

use clap::Subcommand;

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
        #[arg(long, short, alias = "out", value_name = "FILE")]
        output: PathBuf,
        /// What the network takes: windows of sound, or rows of the table features
        #[arg(long, value_name = "INPUT", default_value = "audio", value_parser = ["audio", "features"])]
        input: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
