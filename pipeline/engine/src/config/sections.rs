//! The keys of the engine itself: where a run reads and writes, and how its work is cut.

use chorus_keys::{Choices, Declarations, Finding, KeyType, Keys, Kind, Range, Values};
use serde::Deserialize;

/// The keys at the top level.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "")]
pub struct DeviceSettings {
    /// Device on which train and predict compute: auto, cpu, or cuda:N for the GPU of that number. auto is the first GPU, or the CPU
    /// where there is none.
    #[key(default = "auto", example = "cuda:0")]
    pub device: String,
}

/// The key of the section `archive` that the engine reads; ingest declares the others.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "archive")]
pub struct ArchiveFolder {
    /// Folder of the recordings, or URL of an object store: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, or https:// for
    /// WebDAV. It is only read, never written to.
    #[key(path, example = "/data/ponds")]
    pub path: Option<String>,
}

/// The section `run`.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "run")]
pub struct RunSettings {
    /// Folder of the run, to which all results are written; null: a folder in runs/ with the name of the configuration file.
    #[key(path, example = "runs/ponds")]
    pub path: Option<String>,
    /// Folder of another run, or a list of such folders. Units that would be the same as in one of these runs are taken over from it and
    /// not computed again.
    #[key(path, example = "runs/ponds")]
    pub base: Option<Folders>,
    /// How processes are kept from working on one run at the same time.
    #[key(default = "flock")]
    pub lock: Lock,
    /// Memory that a process of the run may take. The bounds of all stages and of questions in SQL follow from it; results do not depend on
    /// it. Null: half of what the machine has, or its container may use.
    #[key(unit = "GiB", range = 0.5.., example = "16")]
    pub memory_gib: Option<f64>,
}

/// One folder or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Folders {
    /// One.
    One(String),
    /// Several, in the order in which they are looked through.
    Several(Vec<String>),
}

impl KeyType for Folders {
    fn kind(_: Range) -> Kind {
        Kind::Names
    }
}

/// How processes are kept from working on one run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// By locks of the file system.
    Flock,
    /// Not at all: for file systems without locks, where a workflow engine starts one process at a time, or one for each share.
    None,
}

/// The key of the section `model` that the engine reads; train and predict declare the others.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "model")]
pub struct ModelFolder {
    /// Folder of a model that another run trained. With it nothing is trained here, and the settings of featurize and segment.window_s
    /// that the configuration does not give come from the model. segment.hop_s then equals the window length, unless the configuration
    /// gives one of the two.
    #[key(path, example = "runs/demo/model")]
    pub path: Option<String>,
    /// Keys whose values come from the model's card although the file has values too. A run lists here, in config.resolved.yaml, what
    /// it took from the card. In a configuration of your own, leave out the keys themselves instead.
    #[key(default = "[]")]
    pub settings: Vec<String>,
}

/// The section `backbone`.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "backbone")]
pub struct BackboneFile {
    /// File of a network that somebody else trained, which turns windows of sound into embeddings: ONNX (.onnx), TorchScript (.pt), or
    /// weights.safetensors of a model of Chorus. With it, the stage embed makes the table embeddings, and train learns a head on them.
    #[key(path, example = "birdnet.onnx")]
    pub path: Option<String>,
    /// File that describes the backbone: sample rate, window, input, outputs, licence. Null: the file beside backbone.path that has its
    /// name and the extension .yaml. `chorus backbone contract NAME` prints contracts of known backbones.
    #[key(path, example = "birdnet.yaml")]
    pub contract: Option<String>,
    /// File with the names of the classes that the backbone knows itself, one a line, for embed.min_score. Null: the file that
    /// the contract names in outputs.logits.classes.
    #[key(path, example = "birdnet-labels.txt")]
    pub classes: Option<String>,
}

/// The section `units`.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "units")]
pub struct UnitSettings {
    /// Largest number of recordings in a unit of work. A day of a site with more recordings is cut into several units.
    #[key(unit = "recordings", default = "200", range = 1..=100_000, example = "50")]
    pub max_recordings: usize,
    /// Disk space to keep free. A stage that would leave less does not start.
    #[key(unit = "GiB", default = "1", range = 0.0.., example = "20")]
    pub keep_free_gib: f64,
}

/// The engine's own keys.
pub fn declarations() -> Declarations {
    Declarations::default()
        .section::<DeviceSettings>()
        .section::<ArchiveFolder>()
        .section::<RunSettings>()
        .section::<ModelFolder>()
        .section::<BackboneFile>()
        .section::<UnitSettings>()
        .check(device)
}

fn device(values: &Values) -> Vec<Finding> {
    let device = values.text("device").unwrap_or("auto");
    let is_gpu = device.strip_prefix("cuda:").is_some_and(|number| number.parse::<u32>().is_ok());
    let fits = is_gpu || ["auto", "cpu"].contains(&device);
    (!fits).then(|| Finding::new("device", format!("`{device}`"), "allowed: auto, cpu or cuda:N")).into_iter().collect()
}
