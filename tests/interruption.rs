//! Killed at any moment, a run goes on as if nothing had been; and threads change nothing.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{Survey, assert_same, text};

/// Moments at which the run is killed, spread over the time that an undisturbed one takes.
const KILLS: u32 = 10;

#[test]
fn killed_at_ten_moments_it_ends_with_the_same_bytes() {
    let undisturbed = Survey::tiny();
    let start = Instant::now();
    undisturbed.run_all();
    let whole = start.elapsed();
    let expected = undisturbed.results();

    let survey = Survey::tiny();
    survey.take_archive_of(&undisturbed);
    let (mut killed, mut in_training) = (0, 0);
    for kill in 0..KILLS {
        let mut child = survey.command(&["run"]).stderr(std::process::Stdio::null()).spawn().unwrap();
        // Each try goes on where the one before was killed, so what is left of the whole is cut evenly.
        let until = Instant::now() + whole / KILLS + Duration::from_millis(u64::from(kill) * 7);
        let mut status = None;
        while Instant::now() < until && status.is_none() {
            std::thread::sleep(Duration::from_millis(2));
            status = child.try_wait().unwrap();
        }
        if status.is_none() {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
        let checkpoints = survey.run().join("state/cache/train");
        in_training += u32::from(checkpoints.read_dir().is_ok_and(|mut files| files.next().is_some()));
    }
    assert!(killed >= KILLS / 2, "{killed} of {KILLS} were killed");
    let said = survey.run_all();
    assert_same(&survey.results(), &expected, &format!("after {killed} kills, {in_training} with a checkpoint: {said}"));
}

#[test]
fn killed_within_the_training_it_goes_on_from_the_checkpoint() {
    let survey = Survey::made();
    // The copied files are other files to ingest, which has to look at them once.
    survey.run_all();
    let expected = survey.results();
    std::fs::remove_dir_all(survey.run().join("state/train")).unwrap();
    let mut resumed = 0;
    let cache = survey.run().join("state/cache/train");
    let checkpoint = |cache: &std::path::Path| {
        cache.read_dir().ok().and_then(|mut files| files.next()?.ok()?.metadata().ok()?.modified().ok())
    };
    for kill in 0..5 {
        let mut child = survey.command(&["run", "train"]).stderr(std::process::Stdio::null()).spawn().unwrap();
        let before = checkpoint(&cache);
        let start = Instant::now();
        // Until it has saved once more, and then a little into the next steps.
        while checkpoint(&cache) == before && child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(3 * kill));
        resumed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().ok();
        child.wait().unwrap();
    }
    assert!(resumed >= 3, "the training was over before it could be killed: {resumed} of 5");
    survey.run_all();
    assert_same(&survey.results(), &expected, "a resumed training");
}

#[test]
fn a_polite_stop_keeps_what_was_done_and_says_so() {
    let survey = Survey::tiny();
    let mut child = survey.command(&["run"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    while !survey.run().join("state/segment").exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("continues from there"), "{said}");
    survey.run_all();
}

#[test]
fn threads_change_no_table_and_a_second_run_from_scratch_gives_the_same() {
    let survey = Survey::made();
    let other = Survey::tiny();
    other.take_archive_of(&survey);
    other.run_with(&["-j", "1"]);
    assert_same(&other.results(), &survey.results(), "-j 1 and all threads");
    let third = Survey::tiny();
    third.take_archive_of(&survey);
    third.run_with(&["-j", "2"]);
    assert_same(&third.results(), &survey.results(), "-j 2 and all threads");
}

#[test]
fn two_processes_do_not_work_on_one_run_at_once() {
    let survey = Survey::tiny();
    let mut child = survey.command(&["run"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    while !survey.run().join("state/lock").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let second = survey.chorus(&["run"]);
    let first = child.wait().unwrap();
    assert!(first.success());
    let said = text(&second.stderr);
    // The second one may have waited long enough; then it found everything fresh.
    assert!(said.contains("another chorus process works on this run") || said.contains("nothing to do"), "{said}");
}
