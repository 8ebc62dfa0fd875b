//! Given backbones from end to end: embeddings, heads on them, and what is refused. tests/golden/backbones has small ones.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Survey, text};

const BACKBONES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/backbones");
const CONTRACT: &str = "
name: Tiny
sample_rate_hz: 8000
window_s: 0.5
input: {name: sound, shape: [batch, samples]}
outputs: {embedding: {name: embedding}}
license: CC-BY-NC-4.0
";

/// A backbone of these tests, copied beside a contract.
fn backbone(survey: &Survey, name: &str, contract: &str) -> PathBuf {
    let path = survey.folder().join(format!("{name}.onnx"));
    fs::copy(Path::new(BACKBONES).join(format!("{name}.onnx")), &path).unwrap();
    fs::write(path.with_extension("yaml"), contract).unwrap();
    path
}

fn with(path: &Path) -> String {
    format!("backbone.path={}", path.display())
}

/// A run of everything with the tiny backbone, in windows of 1 s.
fn learnt() -> (Survey, PathBuf) {
    let survey = Survey::tiny();
    let path = backbone(&survey, "tiny", CONTRACT);
    survey.run_with(&["--set", &with(&path), "--set", "segment.window_s=1", "--set", "segment.hop_s=1"]);
    (survey, path)
}

/// All embeddings of a run: a list for each window, in the order of the windows.
fn embeddings(run: &Path) -> Vec<Vec<f32>> {
    let schema = chorus_tables::schema("embeddings").unwrap();
    let mut found = Vec::new();
    for path in common::contents(&run.join("tables/embeddings"), "").keys() {
        let reader =
            chorus_tables::TableReader::open(schema, &run.join("tables/embeddings").join(path.trim_start_matches('/'))).unwrap();
        let batch = reader.read(&["embedding"]).unwrap();
        for bytes in batch.arrays("embedding").unwrap().iter().flatten() {
            found.push(chorus_tables::halves(bytes).collect());
        }
    }
    found
}

