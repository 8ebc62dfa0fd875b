//! What stages declare of themselves, and the rules over declarations. A stage is one or two passes. A pass has a unit
//! of work, inputs, outputs and configuration keys, and at run time it can reach nothing else. Each declaration stands
//! beside the stage's code.
//!
//! `code_version` is raised by hand when a change of the code changes a pass's outputs; a golden test fails when that
//! was forgotten.

use serde::{Deserialize, Serialize};

pub use chorus_card::{DECISIONS, MODEL_CARD, TAXA, WEIGHTS};

use crate::Config;

/// What one execution of a pass covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Per {
    /// One site's local day.
    SiteDay,
    /// The whole run.
    Run,
}

/// What a pass reads besides its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A table: of its own unit where both are by site-day, else all of it.
    Table(&'static str),
    /// Some parts of a partitioned table: those that another table names in its column [`UNIT_COLUMN`].
    Parts {
        /// The partitioned table.
        of: &'static str,
        /// The table that names them.
        by: &'static str,
    },
    /// A file of the model's folder: this run's, or that of `model.path`. Decisions are this run's own wherever it has labels.
    Model(&'static str),
    /// A file in each of the models' folders that a configuration key lists. The key is a hint, as with [`Input::File`].
    Models {
        /// The key.
        key: &'static str,
        /// The file.
        file: &'static str,
    },
    /// The file that a configuration key names, if it names one. Its content counts and its path does not, so the key is a hint.
    File(&'static str),
    /// A table of other runs, of the one or those that a configuration key names. The content as these runs recorded it counts and their
    /// paths do not, so the key is a hint. The table is one that is made by the pass that bears the name of its stage.
    Run {
        /// The key.
        key: &'static str,
        /// The table.
        table: &'static str,
    },
    /// Files of the archive. Their content reaches the fingerprint through the pass's scan, or through `recordings.content_hash`.
    Archive,
    /// Recordings of the archive that may be missing: the pass works without those that are. Their content counts through
    /// `recordings.content_hash`; that recordings were removed later makes nothing stale.
    OptionalArchive,
}

/// What a pass writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// A table, or one partition of it.
    Table(&'static str),
    /// A file, relative to the run's folder.
    File(&'static str),
    /// A folder, relative to the run's folder, with any number of files. No other pass writes there.
    Folder(&'static str),
}

/// The program that executes a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Program {
    /// `chorus` itself.
    Chorus,
    /// The worker that links libtorch.
    Torch,
    /// The worker that opens ONNX Runtime.
    Onnx,
}

impl Program {
    /// The name of its file.
    pub fn file(self) -> &'static str {
        match self {
            Self::Chorus => "chorus",
            Self::Torch => "chorus-torch",
            Self::Onnx => "chorus-onnx",
        }
    }

    /// The environment variable that names another file in its place.
    pub fn variable(self) -> String {
        self.file().to_uppercase().replace('-', "_")
    }
}

/// One pass of a stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pass {
    /// The stage it belongs to.
    pub stage: &'static str,
    /// Its own name: the stage's, unless the stage has two.
    pub name: &'static str,
    /// Unit of work.
    pub per: Per,
    /// Raised by hand when outputs change.
    pub code_version: u32,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// Tables by site-day of which its scan reads every part, to find out what its units are.
    pub scanned: Vec<&'static str>,
    /// What it writes.
    pub outputs: Vec<Output>,
    /// Configuration keys that it may read; `section.*` for a whole section.
    pub keys: Vec<&'static str>,
    /// Those of its keys that change how it works and not its outputs, such as a number of threads: other values make
    /// nothing stale.
    pub hints: Vec<&'static str>,
    /// Which program executes it.
    pub program: Program,
    /// Whether it is of use in a run that has neither labels nor a model, such as a look at what an archive holds.
    pub exploratory: bool,
}

/// The column of the table behind [`Input::Parts`] that holds units as [`crate::Unit`] displays them.
pub const UNIT_COLUMN: &str = "unit";
/// The key that lists further models.
pub const ENSEMBLE: &str = "model.ensemble";

/// The key that names the file of a backbone.
pub const BACKBONE: &str = "backbone.path";
/// The key that names the contract of the backbone.
pub const CONTRACT: &str = "backbone.contract";

/// The key that names the file with the names of the backbone's own classes.
pub const BACKBONE_CLASSES: &str = "backbone.classes";

/// Whether the classifier is a head on the embeddings of a backbone, rather than a network of its own.
pub fn learns_from_embeddings(config: &Config) -> bool {
    let text = |key| config.values().text(key);
    text("train.on").map_or_else(|| text(BACKBONE).is_some(), |on| on == "embeddings")
}

/// The table of what a head is given: embeddings of whole windows, or of each position within them.
pub fn table_of_heads(config: &Config) -> &'static str {
    if config.is_on("embed.map") { "embedding_maps" } else { "embeddings" }
}

