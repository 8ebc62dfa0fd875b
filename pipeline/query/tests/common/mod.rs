//! A tiny run, written by the same writers that the pipeline uses.
#![allow(clippy::unwrap_used, dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::FixedSizeBinaryArray;
use chorus_query::{Answer, Format, QueryError, Tables};
use chorus_tables::{BatchBuilder, ColumnType, NULL_PARTITION, TableWriter, schema};
use tempfile::TempDir;

/// A site whose name no path can hold, and how `engine::Unit` encodes it.
pub const RIVER: &str = "Rivière du Nord/2";
pub const RIVER_ENCODED: &str = "Rivi%C3%A8re%20du%20Nord%2F2";
/// 2020-03-01T00:00:00Z in microseconds since 1970.
pub const MARCH_1: i64 = 1_583_020_800_000_000;
pub const HOUR: i64 = 3_600_000_000;

/// A run's folder, which is gone when this is.
pub struct Run {
    _dir: TempDir,
    pub path: PathBuf,
}

impl Run {
    /// A run without tables.
    pub fn empty() -> Self {
        Self::named("run")
    }

    /// A run without tables, whose folder has this name.
    pub fn named(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs::create_dir_all(path.join("tables")).unwrap();
        Self { _dir: dir, path }
    }

    /// Two sites, two days and one recording without a date:
    ///
    /// | site | date | recordings | predictions |
    /// |---|---|---|---|
    /// | POND01 | 2020-03-01 | a | two windows of two classes |
    /// | POND01 | 2020-03-02 | b | one window of two classes |
    /// | POND01 | 2020-03-03 | none | none: a file without rows |
    /// | Rivière du Nord/2 | 2020-03-01 | c | one window of two classes |
    /// | Rivière du Nord/2 | null | d | one window of two classes, start_utc null |
    pub fn small() -> Self {
        let run = Self::empty();
        run.fill();
        run
    }

    pub fn fill(&self) {
        let (one, two) = (Some("2020-03-01"), Some("2020-03-02"));
        self.recordings("POND01", one, &[("a", Some(MARCH_1 + 5 * HOUR), Some(60.5))]);
        self.recordings("POND01", two, &[("b", Some(MARCH_1 + 47 * HOUR), Some(30.0))]);
        self.recordings(RIVER_ENCODED, one, &[("c", Some(MARCH_1 + 21 * HOUR), None)]);
        self.recordings(RIVER_ENCODED, None, &[("d", None, Some(10.0))]);
        self.predictions(
            "POND01",
            one,
            "a",
            Some(MARCH_1 + 5 * HOUR),
            &[("FROG", 0.75), ("TOAD", 0.125), ("FROG", 0.25), ("TOAD", 0.5)],
        );
        self.predictions("POND01", two, "b", Some(MARCH_1 + 47 * HOUR), &[("FROG", 0.875), ("TOAD", 0.375)]);
        self.predictions("POND01", Some("2020-03-03"), "e", None, &[]);
        self.predictions(RIVER_ENCODED, one, "c", Some(MARCH_1 + 21 * HOUR), &[("FROG", 0.625), ("TOAD", 0.85)]);
        self.predictions(RIVER_ENCODED, None, "d", None, &[("FROG", 0.5), ("TOAD", 0.0)]);
        self.splits(&[("a", "train"), ("b", "test"), ("c", "train"), ("d", "unused")]);
        self.features("POND01", one, &["a-000000", "a-000001"]);
    }

    /// Where a file of a table is; `site` as the path spells it.
    pub fn file(&self, table: &str, site: &str, date: Option<&str>) -> PathBuf {
        let date = date.unwrap_or(NULL_PARTITION);
        self.path.join(format!("tables/{table}/site={site}/date={date}/part-000.parquet"))
    }

    /// Recordings with a start and a length; one without a length counts as rejected. What is not given is null.
    pub fn recordings(&self, site: &str, date: Option<&str>, rows: &[(&str, Option<i64>, Option<f64>)]) {
        let each = || rows.iter();
        self.write("recordings", &self.file("recordings", site, date), &[], |mut batch| {
            for column in &schema("recordings").unwrap().columns {
                batch = match column.name.as_str() {
                    "recording_id" => batch.utf8(each().map(|r| r.0)),
                    "path" => batch.utf8(each().map(|r| format!("{}.wav", r.0))),
                    "start_utc" => batch.utc(each().map(|r| r.1)),
                    "start_local" => batch.local(each().map(|r| r.1.map(|t| t - 5 * HOUR))),
                    "time_source" => batch.utf8(each().map(|_| "filename")),
                    "site_source" => batch.utf8(each().map(|_| "folder")),
                    "duration_s" => batch.f64(each().map(|r| r.2)),
                    "sample_rate_hz" => batch.u32(each().map(|r| r.2.map(|_| 22_050))),
                    "file_bytes" => batch.u64(each().map(|_| 1_000_000)),
                    "content_hash" => batch.utf8(each().map(|_| "00")),
                    "status" => batch.utf8(each().map(|r| if r.2.is_some() { "ok" } else { "rejected" })),
                    _ => match column.kind {
                        ColumnType::Utf8 => batch.utf8(each().map(|_| None::<&str>)),
                        ColumnType::I32 => batch.i32(each().map(|_| None)),
                        ColumnType::U32 => batch.u32(each().map(|_| None)),
                        ColumnType::U64 => batch.u64(each().map(|_| None)),
                        ColumnType::F64 => batch.f64(each().map(|_| None)),
                        other => panic!("recordings.{} is new and of type {}", column.name, other.name()),
                    },
                };
            }
            batch
        });
    }

