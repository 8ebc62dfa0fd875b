//! The contract of evolution, from end to end: what older versions wrote lacks the keys that were added since, and stays in use.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{Survey, text};

/// A key with its default value in the survey. It serves as one that was added after the survey was made. Its default is not null: a
/// missing key that reads as null has to be noticed.
const ADDED: &str = "featurize.mel_scale";

/// Takes the added key from everything that the journals of a run record, and gives back how many passes had it.
fn age(run: &Path) -> usize {
    let mut aged = 0;
    for path in common::contents(&run.join("state"), "").into_keys().filter(|path| path.contains("/journal-")) {
        let path = run.join(format!("state{path}"));
        let text = fs::read_to_string(&path).unwrap();
        let line = |line: &str| {
            let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
            let keys = record.get_mut("common").and_then(|common| common["keys"].as_object_mut());
            keys.and_then(|keys| keys.remove(ADDED)).map_or_else(|| format!("{line}\n"), |_| format!("{record}\n"))
        };
        let former: String = text.lines().map(line).collect();
        aged += usize::from(former != text);
        fs::write(&path, former).unwrap();
    }
    aged
}

/// Gives each unit a file of its own in place of the journals, as version 0.1 did.
fn with_unit_files(run: &Path) {
    for (pass, units) in common::recorded(run) {
        let folder = run.join("state").join(pass);
        fs::remove_dir_all(&folder).unwrap();
        for (unit, state) in units {
            let path = folder.join(format!("{unit}.json"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, state.to_string()).unwrap();
        }
    }
}

#[test]
fn a_run_whose_units_have_files_of_their_own_goes_on() {
    let survey = Survey::made();
    survey.run_all();
    let results = survey.results();
    with_unit_files(&survey.run());
    let unit = survey.run().join("state/segment");
    assert!(unit.join(fs::read_dir(&unit).unwrap().next().unwrap().unwrap().file_name()).is_dir());
    let status = survey.chorus(&["status"]);
    assert!(status.status.success(), "{}", text(&status.stdout));
    // A share reads them as they are; a process that has the run for itself takes them into journals.
    survey.run_with(&["segment", "--units", "1/2"]);
    assert!(survey.run_all().contains("nothing to do"));
    let files = common::contents(&survey.run().join("state"), "");
    assert!(files.keys().all(|path| !path.contains("/site=") && !path.ends_with("run.json")), "{:?}", files.keys());
    assert!(survey.chorus(&["status"]).status.success());
    assert!(survey.run_all().contains("nothing to do"));
    common::assert_same(&survey.results(), &results, "a run with unit files");
}

#[test]
fn a_key_that_was_added_makes_no_unit_stale() {
    let survey = Survey::made();
    // Features, training and predictions depend on the key.
    assert!(age(&survey.run()) >= 3);
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
