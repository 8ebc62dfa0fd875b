//! Queries that would never end, and texts that grow without end.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use chorus_query::{Format, Limits, QueryError, Tables};
use common::Run;

/// A query with more rows than can be counted.
const ENDLESS: [&str; 3] = [
    "SELECT COUNT(*) FROM range(1000000) a, range(1000000) b, range(1000000) c WHERE a.value + b.value + c.value = 1",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT COUNT(*) FROM t",
    "SELECT MAX(n) FROM (SELECT ROW_NUMBER() OVER () AS n FROM range(100000) a, range(100000) b) t",
];

fn error(limits: Limits, sql: &str) -> QueryError {
    let run = Run::small();
    let tables = Tables::open(&run.path).unwrap().with_limits(limits);
    tables.sql(sql).and_then(|answer| answer.write(Format::Csv, &mut Vec::new())).expect_err(sql)
}

#[test]
fn a_query_ends_when_its_time_is_over() {
    for sql in ENDLESS {
        let start = Instant::now();
        let error = error(Limits { timeout: Duration::from_secs(1), ..Limits::default() }, sql);
        assert!(matches!(error, QueryError::TimedOut { seconds: 1 }), "{sql}: {error}");
        assert!(error.to_string().contains("--timeout") && !error.is_usage());
        assert!(start.elapsed() < Duration::from_secs(20), "{sql}: {:?}", start.elapsed());
    }
}

#[test]
fn queries_of_one_run_do_not_disturb_each_other() {
    let run = Run::small();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let tables = Tables::open(&run.path).unwrap();
                    let mut out = Vec::new();
                    tables.sql("SELECT COUNT(*) AS n FROM predictions").unwrap().write(Format::Csv, &mut out).unwrap();
                    assert_eq!(out, b"n\n10\n");
                    // As a run does when it starts.
                    chorus_engine::clear_tmp(&chorus_engine::RunDir::new(&run.path)).unwrap();
                }
            });
        }
    });
    assert_eq!(std::fs::read_dir(run.path.join("tmp")).map_or(0, Iterator::count), 0);
}

#[test]
fn a_query_can_be_stopped_from_outside() {
    let limits = Limits::default();
    let stop = limits.stop.clone();
    let stopper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        stop.store(true, Ordering::Relaxed);
    });
    assert!(matches!(error(limits, ENDLESS[0]), QueryError::Stopped));
    stopper.join().unwrap();
}

#[test]
fn texts_and_patterns_that_grow_without_end_are_refused() {
    let long = format!("SELECT {}", "(".repeat(10 << 20));
    for (sql, said) in [
        (long.as_str(), "expected at most"),
        ("SELECT regexp_like('a', '((a{1000}){1000}){1000}')", "did not compile"),
        ("SELECT 1 FROM range(10) WHERE (((((((((((((((((((1", "not valid SQL"),
    ] {
        let error = error(Limits { timeout: Duration::from_secs(20), ..Limits::default() }, sql).to_string();
        assert!(error.contains(said), "{}: {error}", &sql[..60.min(sql.len())]);
        assert!(error.len() < 400, "{error}");
    }
}
