//! Views, parameters, several runs, and the place of an error.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::PathBuf;

use chorus_engine::{RunTables, RunTablesError};
use chorus_query::{Format, Param, Tables};
use common::{Run, written};

fn lines(tables: &Tables, sql: &str) -> Vec<String> {
    let answer = tables.sql(sql).unwrap_or_else(|e| panic!("{sql}\n{e}"));
    written(answer, Format::Csv).lines().skip(1).map(str::to_owned).collect()
}

fn open_all(runs: &[&PathBuf]) -> Result<Vec<RunTables>, RunTablesError> {
    RunTables::open_all(&runs.iter().map(|run| (*run).clone()).collect::<Vec<_>>(), |_| Vec::new())
}

fn param(text: &str) -> Param {
    Param::parse(text).unwrap()
}

#[test]
fn several_runs_are_one_table_with_their_names() {
    let (one, two) = (Run::named("one"), Run::named("two"));
    one.fill();
    two.splits(&[("x", "train")]);
    let tables = Tables::of(open_all(&[&one.path, &two.path]).unwrap());
    assert_eq!(lines(&tables, "SELECT run, COUNT(*) FROM splits GROUP BY run ORDER BY run"), ["one,4", "two,1"]);
    assert_eq!(lines(&tables, "SELECT DISTINCT run FROM recordings"), ["one"], "a run that lacks the table adds no rows");
    assert_eq!(
        lines(
            &tables,
            "SELECT a.recording_id, b.run FROM splits a JOIN splits b ON a.subset = b.subset WHERE a.run = 'one' AND b.run = 'two' ORDER BY 1"
        ),
        ["a,two", "c,two"]
    );
    let error = tables.sql("SELECT * FROM metrics").unwrap_err().to_string();
    assert!(error.contains("no table `metrics` yet"), "{error}");
}

#[test]
fn runs_of_one_name_are_told_apart_by_their_folders_and_a_run_is_named_once() {
    let (one, two) = (Run::named("a/run"), Run::named("b/run"));
    one.splits(&[("x", "train")]);
    two.splits(&[("y", "test")]);
    let tables = Tables::of(open_all(&[&one.path, &two.path]).unwrap());
    assert_eq!(lines(&tables, "SELECT run, subset FROM splits ORDER BY run"), ["a/run,train", "b/run,test"]);
    let error = open_all(&[&one.path, &one.path]).unwrap_err();
    assert!(matches!(error, RunTablesError::SameRun { .. }), "{error}");
}

#[test]
fn a_tables_own_column_run_is_kept_beside_the_runs_names() {
    let (one, two) = (Run::named("one"), Run::named("two"));
    one.sweep_metrics(&["fold-1", "fold-2"]);
    two.sweep_metrics(&["fold-1"]);
    let tables = Tables::of(open_all(&[&one.path, &two.path]).unwrap());
    let rows = lines(&tables, "SELECT run, own_run, value FROM sweep_metrics ORDER BY run, own_run");
    assert_eq!(rows, ["one,fold-1,0.5", "one,fold-2,0.5", "two,fold-1,0.5"]);
    let described = lines(&tables, "DESCRIBE sweep_metrics");
    let named = |name: &str| described.iter().filter(|line| line.starts_with(name)).count();
    assert_eq!((named("run,utf8,"), named("own_run,utf8,")), (1, 1), "{described:?}");
    let alone = Tables::open(&two.path).unwrap();
    assert_eq!(lines(&alone, "SELECT run FROM sweep_metrics"), ["fold-1"], "one run's table is as it is");
}

#[test]
fn tables_are_joined_by_what_is_less_or_more() {
    let run = Run::small();
    let tables = Tables::open(&run.path).unwrap().with_params(vec![param("least=0.5"), param("wanted=all")]);
    let expected = lines(&tables, "SELECT COUNT(*) FROM predictions WHERE score >= 0.5");
    for sql in [
        "SELECT COUNT(*) FROM predictions CROSS JOIN params WHERE score >= params.least",
        "SELECT COUNT(*) FROM predictions p CROSS JOIN params WHERE p.score >= params.least AND (params.wanted = 'all' OR p.class = params.wanted)",
        "SELECT COUNT(*) FROM predictions p JOIN params ON p.score >= params.least",
    ] {
        assert_eq!(lines(&tables, sql), expected, "{sql}");
    }
    assert_ne!(expected, ["0"]);
    let longer =
        "SELECT a.recording_id FROM recordings a JOIN recordings b ON a.duration_s > b.duration_s AND b.recording_id = 'b'";
    assert_eq!(lines(&tables, longer), ["a"]);
    let others =
        "SELECT a.recording_id, b.subset FROM recordings a JOIN splits b ON a.duration_s > 20 AND b.subset = 'test' ORDER BY 1";
    assert_eq!(lines(&tables, others), ["a,test", "b,test"]);
    let pairs = "SELECT COUNT(*) FROM recordings a CROSS JOIN recordings b WHERE a.duration_s > b.duration_s";
    assert_eq!(lines(&tables, pairs), ["3"]);
}

