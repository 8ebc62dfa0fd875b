//! Each way to split a survey, over the real binary.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{Survey, text};

/// Recordings as `site/name` with their side, after the stage `split` with these settings; and what was said.
fn split(survey: &Survey, sets: &[&str]) -> (BTreeMap<String, String>, String) {
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let said = survey.run_with(&["split", "--with-upstream"].into_iter().chain(sets).collect::<Vec<_>>());
    let rows =
        survey.ask("SELECT r.path, s.subset FROM recordings r JOIN splits s ON r.recording_id = s.recording_id ORDER BY r.path");
    let side =
        |line: &str| line.trim_start_matches("raw_data/").split_once(',').map(|(path, side)| (path.to_owned(), side.to_owned()));
    (rows.lines().skip(1).filter_map(side).collect(), said)
}

fn refused(survey: &Survey, sets: &[&str], status: i32, wanted: &[&str]) {
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let output = survey.chorus(&["run", "split", "--with-upstream"].into_iter().chain(sets).collect::<Vec<_>>());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    wanted.iter().for_each(|part| assert!(said.contains(part), "`{part}` is missing in: {said}"));
}

fn of_side(sides: &BTreeMap<String, String>, side: &str) -> Vec<String> {
    sides.iter().filter(|(_, of)| *of == side).map(|(path, _)| path.clone()).collect()
}

/// The survey's recordings without folder and extension, by path.
fn names(survey: &Survey) -> Vec<String> {
    let paths = survey.ask("SELECT path FROM recordings ORDER BY path");
    let name = |path: &str| path.rsplit('/').next().unwrap().trim_end_matches(".wav").to_owned();
    paths.lines().skip(1).map(name).collect()
}

#[test]
fn every_recording_is_test_in_one_of_the_folds() {
    let survey = Survey::made();
    let mut tests = Vec::new();
    for fold in 1..=4 {
        let (sides, _) = split(&survey, &["split.source=folds", "split.folds=4", &format!("split.fold={fold}")]);
        assert!(["train", "validation", "test"].iter().all(|side| !of_side(&sides, side).is_empty()), "{sides:?}");
        tests.extend(of_side(&sides, "test"));
    }
    assert_eq!(tests.len(), 8, "{tests:?}");
    tests.sort();
    tests.dedup();
    assert_eq!(tests.len(), 8, "a recording is test twice");
    refused(&survey, &["split.source=folds"], 2, &["`folds` without split.fold"]);
    refused(&survey, &["split.source=folds", "split.fold=9"], 1, &["split.fold names `9`", "1, 2, 3, 4, 5"]);
    refused(&survey, &["split.source=folds", "split.fold=1", "split.group=site"], 1, &["5 folds of 2 groups", "split.folds"]);
}

#[test]
fn a_site_is_left_out() {
    let survey = Survey::made();
    for site in ["POND01", "MARSH02"] {
        let (sides, _) = split(&survey, &["split.source=leave_one_site_out", &format!("split.site={site}")]);
        let test = of_side(&sides, "test");
        assert!(test.len() == 4 && test.iter().all(|path| path.starts_with(site)), "{sides:?}");
        assert_eq!(of_side(&sides, "validation").len(), 1);
    }
    let source = "split.source=leave_one_site_out";
    refused(&survey, &[source], 2, &["`leave_one_site_out` without split.site"]);
    refused(&survey, &[source, "split.site=POND1"], 1, &["split.site names `POND1`", "did you mean POND01?", "MARSH02, POND01"]);
}

#[test]
fn official_folds_and_groups_come_from_a_file() {
    let survey = Survey::made();
    let names = names(&survey);
    let line = |(at, name): (usize, &String)| format!("{name}.wav,{},{}\n", 1 + at / 2, ["a", "b"][at % 2]);
    let lines: String = names.iter().enumerate().map(line).collect();
    fs::write(survey.archive().join("folds.csv"), format!("filename,fold,source\n{lines}gone.wav,1,a\n")).unwrap();
    let file = ["split.source=file", "split.file=folds.csv"];
    let (sides, said) = split(&survey, &[&file[..], &["split.fold=2"]].concat());
    let test = of_side(&sides, "test");
    assert!(names[2..4].iter().all(|name| test.iter().any(|path| path.contains(name))) && test.len() == 2, "{sides:?}");
    assert!(said.contains("1 of 9 names in folds.csv match no recording: gone.wav"), "{said}");
    refused(&survey, &file, 1, &["name the fold for testing in split.fold: 1, 2, 3, 4"]);
    refused(&survey, &[&file[..], &["split.fold=11"]].concat(), 1, &["split.fold names `11`"]);

    // Two groups, each in every official fold: the file is followed, and said to tear them.
    let group = ["split.group=column", "split.group_column=source"];
    let (_, said) = split(&survey, &[&file[..], &["split.fold=2"], &group].concat());
    assert!(said.contains("2 groups of split.group: a, b"), "{said}");
    let (sides, _) = split(
        &survey,
        &[&group[..], &["split.source=grouped", "split.group_file=folds.csv", "split.test_fraction=0.5"]].concat(),
    );
    let side = |at: usize| sides.iter().find(|(path, _)| path.contains(&names[at])).unwrap().1.clone();
    assert!((2..8).all(|at| side(at) == side(at % 2)), "{sides:?}");
    refused(
        &survey,
        &["split.group=column", "split.file=null", "split.source=grouped"],
        2,
        &["`column` without a file", "split.group_file"],
    );
    refused(&survey, &["split.group=column"], 1, &["subset.csv", "a column group"]);
}

#[test]
fn copies_of_a_recording_stay_on_one_side_and_what_sides_hold_is_counted() {
    let survey = Survey::tiny();
    let names = names_in(&survey, "POND01");
    for name in &names[..2] {
        for (folder, extension) in [("raw_data", "wav"), ("strong_labels", "txt")] {
            let from = survey.archive().join(format!("{folder}/POND01/{name}.{extension}"));
            fs::copy(from, survey.archive().join(format!("{folder}/MARSH02/{name}.{extension}"))).unwrap();
        }
    }
    survey.run_with(&["ingest", "segment", "annotate"]);
    for seed in 0..6 {
        let (sides, said) = split(&survey, &["split.source=grouped", "split.test_fraction=0.5", &format!("split.seed={seed}")]);
        for name in &names[..2] {
            assert_eq!(sides[&format!("POND01/{name}.wav")], sides[&format!("MARSH02/{name}.wav")], "seed {seed}");
        }
        assert!(said.contains("recordings with the same content") && said.contains(&names[0]), "{said}");
    }
    let (sides, _) = split(&survey, &["split.source=leave_one_site_out", "split.site=POND01"]);
    assert_eq!((of_side(&sides, "unused").len(), of_side(&sides, "test").len()), (2, 4), "{sides:?}");
    // The table is what labels and splits say together.
    let counted = survey.ask(
        "SELECT l.class, s.subset, COUNT(DISTINCT l.recording_id) AS recordings, COUNT(*) AS windows_positive FROM labels l \
         JOIN splits s ON l.recording_id = s.recording_id WHERE l.value = 1 GROUP BY l.class, s.subset ORDER BY class, subset",
    );
    let held = survey.ask("SELECT * FROM split_classes WHERE recordings > 0 ORDER BY class, subset");
    assert_eq!(held, counted);
    assert!(held.lines().count() > 4, "{held}");
}

fn names_in(survey: &Survey, site: &str) -> Vec<String> {
    let files = fs::read_dir(survey.archive().join("raw_data").join(site)).unwrap().flatten();
    let mut names: Vec<String> = files.map(|f| f.path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
