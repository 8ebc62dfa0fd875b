//! Guards the code versions: when what a pass writes changes, the pass's `code_version` has to be raised, or runs made before would
//! pass for fresh. `tests/golden/outputs.json` holds checksums of what every pass makes of the tiny synthetic survey, under several
//! configurations.
//!
//! Evaluation and detection turn scores into counts: a score that differs in its last digit can move a threshold. So their inputs are
//! fixed: the worker is replaced by one that gives known scores (`known_scores.rs`). Training and prediction are compared in runs of
//! their own, within the tolerance that processors differ by.
//!
//! After a change on purpose: raise the version, then `CHORUS_BLESS=1 cargo test --test golden` writes the file anew. It refuses a pass
//! whose outputs changed while neither its version nor one of its inputs did.
#![allow(clippy::unwrap_used)]

#[path = "golden/checksum.rs"]
mod checksum;
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use checksum::{Checksum, of_file, of_table};
use common::{CHORUS, Survey};
use serde::{Deserialize, Serialize};

/// One configuration under which the tiny survey is run.
struct Case {
    name: &'static str,
    labels: &'static str,
    settings: &'static str,
    worker: Worker,
}

/// Who trains and predicts.
#[derive(Clone, Copy, PartialEq)]
enum Worker {
    /// chorus-torch. What follows predict is left out of the comparison.
    Real,
    /// The stand-in with known scores. What it writes itself is left out of the comparison.
    KnownScores,
}

/// Settings that every case shares: the sources of the tiny survey.
const SOURCES: &str = "
ingest: {site_sheet: sites.csv}
units: {keep_free_gib: 0}
";

/// What is learnt from.
const LABELS: &str = "annotate: {format: anuraset_raw, code_table: species.csv}
split: {source: file, file: subset.csv}
";

const CASES: [Case; 6] = [
    Case {
        name: "log-mel, MobileNetV3, Mix2",
        labels: LABELS,
        settings: "
featurize: {n_mels: 32, n_fft: 256, win_length: 256, hop_length: 512}
train: {architecture: mobilenet_v3_small, width: 0.25, epochs: 3, batch_size: 8, multimix_mixtures: 8, threads: 1, select: last,
        optimizer: sgd}
predict: {batch_size: 16, embeddings: true}
",
        worker: Worker::Real,
    },
    Case {
        name: "PCEN, ResNet18, mixup, focal loss, predicted from audio",
        labels: LABELS,
        settings: "
featurize: {n_mels: 24, n_fft: 512, win_length: 400, hop_length: 800, level: pcen, mel_scale: slaney, mel_norm: slaney,
            high_pass_hz: 200}
train: {architecture: resnet18, epochs: 1, batch_size: 16, threads: 1, select: last, optimizer: sgd, learning_rate: 0.001,
        mixing: mixup, loss: focal, sampling: class_balanced, average_decay: 0.9}
predict: {batch_size: 16, source: audio}
",
        worker: Worker::Real,
    },
    Case {
        name: "pretraining, a class held out, square-root sampling, ranking loss",
        labels: "annotate: {format: anuraset_raw, code_table: species.csv}
split: {source: file, file: subset.csv, held_out_classes: [IMASON]}
",
        settings: "
featurize: {n_mels: 32, n_fft: 256, win_length: 256, hop_length: 512}
pretrain: {epochs: 1, objective: vicreg, mixing: mixup, projection: 8, projection_hidden: 16, learning_rate: 0.0001}
train: {architecture: mobilenet_v3_small, width: 0.25, epochs: 1, batch_size: 8, threads: 1, select: last, optimizer: sgd,
        mixing: none, loss: pairwise_auc, sampling: square_root, label_smoothing: 0.05, logit_adjustment: 0.5, body_rate: 0.5}
predict: {batch_size: 16, embeddings: true}
",
        worker: Worker::Real,
    },
    Case {
        name: "known scores, logistic calibration, a threshold of each class",
        labels: LABELS,
        settings: "
featurize: {n_mels: 32, n_fft: 256, win_length: 256, hop_length: 512}
evaluate: {calibration: platt, bootstrap: 50, min_positives: 1, per_site: true}
detect: {classes: all}
report: {clips: 1}
",
        worker: Worker::KnownScores,
    },
    Case {
        name: "known scores, isotonic calibration, split by site",
        labels: "annotate: {format: anuraset_raw, code_table: species.csv, min_overlap_fraction: 0.25}
split: {source: grouped, group: site, test_fraction: 0.4}
",
        settings: "
segment: {hop_s: 2}
featurize: {n_mels: 32, n_fft: 256, win_length: 256, hop_length: 512}
evaluate: {calibration: isotonic, threshold_for: precision, precision: 0.6, bootstrap: 50}
detect: {classes: all, hysteresis: 0.5, max_gap_s: 3, min_event_s: 6}
report: {clips: 0}
",
        worker: Worker::KnownScores,
    },
    Case {
        name: "known scores of a given model",
        labels: "",
        settings: "
segment: {hop_s: 3, tail: pad}
soundscape: {enabled: true, biophony_hz: [1000, 7000], calibration_db: 90}
model: {path: given-model}
detect: {threshold: 0.5}
report: {clips: 0}
",
        worker: Worker::KnownScores,
    },
];

