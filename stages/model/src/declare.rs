//! What the stages train and predict declare of themselves. It needs no libtorch, so that the command line can plan both stages
//! without linking it.

use chorus_engine::Config;
use chorus_engine::graph::{
    BACKBONE, CONTRACT, ENSEMBLE, Input, MODEL_CARD, Output, Pass, Per, Program, TRAINING_HINTS, WEIGHTS, learns_from_embeddings,
    predicts_from_features,
};

/// The weights that the stage distill makes, in the model's folder.
pub const DISTILLED: &str = "distilled.safetensors";
/// The same within the run.
pub const DISTILLED_FILE: &str = "model/distilled.safetensors";

/// The table of windows with labels that a teacher supposed.
pub const PSEUDO_LABELS: &str = "pseudo_labels";
/// The key that names the run whose scores teach.
pub const TEACHER: &str = "self_training.teacher";

/// Whether the network also learns from windows whose labels a teacher supposed.
pub fn has_teacher(config: &Config) -> bool {
    config.text("model.path").is_none() && !learns_from_embeddings(config) && config.text(TEACHER).is_some()
}

/// The weights that the stage pretrain makes, in the model's folder.
pub const PRETRAINED: &str = "pretrained.safetensors";
/// The same within the run.
pub const PRETRAINED_FILE: &str = "model/pretrained.safetensors";
/// The key that names further runs whose windows are learnt from without labels.
pub const OTHER_RUNS: &str = "pretrain.runs";
/// The key that lets recordings be learnt from whose group is judged.
pub const JUDGED_GROUPS: &str = "split.judged_groups_teach";

/// Keys of the section `train` that say how labels are learnt, and nothing of what is learnt without: another value of them does not make
/// pretraining stale.
const OF_LABELS: &[&str] = &[
    "train.on",
    "train.epochs",
    "train.learning_rate",
    "train.body_rate",
    "train.mixing",
    "train.loss",
    "train.focal_gamma",
    "train.focal_alpha",
    "train.asymmetric_gammas",
    "train.asymmetric_margin",
    "train.auc_weight",
    "train.label_smoothing",
    "train.logit_adjustment",
    "train.max_positive_weight",
    "train.sampling",
    "train.gain_db",
    "train.background_probability",
    "train.background_gain_db",
    "train.patience",
    "train.select",
];

/// Whether the network learns from windows without labels, before it learns anything else.
fn pretrains(config: &Config) -> bool {
    let trains = config.text("model.path").is_none() && !learns_from_embeddings(config);
    trains && config.get("pretrain.epochs").as_u64().unwrap_or(0) > 0
}

/// The stage pretrain; a run whose network starts from random weights does without.
pub fn pretrain(config: &Config) -> Option<Pass> {
    use Input::{Parts, Run, Table};
    pretrains(config).then(|| Pass {
        program: Program::Torch,
        inputs: vec![
            Table("splits"),
            Table("recordings"),
            Table("segments"),
            Table("features"),
            Table("classes"),
            Table("training_sets"),
            Parts { of: "labels", by: "training_sets" },
            Parts { of: "annotations", by: "training_sets" },
            Run { key: OTHER_RUNS, table: "features" },
            Run { key: OTHER_RUNS, table: "segments" },
            Run { key: OTHER_RUNS, table: "recordings" },
        ],
        outputs: vec![Output::File(PRETRAINED_FILE), Output::Table("pretraining_log")],
        keys: vec!["device", JUDGED_GROUPS, "pretrain.*", "train.*", "featurize.*", "segment.window_s"],
        hints: [TRAINING_HINTS, OF_LABELS, &[OTHER_RUNS]].concat(),
        ..Pass::new("pretrain", Per::Run)
    })
}

/// Whether the network learns the embeddings of a backbone before the labels.
fn distills(config: &Config) -> bool {
    let trains = config.text("model.path").is_none() && !learns_from_embeddings(config);
    trains && config.text(BACKBONE).is_some() && config.get("distill.epochs").as_u64().unwrap_or(0) > 0
}

