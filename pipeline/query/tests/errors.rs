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
        assert!(
            error.contains(&format!("this run has no table `{table}` yet; `chorus run {stage} --with-upstream` makes it.")),
            "{error}"
        );
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
    assert_eq!(
        run.error("SELECT 'a' AS subset UNION ALL TABLE splitz"),
        format!("no table is called `splitz`; did you mean `splits`? {}", known)
    );
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
    assert_eq!(
        run.error(sql),
        "WITH defines `recordings`, but a table or a view of this run has the same name; choose another name in WITH"
    );
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
        (
            "SELECT 1 FROM splits s LEFT JOIN predictions p ON (s.recording_id = p.recording_id)",
            "unsupported SQL join constraint",
            "without parentheses",
        ),
        ("SELECT subset IN (SELECT class FROM predictions) FROM splits", "a subquery in SELECT", "WITH"),
        (
            "SELECT recording_id FROM splits s JOIN recordings r ON s.recording_id = r.recording_id",
            "ambiguous reference",
            "a dot before",
        ),
        ("SELECT * FROM (WITH w AS (SELECT 1 AS a) SELECT * FROM w) t", "relation 'w' was not found", "at the beginning"),
        ("SELECT RANK() OVER (ORDER BY score DESC, class) FROM predictions", "mixed asc/desc", "ORDER BY -score"),
        ("WITH RECURSIVE w AS (SELECT 1) SELECT * FROM w", "recursive CTEs are not supported", "try joins, WITH"),
    ] {
        let error = run.error(sql);
        assert!(error.contains(said) && error.contains(hint) && error.len() < 300, "{sql}: {error}");
    }
    assert_eq!(
        run.error("SELECT subset, subset FROM splits"),
        "two columns of the answer are called `subset`; rename one with AS"
    );
}

#[test]
fn what_the_engine_would_answer_wrongly_is_refused() {
    let run = Run::small();
    for (sql, said) in [
        (
            "SELECT 1 FROM splits s LEFT JOIN predictions p ON s.recording_id = p.recording_id AND p.score > 0.5",
            "conditions other than equal columns",
        ),
        (
            "SELECT 1 FROM splits s FULL JOIN predictions p ON s.recording_id < p.recording_id",
            "conditions other than equal columns",
        ),
        (
            "SELECT 1 FROM (splits s LEFT JOIN predictions p ON (s.reason = p.class AND NOT p.score = 1))",
            "conditions other than equal columns",
        ),
        (
            "SELECT 1 FROM splits s LEFT JOIN predictions p ON s.recording_id = p.recording_id AND p.class = 'FROG'",
            "conditions other than equal columns",
        ),
        ("SELECT 1 FROM splits RIGHT JOIN predictions USING (recording_id)", "RIGHT or FULL JOIN with USING"),
        ("SELECT site, COUNT(*) FROM predictions", "a column is used beside an aggregate"),
        ("SELECT *, COUNT(*) FROM predictions", "a column is used beside an aggregate"),
        (
            "SELECT 1 FROM splits s WHERE 1 IN (SELECT MAX(p.start_s) FROM predictions p WHERE p.recording_id = s.recording_id)",
            "for each row of the outer query",
        ),
        ("SELECT site FROM predictions GROUP BY site ORDER BY COUNT(*) DESC", "an aggregate that is not in SELECT"),
        (
            "SELECT site, COUNT(*) FROM predictions GROUP BY site ORDER BY AVG(score) / COUNT(*)",
            "an aggregate that is not in SELECT",
        ),
        (
            "WITH w AS (SELECT site FROM predictions GROUP BY site ORDER BY MAX(score)) SELECT * FROM w",
            "an aggregate that is not in SELECT",
        ),
        (
            "SELECT ROUND(p.score, 1) AS score FROM predictions p ORDER BY p.score, p.class",
            "would use the computed column of that name",
        ),
        ("SELECT site, COUNT(*) * 100.0 / SUM(COUNT(*)) OVER () FROM predictions GROUP BY site", "beside GROUP BY"),
        ("SELECT site, ROW_NUMBER() OVER (ORDER BY site) FROM predictions GROUP BY ALL", "beside GROUP BY"),
        ("SELECT site, COUNT(*) FROM predictions GROUP BY site QUALIFY ROW_NUMBER() OVER (ORDER BY site) = 1", "beside GROUP BY"),
        ("SELECT AVG(score) OVER (PARTITION BY class ORDER BY start_s) FROM predictions", "AVG ignores ORDER BY"),
        ("SELECT median(score) OVER w FROM predictions WINDOW w AS (ORDER BY start_s)", "median ignores ORDER BY"),
    ] {
        let error = run.sql(sql).expect_err(sql);
        assert!(matches!(&error, QueryError::Misread { .. }), "{sql}: {error}");
        assert!(error.to_string().contains(said), "{sql}: {error}");
    }
    // Their like that is answered rightly.
    for (sql, rows) in [
        (
            "SELECT COUNT(*) FROM splits s LEFT JOIN predictions p ON s.recording_id = p.recording_id AND s.reason = p.class",
            vec!["4"],
        ),
        ("SELECT COUNT(*) FROM splits s JOIN predictions p ON (s.recording_id = p.recording_id AND p.score > 0.8)", vec!["2"]),
        (
            "SELECT p.score FROM predictions p JOIN splits s ON p.recording_id = s.recording_id AND s.subset = 'test' AND p.class = 'FROG'",
            vec!["0.875"],
        ),
        (
            "SELECT AVG(score) OVER (PARTITION BY class) AS mean FROM predictions WHERE recording_id = 'b' ORDER BY mean",
            vec!["0.375", "0.875"],
        ),
        ("SELECT COUNT(*), 'all' AS what, 1 + 1 FROM splits", vec!["4,all,2"]),
        ("SELECT ROUND(p.score, 1) AS rounded FROM predictions p ORDER BY p.score LIMIT 1", vec!["0.0"]),
        ("SELECT p.score AS score FROM predictions p ORDER BY p.score LIMIT 1", vec!["0.0"]),
        (
            "SELECT COUNT(*) FROM predictions p WHERE p.score IN (SELECT MAX(q.score) FROM predictions q WHERE q.class = 'TOAD')",
            vec!["1"],
        ),
    ] {
        assert_eq!(run.rows(sql), rows, "{sql}");
    }
}

