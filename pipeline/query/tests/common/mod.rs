//! A tiny run, written by the same writers that the pipeline uses.
#![allow(clippy::unwrap_used, dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::FixedSizeBinaryArray;
use chorus_query::{Answer, Format, QueryError, Tables};
use chorus_tables::{BatchBuilder, LocalMicros, NULL_PARTITION, TableWriter, UtcMicros, schema};
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
        self.write("recordings", &self.file("recordings", site, date), &[], |batch| {
            batch
                .column("recording_id", each().map(|r| r.0))
                .column("path", each().map(|r| format!("{}.wav", r.0)))
                .column("start_utc", each().map(|r| r.1.map(UtcMicros)))
                .column("start_local", each().map(|r| r.1.map(|t| LocalMicros(t - 5 * HOUR))))
                .column("time_source", each().map(|_| "filename"))
                .column("site_source", each().map(|_| "folder"))
                .column("duration_s", each().map(|r| r.2))
                .column("sample_rate_hz", each().map(|r| r.2.map(|_| 22_050_u32)))
                .column("file_bytes", each().map(|_| 1_000_000_u64))
                .column("content_hash", each().map(|_| "00"))
                .column("status", each().map(|r| if r.2.is_some() { "ok" } else { "rejected" }))
                .others_null()
        });
    }

    /// `scores` name the classes of one window after the other, each window beginning with the first class.
    pub fn predictions(&self, site: &str, date: Option<&str>, recording: &str, start: Option<i64>, scores: &[(&str, f32)]) {
        let window = |i: usize| i / 2;
        let each = || scores.iter().enumerate();
        self.write("predictions", &self.file("predictions", site, date), &[], |batch| {
            batch
                .column("segment_id", each().map(|(i, _)| format!("{recording}-{:06}", window(i))))
                .column("recording_id", each().map(|_| recording))
                .column("start_utc", each().map(|(i, _)| start.map(|t| UtcMicros(t + 3_000_000 * window(i) as i64))))
                .column("start_s", each().map(|(i, _)| 3.0 * window(i) as f64))
                .column("end_s", each().map(|(i, _)| 3.0 * window(i) as f64 + 3.0))
                .column("class", each().map(|(_, s)| s.0))
                .column("logit", each().map(|(_, s)| s.1 - 0.5))
                .column("score", each().map(|(_, s)| s.1))
                .column("model_id", each().map(|_| "0123456789abcdef"))
        });
    }

    pub fn splits(&self, rows: &[(&str, &str)]) {
        self.write("splits", &self.path.join("tables/splits/part-000.parquet"), &[], |batch| {
            let each = || rows.iter();
            batch
                .column("recording_id", each().map(|r| r.0))
                .column("group_id", each().map(|r| r.0))
                .column("subset", each().map(|r| r.1))
                .column("reason", each().map(|_| "drawn"))
        });
    }

    /// A metric of each of these runs of a sweep.
    pub fn sweep_metrics(&self, runs: &[&str]) {
        self.write("sweep_metrics", &self.path.join("tables/sweep_metrics/part-000.parquet"), &[], |batch| {
            let text = |value| runs.iter().map(move |_| value);
            let null = || text(None::<&str>);
            batch
                .column("run", runs)
                .column("variant", text(Some("all")))
                .column("seed", runs.iter().map(|_| 0_u64))
                .column("fold", null())
                .column("model_id", text(Some("m")))
                .column("subset", text(Some("test")))
                .column("site", null())
                .column("class", null())
                .column("group", null())
                .column("metric", text(Some("f1_fixed")))
                .column("value", runs.iter().map(|_| 0.5))
                .column("support", runs.iter().map(|_| 3_u64))
        });
    }

    /// Arrays of two by three values.
    pub fn features(&self, site: &str, date: Option<&str>, segments: &[&str]) {
        let arrays = FixedSizeBinaryArray::try_from_iter(segments.iter().map(|_| [7_u8; 12])).unwrap();
        self.write("features", &self.file("features", site, date), &[2, 3], |batch| {
            batch.column("segment_id", segments.iter().copied()).array("logmel", Arc::new(arrays))
        });
    }

    fn write(&self, table: &str, path: &Path, shape: &[usize], fill: impl FnOnce(BatchBuilder) -> BatchBuilder) {
        let mut writer = TableWriter::new(schema(table).unwrap(), shape, Vec::new()).unwrap();
        writer.write(&fill(writer.builder()).build().unwrap()).unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, writer.finish().unwrap().0).unwrap();
    }

    pub fn sql(&self, sql: &str) -> Result<Answer, QueryError> {
        Tables::open(&self.path)?.sql(sql)
    }

    /// The answer as lines of CSV, without the line of names.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let answer = self.sql(sql).unwrap_or_else(|e| panic!("{sql}\n{e}"));
        written(answer, Format::Csv).lines().skip(1).map(str::to_owned).collect()
    }

    /// The error of a query that fails, before its first row or later.
    pub fn failure(&self, sql: &str) -> QueryError {
        self.sql(sql).and_then(|answer| answer.write(Format::Csv, &mut Vec::new())).expect_err(sql)
    }

    /// What is said first of a query that fails; the place in the query stands on lines of its own.
    pub fn error(&self, sql: &str) -> String {
        let error = self.failure(sql).to_string();
        error.split('\n').next().unwrap().to_owned()
    }
}

/// An answer as text.
pub fn written(answer: Answer, format: Format) -> String {
    let mut bytes = Vec::new();
    answer.write(format, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}
