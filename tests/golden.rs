//! Guards the code versions: when a pass's outputs change, its `code_version` (in the `declare` beside the stage's code) has to be raised, or runs made before
//! would pass for fresh. `tests/golden/outputs.json` holds what each pass makes of the tiny synthetic survey: a hash where no
//! floating-point kernel is involved, and some figures, compared within a tolerance, where results vary with the processor.
//!
//! After a change on purpose: raise the version, then `CHORUS_BLESS=1 make test` writes the file anew.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chorus_engine::hash_bytes;
use chorus_tables::{TableReader, schema};
use common::Survey;
use half::f16;
use serde::{Deserialize, Serialize};

/// By how much figures may differ between processors: float32 sums over a tiny training. A change of method moves them by far more.
const TOLERANCE: f64 = 0.02;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Golden {
    code_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    figures: BTreeMap<String, f64>,
}

/// Everything in a table but what no float decides.
const EXACT: &[(&str, &[&str])] = &[
    ("ingest", &["SELECT * FROM recordings ORDER BY recording_id"]),
    ("segment", &["SELECT * FROM segments ORDER BY segment_id"]),
    ("annotate-classes", &["SELECT * FROM classes ORDER BY class"]),
    (
        "annotate",
        &[
            "SELECT * FROM annotations ORDER BY file, line",
            "SELECT * FROM reviews ORDER BY recording_id",
            "SELECT * FROM labels ORDER BY segment_id, class",
        ],
    ),
    ("split", &["SELECT * FROM splits ORDER BY recording_id", "SELECT * FROM split_classes ORDER BY class, subset"]),
];

/// Figures of passes whose results vary with the processor: name, and a question with one number for an answer.
const FIGURES: &[(&str, &[(&str, &str)])] = &[
    (
        "train",
        &[
            ("first loss", "SELECT train_loss FROM training_log WHERE epoch = 1"),
            ("last loss", "SELECT train_loss FROM training_log WHERE epoch = 3"),
            ("last learning rate", "SELECT learning_rate FROM training_log WHERE epoch = 3"),
            ("steps", "SELECT MAX(step) AS n FROM training_log"),
        ],
    ),
    ("predict", &[("mean score", "SELECT AVG(score) AS n FROM predictions"), ("rows", "SELECT COUNT(*) AS n FROM predictions")]),
    (
        "evaluate",
        &[
            ("rows", "SELECT COUNT(*) AS n FROM metrics"),
            ("positives", "SELECT SUM(support) AS n FROM metrics WHERE class IS NOT NULL"),
            ("pairs", "SELECT SUM(windows) AS n FROM reliability WHERE class IS NOT NULL AND scale = 'score'"),
            ("points", "SELECT COUNT(*) AS n FROM curves"),
            (
                "windows of one class or none",
                "SELECT SUM(w) AS n FROM (SELECT MAX(windows) AS w FROM confusions GROUP BY subset, class) s",
            ),
        ],
    ),
    (
        "detect-activity",
        &[
            ("rows", "SELECT COUNT(*) AS n FROM activity"),
            ("effort", "SELECT SUM(effort_s) AS n FROM activity"),
            ("minutes", "SELECT SUM(minutes) AS n FROM activity"),
            ("effort from sunset", "SELECT SUM(effort_s) AS n FROM sun_activity WHERE anchor = 'sunset'"),
            ("nights", "SELECT COUNT(*) AS n FROM nights WHERE sun IS NOT NULL"),
            ("seasons", "SELECT SUM(nights) AS n FROM phenology"),
            ("steps", "SELECT SUM(site_nights) AS n FROM accumulation"),
        ],
    ),
];

fn golden_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/outputs.json")
}

fn figure(survey: &Survey, question: &str) -> f64 {
    let answer = survey.ask(question);
    answer.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{question}: {answer}"))
}

/// Mean, least and largest decibel of all features.
fn feature_figures(survey: &Survey) -> BTreeMap<String, f64> {
    let schema = schema("features").unwrap();
    let mut values: Vec<f64> = Vec::new();
    for path in common::contents(&survey.run().join("tables/features"), "").keys() {
        let path = format!("{}{path}", survey.run().join("tables/features").display());
        let batch = TableReader::open(schema, Path::new(&path)).unwrap().read(&["logmel"]).unwrap();
        for array in batch.arrays("logmel").unwrap().iter().flatten() {
            values.extend(array.as_chunks::<2>().0.iter().map(|&pair| f64::from(f16::from_le_bytes(pair))));
        }
    }
    let (least, largest) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    [("mean", mean), ("least", least), ("largest", largest), ("values", values.len() as f64)]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

#[test]
fn outputs_change_only_with_their_code_version() {
    let survey = Survey::made();
    let manifest = std::fs::read(survey.run().join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let passes = manifest["stages"].as_object().unwrap().iter();
    let version: BTreeMap<&str, u32> =
        passes.map(|(name, pass)| (name.as_str(), pass["code_version"].as_u64().unwrap() as u32)).collect();
    let mut found: BTreeMap<String, Golden> = BTreeMap::new();
    for (pass, questions) in EXACT {
        let text: String = questions.iter().map(|question| survey.ask(question)).collect();
        found.insert(
            (*pass).to_owned(),
            Golden { code_version: version[pass], hash: Some(hash_bytes(text.as_bytes())), figures: BTreeMap::new() },
        );
    }
    for (pass, questions) in FIGURES {
        let figures = questions.iter().map(|(name, question)| ((*name).to_owned(), figure(&survey, question))).collect();
        found.insert((*pass).to_owned(), Golden { code_version: version[pass], hash: None, figures });
    }
    found.insert(
        "featurize".to_owned(),
        Golden { code_version: version["featurize"], hash: None, figures: feature_figures(&survey) },
    );
    if std::env::var_os("CHORUS_BLESS").is_some() {
        std::fs::write(golden_path(), serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
        return;
    }
    let golden: BTreeMap<String, Golden> = serde_json::from_slice(&std::fs::read(golden_path()).unwrap()).unwrap();
    assert_eq!(golden.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (pass, golden) in &golden {
        let found = &found[pass];
        assert_eq!(
            found.code_version, golden.code_version,
            "{pass}: the golden outputs are of another version; write them anew with CHORUS_BLESS=1"
        );
        let near = |(name, value): (&String, &f64)| {
            found.figures.get(name).is_some_and(|f| (f - value).abs() <= TOLERANCE * value.abs().max(1e-9))
        };
        assert!(
            found.hash == golden.hash && golden.figures.iter().all(near),
            "{pass}: its outputs changed and its code_version did not; raise it in its `declare`\nfound {found:?}\nexpected {golden:?}"
        );
    }
}
