//! Several processes, each with a share of one run, leave behind what a single one does.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Child, Stdio};
use std::time::Duration;

use common::{Survey, assert_same, text};

const SHARES: [&str; 4] = ["1/4", "2/4", "3/4", "4/4"];

fn start(survey: &Survey, share: &str) -> Child {
    survey.command(&["run", "-j", "1", "--units", share]).stderr(Stdio::piped()).spawn().unwrap()
}

/// What a process said, which has to end well.
fn end(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn four_processes_at_once_one_of_them_killed_and_started_again_give_the_same_tables() {
    let alone = Survey::tiny();
    alone.run_all();
    let shared = Survey::tiny();
    shared.take_archive_of(&alone);
    let mut children: Vec<Child> = SHARES.iter().map(|share| start(&shared, share)).collect();
    // The third is killed in the middle of something.
    while !shared.run().join("state/segment").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    children[2].kill().unwrap();
    children[2].wait().unwrap();
    children[2] = start(&shared, SHARES[2]);
    let said: Vec<String> = children.into_iter().map(end).collect();
    // Who was left behind by the one that was killed is done by whoever comes next.
    let rest = shared.run_all();
    assert_same(&shared.results(), &alone.results(), &format!("{said:#?} {rest}"));
    assert!(said[0].contains("annotate-classes  made 1 unit"), "{}", said[0]);
    assert!(said[1..].iter().all(|said| !said.contains("split             made")), "{said:#?}");
    assert!(!shared.run().join("state/claims/segment").exists() || is_empty(&shared.run().join("state/claims/segment")));
}

#[test]
fn four_processes_left_alone_need_no_other() {
    let alone = Survey::made();
    alone.run_all();
    let shared = Survey::tiny();
    shared.take_archive_of(&alone);
    let children: Vec<Child> = SHARES.iter().map(|share| start(&shared, share)).collect();
    let said: Vec<String> = children.into_iter().map(end).collect();
    assert_same(&shared.results(), &alone.results(), &format!("{said:#?}"));
    assert!(shared.run_all().contains("nothing to do"));
}

#[test]
fn a_share_on_its_own_makes_its_units_and_leaves_what_needs_the_others() {
    let survey = Survey::tiny();
    let said = end(start(&survey, "2/3"));
    assert!(said.contains("annotate          skipped: other shares"), "{said}");
    let units = |pass: &str| survey.ask_status(pass);
    let (fresh, all) = units("ingest");
    assert!(0 < fresh && fresh < all, "{fresh} of {all}");
    assert_eq!(units("featurize").0, fresh);
    assert_eq!(units("split").0, 0);
    let made = survey.made_by(|survey| drop(end(start(survey, "2/3"))));
    assert!(made.is_empty(), "{made:?}");
}

#[test]
fn a_share_is_one_processs_and_a_shared_run_is_nobodys_alone() {
    let survey = Survey::tiny();
    let first = start(&survey, "1/1");
    while !survey.run().join("state/segment").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let second = survey.chorus(&["run", "--units", "1/1"]);
    let whole = survey.chorus(&["run"]);
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

fn is_empty(folder: &std::path::Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}