/// Largest difference between processors, as a share of a column's sum of magnitudes: of a short training and its predictions.
const LEARNT: f64 = 0.02;
/// Of everything else: spectrograms in float16, levels, logarithms.
const COMPUTED: f64 = 1e-4;

/// What one pass made under one configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Made {
    code_version: u32,
    /// Tables and files, by name.
    outputs: BTreeMap<String, Checksum>,
    /// The passes that made its inputs.
    from: BTreeSet<String>,
}

/// By case, by pass.
type Golden = BTreeMap<String, BTreeMap<String, Made>>;

/// As much of a unit's state as is needed here.
#[derive(Deserialize)]
struct State {
    fingerprint: Fingerprint,
    outputs: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Fingerprint {
    code_version: u32,
    inputs: BTreeMap<String, String>,
}

impl Case {
    /// Runs every stage. Gives the names of all passes, and what those made that are compared.
    fn run(&self) -> (BTreeSet<String>, BTreeMap<String, Made>) {
        let survey = Survey::tiny();
        survey.configure(&format!("{SOURCES}{}{}", self.labels, self.settings));
        let mut command = survey.command(&["run"]);
        if self.worker == Worker::KnownScores {
            command.env("CHORUS_TORCH", known_scores());
        }
        if self.labels.is_empty() {
            let made = std::process::Command::new(known_scores()).arg("model").arg(survey.folder().join("given-model")).status();
            assert!(made.unwrap().success());
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}: {}", self.name, common::text(&output.stderr));
        let states = states(&survey.run());
        let passes: BTreeSet<String> = states.keys().cloned().collect();
        assert_eq!(passes, every_pass(&survey), "{}: passes with a state, and those of `chorus status`", self.name);
        let maker_of: BTreeMap<String, &str> = states
            .iter()
            .flat_map(|(pass, states)| {
                states.iter().flat_map(|s| s.outputs.keys()).map(move |path| (output_name(path), pass.as_str()))
            })
            .collect();
        let made = |(pass, states): (&String, &Vec<State>)| {
            let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for path in states.iter().flat_map(|state| state.outputs.keys()) {
                files.entry(output_name(path)).or_default().push(path.clone());
            }
            files.values_mut().for_each(|paths| paths.sort());
            let inputs = states.iter().flat_map(|state| state.fingerprint.inputs.keys());
            let from = inputs.filter_map(|input| maker_of.get(input)).map(|maker| (*maker).to_owned()).collect();
            let outputs = files.into_iter().map(|(name, paths)| (name, checksum(&survey.run(), &paths))).collect();
            (pass.clone(), Made { code_version: states[0].fingerprint.code_version, outputs, from })
        };
        let compared = states.iter().filter(|(pass, _)| self.compares(pass)).map(made).collect();
        (passes, compared)
    }

