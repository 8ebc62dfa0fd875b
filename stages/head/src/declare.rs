//! What the stages train and predict declare of themselves where the classifier is a head on embeddings.

use chorus_engine::Config;
use chorus_engine::graph::{BACKBONE, CONTRACT, ENSEMBLE, Input, MODEL_CARD, Output, Pass, Per, WEIGHTS, learns_from_embeddings};

/// The stage train; a run with a model from elsewhere does without.
pub fn train(config: &Config) -> Option<Pass> {
    use Input::{Parts, Table};
    let trains = learns_from_embeddings(config) && config.text("model.path").is_none();
    trains.then(|| Pass {
        inputs: vec![
            Table("training_sets"),
            Parts { of: "embeddings", by: "training_sets" },
            Parts { of: "labels", by: "training_sets" },
            Table("classes"),
            Input::File(BACKBONE),
            Input::File(CONTRACT),
        ],
        outputs: vec![Output::File("model/weights.safetensors"), Output::File("model/model.yaml"), Output::Table("head_trials")],
        keys: vec!["model.license", "head.*", "embed.hop_s", "embed.pool", "segment.window_s", BACKBONE, CONTRACT],
        hints: vec![BACKBONE, CONTRACT],
        ..Pass::new("train", Per::Run)
    })
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
            Table("embeddings"),
        ],
        outputs: vec![Output::Table("predictions")],
        keys: vec![ENSEMBLE, "predict.min_score", "embed.hop_s", "embed.pool", "segment.window_s"],
        hints: vec![ENSEMBLE],
        ..Pass::new("predict", Per::SiteDay)
    })
}
