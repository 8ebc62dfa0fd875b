//! Queries that need more memory than they may take. The whole process is watched, so this test is alone in one.
#![allow(clippy::unwrap_used)]

mod common;

use chorus_query::{Format, Limits, Tables};
use common::{Run, written};

#[test]
fn what_needs_more_memory_goes_to_files_or_is_refused() {
    let run = Run::small();
    let tables = Tables::open(&run.path).unwrap().with_limits(Limits { memory: 24_000_000, ..Limits::default() });
    let sorted = "SELECT MAX(n) FROM (SELECT value, ROW_NUMBER() OVER (ORDER BY value % 1000, value) AS n FROM range(3000000)) t";
    assert_eq!(written(tables.sql(sorted).unwrap(), Format::Csv), "MAX(n)\n3000000\n");
    let left = std::fs::read_dir(run.path.join("tmp")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "temporary files are left in the run");
    let held = "SELECT LENGTH(string_agg(CAST(value AS VARCHAR), ',')) FROM range(30000000)";
    let error = tables.sql(held).and_then(|answer| answer.write(Format::Csv, &mut Vec::new())).expect_err(held);
    assert!(error.to_string().contains("--memory"), "{error}");
}
