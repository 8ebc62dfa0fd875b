//! Models from end to end: embeddings, ensembles, precision, weights to start from, and what is told of a model.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{CHORUS, Survey, ask, text};

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
    assert!(!there("auto").contains("slower than float32"), "auto is no cause to warn");
    assert_eq!(scores(&survey), single);
    let recorded = common::recorded(&survey.run());
    let of_predict = recorded["predict"].values().all(|unit| unit["fingerprint"]["runtime"]["predict.precision"] == "float32");
    assert!(of_predict, "the state says what auto amounted to");
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

/// Writes a model as ONNX.
fn exported(model: &Path, out: &Path, more: &[&str]) -> std::process::Output {
    Command::new(CHORUS).args(["model", "export", "onnx"]).arg(model).arg("--out").arg(out).args(more).output().unwrap()
}

/// The mean and the largest of some differences; the mean of none is no number, and so below no bound.
fn mean_and_most(apart: impl Iterator<Item = f64>) -> (f64, f64) {
    let apart: Vec<f64> = apart.collect();
    (apart.iter().sum::<f64>() / apart.len() as f64, apart.iter().copied().fold(0.0, f64::max))
}

/// ONNX Runtime makes of sound what libtorch makes of features. Features are rounded to float16 on both sides, where sums in another order
/// move some of them by a step of 1/16 dB. `tests/interop/onnx_files.py` holds 1e-4 on equal features.
#[test]
fn an_exported_model_is_a_backbone_that_gives_the_same_logits_and_embeddings() {
    let survey = Survey::made();
    survey.run_with(&["predict", "--with-upstream", "--set", "predict.embeddings=true"]);
    let (model, out) = (survey.run().join("model"), survey.folder().join("own.onnx"));
    let output = exported(&model, &out, &["--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["inputs"][0], "sound [batch, 48000], 16000 Hz, full scale 1");
    assert_eq!(report["outputs"][0], "embedding [batch, 144]");
    let contract = std::fs::read_to_string(out.with_extension("yaml")).unwrap();
    assert!(contract.contains("window_s: 3") && contract.contains("name: logits"), "{contract}");

    let other = survey.folder().join("other");
    let (backbone, run) = (format!("backbone.path={}", out.display()), format!("run.path={}", other.display()));
    let sets = ["--set", &backbone, "--set", &run, "--set", "embed.min_score=0"];
    let output = survey.chorus(&[&["run", "embed", "--with-upstream"], &sets[..]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let keys = "SELECT segment_id, class FROM";
    assert_eq!(
        ask(&other, &format!("{keys} backbone_scores ORDER BY segment_id, class")),
        ask(&survey.run(), &format!("{keys} predictions ORDER BY segment_id, class"))
    );
    let of = |run: &Path, sql: &str| ask(run, sql).iter().map(|line| line.parse::<f64>().unwrap()).collect::<Vec<_>>();
    let logits = of(&survey.run(), "SELECT logit FROM predictions ORDER BY segment_id, class");
    let scores = of(&other, "SELECT score FROM backbone_scores ORDER BY segment_id, class");
    // Scores of float32 near 0 and 1 no longer tell logits.
    let tells = |score: f64| (1e-3..0.999).contains(&score);
    let both: Vec<(f64, f64)> = logits.into_iter().zip(scores).collect();
    assert!(both.iter().all(|(logit, score)| tells(*score) || logit.abs() > 6.5), "{both:?}");
    let told: Vec<(f64, f64)> = both.into_iter().filter(|(_, score)| tells(*score)).collect();
    let apart = told.iter().map(|(logit, score)| (logit - (score / (1.0 - score)).ln()).abs());
    let (mean, most) = mean_and_most(apart);
    // How far a step of float16 reaches depends on the processor. It is little beside what tells windows and classes apart.
    let range = told.iter().fold((f64::MAX, f64::MIN), |(low, high), (logit, _)| (low.min(*logit), high.max(*logit)));
    let spread = range.1 - range.0;
    assert!(mean < 1e-3 && spread > 50.0 * most, "mean {mean}, at most {most}, of a spread of {spread}");
    let vectors = |run: &Path| -> Vec<f32> {
        let schema = chorus_tables::schema("embeddings").unwrap();
        let paths = common::contents(&run.join("tables/embeddings"), "").into_keys();
        let read = |path: String| {
            let path = run.join("tables/embeddings").join(path.trim_start_matches('/'));
            let batch = chorus_tables::TableReader::open(schema, &path).unwrap().read(&["embedding"]).unwrap();
            let values: Vec<f32> = batch.arrays("embedding").unwrap().iter().flatten().flat_map(chorus_tables::halves).collect();
            values
        };
        paths.flat_map(read).collect()
    };
    let (ours, theirs) = (vectors(&survey.run()), vectors(&other));
    assert_eq!(ours.len(), theirs.len());
    let apart = ours.iter().zip(&theirs).map(|(a, b)| f64::from((a - b).abs() / a.abs().max(1.0)));
    let (mean, most) = mean_and_most(apart);
    assert!(mean < 2e-3 && most < 5e-2, "mean {mean}, at most {most}");

    // Nothing is overwritten, and a file that Chorus would not know as ONNX is not written.
    assert!(text(&exported(&model, &out, &[]).stderr).contains("own.onnx: it exists already; name another file"));
    let refused = exported(&model, &survey.folder().join("own.pb"), &[]);
    assert!(text(&refused.stderr).contains("expected a name that ends in .onnx") && !refused.status.success());
    let features = exported(&model, &survey.folder().join("features.onnx"), &["--input", "features"]);
    assert!(text(&features.stderr).contains("has no contract and is no backbone"), "{}", text(&features.stderr));
    assert!(!survey.folder().join("features.yaml").exists());
}