/// The file of weights that a training starts from, where there is a stage pretrain.
fn start_from_pretrained(config: &Config) -> Vec<Input> {
    pretrains(config).then_some(Input::Model(PRETRAINED)).into_iter().collect()
}

/// The stage distill; a run whose network starts from random weights does without.
pub fn distill(config: &Config) -> Option<Pass> {
    use Input::Table;
    distills(config).then(|| Pass {
        program: Program::Torch,
        inputs: [vec![Table("splits"), Table("features"), Table("embeddings")], start_from_pretrained(config)].concat(),
        outputs: vec![Output::File(DISTILLED_FILE), Output::Table("distillation_log")],
        keys: vec!["device", "distill.*", "train.*", "featurize.*", "segment.window_s"],
        hints: TRAINING_HINTS.to_vec(),
        ..Pass::new("distill", Per::Run)
    })
}

/// The stage train; a run with a model from elsewhere does without, and one that learns from embeddings has another.
pub fn train(config: &Config) -> Option<Pass> {
    use Input::{Parts, Table};
    use Output::File;
    let trains = config.text("model.path").is_none() && !learns_from_embeddings(config);
    let mut inputs = vec![
        Table("training_sets"),
        Parts { of: "features", by: "training_sets" },
        Parts { of: "labels", by: "training_sets" },
        Table("classes"),
        Input::File("train.initial_weights"),
    ];
    let mut keys = vec!["device", "model.license", "train.*", "featurize.*", "segment.window_s"];
    keys.extend(["self_training.labelled_share", "self_training.last_epochs"]);
    let mut hints = TRAINING_HINTS.to_vec();
    if !distills(config) {
        inputs.extend(start_from_pretrained(config));
    }
    if distills(config) {
        inputs.extend([Input::Model(DISTILLED), Input::File(BACKBONE), Input::File(CONTRACT)]);
        keys.extend([BACKBONE, CONTRACT]);
        hints.extend([BACKBONE, CONTRACT]);
    }
    if has_teacher(config) {
        inputs.extend([Table(PSEUDO_LABELS), Parts { of: "features", by: PSEUDO_LABELS }]);
    } else {
        hints.extend(["self_training.labelled_share", "self_training.last_epochs"]);
    }
    trains.then(|| Pass {
        program: Program::Torch,
        code_version: 4,
        inputs,
        outputs: vec![
            File("model/weights.safetensors"),
            File("model/model.yaml"),
            File("model/curves.csv"),
            Output::Table("training_log"),
            Output::Table("training_mixing"),
        ],
        keys,
        hints,
        ..Pass::new("train", Per::Run)
    })
}

/// The stage predict, from the table of features or straight from the audio; a run that learns from embeddings has another.
pub fn predict(config: &Config) -> Option<Pass> {
    use Input::{Archive, Model, Models, Table};
    if learns_from_embeddings(config) {
        return None;
    }
    let mut inputs = vec![
        Model(WEIGHTS),
        Model(MODEL_CARD),
        Models { key: ENSEMBLE, file: WEIGHTS },
        Models { key: ENSEMBLE, file: MODEL_CARD },
        Table("segments"),
    ];
    inputs.extend(if predicts_from_features(config) { vec![Table("features")] } else { vec![Archive, Table("recordings")] });
    let mut outputs = vec![Output::Table("predictions")];
    if config.is_on("predict.embeddings") {
        outputs.push(Output::Table("embeddings"));
    }
    Some(Pass {
        program: Program::Torch,
        code_version: 6,
        inputs,
        outputs,
        keys: vec![
            "archive.channel",
            "device",
            "model.ensemble",
            "predict.batch_size",
            "predict.precision",
            "predict.embeddings",
            "predict.min_score",
            "featurize.*",
            "segment.window_s",
            // One of the two, so that units from before predict.threads existed stay fresh.
            if config.get("predict.threads").is_null() { "train.threads" } else { "predict.threads" },
        ],
        hints: vec!["model.ensemble"],
        ..Pass::new("predict", Per::SiteDay)
    })
}
