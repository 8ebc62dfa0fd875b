//! The questions of configs/queries: each runs on a made survey, says what it asks, and has an answer.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{CHORUS, Survey, text};

/// Questions that may rightly have no answer in a tiny survey, in which little is learnt.
const MAY_BE_EMPTY: &[&str] = &[
    "around_sunset",
    "hours_of_day",
    "nightly_index",
    "silent_nights",
    "surest",
    "together",
    "troubles",
    "first_and_last",
    "species_by_site",
];

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/queries");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn query(run: &Path, args: &[&str]) -> Output {
    Command::new(CHORUS).arg("query").arg("--run").arg(run).args(args).output().unwrap()
}

#[test]
fn every_question_is_answered() {
    let survey = Survey::made();
    let class = survey.ask("SELECT class FROM classes ORDER BY class LIMIT 1").lines().nth(1).unwrap().to_owned();
    let files = files();
    assert!(files.len() >= 12);
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for file in &files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let sql = fs::read_to_string(file).unwrap();
        assert!(
            sql.starts_with("-- ") && sql.lines().nth(1).unwrap().starts_with("-- "),
            "{name} does not say what its columns mean"
        );
        assert!(sql.lines().next().unwrap().ends_with(['?', ')']), "{name} asks nothing");
        assert!(readme.contains(&format!("`{name}`")), "the README does not mention {name}");
        let wanted = format!("wanted={class}");
        let output = query(&survey.run(), &["--format", "csv", "--param", &wanted, "-f", file.to_str().unwrap()]);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let rows = text(&output.stdout).lines().count();
        assert!(rows > 1 || (rows == 1 && MAY_BE_EMPTY.contains(&name)), "{name} has no answer");
    }
}

#[test]
fn every_view_has_columns_and_all_that_can_have_rows_have_some() {
    let survey = Survey::made();
    for view in chorus_query::VIEWS {
        let columns = survey.ask(&format!("DESCRIBE {}", view.name));
        assert!(columns.lines().count() > 4, "{}: {columns}", view.name);
        let rows = survey.ask(&format!("SELECT COUNT(*) AS n FROM {}", view.name));
        let n: u64 = rows.lines().nth(1).unwrap().parse().unwrap();
        assert!(n > 0 || ["events", "found"].contains(&view.name), "{} is empty", view.name);
    }
    let help = text(&Command::new(CHORUS).args(["query", "--help"]).output().unwrap().stdout);
    assert!(chorus_query::VIEWS.iter().all(|view| help.contains(view.about().split([':', ',']).next().unwrap())), "{help}");
}

#[test]
fn runs_are_asked_together_and_errors_show_their_place() {
    let (one, two) = (Survey::made(), Survey::made());
    let other = two.folder().join("other");
    fs::rename(two.run(), &other).unwrap();
    let sql = "SELECT run, COUNT(*) AS sites FROM (SELECT DISTINCT run, site FROM effort) t GROUP BY run ORDER BY run";
    let output = query(&one.run(), &["--format", "csv", "--run", other.to_str().unwrap(), sql]);
    let said = text(&output.stdout);
    assert!(said.starts_with("run,sites\nother,") && said.contains("\nrun,"), "{said}{}", text(&output.stderr));
    let output = query(&one.run(), &["SELECT clas FROM nightly"]);
    let said = text(&output.stderr);
    assert!(
        said.contains("did you mean `class`?") && said.ends_with("1 | SELECT clas FROM nightly\n           ^^^^\n"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(2));
    let output = query(&one.run(), &["SELECT 1", "--param", "No=1"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}