    /// Whether what a pass makes in this case is decided by code under test and not by a training's last digits.
    fn compares(&self, pass: &str) -> bool {
        match self.worker {
            Worker::Real => !["evaluate", "detect", "detect-activity", "report"].contains(&pass),
            Worker::KnownScores => !["train", "predict"].contains(&pass),
        }
    }
}

/// The stand-in for the worker, which cargo builds with the tests.
fn known_scores() -> PathBuf {
    let path = Path::new(CHORUS).with_file_name("examples").join("known_scores");
    assert!(path.exists(), "{} is missing: run the tests with `make test`", path.display());
    path
}

/// The passes that `chorus status` lists.
fn every_pass(survey: &Survey) -> BTreeSet<String> {
    let output = survey.chorus(&["status", "--json"]);
    let plans: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    plans.iter().map(|plan| plan["pass"].as_str().unwrap().to_owned()).collect()
}

/// The states of a run's units, by pass.
fn states(run: &Path) -> BTreeMap<String, Vec<State>> {
    let state = |state| serde_json::from_value(state).unwrap();
    common::recorded(run).into_iter().map(|(pass, units)| (pass, units.into_values().map(state).collect())).collect()
}

/// The table of a table's file, a folder's name for what lies in it, else the file's path: as fingerprints name inputs.
fn output_name(path: &str) -> String {
    match path.split('/').collect::<Vec<_>>()[..] {
        ["tables", table, ..] => table.to_owned(),
        ["report", "clips", ..] => "report/clips".to_owned(),
        _ => path.to_owned(),
    }
}

/// The checksum of an output's files together.
fn checksum(run: &Path, paths: &[String]) -> Checksum {
    if paths[0].starts_with("tables/") {
        let files: Vec<(&str, PathBuf)> = paths.iter().map(|path| (path.as_str(), run.join(path))).collect();
        return of_table(files.iter().map(|(name, path)| (*name, path.as_path())));
    }
    let files: Vec<Checksum> = paths.iter().map(|path| of_file(path, &std::fs::read(run.join(path)).unwrap())).collect();
    let exact: String = files.iter().map(|file| format!("{}\n", file.exact)).collect();
    let numbered = files.iter().enumerate();
    Checksum {
        size: files.iter().map(|file| file.size).sum(),
        exact: chorus_engine::hash_bytes(exact.as_bytes()),
        floats: numbered.flat_map(|(i, file)| file.floats.iter().map(move |(n, v)| (format!("{i} {n}"), v.clone()))).collect(),
    }
}

/// In what a pass's outputs differ from the golden ones.
fn changed(found: &Made, golden: &Made, pass: &str) -> Vec<String> {
    let tolerance = if ["train", "predict"].contains(&pass) { LEARNT } else { COMPUTED };
    let names: BTreeSet<&String> = found.outputs.keys().chain(golden.outputs.keys()).collect();
    let same = |name: &String| match (found.outputs.get(name), golden.outputs.get(name)) {
        (Some(a), Some(b)) => a.is_near(b, tolerance),
        _ => false,
    };
    names.into_iter().filter(|name| !same(name)).cloned().collect()
}

/// Passes whose outputs changed while neither their version nor any of their inputs did.
fn unexplained(found: &BTreeMap<String, Made>, golden: &BTreeMap<String, Made>) -> Vec<String> {
    let both = || found.iter().filter_map(|(pass, made)| Some((pass, made, golden.get(pass)?)));
    let differing: BTreeSet<&str> =
        both().filter(|(pass, a, b)| !changed(a, b, pass).is_empty()).map(|(pass, ..)| pass.as_str()).collect();
    let mut unexplained = Vec::new();
    for (pass, a, b) in both().filter(|(pass, ..)| differing.contains(pass.as_str())) {
        let by_input = a.from != b.from || a.from.iter().any(|input| differing.contains(input.as_str()));
        if a.code_version == b.code_version && !by_input {
            let outputs = changed(a, b, pass);
            let shown: Vec<String> = outputs
                .iter()
                .map(|name| format!("{name}\n    found    {:?}\n    expected {:?}", a.outputs.get(name), b.outputs.get(name)))
                .collect();
            unexplained.push(format!("{pass}, version {}: {}", a.code_version, shown.join("\n  ")));
        }
    }
    unexplained
}

#[test]
fn outputs_change_only_with_their_code_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/outputs.json");
    let golden: Golden = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let (mut passes, mut found) = (BTreeSet::new(), Golden::new());
    for case in &CASES {
        let (of_case, made) = case.run();
        passes.extend(of_case);
        found.insert(case.name.to_owned(), made);
    }
    let none = BTreeMap::new();
    let of_case = |(case, found): (&String, &BTreeMap<String, Made>)| {
        let unexplained = unexplained(found, golden.get(case).unwrap_or(&none));
        unexplained.into_iter().map(|what| format!("{case}: {what}")).collect::<Vec<_>>()
    };
    let unexplained: Vec<String> = found.iter().flat_map(of_case).collect();
    assert!(
        unexplained.is_empty(),
        "outputs changed and the pass's code_version did not; raise it where the pass is declared:\n{}",
        unexplained.join("\n")
    );
    let compared: BTreeSet<String> = found.values().flat_map(BTreeMap::keys).cloned().collect();
    assert_eq!(compared, passes, "every pass is compared in some case");
    if std::env::var_os("CHORUS_BLESS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
        return;
    }
    let versions = |golden: &Golden| -> BTreeMap<(String, String), u32> {
        golden.iter().flat_map(|(case, passes)| passes.iter().map(|(p, m)| ((case.clone(), p.clone()), m.code_version))).collect()
    };
    assert_eq!(versions(&found), versions(&golden), "versions were raised: write the file anew with CHORUS_BLESS=1");
    for (case, passes) in &found {
        for (pass, made) in passes {
            let changed = changed(made, &golden[case][pass], pass);
            assert!(
                changed.is_empty(),
                "{case}: {pass}: {changed:?} changed with an input; write the file anew with CHORUS_BLESS=1"
            );
        }
    }
}