/// A WAV file of one channel and 16 bits.
fn wav(samples: &[f32], rate: u32) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|s| ((s * 32767.0).round() as i16).to_le_bytes()).collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1, 0, 1, 0]);
    bytes.extend(rate.to_le_bytes());
    bytes.extend((2 * rate).to_le_bytes());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn embeddings_are_those_of_onnxruntime_and_windows_follow_the_backbone() {
    let survey = Survey::empty("");
    survey.configure("units: {keep_free_gib: 0}\n");
    let chirp: Vec<f32> = (0..16_000)
        .map(|i| f64::from(i) / 8000.0)
        .map(|t| (0.5 * (2.0 * std::f64::consts::PI * (300.0 * t + 400.0 * t * t)).sin()) as f32)
        .collect();
    let folder = survey.archive().join("raw_data/SITE");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("SITE_20200301_200000.wav"), wav(&chirp, 8000)).unwrap();
    let path = backbone(&survey, "tiny", CONTRACT);
    survey.run_with(&["embed", "--with-upstream", "--set", &with(&path)]);
    let expected: Vec<Vec<f32>> = serde_json::from_slice(&fs::read(Path::new(BACKBONES).join("tiny.json")).unwrap()).unwrap();
    let found = embeddings(&survey.run());
    assert_eq!(found.len(), 4, "windows are as long as the backbone's");
    for (found, expected) in found.iter().zip(&expected) {
        let largest = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 2e-3, "{largest}: {found:?} {expected:?}");
    }
    // One window of the whole recording has the mean of its parts.
    let whole = survey.folder().join("whole");
    let args = ["run", "embed", "--with-upstream", "--set", &with(&path), "--set", "segment.window_s=2", "--set"];
    let output = survey.chorus(&[&args[..], &[&format!("run.path={}", whole.display())]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mean = embeddings(&whole);
    assert_eq!(mean.len(), 1);
    for (i, value) in mean[0].iter().enumerate() {
        let expected = found.iter().map(|row| row[i]).sum::<f32>() / 4.0;
        assert!((value - expected).abs() < 2e-3, "{i}: {value} {expected}");
    }
}

#[test]
fn a_head_is_a_model_like_any_other() {
    let (survey, path) = learnt();
    let count = |sql: &str| survey.ask(sql).lines().nth(1).unwrap().parse::<u64>().unwrap();
    let windows = count("SELECT COUNT(*) AS n FROM segments");
    assert_eq!(count("SELECT COUNT(*) AS n FROM embeddings"), windows);
    assert_eq!(count("SELECT COUNT(DISTINCT segment_id) AS n FROM predictions"), windows);
    assert!(count("SELECT COUNT(*) AS n FROM metrics WHERE metric = 'average_precision'") > 0);
    assert_eq!(count("SELECT COUNT(*) AS n FROM head_trials WHERE chosen"), 1);
    assert!(!survey.run().join("tables/features").exists(), "a head needs no features");
    // The same backbone makes the vector of a sound file that is searched for.
    let clip = survey.archive().join(survey.ask("SELECT path FROM recordings ORDER BY path LIMIT 1").lines().nth(1).unwrap());
    let output = survey.chorus(&["search", "--clip", clip.to_str().unwrap(), "--at", "1", "--top", "1", "--format", "csv"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 2, "{}", text(&output.stdout));
    let report = fs::read_to_string(survey.run().join("report/index.html")).unwrap();
    assert!(report.contains("Tiny, licence CC-BY-NC-4.0") && report.contains("may not be used commercially"));
    let manifest = fs::read_to_string(survey.run().join("manifest.json")).unwrap();
    assert!(manifest.contains("\"commercial_use_forbidden\": true"), "{manifest}");
    let card = fs::read_to_string(survey.run().join("model/model.yaml")).unwrap();
    assert!(card.contains("non_commercial: true") && card.contains("architecture: logistic"), "{card}");
    let before = survey.results();
    let sets = [with(&path), "segment.window_s=1".into(), "segment.hop_s=1".into()];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    assert!(survey.to_make(&sets).is_empty(), "everything is fresh");
    common::assert_same(&survey.results(), &before, "after a second look");
    // Applied to the same archive in a run of its own, it gives the same scores.
    let model = format!("model.path={}", survey.run().join("model").display());
    let other = survey.folder().join("other");
    let run = format!("run.path={}", other.display());
    let applied = |more: &[&str]| {
        survey.chorus(&[&["run", "--set", "annotate.format=none", "--set", &model, "--set", &run], more].concat())
    };
    let output = applied(&["--set", &with(&path), "--set", "segment.hop_s=1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let predictions = |run: &Path| common::contents(&run.join("tables/predictions"), "");
    common::assert_same(&predictions(&other), &predictions(&survey.run()), "predictions of the applied head");
    let alone = applied(&[]);
    assert_eq!(alone.status.code(), Some(2));
    assert!(text(&alone.stderr).contains("is a head on the embeddings of Tiny"), "{}", text(&alone.stderr));
    let contract = survey.folder().join("scaled.yaml");
    fs::write(&contract, CONTRACT.replace("shape:", "scale: peak, shape:")).unwrap();
    let contract = format!("backbone.contract={}", contract.display());
    let another = applied(&["--set", &with(&path), "--set", &contract]);
    assert!(text(&another.stderr).contains("name the file and the contract of that backbone"), "{}", text(&another.stderr));
}

#[test]
fn every_method_fits_a_head_that_can_be_applied() {
    let (survey, path) = learnt();
    for method in ["lda", "prototypes", "logistic"] {
        let (set, window) = (format!("head.method={method}"), "segment.window_s=1");
        survey.run_with(&["--set", &with(&path), "--set", window, "--set", "segment.hop_s=1", "--set", &set]);
        let best = survey
            .ask("SELECT MAX(value) FROM metrics WHERE metric = 'auroc' AND class IS NULL AND site IS NULL AND subset = 'test'");
        let best: f64 = best.lines().nth(1).unwrap().parse().unwrap();
        assert!(best > 0.6, "{method}: the synthetic calls differ in pitch, which the backbone hears: {best}");
    }
}

#[test]
fn a_head_is_trained_step_by_step_with_mixed_embeddings_and_applied_without_libtorch() {
    let (survey, path) = learnt();
    let mut sets = vec![with(&path), "segment.window_s=1".into(), "segment.hop_s=1".into(), "head.method=gradient".into()];
    sets.extend(["train.mixing=mix2", "train.epochs=30", "train.batch_size=32", "train.multimix_mixtures=32"].map(String::from));
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    survey.run_with(&sets);
    let value = |sql: &str| survey.ask(sql).lines().nth(1).unwrap().to_owned();
    assert_eq!(value("SELECT COUNT(*) AS n FROM training_log"), "30");
    assert_eq!(value("SELECT COUNT(DISTINCT method) AS n FROM training_mixing WHERE steps > 0"), "3");
    let auroc = "SELECT MAX(value) FROM metrics WHERE metric = 'auroc' AND class IS NULL AND site IS NULL AND subset = 'test'";
    let best: f64 = value(auroc).parse().unwrap();
    assert!(best > 0.6, "the synthetic calls differ in pitch, which the backbone hears: {best}");
    let card = fs::read_to_string(survey.run().join("model/model.yaml")).unwrap();
    assert!(card.contains("architecture: gradient") && card.contains("mixing: mix2") && card.contains("name: Tiny"), "{card}");
    assert!(
        fs::read_to_string(survey.run().join("report/index.html")).unwrap().contains("epoch"),
        "the report shows the training"
    );
    assert!(survey.to_make(&sets).is_empty(), "everything is fresh");
    // chorus-torch has no part in applying it.
    let sets = sets.iter().copied().chain(["--force", "predict"]).collect::<Vec<_>>();
    let output = survey.command(&[&["run"], &sets[..]].concat()).env("CHORUS_TORCH", "/nowhere/chorus-torch").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    // A training that is done again gives the same bytes.
    let weights = || fs::read(survey.run().join("model/weights.safetensors")).unwrap();
    let before = weights();
    survey.run_with(&sets.iter().map(|arg| if *arg == "predict" { "train" } else { arg }).collect::<Vec<_>>());
    assert_eq!(weights(), before);
}

#[test]
fn prototypes_learn_from_maps() {
    let survey = Survey::tiny();
    let map = "outputs: {map: {name: rectified, channels: first}, embedding";
    let path = backbone(&survey, "map", &CONTRACT.replace("outputs: {embedding", map));
    let mut sets = vec![with(&path), "segment.window_s=1".into(), "segment.hop_s=1".into(), "embed.map=true".into()];
    // What counts around a window has to be taken from the card, too.
    sets.extend(["head.method=prototypes", "head.prototypes=[1, 2]", "head.context=0.5", "head.context_s=2"].map(String::from));
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    survey.run_with(&sets);
    let value = |sql: &str| survey.ask(sql).lines().nth(1).unwrap().to_owned();
    assert_eq!(value("SELECT COUNT(*) AS n FROM embedding_maps"), value("SELECT COUNT(*) AS n FROM embeddings"));
    let auroc = "SELECT MAX(value) FROM metrics WHERE metric = 'auroc' AND class IS NULL AND site IS NULL AND subset = 'test'";
    let best: f64 = value(auroc).parse().unwrap();
    assert!(best > 0.6, "{best}");
    // The mean over the positions of a map is the embedding.
    let schema = chorus_tables::schema("embedding_maps").unwrap();
    let folder = survey.run().join("tables/embedding_maps");
    let name = common::contents(&folder, "").into_keys().next().unwrap();
    let reader = chorus_tables::TableReader::open(schema, &folder.join(name.trim_start_matches('/'))).unwrap();
    let [positions, values] = *reader.shape() else { panic!("{:?}", reader.shape()) };
    assert_eq!(values, 16);
    let batch = reader.read(&["map"]).unwrap();
    let map: Vec<f32> = chorus_tables::halves(batch.arrays("map").unwrap().value(0)).collect();
    for (i, expected) in embeddings(&survey.run())[0].iter().enumerate() {
        let mean = map.iter().skip(i).step_by(values).sum::<f32>() / positions as f32;
        assert!((mean - expected).abs() < 2e-3, "{i}: {mean} {expected}");
    }
    // The head is applied to maps elsewhere, though nothing says so there.
    let other = survey.folder().join("other");
    let (model, run) = (format!("model.path={}", survey.run().join("model").display()), format!("run.path={}", other.display()));
    let args =
        ["run", "--set", "annotate.format=none", "--set", &model, "--set", &run, "--set", sets[1], "--set", "segment.hop_s=1"];
    let output = survey.chorus(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let predictions = |run: &Path| common::contents(&run.join("tables/predictions"), "");
    common::assert_same(&predictions(&other), &predictions(&survey.run()), "predictions from maps");
    let alone = sets.iter().map(|set| if *set == "head.context=0.5" { "head.context=0" } else { set }).collect::<Vec<_>>();
    survey.run_with(&alone);
    assert_ne!(predictions(&other), predictions(&survey.run()), "without what is around");
    let told = text(&survey.chorus(&[&["run"], &sets[..], &["--set", "head.method=lda"]].concat()).stderr);
    assert!(told.contains("head.method") && told.contains("prototypes, which learns from maps"), "{told}");
}

#[test]
fn scores_of_the_backbones_own_classes_are_a_table() {
    let survey = Survey::tiny();
    let logits = "outputs: {logits: {name: embedding, classes: labels.txt, function: softmax}, embedding";
    let path = backbone(&survey, "tiny", &CONTRACT.replace("outputs: {embedding", logits));
    let labels = |n: usize| (0..n).map(|i| format!("Rana {i}\n")).collect::<String>();
    fs::write(survey.folder().join("labels.txt"), labels(16)).unwrap();
    let scored = |least: &str| {
        let least = format!("embed.min_score={least}");
        survey.run_with(&["embed", "--with-upstream", "--set", &with(&path), "--set", &least]);
    };
    let value = |sql: &str| survey.ask(sql).lines().nth(1).unwrap().to_owned();
    scored("0");
    let windows: u64 = value("SELECT COUNT(*) AS n FROM embeddings").parse().unwrap();
    assert_eq!(value("SELECT COUNT(*) AS n FROM backbone_scores"), (16 * windows).to_string());
    let sums = "SELECT MAX(ABS(s - 1)) < 0.0001 AS one FROM (SELECT SUM(score) AS s FROM backbone_scores GROUP BY segment_id)";
    assert_eq!(value(sums), "true");
    let above = value("SELECT COUNT(*) AS n FROM backbone_scores WHERE score >= 0.0626");
    scored("0.0626");
    assert_eq!(value("SELECT COUNT(*) AS n FROM backbone_scores"), above);
    assert!(value("SELECT MIN(class) AS c FROM backbone_scores").starts_with("Rana "));
    // Other names make the table stale.
    fs::write(survey.folder().join("labels.txt"), labels(16).replace("Rana 0", "Rana nulla")).unwrap();
    let args = ["embed", "--with-upstream", "--set", &with(&path), "--set", "embed.min_score=0.0626"];
    assert!(survey.to_make(&args).contains_key("embed"));
    let refused = |wanted: &str| {
        let told = text(&survey.chorus(&[&["run"], &args[..]].concat()).stderr);
        assert!(told.contains(wanted), "{told}");
    };
    fs::write(survey.folder().join("labels.txt"), labels(15)).unwrap();
    refused("has 16 values for a window, expected 15");
    fs::write(survey.folder().join("labels.txt"), labels(15) + "Rana 3\n").unwrap();
    refused("the class Rana 3 is there twice");
    fs::write(survey.folder().join("labels.txt"), labels(16)).unwrap();
    let loud = CONTRACT.replace("outputs: {embedding", &logits.replace("softmax", "none"));
    fs::write(path.with_extension("yaml"), loud.replace("shape:", "full_scale: 1000000, shape:")).unwrap();
    refused("scores from 0 to 1");
    fs::write(path.with_extension("yaml"), CONTRACT).unwrap();
    refused("the contract has no outputs.logits, which embed.min_score asks for");
    fs::write(path.with_extension("yaml"), CONTRACT.replace("outputs: {embedding", logits)).unwrap();
    fs::remove_file(survey.folder().join("labels.txt")).unwrap();
    refused("labels.txt: there is no such file, and embed.min_score needs the names");
}

#[test]
fn backbones_that_cannot_be_used_are_refused_with_the_reason() {
    let survey = Survey::tiny();
    let refused = |name: &str, contract: &str, more: &[&str], wanted: &str| {
        let path = backbone(&survey, name, contract);
        let output = survey.chorus(&[&["run", "embed", "--with-upstream", "--set", &with(&path)], more].concat());
        let told = text(&output.stderr);
        assert!(!output.status.success() && told.contains(wanted) && told.contains(&format!("{name}.")), "{name}: {told}");
    };
    refused("nan", CONTRACT, &[], "has a value that is NaN");
    refused("operator", CONTRACT, &[], "Warble");
    refused("external", CONTRACT, &[], "lie in other files");
    refused("memory", CONTRACT, &["--set", "embed.memory_gib=2"], "memory");
    refused("tiny", &CONTRACT.replace("8000", "16000"), &[], "sound");
    refused("tiny", &CONTRACT.replace("name: embedding", "name: features"), &[], "expected an output named features");
    refused("tiny", &CONTRACT.replace("name: sound", "name: audio"), &[], "expected an input named audio");
    refused("tiny", &format!("{CONTRACT}hash: 0123456789abcdef\n"), &[], "says 0123456789abcdef");
    refused("tiny", "name: [", &[], "cannot be used as the contract of a backbone");
    let path = backbone(&survey, "tiny", CONTRACT);
    fs::remove_file(path.with_extension("yaml")).unwrap();
    let told = text(&survey.chorus(&["run", "embed", "--with-upstream", "--set", &with(&path)]).stderr);
    assert!(told.contains("tiny.yaml is missing") && told.contains("chorus backbone contract NAME"), "{told}");
    let told = text(&survey.chorus(&["run", "embed", "--set", "backbone.path=nowhere.onnx"]).stderr);
    assert!(told.contains("nowhere.onnx") && told.contains("there is no such file"), "{told}");
    fs::write(survey.folder().join("b.tflite"), "").unwrap();
    let told = text(&survey.chorus(&["run", "embed", "--set", "backbone.path=b.tflite"]).stderr);
    assert!(told.contains("name an ONNX file"), "{told}");
}

#[test]
fn an_embedding_that_was_made_with_another_contract_is_stale() {
    let survey = Survey::tiny();
    let path = backbone(&survey, "tiny", CONTRACT);
    let args = ["embed", "--with-upstream", "--set", &with(&path)];
    survey.run_with(&args);
    assert!(survey.to_make(&args).is_empty());
    fs::write(path.with_extension("yaml"), CONTRACT.replace("shape:", "full_scale: 2, shape:")).unwrap();
    assert!(survey.to_make(&args).contains_key("embed"));
}

#[test]
fn an_embedding_run_that_is_killed_goes_on_where_it_was() {
    let survey = Survey::tiny();
    let path = backbone(&survey, "tiny", CONTRACT);
    let args = ["run", "embed", "--with-upstream", "--set", &with(&path), "--set", "units.max_recordings=1"];
    let mut child = survey.command(&args).stderr(std::process::Stdio::null()).spawn().unwrap();
    let made = || common::contents(&survey.run().join("tables/embeddings"), "").len();
    let start = Instant::now();
    while made() == 0 && child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = made();
    assert!(before > 0);
    // The worker ends with chorus, but not at once.
    let again = || survey.chorus(&args);
    let mut output = again();
    while !output.status.success()
        && text(&output.stderr).contains("another chorus process")
        && start.elapsed() < Duration::from_secs(60)
    {
        std::thread::sleep(Duration::from_millis(50));
        output = again();
    }
    assert!(output.status.success(), "{}", text(&output.stderr));
    let undisturbed = Survey::tiny();
    undisturbed.take_archive_of(&survey);
    let output = undisturbed.chorus(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    common::assert_same(&survey.results(), &undisturbed.results(), "after a kill");
}

#[test]
fn an_own_network_is_a_backbone_too() {
    let survey = Survey::made();
    survey.run_with(&["predict", "--with-upstream", "--set", "predict.embeddings=true"]);
    let expected = embeddings(&survey.run());
    let weights = survey.run().join("model/weights.safetensors");
    let other = survey.folder().join("other");
    let run = format!("run.path={}", other.display());
    let output = survey.chorus(&["run", "embed", "--with-upstream", "--set", &with(&weights), "--set", &run]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found = embeddings(&other);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        let largest = found.iter().zip(expected).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f32::max);
        assert!(largest < 2e-3, "{largest}");
    }
}

#[test]
fn a_backbone_is_tried_out_on_noise() {
    let survey = Survey::empty("");
    let path = backbone(&survey, "tiny", CONTRACT);
    let output = std::process::Command::new(common::CHORUS).args(["backbone", "check", "--json"]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["name"].as_str(), report["embedding"].as_u64()), (Some("Tiny"), Some(16)));
    assert!(report["windows_per_s"].as_f64().unwrap() > 0.0);
    let notes = report["notes"].to_string();
    assert!(
        notes.contains("lacks source") && notes.contains("lacks hash") && notes.contains("forbids commercial use"),
        "{notes}"
    );
    let list = std::process::Command::new(common::CHORUS).args(["backbone", "contract"]).output().unwrap();
    for name in text(&list.stdout).lines() {
        let contract = std::process::Command::new(common::CHORUS).args(["backbone", "contract", name]).output().unwrap();
        assert!(text(&contract.stdout).contains("sample_rate_hz:"), "{name}");
    }
}

const VOICE: &str = "
name: Loudness
sample_rate_hz: 16000
window_s: 0.032
input: {name: input, shape: [batch, samples], states: [{input: h, output: hn, shape: [1]}]}
outputs: {speech: speech}
license: MIT
";

#[test]
fn speech_is_told_by_second_and_kept_out_of_what_people_hear_and_read() {
    let survey = Survey::empty("");
    survey.configure("units: {keep_free_gib: 0}\n");
    let folder = survey.archive().join("raw_data/SITE");
    fs::create_dir_all(&folder).unwrap();
    // Loud from 3.008 s to 4.992 s, which are whole frames, and then in the frame over the edge of seconds 6 and 7 alone.
    let sound: Vec<f32> = (0..8 * 16_000)
        .map(|i| {
            (if (48_128..79_872).contains(&i) || (111_616..112_128).contains(&i) { 0.5 } else { 0.001 }) * (i as f32 * 0.3).sin()
        })
        .collect();
    fs::write(folder.join("SITE_20200301_200000.wav"), wav(&sound, 16_000)).unwrap();
    let voice = backbone(&survey, "voice", VOICE);
    let voice = format!("privacy.backbone={}", voice.display());
    survey.run_with(&["speech", "--with-upstream", "--set", &voice]);
    let loud = survey.ask("SELECT second FROM speech WHERE probability > 0.5 ORDER BY second");
    assert_eq!(loud.lines().skip(1).collect::<Vec<_>>(), ["3", "4", "6", "7"], "{}", survey.ask("SELECT * FROM speech"));
    assert_eq!(survey.ask("SELECT COUNT(*) AS n FROM speech").lines().nth(1), Some("8"));

    // Where every second counts as speech, nothing is exported and nothing can be heard.
    let survey = Survey::made();
    let voice = format!("privacy.backbone={}", backbone(&survey, "voice", VOICE).display());
    let exported = |speech: &str, name: &str| {
        let speech = format!("privacy.speech={speech}");
        survey.run_with(&["--set", &voice, "--set", "privacy.threshold=0", "--set", &speech]);
        let folder = survey.folder().join(name);
        let output = std::process::Command::new(common::CHORUS)
            .args(["export", "csv", "--run"])
            .arg(survey.run())
            .arg("-o")
            .arg(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let rows: usize = common::contents(&folder, "").values().map(|bytes| text(bytes).lines().count().saturating_sub(1)).sum();
        let clips = common::contents(&survey.run().join("report/clips"), "").len();
        (rows, clips, text(&output.stderr) + &text(&output.stdout))
    };
    let (rows, clips, _) = exported("tell", "told");
    assert!(rows > 0 && clips > 0, "{rows} {clips}");
    let (rows, clips, said) = exported("withhold", "withheld");
    assert_eq!((rows, clips), (0, 0), "{said}");
    assert!(said.contains("detections are withheld, since somebody speaks there"), "{said}");
    // A night of which everything is withheld is no night in which nothing called.
    let ones = survey.ask("SELECT DISTINCT class, site, night FROM activity WHERE windows_detected > 0").lines().count() - 1;
    let folder = survey.folder().join("histories");
    let export = ["export", "detection-histories", "--run"];
    let run = survey.run();
    let output = std::process::Command::new(common::CHORUS).args(export).arg(&run).arg("-o").arg(&folder).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let histories = common::contents(&folder.join("histories"), "");
    let cells = |wanted: &str| -> usize {
        let rows = histories.values().flat_map(|bytes| text(bytes).lines().skip(1).map(str::to_owned).collect::<Vec<_>>());
        rows.map(|row| row.split(',').skip(1).filter(|cell| *cell == wanted).count()).sum()
    };
    assert!(ones > 0 && cells("1") == 0 && cells("NA") == ones, "{ones} {} {}", cells("1"), cells("NA"));
    let page = fs::read_to_string(survey.run().join("report/index.html")).unwrap();
    assert!(page.contains("The sound is withheld: somebody speaks there."));
}

#[test]
fn a_distilled_network_learns_from_the_backbone_and_does_without_it() {
    let survey = Survey::tiny();
    let path = backbone(&survey, "tiny", CONTRACT);
    let sets = ["--set", &with(&path), "--set", "segment.window_s=3", "--set", "segment.hop_s=3", "--set", "train.on=features"];
    survey.run_with(&[&sets[..], &["--set", "distill.epochs=2"]].concat());
    let log = survey.ask("SELECT epoch, train_loss FROM distillation_log ORDER BY epoch");
    let losses: Vec<f64> = log.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert!(losses.len() == 2 && losses[1] < losses[0], "{log}");
    let card = fs::read_to_string(survey.run().join("model/model.yaml")).unwrap();
    assert!(card.contains("distilled_from:\n  name: Tiny") && card.contains("non_commercial: true"), "{card}");
    let report = fs::read_to_string(survey.run().join("report/index.html")).unwrap();
    assert!(report.contains("Tiny, licence CC-BY-NC-4.0"));
    // Without distilling, the training starts from other weights.
    let taught = fs::read(survey.run().join("model/weights.safetensors")).unwrap();
    survey.run_with(&sets);
    assert_ne!(fs::read(survey.run().join("model/weights.safetensors")).unwrap(), taught);
    // The model is applied without its backbone.
    survey.run_with(&[&sets[..], &["--set", "distill.epochs=2"]].concat());
    fs::remove_file(&path).unwrap();
    let (model, run) = (survey.run().join("model"), survey.folder().join("applied"));
    let (model, run) = (format!("model.path={}", model.display()), format!("run.path={}", run.display()));
    let output = survey.chorus(&["run", "--set", "annotate.format=none", "--set", &model, "--set", &run]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}
