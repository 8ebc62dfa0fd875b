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
            error.contains(&format!(
                "this run has no table `{table}` yet; `chorus run {stage} --with-upstream -c FILE` makes it."
            )),
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
    assert_eq!(run.rows("SELECT COUNT(RECORDING_ID) FROM \"Recordings\""), ["4"], "names are found without regard to case");
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
        ("SELECT s.subzet FROM splits s", format!("no column is called `s.subzet`; did you mean `subset`? {known}")),
        ("SELECT x.subset FROM splits s", "no table of the query is called `x`. There are: s".to_owned()),
        (
            "SELECT * FROM splits WHERE whale = 1",
            format!("no column is called `whale`. {known}; if it is a text and no column, write 'whale'"),
        ),
        (
            "SELECT COUNT(*) FROM splits GROUP BY whale",
            format!("no column is called `whale`. {known}; if it is a text and no column, write 'whale'"),
        ),
        (
            "WITH w AS (SELECT subset AS s FROM splits) SELECT subset FROM w",
            "no column is called `subset`. There are: s; if it is a text and no column, write 'subset'".into(),
        ),
    ] {
        assert_eq!(run.error(sql), expected, "{sql}");
    }
}

#[test]
fn a_name_from_with_hides_a_table() {
    let run = Run::small();
    let sql = "WITH recordings AS (SELECT * FROM recordings WHERE site = 'POND01') SELECT COUNT(*) FROM recordings";
    assert_eq!(run.rows(sql), ["2"]);
    assert_eq!(run.rows("WITH labels AS (SELECT * FROM splits) SELECT COUNT(*) FROM labels"), ["4"]);
}

#[test]
fn what_the_engine_cannot_do_is_told_with_a_way_around() {
    let run = Run::small();
    for (sql, said) in [
        ("SELECT whale(score) FROM predictions", "Invalid function 'whale'"),
        (
            "SELECT recording_id FROM splits s JOIN recordings r ON s.recording_id = r.recording_id",
            "several tables of the query have a column `recording_id`; write the table's name and a dot before it",
        ),
        ("SELECT site, COUNT(*) FROM predictions", "GROUP BY"),
        ("SELECT $whale", "parameter `$whale` is not valid: expected a value of this name; give --param NAME=VALUE"),
        ("SELECT 9223372036854775807 + COUNT(*) FROM splits", "Overflow"),
        ("SELECT CAST(class AS INTEGER) FROM predictions", "Cannot cast string 'FROG'"),
    ] {
        let error = run.error(sql);
        assert!(error.contains(said) && error.len() < 300, "{sql}: {error}");
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
    assert!(error.starts_with("a value does not fit: Cannot cast string 'FROG'"), "{error}");
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
