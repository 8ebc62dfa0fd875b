//! The contract of evolution, from end to end: what older versions wrote lacks the keys that were added since, and stays in use.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{Survey, text};

/// A key with its default value in the survey. It serves as one that was added after the survey was made. Its default is not null: a
/// missing key that reads as null has to be noticed.
const ADDED: &str = "featurize.mel_scale";

/// Takes the added key from every fingerprint below a folder of states, and gives back how many had it.
fn age(folder: &Path) -> usize {
    let mut aged = 0;
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            aged += age(&path);
            continue;
        }
        let Ok(mut state) = serde_json::from_slice::<serde_json::Value>(&fs::read(&path).unwrap()) else { continue };
        let keys = state.get_mut("fingerprint").and_then(|f| f.get_mut("keys")).and_then(|keys| keys.as_object_mut());
        if keys.is_some_and(|keys| keys.remove(ADDED).is_some()) {
            fs::write(&path, serde_json::to_vec(&state).unwrap()).unwrap();
            aged += 1;
        }
    }
    aged
}

#[test]
fn a_key_that_was_added_makes_no_unit_stale() {
    let survey = Survey::made();
    // Features, training and predictions depend on the key.
    assert!(age(&survey.run().join("state")) >= 3);
    assert!(survey.run_all().contains("nothing to do"));
    // With another value than the one from before, they are stale, and the reason names both.
    let output = survey.chorus(&["status", "--set", "featurize.mel_scale=slaney"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains(r#"featurize.mel_scale "htk" -> "slaney""#), "{}", text(&output.stdout));
}

#[test]
fn a_key_that_was_added_refuses_no_model() {
    let survey = Survey::made();
    let card = survey.run().join("model/model.yaml");
    let aged: String =
        fs::read_to_string(&card).unwrap().lines().filter(|l| !l.contains("mel_scale")).map(|l| format!("{l}\n")).collect();
    assert_ne!(aged, fs::read_to_string(&card).unwrap());
    fs::write(&card, aged).unwrap();
    let sets = [
        "annotate.format=none".to_owned(),
        format!("model.path={}", survey.run().join("model").display()),
        format!("run.path={}", survey.folder().join("other").display()),
    ];
    let check = |more: &str| {
        let sets = sets.iter().map(String::as_str).chain([more]).flat_map(|set| ["--set", set]);
        survey.chorus(&[&["check"][..], &sets.collect::<Vec<_>>()].concat())
    };
    let output = check("report.clips=0");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let refused = check("featurize.mel_scale=slaney");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("trained with `htk`"), "{}", text(&refused.stderr));
}