#[test]
fn a_changed_output_is_explained_by_its_version_or_an_input_alone() {
    let made = |version, value: f64, from: &[&str]| Made {
        code_version: version,
        outputs: [("t".to_owned(), Checksum { size: 1, exact: "e".into(), floats: [("x".to_owned(), vec![1.0, value])].into() })]
            .into(),
        from: from.iter().map(|f| (*f).to_owned()).collect(),
    };
    let run = |first: Made, second: Made| BTreeMap::from([("first".to_owned(), first), ("second".to_owned(), second)]);
    let golden = run(made(1, 0.5, &[]), made(1, 0.5, &["first"]));
    let names =
        |found| unexplained(&found, &golden).iter().map(|text| text.split(',').next().unwrap().to_owned()).collect::<Vec<_>>();
    assert!(names(run(made(1, 0.5, &[]), made(1, 0.500_001, &["first"]))).is_empty(), "within the tolerance");
    assert_eq!(names(run(made(1, 0.5, &[]), made(1, 0.6, &["first"]))), ["second"]);
    assert_eq!(names(run(made(1, 0.6, &[]), made(1, 0.6, &["first"]))), ["first"], "the second one follows from the first");
    assert!(names(run(made(2, 0.6, &[]), made(1, 0.6, &["first"]))).is_empty());
}
