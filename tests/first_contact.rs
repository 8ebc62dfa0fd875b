//! What a newcomer sees first: `chorus` alone, how `init` and `run` lead on, `doctor`, completions and manual pages.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{CHORUS, Survey, contents, copy, text};

/// `chorus` with these arguments, in a folder.
fn chorus(folder: &Path, args: &[&str]) -> Output {
    Command::new(CHORUS).args(args).current_dir(folder).output().unwrap()
}

/// What `chorus` alone prints in a folder.
fn alone(folder: &Path) -> String {
    let output = chorus(folder, &[]);
    let page = text(&output.stdout);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    assert!(page.lines().count() <= 15, "{page}");
    page
}

/// The commands that a help text lists.
fn listed(folder: &Path, args: &[&str]) -> Vec<String> {
    let help = text(&chorus(folder, &[args, &["--help"]].concat()).stdout);
    let Some((_, list)) = help.split_once("Commands:\n") else { return Vec::new() };
    let rows = list.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    rows.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).filter(|name| name != "help").collect()
}

#[test]
fn chorus_alone_says_what_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let empty = alone(place);
    assert!(empty.contains("neither recordings nor configurations") && empty.contains("chorus demo demo"), "{empty}");
    assert!(chorus(place, &["demo", "--tiny", "ponds"]).status.success());
    let with_recordings = alone(place);
    assert!(with_recordings.contains("recordings in ponds"), "{with_recordings}");
    assert!(with_recordings.contains("chorus init ponds"), "{with_recordings}");
    assert!(chorus(place, &["init", "ponds"]).status.success());
    let with_configuration = alone(place);
    assert!(with_configuration.contains("a configuration: configs/ponds.yaml"), "{with_configuration}");
    assert!(with_configuration.contains("chorus run -c configs/ponds.yaml"), "{with_configuration}");
    // Looking leaves nothing behind.
    let names = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(names(place).len(), 2);
}

#[test]
fn chorus_alone_names_the_run_and_its_report() {
    let survey = Survey::made();
    copy(&survey.run(), &survey.folder().join("runs/ponds"));
    let page = alone(survey.folder());
    for wanted in ["a run: runs/ponds", "report: runs/ponds/report/index.html", "chorus query --run runs/ponds"] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    // The archive of recordings is named, and clips of the report are no recordings.
    assert!(page.contains("recordings in archive") && !page.contains("in 2 more folders"), "{page}");
}

