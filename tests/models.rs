//! Models from end to end: embeddings, ensembles, precision, weights to start from, and what is told of a model.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{CHORUS, Survey, text};

fn chorus(args: &[&Path]) -> (bool, String) {
    let output = Command::new(CHORUS).args(args).output().unwrap();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

/// Scores by window and class.
fn scores(survey: &Survey) -> Vec<f64> {
    let rows = survey.ask("SELECT score FROM predictions ORDER BY segment_id, class");
    rows.lines().skip(1).map(|line| line.parse().unwrap()).collect()
}

#[test]
fn embeddings_are_made_on_request_and_go_when_they_are_no_longer_wanted() {
    let survey = Survey::made();
    let before = survey.results();
    let embeddings = survey.run().join("tables/embeddings");
    assert!(!embeddings.exists());
    survey.run_with(&["predict", "--with-upstream", "--set", "predict.embeddings=true"]);
    let count = |sql: &str| survey.ask(sql).lines().nth(1).unwrap().parse::<u64>().unwrap();
    assert_eq!(count("SELECT COUNT(*) AS n FROM embeddings"), count("SELECT COUNT(*) AS n FROM segments"));
    // A Small network of width 0.25 has so many channels after its last convolution.
    let schema = chorus_tables::schema("embeddings").unwrap();
    for path in common::contents(&embeddings, "embeddings").keys() {
        let reader = chorus_tables::TableReader::open(schema, &survey.run().join("tables").join(path)).unwrap();
        assert_eq!(reader.shape(), [144]);
    }
    survey.run_all();
    assert!(common::contents(&embeddings, "").is_empty());
    common::assert_same(&survey.results(), &before, "after embeddings were switched off");
}

#[test]
fn the_mean_of_equal_models_has_their_scores_and_thresholds_of_its_own() {
    let survey = Survey::made();
    let alone = scores(&survey);
    let model = survey.run().join("model");
    let copy = survey.folder().join("copy");
    common::copy(&model, &copy);
    let ensemble = format!("model.ensemble=[{}]", copy.display());
    survey.run_with(&["--set", &ensemble]);
    let together = scores(&survey);
    let largest = alone.iter().zip(&together).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(alone.len() == together.len() && largest < 1e-6, "{largest}");
    // The thresholds are those of the mean now: they do not fit the model alone, and they fit the same ensemble.
    let path = format!("model.path={}", model.display());
    let other = format!("run.path={}", survey.folder().join("other").display());
    let args = ["run", "--set", "annotate.format=none", "--set", &path, "--set", &other];
    let refused = survey.chorus(&args);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("another ensemble"), "{}", text(&refused.stderr));
    let output = survey.chorus(&[&args[..], &["--set", &ensemble]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    // Models for other classes cannot be averaged.
    let card = copy.join("model.yaml");
    let changed = std::fs::read_to_string(&card).unwrap().replacen("classes:\n- ", "classes:\n- X", 1);
    std::fs::write(&card, changed).unwrap();
    let refused = survey.chorus(&["run", "predict", "--set", &ensemble]);
    assert!(text(&refused.stderr).contains("other classes than the first model"), "{}", text(&refused.stderr));
}

#[test]
fn half_precision_gives_nearly_the_same_scores() {
    let survey = Survey::made();
    let single = scores(&survey);
    survey.run_with(&["predict", "--with-upstream", "--set", "predict.precision=bfloat16"]);
    let half = scores(&survey);
    let mean = single.iter().zip(&half).map(|(a, b)| (a - b).abs()).sum::<f64>() / single.len() as f64;
    assert!(mean > 0.0 && mean < 0.02, "{mean}");
    // A processor without bfloat16: `auto` computes in float32 there, and whoever asks for bfloat16 is told what it costs.
    let there = |precision: &str| {
        let set = format!("predict.precision={precision}");
        let mut command = survey.command(&["run", "predict", "--with-upstream", "--set", &set]);
        let output = command.env("CHORUS_INSTRUCTIONS", "avx2").output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    assert!(!there("auto").contains("warning"), "auto is no cause to warn");
    assert_eq!(scores(&survey), single);
    let recorded = common::recorded(&survey.run());
    let amounts = recorded["predict"].values().map(|unit| &unit["fingerprint"]["runtime"]["predict.precision"]);
    assert!(amounts.into_iter().all(|amount| amount == "float32"), "the state says what auto amounted to");
    let of_train = recorded["train"].values().all(|unit| unit["fingerprint"]["runtime"].get("predict.precision").is_none());
    assert!(of_train, "train does not depend on it");
    let told = there("bfloat16");
    assert_eq!(told.matches("bfloat16 is up to 20 times slower than float32 here").count(), 1, "{told}");
}

#[test]
fn a_training_starts_from_the_weights_of_a_file_and_counts_their_content() {
    let survey = Survey::made();
    let weights = survey.run().join("model/weights.safetensors");
    let start = survey.folder().join("start.safetensors");
    std::fs::copy(&weights, &start).unwrap();
    let before = std::fs::read(&weights).unwrap();
    let set = format!("train.initial_weights={}", start.display());
    let made = survey.made_by(|survey| drop(survey.run_with(&["--set", &set])));
    assert!(made.contains_key("train"));
    assert_ne!(std::fs::read(&weights).unwrap(), before);
    // The same content under another name makes nothing stale.
    let moved = survey.folder().join("moved.safetensors");
    std::fs::rename(&start, &moved).unwrap();
    let set = format!("train.initial_weights={}", moved.display());
    assert!(survey.run_with(&["--set", &set]).contains("nothing to do"));
    let missing = survey.chorus(&["run", "--set", "train.initial_weights=nowhere.safetensors"]);
    assert!(!missing.status.success());
    assert!(text(&missing.stderr).contains("nowhere.safetensors"), "{}", text(&missing.stderr));
}

#[test]
fn a_model_is_shown_and_compared() {
    let survey = Survey::made();
    let model = survey.run().join("model");
    let (ok, shown) = chorus(&[Path::new("model"), Path::new("show"), &model]);
    assert!(ok, "{shown}");
    for wanted in ["architecture", "mobilenet_v3_small", "training.data.features", "class", "threshold", "average_precision"] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let (ok, same) = chorus(&[Path::new("model"), Path::new("compare"), &model, &model]);
    assert!(ok && same.starts_with("the two models are the same"), "{same}");
    let other = survey.folder().join("run2");
    let set = format!("run.path={}", other.display());
    survey.run_with(&["evaluate", "--with-upstream", "--set", &set, "--set", "train.seed=1"]);
    let (ok, compared) = chorus(&[Path::new("model"), Path::new("compare"), &model, &other.join("model")]);
    assert!(ok && compared.contains("training.seed") && compared.contains("test average_precision"), "{compared}");
    assert!(!compared.contains("architecture"), "{compared}");
    let curves = std::fs::read_to_string(model.join("curves.csv")).unwrap();
    assert_eq!(curves.lines().count(), 4, "{curves}");
    let (ok, refused) = chorus(&[Path::new("model"), Path::new("show"), survey.folder()]);
    assert!(!ok && refused.contains("name the folder of a trained model"), "{refused}");
}