/// The value of `head.method` for a head that libtorch trains step by step.
pub const GRADIENT: &str = "gradient";

/// Whether the classifier is trained step by step, so that there is a table `training_log`: a network, or a head of the method
/// [`GRADIENT`].
pub fn trains_in_steps(config: &Config) -> bool {
    let trains = config.text("model.path").is_none();
    trains && (!learns_from_embeddings(config) || config.text("head.method") == Some(GRADIENT))
}

/// The keys of the section `train` that change how a training works and not what it gives, and the one whose file counts by its content.
pub const TRAINING_HINTS: &[&str] = &[
    "train.checkpoint_every_s",
    "train.memory_gib",
    "train.device_memory_gib",
    "train.loader_threads",
    "train.initial_weights",
    // What it stands for are the values of other keys.
    "train.recipe",
];

/// Whether the run has labels: to train on, or to judge the model of `model.path` by. A run that is given neither a model nor labels counts as
/// one with labels that are still to be named.
pub fn has_labels(config: &Config) -> bool {
    let format = config.values().text("annotate.format");
    config.text("model.path").is_none() || format.is_some_and(|format| format != "none")
}

/// Whether the run judges a model that another run trained.
pub fn judges_given_model(config: &Config) -> bool {
    config.text("model.path").is_some() && has_labels(config)
}

/// The table of labels that rest on clips which were chosen to listen to: made where [`reads_review_sheets`].
pub const CHOSEN_LABELS: &str = "chosen_labels";

/// Whether review sheets are among the run's labels.
pub fn reads_review_sheets(config: &Config) -> bool {
    let text = |key| config.values().text(key);
    has_labels(config) && (text("annotate.review_sheets").is_some() || text("annotate.format") == Some("review"))
}

/// Whether predictions are made from the table of features, rather than straight from the audio.
pub fn predicts_from_features(config: &Config) -> bool {
    if learns_from_embeddings(config) {
        return false;
    }
    match config.text("predict.source") {
        Some("features") => true,
        Some("audio") => false,
        _ => config.text("model.path").is_none(),
    }
}

/// The stages of a run, in order.
pub fn stages(passes: &[Pass]) -> Vec<&'static str> {
    let mut stages: Vec<&'static str> = passes.iter().map(|p| p.stage).collect();
    stages.dedup();
    stages
}

impl Input {
    /// The table, where it is one or parts of one.
    pub fn table(self) -> Option<&'static str> {
        match self {
            Self::Table(table) | Self::Parts { of: table, .. } => Some(table),
            _ => None,
        }
    }
}

impl Output {
    /// Whether it is what another pass declares as this input.
    pub(crate) fn is(self, input: Input) -> bool {
        match (self, input) {
            (Self::Table(made), Input::Table(read) | Input::Parts { of: read, .. }) => made == read,
            (Self::File(made), Input::Model(read)) => made.strip_prefix("model/") == Some(read),
            _ => false,
        }
    }
}

impl Pass {
    /// A pass that bears the name of its stage. It reads and writes nothing yet: a declaration sets what differs.
    pub fn new(stage: &'static str, per: Per) -> Self {
        Self {
            stage,
            name: stage,
            per,
            code_version: 1,
            inputs: Vec::new(),
            scanned: Vec::new(),
            outputs: Vec::new(),
            keys: Vec::new(),
            hints: Vec::new(),
            program: Program::Chorus,
            exploratory: false,
        }
    }

    /// Whether it declares this input.
    pub fn reads(&self, input: Input) -> bool {
        self.inputs.contains(&input)
    }

    /// The full names of its keys, without those that only change how it goes about its work.
    pub fn counting_keys(&self, config: &Config) -> Vec<String> {
        let mut keys = config.expand(&self.keys);
        keys.retain(|key| !self.hints.contains(&key.as_str()));
        keys
    }

    /// Whether it declares a key, by its name or with its whole section.
    pub fn declares_key(&self, name: &str) -> bool {
        self.keys.iter().any(|declared| declared.strip_suffix('*').map_or(*declared == name, |prefix| name.starts_with(prefix)))
    }

    /// The tables that it writes.
    pub fn tables(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.outputs.iter().filter_map(|o| if let Output::Table(t) = o { Some(*t) } else { None })
    }

    /// The stages that must be fresh before it: those that make its inputs.
    pub fn upstream<'a>(&self, passes: &'a [Pass]) -> Vec<&'a Pass> {
        passes.iter().filter(|p| p.name != self.name && self.inputs.iter().any(|&i| p.makes(i))).collect()
    }

    /// Whether it makes this input.
    pub fn makes(&self, input: Input) -> bool {
        self.outputs.iter().any(|output| output.is(input))
    }
}
