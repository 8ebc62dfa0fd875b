//! What the stages train and predict declare of themselves where the classifier is a head on embeddings.

use chorus_engine::Config;
use chorus_engine::graph::{
    BACKBONE, CONTRACT, ENSEMBLE, Input, MODEL_CARD, Output, Pass, Per, Program, TRAINING_HINTS, WEIGHTS, learns_from_embeddings,
    table_of_heads, trains_in_steps,
};

/// The stage train where a head is fitted at once; a run with a model from elsewhere does without.
pub fn train(config: &Config) -> Option<Pass> {
    let fits = learns_from_embeddings(config) && config.text("model.path").is_none() && !trains_in_steps(config);
    fits.then(|| {
        let mut pass = any_train(config);
        pass.outputs.push(Output::Table("head_trials"));
        pass
    })
}

/// The stage train where libtorch trains a head step by step.
pub fn train_in_steps(config: &Config) -> Option<Pass> {
    (learns_from_embeddings(config) && trains_in_steps(config)).then(|| {
        let mut pass = Pass { program: Program::Torch, ..any_train(config) };
        pass.outputs.extend([Output::File("model/curves.csv"), Output::Table("training_log"), Output::Table("training_mixing")]);
        pass.keys.extend(["device", "train.*"]);
        pass.hints.extend(TRAINING_HINTS);
        pass
    })
}

/// What both have in common.
fn any_train(config: &Config) -> Pass {
    use Input::{Parts, Table};
    Pass {
        inputs: vec![
            Table("training_sets"),
            // For the groups of the split, in which the inner folds are cut.
            Table("splits"),
            Parts { of: table_of_heads(config), by: "training_sets" },
            Parts { of: "labels", by: "training_sets" },
            Table("classes"),
            Input::File(BACKBONE),
            Input::File(CONTRACT),
        ],
        outputs: vec![Output::File("model/weights.safetensors"), Output::File("model/model.yaml")],
        keys: vec!["model.license", "head.*", "embed.hop_s", "embed.map", "embed.pool", "segment.window_s", BACKBONE, CONTRACT],
        hints: vec![BACKBONE, CONTRACT],
        ..Pass::new("train", Per::Run)
    }
}

/// The stage predict, from the table of embeddings.
pub fn predict(config: &Config) -> Option<Pass> {
    use Input::{Model, Models, Table};
    learns_from_embeddings(config).then(|| Pass {
        inputs: vec![
            Model(WEIGHTS),
            Model(MODEL_CARD),
            Models { key: ENSEMBLE, file: WEIGHTS },
            Models { key: ENSEMBLE, file: MODEL_CARD },
            Table("segments"),
            Table(table_of_heads(config)),
        ],
        outputs: vec![Output::Table("predictions")],
        keys: vec![
            ENSEMBLE,
            "predict.min_score",
            "embed.hop_s",
            "embed.map",
            "embed.pool",
            "head.context",
            "head.context_s",
            "segment.window_s",
        ],
        hints: vec![ENSEMBLE],
        ..Pass::new("predict", Per::SiteDay)
    })
}