#[test]
fn init_leads_on_and_is_quiet_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    assert!(chorus(place, &["demo", "--tiny", "ponds"]).status.success());
    let told = chorus(place, &["init", "ponds", "-o", "a.yaml"]);
    let said = text(&told.stderr);
    for wanted in ["found  8 recordings", "labels (anuraset_raw)", "chorus check -c a.yaml", "chorus run -c a.yaml   # about"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let quiet = chorus(place, &["init", "ponds", "-o", "b.yaml", "--quiet"]);
    assert!(quiet.status.success() && quiet.stderr.is_empty(), "{}", text(&quiet.stderr));
    assert_eq!(text(&quiet.stdout), text(&told.stdout).replace("a.yaml", "b.yaml"), "advice is no data");
    // Bare recordings: neither labels nor a model, neither places nor a time zone.
    copy(&place.join("ponds/raw_data"), &place.join("bare"));
    let said = text(&chorus(place, &["init", "bare", "-o", "c.yaml"]).stderr);
    for wanted in ["labels or a model", "archive.timezone", "a site sheet", "chorus run ingest -c c.yaml"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn a_run_says_what_to_look_at_and_its_queries_work() {
    let survey = Survey::made();
    // The archive is a copy, whose files have to be looked at first.
    survey.run_all();
    let told = survey.chorus(&["run", "report", "--force"]);
    let said = text(&told.stderr);
    assert!(told.status.success() && told.stdout.is_empty(), "{said}");
    assert!(said.lines().any(|line| line.starts_with("found ") && line.contains("8 recordings")), "{said}");
    let queries: Vec<&str> =
        said.lines().filter_map(|line| line.split_once("chorus query --run ")?.1.split('"').nth(1)).collect();
    assert!((1..=5).contains(&queries.len()), "{said}");
    for sql in queries {
        survey.ask(sql);
    }
    assert!(said.contains("chorus clips --run ") || said.contains("chorus next --run "), "{said}");
    let quiet = survey.chorus(&["run", "report", "--force", "--quiet"]);
    assert!(quiet.status.success() && quiet.stderr.is_empty(), "{}", text(&quiet.stderr));
    let idle = text(&survey.chorus(&["run"]).stderr);
    assert!(idle.contains("nothing to do") && !idle.contains("chorus query") && idle.contains("report: "), "{idle}");
    let one = text(&survey.chorus(&["run", "ingest"]).stderr);
    assert!(one.contains("nothing to do") && !one.contains("report: "), "whether the report is up to date was not asked: {one}");
}

#[test]
fn a_run_of_one_stage_names_the_others_and_a_new_one_its_time() {
    let survey = Survey::tiny();
    let said = survey.run_with(&["ingest"]);
    let next = said.lines().find(|line| line.starts_with("next ")).unwrap();
    assert!(next.contains("chorus run -c ") && next.contains("featurize") && next.contains("report"), "{said}");
    assert!(!said.contains("time: "), "one stage is not the whole run: {said}");
    fs::remove_dir_all(survey.run()).unwrap();
    // A quiet worker says nothing either.
    let quiet = survey.chorus(&["run", "--quiet", "--set", "train.epochs=1"]);
    let said = text(&quiet.stderr);
    assert!(quiet.status.success() && said.lines().all(|line| line.starts_with("warning: ")), "{said}");
    fs::remove_dir_all(survey.run()).unwrap();
    let said = survey.run_with(&["--set", "train.epochs=1"]);
    let time = said.lines().find(|line| line.starts_with("time: about ")).unwrap();
    assert!(time.contains("recorded minute") && time.contains("train, whose time is known once it has begun"), "{said}");
}

#[test]
fn doctor_looks_at_everything_and_leaves_nothing() {
    let survey = Survey::made();
    let before = contents(survey.folder(), "");
    let told = survey.chorus(&["doctor"]);
    let said = text(&told.stdout);
    assert!(told.status.success(), "{said}");
    let names =
        ["chorus", "chorus-torch", "libtorch", "chorus-onnx", "folder", "file system", "clock", "processor", "memory", "GPU"];
    for name in names {
        let is_line = |line: &str| line.split_once(' ').is_some_and(|(_, rest)| rest.trim_start().starts_with(name));
        assert!(said.lines().any(is_line), "{name}: {said}");
    }
    assert!(said.lines().all(|line| line.starts_with("ok ") || line.starts_with("warn ")), "{said}");
    assert!(said.contains(env!("CARGO_PKG_VERSION")) && said.contains("locks, rename over a file"), "{said}");
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&survey.chorus(&["doctor", "--json"]).stdout).unwrap();
    assert_eq!(rows.len(), said.lines().count());
    assert!(rows.iter().all(|row| ["ok", "warn"].contains(&row["state"].as_str().unwrap())), "{rows:?}");
    assert!(contents(survey.folder(), "") == before, "doctor changed something");
}

#[test]
fn doctor_fails_where_nothing_could_be_made() {
    let survey = Survey::made();
    let full = survey.chorus(&["doctor", "--set", "units.keep_free_gib=1000000000"]);
    let said = text(&full.stdout);
    assert_eq!(full.status.code(), Some(1), "{said}");
    let line = said.lines().find(|line| line.starts_with("fail ")).unwrap();
    assert!(line.contains("folder") && line.contains("units.keep_free_gib keeps"), "{said}");
    // A worker of another version would make other outputs.
    let other = survey.folder().join("chorus-torch");
    fs::write(&other, "#!/bin/sh\necho chorus-torch 0.0.1\n").unwrap();
    fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = survey.command(&["doctor"]).env("CHORUS_TORCH", &other).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is of version 0.0.1, and chorus of version"), "{said}");
    // One that is not there is a warning: much can be done without it.
    let output = survey.command(&["doctor"]).env("CHORUS_TORCH", "/nowhere/chorus-torch").output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("is not at /nowhere/chorus-torch"), "{said}");
    let unwritable = chorus(survey.folder(), &["doctor", "/proc/self"]);
    assert_eq!(unwritable.status.code(), Some(1), "{}", text(&unwritable.stdout));
}

#[test]
fn completions_and_manual_pages_have_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let commands = listed(place, &[]);
    assert!(commands.len() > 25 && commands.contains(&"doctor".to_owned()), "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = chorus(place, &["completions", shell]);
        let script = text(&output.stdout);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let words: Vec<&str> = script.split(|c: char| !(c.is_alphanumeric() || c == '-')).collect();
        for command in commands.iter().chain(&listed(place, &["backbone"])) {
            assert!(words.contains(&command.as_str()), "{shell} lacks {command}");
        }
    }
    assert!(chorus(place, &["man", "pages/man1"]).status.success());
    for command in &commands {
        let page = fs::read_to_string(place.join(format!("pages/man1/chorus-{command}.1"))).unwrap();
        assert!(page.contains(".SH NAME") && page.contains("SYNOPSIS"), "{command}: {page}");
    }
    let of_run = fs::read_to_string(place.join("pages/man1/chorus-run.1")).unwrap();
    assert!(of_run.contains("dry\\-run"), "{of_run}");
    assert!(place.join("pages/man1/chorus-backbone-check.1").exists());
}
