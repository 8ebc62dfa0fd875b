//! Sites and dates: their types and names, and that nothing is read that they rule out.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::{MARCH_1, RIVER, RIVER_ENCODED, Run};

const DAY_1: Option<&str> = Some("2020-03-01");
const DAY_2: Option<&str> = Some("2020-03-02");

/// What no reader takes for Parquet.
const RUBBISH: &[u8] = b"rubbish";

#[test]
fn partitions_are_columns_of_text_and_date() {
    let run = Run::small();
    assert_eq!(
        run.rows("SELECT site, date, date + 1 AS next, COUNT(*) AS n FROM predictions GROUP BY site, date ORDER BY site, date NULLS LAST"),
        [
            "POND01,2020-03-01,2020-03-02,4",
            "POND01,2020-03-02,2020-03-03,2",
            &format!("{RIVER},2020-03-01,2020-03-02,2"),
            &format!("{RIVER},,,2"),
        ]
    );
    assert_eq!(run.rows(&format!("SELECT recording_id FROM recordings WHERE site = '{RIVER}' ORDER BY 1")), ["c", "d"]);
}

#[test]
fn a_site_that_looks_like_a_number_stays_text() {
    let run = Run::empty();
    run.recordings("007", DAY_1, &[("a", Some(MARCH_1), Some(1.0))]);
    assert_eq!(run.rows("SELECT site FROM recordings WHERE site = '007'"), ["007"]);
}

#[test]
fn no_comparison_is_true_of_a_date_that_is_null() {
    let run = Run::small();
    for (filter, expected) in [
        ("date < '2020-03-02'", vec!["a", "c"]),
        ("date <= '2020-03-02'", vec!["a", "b", "c"]),
        ("date <> '2020-03-01'", vec!["b"]),
        ("NOT (date > '2020-03-01')", vec!["a", "c"]),
        ("NOT date = '2020-03-01'", vec!["b"]),
        ("date NOT IN ('2020-03-01')", vec!["b"]),
        ("date IS NULL", vec!["d"]),
        ("date IS NOT NULL", vec!["a", "b", "c"]),
        ("date IS NULL OR date > '2020-03-01'", vec!["b", "d"]),
        ("date < '2020-03-02' AND duration_s > 0", vec!["a"]),
    ] {
        assert_eq!(run.rows(&format!("SELECT recording_id FROM recordings WHERE {filter} ORDER BY 1")), expected, "{filter}");
        assert_eq!(
            run.rows(&format!("SELECT COUNT(*) FROM recordings WHERE {filter}")),
            [expected.len().to_string()],
            "{filter}"
        );
    }
}

#[test]
fn dates_may_all_be_null() {
    let run = Run::empty();
    run.recordings("P1", None, &[("a", None, Some(1.0))]);
    run.recordings("P2", None, &[("b", None, Some(2.0))]);
    assert_eq!(run.rows("SELECT site, date, EXTRACT(year FROM date) AS year FROM recordings ORDER BY site"), ["P1,,", "P2,,"]);
    assert_eq!(run.rows("SELECT COUNT(*) FROM recordings WHERE date < '2030-01-01' OR date >= '2030-01-01'"), ["0"]);
}

#[test]
fn partitions_that_a_filter_rules_out_are_not_opened() {
    let run = Run::small();
    fs::write(run.file("predictions", "POND01", DAY_1), RUBBISH).unwrap();
    for filter in [
        "date = '2020-03-02'",
        "date > '2020-03-01'",
        "date IN ('2020-03-02')",
        "date BETWEEN '2020-03-02' AND '2020-03-09' AND score > 0",
        "date >= '2020-03-02' AND site = 'POND01'",
    ] {
        assert_eq!(run.rows(&format!("SELECT DISTINCT recording_id FROM predictions WHERE {filter}")), ["b"], "{filter}");
    }
    assert_eq!(
        run.rows(&format!("SELECT DISTINCT recording_id FROM predictions WHERE site = '{RIVER}' AND score >= 0 ORDER BY 1")),
        ["c", "d"]
    );
    assert_eq!(run.rows("SELECT COUNT(*) FROM predictions WHERE site LIKE 'Rivi%'"), ["4"]);
    assert_eq!(run.rows("SELECT recording_id FROM predictions WHERE date IS NULL AND class = 'FROG'"), ["d"]);
    run.error("SELECT COUNT(*) FROM predictions WHERE date = '2020-03-01' AND score > 0");
}

#[test]
fn undated_partitions_of_other_sites_are_not_opened() {
    let run = Run::small();
    fs::write(run.file("predictions", RIVER_ENCODED, None), RUBBISH).unwrap();
    assert_eq!(run.rows("SELECT COUNT(*) FROM predictions WHERE site = 'POND01' AND date < '2020-03-02'"), ["4"]);
    run.error("SELECT COUNT(*) FROM predictions WHERE score > 0");
}

#[test]
fn only_the_tables_of_the_query_are_opened() {
    let run = Run::small();
    fs::write(run.path.join("tables/splits/part-000.parquet"), RUBBISH).unwrap();
    assert_eq!(run.rows("SELECT COUNT(*) FROM recordings"), ["4"]);
}

#[test]
fn a_run_may_live_anywhere() {
    let run = Run::named("project=frogs/date=never/a [1]*?");
    run.fill();
    assert_eq!(run.rows("SELECT COUNT(*), COUNT(DISTINCT site) FROM recordings WHERE date = '2020-03-01'"), ["2,2"]);
    assert_eq!(run.rows("SELECT COUNT(*) FROM splits"), ["4"]);
}

#[test]
fn files_without_rows_are_normal() {
    let run = Run::empty();
    run.predictions("POND01", DAY_1, "a", None, &[]);
    run.predictions("POND01", DAY_2, "b", None, &[]);
    assert_eq!(run.rows("SELECT * FROM predictions"), [""; 0]);
    assert_eq!(run.rows("SELECT COUNT(*), MAX(score) FROM predictions"), ["0,"]);
    assert_eq!(run.rows("SELECT site, COUNT(*) FROM predictions GROUP BY site"), [""; 0]);
}
