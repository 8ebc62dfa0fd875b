//! Several processes, each with a share of one run, leave behind what a single one does.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Child, Stdio};
use std::time::Duration;

use common::{Survey, assert_same, text};

const SHARES: [&str; 4] = ["1/4", "2/4", "3/4", "4/4"];
const FIRST: &[&str] = &["featurize", "--with-upstream"];

fn start(survey: &Survey, stages: &[&str], share: &str) -> Child {
    let args = [&["run", "-j", "1", "--units", share], stages].concat();
    survey.command(&args).stderr(Stdio::piped()).spawn().unwrap()
}

/// What a process said, which has to end well.
fn end(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

/// What a process says that is refused.
fn refused(survey: &Survey, args: &[&str]) -> String {
    let output = survey.chorus(&[&["run"], args].concat());
    assert!(!output.status.success(), "{args:?}");
    text(&output.stderr)
}

#[test]
fn four_processes_at_once_one_of_them_killed_and_started_again_give_the_same_tables() {
    let alone = Survey::tiny();
    alone.run_all();
    let shared = Survey::tiny();
    shared.take_archive_of(&alone);
    let mut children: Vec<Child> = SHARES.iter().map(|share| start(&shared, FIRST, share)).collect();
    // The third is killed in the middle of something.
    while !shared.run().join("state/segment").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    children[2].kill().unwrap();
    children[2].wait().unwrap();
    children[2] = start(&shared, FIRST, SHARES[2]);
    let said: Vec<String> = children.into_iter().map(end).collect();
    assert!(said.iter().all(|said| !said.contains("waits for")), "{said:#?}");
    assert!(!shared.run().join("manifest.json").exists(), "a share does not know of the whole run");
    shared.run_with(&["train", "--with-upstream"]);
    let children: Vec<Child> = SHARES.iter().map(|share| start(&shared, &["predict"], share)).collect();
    let said: Vec<String> = children.into_iter().map(end).collect();
    let rest = shared.run_all();
    assert!(!rest.contains("featurize         made") && !rest.contains("predict           made"), "{rest}");
    assert_same(&shared.results(), &alone.results(), &format!("{said:#?} {rest}"));
    assert!(shared.run_all().contains("nothing to do"));
}

#[test]
fn a_share_makes_its_own_units_and_refuses_what_needs_those_of_others() {
    let survey = Survey::tiny();
    end(start(&survey, FIRST, "2/3"));
    let units = |pass: &str| survey.ask_status(pass);
    let (fresh, all) = units("ingest");
    assert!(0 < fresh && fresh < all, "{fresh} of {all}");
    assert_eq!(units("featurize").0, fresh);
    let made = survey.made_by(|survey| drop(end(start(survey, FIRST, "2/3"))));
    assert!(made.is_empty(), "{made:?}");
    let said = refused(&survey, &["annotate", "--units", "2/3"]);
    assert!(said.contains("annotate works on the whole run at once"), "{said}");
    let said = refused(&survey, &["featurize", "--units", "1/3"]);
    assert!(said.contains("featurize cannot run: ") && said.contains("--with-upstream"), "{said}");
    let said = refused(&survey, &["split", "--units", "2/3"]);
    assert!(said.contains("split works on the whole run at once; run it without --unit and --units"), "{said}");
}

#[test]
fn shares_of_ingest_read_their_own_part_and_none_waits() {
    let alone = Survey::tiny();
    alone.run_all();
    let shared = Survey::tiny();
    shared.take_archive_of(&alone);
    // One after the other, as where an engine has one slot.
    let said: Vec<String> = ["1/3", "2/3", "3/3"].map(|share| end(start(&shared, &["ingest"], share))).into();
    let waits = |said: &str| said.contains("other shares have to read");
    assert!(waits(&said[0]) && !waits(&said[2]), "{said:#?}");
    assert!(!said[0].contains("up to date"), "{}", said[0]);
    let (fresh, all) = shared.ask_status("ingest");
    assert!(0 < fresh && fresh < all, "the last share made its units");
    for share in ["1/3", "2/3", "3/3"] {
        let said = end(start(&shared, FIRST, share));
        assert!(!said.contains("reading"), "{said}");
    }
    let rest = shared.run_all();
    assert!(!rest.contains("featurize         made"), "{rest}");
    assert_same(&shared.results(), &alone.results(), "ingest by shares");
}

#[test]
fn a_share_of_a_later_stage_does_not_look_at_the_archive() {
    let survey = Survey::tiny();
    survey.run_with(&["featurize", "--with-upstream"]);
    let archive = survey.archive();
    let away = archive.with_extension("away");
    std::fs::rename(&archive, &away).unwrap();
    // Segments need no recording. The archive that is not there would make a look at it fail.
    let said = end(start(&survey, &["segment"], "1/2"));
    assert!(said.contains("nothing to do"), "{said}");
    let said = refused(&survey, &["segment", "--with-upstream", "--units", "1/2"]);
    assert!(said.contains("there is no such folder"), "{said}");
    std::fs::rename(away, archive).unwrap();
}

#[test]
fn a_share_is_one_processs_and_a_shared_run_is_nobodys_alone() {
    let survey = Survey::tiny();
    let first = start(&survey, FIRST, "1/1");
    while !survey.run().join("state/segment").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let second = survey.chorus(&["run", "featurize", "--with-upstream", "--units", "1/1"]);
    let whole = survey.chorus(&["run", "featurize", "--with-upstream"]);
    end(first);
    let said = text(&second.stderr);
    // Either may have waited long enough; then it found everything fresh.
    assert!(said.contains("another process works on share 1/1") || said.contains("nothing to do"), "{said}");
    let said = text(&whole.stderr);
    assert!(said.contains("another chorus process works on this run") || said.contains("nothing to do"), "{said}");
    let wrong = survey.chorus(&["run", "--units", "5/4"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("3/64"), "{}", text(&wrong.stderr));
}

#[test]
fn without_locks_nobody_is_kept_off() {
    let survey = Survey::tiny();
    survey.run_with(&["segment", "--with-upstream"]);
    let lock = std::fs::File::open(survey.run().join("state/lock")).unwrap();
    lock.lock().unwrap();
    let said = refused(&survey, &["segment"]);
    assert!(said.contains("another chorus process works on this run"), "{said}");
    survey.run_with(&["segment", "--set", "run.lock=none"]);
    survey.run_with(&["segment", "--units", "1/1", "--set", "run.lock=none"]);
}