#[test]
fn a_join_with_an_aggregate_that_nobody_reads_has_no_more_rows() {
    let run = Run::small();
    for sql in [
        "WITH a AS (SELECT COUNT(*) AS n FROM recordings), b AS (SELECT COUNT(*) AS m FROM predictions) SELECT n FROM a CROSS JOIN b",
        "SELECT a.n FROM (SELECT COUNT(*) AS n FROM recordings) a CROSS JOIN (SELECT MAX(score) AS m FROM predictions WHERE class = 'none') b",
        "SELECT COUNT(*) FROM recordings CROSS JOIN (SELECT MAX(score) AS m FROM predictions) b",
    ] {
        assert_eq!(run.rows(sql), ["4"], "{sql}");
    }
}

#[test]
fn one_run_has_no_column_that_tells_it_from_others() {
    let run = Run::small();
    assert!(run.error("SELECT run FROM splits").contains("no column is called `run`"));
}

#[test]
fn parameters_are_a_table_of_one_row() {
    let run = Run::small();
    let given = vec![param("wanted=FROG"), param("least=0.5"), param("since=2020-03-02")];
    let tables = Tables::open(&run.path).unwrap().with_params(given);
    let sql = "SELECT p.recording_id, p.score FROM predictions p CROSS JOIN params WHERE p.class = params.wanted \
               AND p.score >= params.least AND p.date >= params.since ORDER BY 1";
    assert_eq!(lines(&tables, sql), ["b,0.875"]);
    assert_eq!(lines(&tables, "SELECT wanted, least, since FROM params"), ["FROG,0.5,2020-03-02"]);
    let named = "SELECT recording_id, score FROM predictions WHERE class = $wanted AND score >= $least AND date >= $SINCE";
    assert_eq!(lines(&tables, named), ["b,0.875"]);
    assert_eq!(lines(&tables, "SELECT recording_id FROM splits ORDER BY 1 LIMIT $n -- n\n-- param n = 1"), ["a"]);
    // A value is a value, whatever it looks like.
    let sly = Tables::open(&run.path).unwrap().with_params(vec![param("wanted=x' OR 1=1 --")]);
    assert_eq!(lines(&sly, "SELECT COUNT(*), $wanted FROM splits WHERE subset = $wanted"), ["0,x' OR 1=1 --"]);
    // A query may bring values of its own, which those that are given replace.
    let own = "-- param wanted = TOAD\n-- param n = 2\nSELECT wanted, n FROM params";
    assert_eq!(lines(&tables, own), ["FROG,2"]);
    assert_eq!(run.rows(own), ["TOAD,2"]);
    assert!(run.error("SELECT * FROM params").contains("--param NAME=VALUE"));
    assert!(Param::parse("since=2020-02-31").is_err(), "there is no such day");
}

#[test]
fn views_are_listed_described_and_wait_for_their_tables() {
    let run = Run::small();
    let shown = run.rows("SHOW TABLES");
    assert!(shown.iter().any(|line| line.starts_with("nightly,view,")), "{shown:?}");
    assert!(
        run.error("SELECT * FROM nightly")
            .contains("no table `activity` yet; `chorus run detect --with-upstream -c FILE` makes it")
    );
    assert!(run.error("SELECT * FROM nightli").contains("did you mean `nightly`?"));
    assert!(run.rows("DESCRIBE splits").len() == 4);
}

#[test]
fn the_place_of_an_error_is_shown() {
    let run = Run::small();
    for (sql, place) in [
        ("SELECT subset,\n  subzet FROM splits", "2 |   subzet FROM splits\n      ^^^^^^"),
        ("SELECT * FROM whales", "1 | SELECT * FROM whales\n                  ^^^^^^"),
        ("SELECT * FRM splits", "1 | SELECT * FRM splits\n             ^^^"),
    ] {
        let error = run.sql(sql).unwrap_err().to_string();
        assert!(error.ends_with(&format!("\n{place}")), "{error}");
    }
}

#[test]
fn the_tables_that_a_statement_reads_are_those_of_its_views_too() {
    let run = Run::small();
    let tables = Tables::open(&run.path).unwrap();
    let reads = |sql: &str| tables.reads(sql).unwrap();
    assert_eq!(
        reads("WITH w AS (SELECT * FROM splits) SELECT * FROM w JOIN recordings USING (recording_id)"),
        ["splits", "recordings"]
    );
    assert_eq!(reads("SELECT * FROM events JOIN recordings USING (recording_id)"), ["detections", "recordings"]);
    assert_eq!(reads("SHOW TABLES"), [""; 0]);
    assert_eq!(reads("DESCRIBE recordings"), [""; 0]);
    assert!(tables.reads("SELECT * FROM whales").unwrap_err().to_string().contains("no table is called `whales`"));
}
