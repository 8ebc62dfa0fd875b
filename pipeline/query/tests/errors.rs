//! What a user is told when a query cannot be answered.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use chorus_query::{QueryError, Tables};
use common::Run;

#[test]
fn a_folder_that_is_no_run_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = Tables::open(dir.path()).unwrap_err().to_string();
    assert!(
        error.starts_with(&dir.path().display().to_string()) && error.contains("make its tables with `chorus run`"),
        "{error}"
    );
}

#[test]
fn a_table_that_is_not_made_yet_names_its_stage() {
    let run = Run::small();
    fs::create_dir_all(run.path.join("tables/segments/site=POND01/date=2020-03-01")).unwrap();
    for (table, stage) in [("labels", "annotate"), ("metrics", "evaluate"), ("segments", "segment")] {
        let error = run.error(&format!("SELECT * FROM recordings JOIN {table} USING (recording_id)"));
        assert!(error.contains(&format!("this run has no table `{table}` yet; `chorus run {stage}` makes it.")), "{error}");
        assert!(error.contains(&run.path.display().to_string()), "{error}");
    }
}

#[test]
fn an_unknown_table_gets_a_suggestion() {
    let run = Run::small();
    let known = "There are: recordings, splits, features, predictions";
    assert_eq!(
        run.error("SELECT * FROM prediction"),
        format!("no table is called `prediction`; did you mean `predictions`? {}", known)
    );
    assert_eq!(
        run.error("SELECT * FROM Recordings"),
        format!("no table is called `Recordings`; did you mean `recordings`? {}", known)
    );
    assert_eq!(run.error("SELECT * FROM label"), format!("no table is called `label`; did you mean `labels`? {}", known));
    assert_eq!(
        run.error("SELECT 1 FROM splits WHERE 1 IN (SELECT x FROM whales)"),
        format!("no table is called `whales`. {}", known)
    );
    assert_eq!(run.error("TABLE splitz"), format!("no table is called `splitz`; did you mean `splits`? {}", known));
}

#[test]
fn an_unknown_column_gets_a_suggestion() {
    let run = Run::small();
    let known = "There are: group_id, reason, recording_id, subset";
    for (sql, expected) in [
        ("SELECT subzet FROM splits", format!("no column is called `subzet`; did you mean `subset`? {known}")),
        ("SELECT s.subzet FROM splits s", format!("no column is called `subzet`; did you mean `subset`? {known}")),
        ("SELECT * FROM splits WHERE whale = 1", format!("no column is called `whale`. {known}")),
        ("SELECT * FROM splits ORDER BY Subset", format!("no column is called `Subset`; did you mean `subset`? {known}")),
        ("SELECT COUNT(*) FROM splits GROUP BY whale", format!("no column is called `whale`. {known}")),
        ("WITH w AS (SELECT subset AS s FROM splits) SELECT subset FROM w", "no column is called `subset`. There are: s".into()),
    ] {
        assert_eq!(run.error(sql), expected, "{sql}");
    }
}

#[test]
fn a_name_from_with_never_hides_a_table() {
    let run = Run::small();
    let sql = "WITH recordings AS (SELECT * FROM recordings WHERE site = 'POND01') SELECT COUNT(*) FROM recordings";
    assert_eq!(run.error(sql), "WITH gives the name `recordings`, which is a table of this run; give it another name");
    // A table that the run does not have is no obstacle.
    assert_eq!(run.rows("WITH labels AS (SELECT * FROM splits) SELECT COUNT(*) FROM labels"), ["4"]);
}

#[test]
fn what_the_engine_cannot_do_is_told_with_a_way_around() {
    let run = Run::small();
    for (sql, said, hint) in [
        ("SELECT date_trunc('hour', start_utc) FROM recordings", "unsupported function 'date_trunc'", "STRFTIME"),
        ("SELECT hour(start_utc) FROM recordings", "unsupported function 'hour'", "EXTRACT(hour FROM t)"),
        ("SELECT start_utc AT TIME ZONE 'America/Toronto' FROM recordings", "expression AtTimeZone;", "start_local"),
        ("SELECT (SELECT MAX(score) FROM predictions) FROM splits", "unexpected subquery", "CROSS JOIN"),
        ("SELECT 1 FROM predictions WHERE score = (SELECT MAX(score) FROM predictions)", "subquery comparisons", "CROSS JOIN"),
        ("SELECT 1 FROM recordings WHERE '2020-03-01' < date", "to a string value", "put the column first"),
        ("WITH RECURSIVE w AS (SELECT 1) SELECT * FROM w", "recursive CTEs are not supported", "joins, WITH"),
    ] {
        let error = run.error(sql);
        assert!(error.contains(said) && error.contains(hint) && error.len() < 300, "{sql}: {error}");
    }
    assert_eq!(
        run.error("SELECT subset, subset FROM splits"),
        "two columns of the answer are called `subset`; give one another name with AS"
    );
}

#[test]
fn a_damaged_file_is_named_with_its_stage() {
    let run = Run::small();
    let path = run.file("predictions", "POND01", Some("2020-03-02"));
    fs::write(&path, b"rubbish").unwrap();
    let error = run.error("SELECT MAX(score) FROM predictions");
    assert!(error.starts_with(&path.display().to_string()) && error.contains("cannot be read as Parquet"), "{error}");
    // A table under another's name.
    fs::copy(run.path.join("tables/splits/part-000.parquet"), &path).unwrap();
    let error = run.error("SELECT MAX(score) FROM predictions");
    assert!(error.contains("expected table predictions predictions/1, found splits/1"), "{error}");
    assert!(error.contains("chorus run predict"), "{error}");
}

#[test]
fn statements_that_change_something_are_refused() {
    let run = Run::small();
    for sql in ["DROP TABLE recordings", "CREATE TABLE x AS SELECT * FROM recordings", "DELETE FROM recordings"] {
        assert!(matches!(run.sql(sql), Err(QueryError::Refused { .. })), "{sql}");
    }
    let outside = format!("SELECT * FROM read_parquet('{}')", run.file("recordings", "POND01", Some("2020-03-01")).display());
    assert!(matches!(run.sql(&outside), Err(QueryError::Refused { .. })), "{outside}");
}