    /// `scores` name the classes of one window after the other, each window beginning with the first class.
    pub fn predictions(&self, site: &str, date: Option<&str>, recording: &str, start: Option<i64>, scores: &[(&str, f32)]) {
        let window = |i: usize| i / 2;
        let each = || scores.iter().enumerate();
        self.write("predictions", &self.file("predictions", site, date), &[], |batch| {
            batch
                .utf8(each().map(|(i, _)| format!("{recording}-{:06}", window(i))))
                .utf8(each().map(|_| recording))
                .utc(each().map(|(i, _)| start.map(|t| t + 3_000_000 * window(i) as i64)))
                .f64(each().map(|(i, _)| 3.0 * window(i) as f64))
                .f64(each().map(|(i, _)| 3.0 * window(i) as f64 + 3.0))
                .utf8(each().map(|(_, s)| s.0))
                .f32(each().map(|(_, s)| s.1 - 0.5))
                .f32(each().map(|(_, s)| s.1))
                .utf8(each().map(|_| "0123456789abcdef"))
        });
    }

    pub fn splits(&self, rows: &[(&str, &str)]) {
        self.write("splits", &self.path.join("tables/splits/part-000.parquet"), &[], |batch| {
            let n = || rows.iter();
            batch.utf8(n().map(|r| r.0)).utf8(n().map(|r| r.0)).utf8(n().map(|r| r.1)).utf8(n().map(|_| "drawn"))
        });
    }

    /// A metric of each of these runs of a sweep.
    pub fn sweep_metrics(&self, runs: &[&str]) {
        self.write("sweep_metrics", &self.path.join("tables/sweep_metrics/part-000.parquet"), &[], |batch| {
            let n = || runs.iter();
            let none = || n().map(|_| None::<&str>);
            let batch = batch.utf8(n().copied()).utf8(n().map(|_| "all")).u64(n().map(|_| 0)).utf8(none());
            let batch = batch.utf8(n().map(|_| "m")).utf8(n().map(|_| "test")).utf8(none()).utf8(none()).utf8(none());
            batch.utf8(n().map(|_| "f1_fixed")).f64(n().map(|_| 0.5)).u64(n().map(|_| 3))
        });
    }

    /// Arrays of two by three values.
    pub fn features(&self, site: &str, date: Option<&str>, segments: &[&str]) {
        let arrays = FixedSizeBinaryArray::try_from_iter(segments.iter().map(|_| [7_u8; 12])).unwrap();
        self.write("features", &self.file("features", site, date), &[2, 3], |batch| {
            batch.utf8(segments.iter().copied()).array(Arc::new(arrays))
        });
    }

    fn write(&self, table: &str, path: &Path, shape: &[usize], fill: impl FnOnce(BatchBuilder) -> BatchBuilder) {
        let schema = schema(table).unwrap();
        let mut writer = TableWriter::new(schema, shape, Vec::new()).unwrap();
        writer.write(&fill(BatchBuilder::new(schema, writer.arrow_schema().clone())).build().unwrap()).unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, writer.finish().unwrap().0).unwrap();
    }

    pub fn sql(&self, sql: &str) -> Result<Answer, QueryError> {
        Tables::open(&self.path)?.sql(sql)
    }

    /// The answer as lines of CSV, without the line of names.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let answer = self.sql(sql).unwrap_or_else(|e| panic!("{sql}\n{e}"));
        written(&answer, Format::Csv).lines().skip(1).map(str::to_owned).collect()
    }

    /// What is said first of a query that fails; the place in the query stands on lines of its own.
    pub fn error(&self, sql: &str) -> String {
        let error = self.sql(sql).map(|a| written(&a, Format::Csv)).expect_err(sql).to_string();
        error.split('\n').next().unwrap().to_owned()
    }
}

/// An answer as text.
pub fn written(answer: &Answer, format: Format) -> String {
    let mut bytes = Vec::new();
    answer.write(format, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}