#[test]
fn a_damaged_file_is_named_with_its_stage() {
    let run = Run::small();
    let path = run.file("predictions", "POND01", Some("2020-03-02"));
    let sound = fs::read(&path).unwrap();
    fs::write(&path, b"rubbish").unwrap();
    let error = run.error("SELECT MAX(score) FROM predictions");
    assert!(error.starts_with(&path.display().to_string()) && error.contains("cannot be read as Parquet"), "{error}");
    // Rows that are damaged behind a sound footer; the size is as it was.
    fs::write(&path, &sound).unwrap();
    assert_eq!(run.rows("SELECT COUNT(score) FROM predictions").len(), 1);
    let mut bytes = sound.clone();
    let footer = u32::from_le_bytes(*bytes[..bytes.len() - 4].last_chunk().unwrap()) as usize;
    let end = bytes.len() - footer - 8;
    bytes[4..end].fill(0xaa);
    fs::write(&path, &bytes).unwrap();
    let error = run.error("SELECT MAX(score) FROM predictions");
    assert!(error.starts_with(&path.display().to_string()) && error.contains("cannot be read as Parquet"), "{error}");
    assert!(error.contains("chorus run --verify"), "{error}");
    // A table under another's name.
    fs::copy(run.path.join("tables/splits/part-000.parquet"), &path).unwrap();
    let error = run.error("SELECT MAX(score) FROM predictions");
    assert!(error.contains("expected table predictions predictions/1, found splits/1"), "{error}");
    assert!(error.contains("chorus run predict"), "{error}");
}

#[test]
fn a_table_of_another_version_is_refused_before_it_is_read() {
    let run = Run::small();
    fs::copy(run.path.join("tables/splits/part-000.parquet"), run.file("recordings", "POND01", Some("2020-03-01"))).unwrap();
    let error = run.error("SELECT COUNT(*) FROM recordings WHERE site = 'nowhere'");
    assert!(error.contains("found splits/1") && error.contains("chorus run ingest"), "{error}");
}

#[test]
fn a_query_at_fault_is_not_blamed_on_a_damaged_file() {
    let run = Run::small();
    fs::write(run.file("predictions", "POND01", Some("2020-03-02")), b"rubbish").unwrap();
    let error = run.error("SELECT CAST(class AS INTEGER) FROM predictions WHERE date = '2020-03-01'");
    assert!(error.starts_with("the query failed: conversion from `str` to `i32` failed"), "{error}");
}

#[test]
fn what_breaks_the_engine_is_an_error() {
    let run = Run::small();
    let error = run.sql("SELECT start_utc + INTERVAL 'x' FROM recordings").unwrap_err();
    assert!(matches!(&error, QueryError::Panicked { .. }), "{error}");
    assert_eq!(run.rows("SELECT COUNT(*) FROM recordings"), ["4"]);
}

#[test]
fn long_chains_of_operators_are_answered() {
    let run = Run::small();
    let any = vec!["subset = 'train'"; 5000].join(" OR ");
    assert_eq!(run.rows(&format!("SELECT COUNT(*) FROM splits WHERE {any}")), ["2"]);
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
