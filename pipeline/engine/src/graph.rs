//! The stages as declarations: the whole pipeline on one page. A stage is one or two passes; a pass has a unit of work, inputs,
//! outputs and configuration keys, and at run time it can reach nothing else.
//!
//! `code_version` is raised by hand when a change of the code changes a pass's outputs; a golden test per stage fails when that was forgotten.

use crate::Config;
use crate::config::keys::Key;

/// What one execution of a pass covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// One site's local day.
    SiteDay,
    /// The whole run.
    Run,
}

/// What a pass reads besides its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// A file of the model's folder: this run's, or that of `model.path`.
    Model(&'static str),
    /// A file in each of the models' folders that a configuration key lists. The key is a hint, as with [`Input::File`].
    Models {
        /// The key.
        key: &'static str,
        /// The file.
        file: &'static str,
    },
    /// The file that a configuration key names, if it names one. Its content counts, and not its path: the key is a hint.
    File(&'static str),
    /// Files of the archive. Their content reaches the fingerprint through the pass's scan, or through `recordings.content_hash`.
    Archive,
    /// Recordings of the archive, as far as they are still there: the pass goes on without those that are not. What they held counts
    /// through `recordings.content_hash`; that they went away later does not.
    Sound,
}

/// What a pass writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A table, or one partition of it.
    Table(&'static str),
    /// A file, relative to the run's folder.
    File(&'static str),
    /// A folder, relative to the run's folder, of as many files as the work has; perhaps none. No other pass writes there.
    Folder(&'static str),
}

/// The program that executes a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `chorus` itself.
    Chorus,
    /// The worker that links libtorch.
    Torch,
}

/// One pass of a stage.
#[derive(Debug, Clone)]
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
    /// Those of its keys that change how it goes about its work and not what comes out: other values make nothing stale.
    pub hints: Vec<&'static str>,
    /// Who executes it.
    pub program: Program,
}

/// Keys that say what annotation files there are and how they are read.
const READING: &[&str] = &[
    "annotate.format",
    "annotate.folder",
    "annotate.label_text",
    "annotate.label_separator",
    "annotate.recording_column",
    "annotate.label_column",
    "annotate.start_column",
    "annotate.end_column",
    "annotate.low_column",
    "annotate.high_column",
    "annotate.quality_column",
    "annotate.frequency_unit",
    "annotate.code_table",
    "annotate.review_sheets",
];

/// The tables that the report reads, as far as a run makes them. Tables of arrays and of single windows are not among them: they are
/// most of a run.
const REPORTED: &[&str] = &[
    "recordings",
    "segments",
    "annotations",
    "reviews",
    "classes",
    "splits",
    "split_classes",
    "training_log",
    "metrics",
    "thresholds",
    "curves",
    "reliability",
    "detections",
    "activity",
    "sun_activity",
    "accumulation",
];

/// The column of the table behind [`Input::Parts`] that holds units as [`crate::Unit`] displays them.
pub const UNIT_COLUMN: &str = "unit";
/// Weights of a model.
pub const WEIGHTS: &str = "weights.safetensors";
/// Architecture, classes and feature settings of a model.
pub const MODEL_CARD: &str = "model.yaml";
/// The key that lists further models.
pub const ENSEMBLE: &str = "model.ensemble";
/// Thresholds and calibrations of a model.
pub const DECISIONS: &str = "decisions.yaml";

/// The passes of a run, in the order in which they are executed: each reads only what earlier ones write.
pub fn passes(config: &Config) -> Vec<Pass> {
    use Input::{Archive, Model, Parts, Table};
    let learns = config.text("model.path").is_none();
    let features = predicts_from_features(config);
    let pass = |stage, per, inputs: &[Input], outputs: &[Output], keys: &[&'static str]| Pass {
        stage,
        name: stage,
        per,
        code_version: 1,
        inputs: inputs.to_vec(),
        scanned: Vec::new(),
        outputs: outputs.to_vec(),
        keys: keys.to_vec(),
        hints: Vec::new(),
        program: Program::Chorus,
    };
    let mut passes = vec![
        Pass {
            code_version: 3,
            ..pass(
                "ingest",
                Per::SiteDay,
                &[Archive],
                &[Output::Table("recordings")],
                &["archive.audio", "archive.channel", "archive.exclude", "archive.timezone", "ingest.*", "units.max_recordings"],
            )
        },
        pass("segment", Per::SiteDay, &[Table("recordings")], &[Output::Table("segments")], &["segment.*"]),
    ];
    if learns {
        // Where folders are classes, the recordings' paths are the annotations.
        let class_inputs: &[Input] =
            if config.text("annotate.format") == Some("folders") { &[Archive, Table("recordings")] } else { &[Archive] };
        passes.extend([
            Pass {
                name: "annotate-classes",
                code_version: 4,
                ..pass(
                    "annotate",
                    Per::Run,
                    class_inputs,
                    &[Output::Table("classes")],
                    &[READING, &["annotate.classes"]].concat(),
                )
            },
            Pass {
                code_version: 4,
                // A file without a recording is filed under its site, which only a look at all recordings tells.
                scanned: vec!["recordings"],
                ..pass(
                    "annotate",
                    Per::SiteDay,
                    &[Archive, Table("recordings"), Table("segments"), Table("classes")],
                    &[Output::Table("annotations"), Output::Table("reviews"), Output::Table("labels")],
                    &[
                        READING,
                        &[
                            "annotate.reviewed",
                            "annotate.qualities",
                            "annotate.rule",
                            "annotate.min_overlap_s",
                            "annotate.min_overlap_fraction",
                        ],
                    ]
                    .concat(),
                )
            },
            Pass {
                code_version: 3,
                ..pass(
                    "split",
                    Per::Run,
                    &[Archive, Table("recordings"), Table("reviews"), Table("labels"), Table("classes")],
                    &[Output::Table("splits"), Output::Table("split_classes"), Output::Table("training_sets")],
                    &["split.*"],
                )
            },
        ]);
    }
    if features {
        passes.push(Pass {
            code_version: 2,
            ..pass(
                "featurize",
                Per::SiteDay,
                &[Archive, Table("recordings"), Table("segments")],
                &[Output::Table("features")],
                &["archive.channel", "featurize.*", "segment.window_s"],
            )
        });
    }
    if learns {
        passes.push(Pass {
            program: Program::Torch,
            code_version: 3,
            hints: vec![
                "train.checkpoint_every_s",
                "train.memory_gib",
                "train.device_memory_gib",
                "train.loader_threads",
                "train.initial_weights",
            ],
            ..pass(
                "train",
                Per::Run,
                &[
                    Table("training_sets"),
                    Parts { of: "features", by: "training_sets" },
                    Parts { of: "labels", by: "training_sets" },
                    Table("classes"),
                    Input::File("train.initial_weights"),
                ],
                &[
                    Output::File("model/weights.safetensors"),
                    Output::File("model/model.yaml"),
                    Output::File("model/curves.csv"),
                    Output::Table("training_log"),
                ],
                &["device", "model.license", "train.*", "featurize.*", "segment.window_s"],
            )
        });
    }
    let mut predict = pass(
        "predict",
        Per::SiteDay,
        &[
            Model(WEIGHTS),
            Model(MODEL_CARD),
            Input::Models { key: ENSEMBLE, file: WEIGHTS },
            Input::Models { key: ENSEMBLE, file: MODEL_CARD },
            Table("segments"),
        ],
        &[Output::Table("predictions")],
        &[
            "archive.channel",
            "device",
            "model.ensemble",
            "predict.batch_size",
            "predict.precision",
            "predict.embeddings",
            "predict.min_score",
            "featurize.*",
            "segment.window_s",
            "train.threads",
        ],
    );
    predict.code_version = 5;
    predict.hints = vec!["model.ensemble"];
    if config.get("predict.embeddings").as_bool() == Some(true) {
        predict.outputs.push(Output::Table("embeddings"));
    }
    predict.program = Program::Torch;
    predict.inputs.extend(if features { vec![Table("features")] } else { vec![Archive, Table("recordings")] });
    passes.push(predict);
    if learns {
        passes.push(Pass {
            code_version: 3,
            ..pass(
                "evaluate",
                Per::Run,
                &[Table("predictions"), Table("labels"), Table("splits"), Table("recordings")],
                &[
                    Output::Table("metrics"),
                    Output::Table("reliability"),
                    Output::Table("confusions"),
                    Output::Table("curves"),
                    Output::Table("thresholds"),
                    Output::Table("calibration"),
                    Output::File("model/decisions.yaml"),
                ],
                &["evaluate.*"],
            )
        });
    }
    passes.extend([
        Pass {
            code_version: 4,
            ..pass(
                "detect",
                Per::SiteDay,
                &[Table("predictions"), Table("recordings"), Model(DECISIONS)],
                &[Output::Table("detections"), Output::Table("activity_parts"), Output::Table("night_parts")],
                &["detect.*", "predict.min_score"],
            )
        },
        Pass {
            name: "detect-activity",
            code_version: 3,
            ..pass(
                "detect",
                Per::Run,
                &[Table("activity_parts"), Table("night_parts"), Model(MODEL_CARD)],
                &[
                    Output::Table("activity"),
                    Output::Table("sun_activity"),
                    Output::Table("nights"),
                    Output::Table("phenology"),
                    Output::Table("accumulation"),
                ],
                &[],
            )
        },
    ]);
    let is_made = |input: &Input| passes.iter().any(|pass| pass.makes(*input));
    let told: Vec<Input> = REPORTED.iter().map(|&table| Table(table)).filter(is_made).collect();
    let report = pass(
        "report",
        Per::Run,
        &[&told[..], &[Input::Sound, Model(MODEL_CARD)]].concat(),
        &[Output::File("report/index.html"), Output::Folder("report/clips")],
        &["archive.channel", "report.*"],
    );
    passes.push(Pass { code_version: 5, ..report });
    passes
}

/// Whether predictions come from the feature table rather than straight from the audio.
pub fn predicts_from_features(config: &Config) -> bool {
    match config.text("predict.source") {
        Some("features") => true,
        Some("audio") => config.text("model.path").is_none(),
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

impl Pass {
    /// Whether it declares this input.
    pub fn reads(&self, input: Input) -> bool {
        self.inputs.contains(&input)
    }

    /// Its keys, without those that only change how it goes about its work.
    pub fn counting_keys(&self) -> impl Iterator<Item = &'static Key> + '_ {
        Config::expand(&self.keys).into_iter().filter(|key| !self.hints.contains(&key.name))
    }

    /// The stages that must be fresh before it: those that make its inputs.
    pub fn upstream<'a>(&self, passes: &'a [Pass]) -> Vec<&'a Pass> {
        passes.iter().filter(|p| p.name != self.name && self.inputs.iter().any(|&i| p.makes(i))).collect()
    }

    /// Whether it makes this input.
    pub fn makes(&self, input: Input) -> bool {
        self.outputs.iter().any(|o| match (o, input) {
            (Output::Table(made), Input::Table(read) | Input::Parts { of: read, .. }) => *made == read,
            (Output::File(made), Input::Model(read)) => made.strip_prefix("model/") == Some(read),
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use chorus_tables::SWEEP;

    use super::*;

    fn config(sets: &[&str]) -> Config {
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
        Config::from_text("", "c", "c", &sets).unwrap()
    }

    #[test]
    fn every_pass_reads_only_what_an_earlier_one_writes_or_what_comes_from_outside() {
        for config in [config(&["annotate.format=anuraset_raw"]), config(&["model.path=m"])] {
            let passes = passes(&config);
            for (i, pass) in passes.iter().enumerate() {
                Config::expand(&pass.keys);
                for &input in &pass.inputs {
                    let maker = passes.iter().position(|p| p.makes(input));
                    let outside =
                        matches!(input, Input::Archive | Input::Sound | Input::File(_) | Input::Model(_) | Input::Models { .. })
                            && maker.is_none();
                    assert!(outside || maker.is_some_and(|m| m < i), "{}: {input:?}", pass.name);
                }
            }
        }
    }

    #[test]
    fn every_table_is_written_by_the_stage_that_its_schema_names() {
        let passes = passes(&config(&["annotate.format=anuraset_raw", "predict.embeddings=true"]));
        let of_sweeps: Vec<&str> = chorus_tables::all().iter().filter(|t| t.stage == SWEEP).map(|t| t.name.as_str()).collect();
        // `tests/sweep.rs` sees that these are written.
        assert_eq!(of_sweeps, ["sweep_metrics", "sweep_summary"]);
        for table in chorus_tables::all().iter().filter(|table| table.stage != SWEEP) {
            let maker = passes.iter().find(|p| p.outputs.iter().any(|o| matches!(o, Output::Table(t) if *t == table.name)));
            let maker = maker.unwrap_or_else(|| panic!("nobody writes {}", table.name));
            assert_eq!(maker.stage, table.stage);
            assert_eq!(table.partitioned, maker.per == Per::SiteDay, "{}", table.name);
        }
    }

    #[test]
    fn a_model_from_elsewhere_leaves_out_what_needs_labels() {
        let stages = stages(&passes(&config(&["model.path=m"])));
        assert_eq!(stages, ["ingest", "segment", "predict", "detect", "report"]);
        let stages = super::stages(&passes(&config(&["model.path=m", "predict.source=features"])));
        assert_eq!(stages, ["ingest", "segment", "featurize", "predict", "detect", "report"]);
    }
}
