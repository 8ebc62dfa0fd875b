//! Tables as lazy frames: types, sites and dates, what is not opened, several runs, and what is refused.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::FixedSizeBinaryArray;
use chorus_engine::{RunTables, RunTablesError};
use chorus_frames::polars::prelude::*;
use chorus_frames::{Frames, FramesError};
use chorus_tables::{BatchBuilder, ColumnType, NULL_PARTITION, TableError, TableWriter, UtcMicros, schema};
use tempfile::TempDir;

/// A site whose name no path can hold, and how `engine::Unit` encodes it.
const RIVER: &str = "Rivière du Nord/2";
const RIVER_ENCODED: &str = "Rivi%C3%A8re%20du%20Nord%2F2";
const DAY_1: Option<&str> = Some("2020-03-01");
const DAY_2: Option<&str> = Some("2020-03-02");
/// What no reader takes for Parquet.
const RUBBISH: &[u8] = b"rubbish";

struct Run {
    _dir: TempDir,
    path: PathBuf,
}

impl Run {
    /// A run without tables.
    fn named(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs::create_dir_all(path.join("tables")).unwrap();
        Self { _dir: dir, path }
    }

    /// Predictions of the recordings a and b of POND01 on two days, and of c and d at the river, d without a date.
    fn small(name: &str) -> Self {
        let run = Self::named(name);
        run.predictions("POND01", DAY_1, "a", &[0.25, 0.75]);
        run.predictions("POND01", DAY_2, "b", &[0.5]);
        run.predictions("POND01", Some("2020-03-03"), "none", &[]);
        run.predictions(RIVER_ENCODED, DAY_1, "c", &[0.875]);
        run.predictions(RIVER_ENCODED, None, "d", &[0.125]);
        run
    }

    fn file(&self, table: &str, site: &str, date: Option<&str>) -> PathBuf {
        let date = date.unwrap_or(NULL_PARTITION);
        self.path.join(format!("tables/{table}/site={site}/date={date}/part-000.parquet"))
    }

    /// One window for each score.
    fn predictions(&self, site: &str, date: Option<&str>, recording: &str, scores: &[f32]) {
        let each = || scores.iter().enumerate();
        write("predictions", &self.file("predictions", site, date), &[], |batch| {
            batch
                .column("segment_id", each().map(|(i, _)| format!("{recording}-{i}")))
                .column("recording_id", each().map(|_| recording))
                .column("start_utc", each().map(|(i, _)| date.map(|_| UtcMicros(i as i64))))
                .column("start_s", each().map(|(i, _)| 3.0 * i as f64))
                .column("end_s", each().map(|(i, _)| 3.0 * i as f64 + 3.0))
                .column("class", each().map(|_| "FROG"))
                .column("logit", each().map(|(_, score)| *score))
                .column("score", each().map(|(_, score)| *score))
                .column("model_id", each().map(|_| "0123456789abcdef"))
        });
    }

    fn splits(&self, recordings: &[&str]) {
        write("splits", &self.path.join("tables/splits/part-000.parquet"), &[], |batch| {
            batch
                .column("recording_id", recordings)
                .column("group_id", recordings)
                .column("subset", recordings.iter().map(|_| "train"))
                .column("reason", recordings.iter().map(|_| "drawn"))
        });
    }

    fn sweep_metrics(&self, runs: &[&str]) {
        write("sweep_metrics", &self.path.join("tables/sweep_metrics/part-000.parquet"), &[], |batch| {
            let text = |value: &'static str| runs.iter().map(move |_| value);
            batch
                .column("run", runs)
                .column("variant", text("all"))
                .column("seed", runs.iter().map(|_| 0_i64))
                .column("model_id", text("m"))
                .column("subset", text("test"))
                .column("metric", text("f1_fixed"))
                .column("support", runs.iter().map(|_| 3_i64))
                .others_null()
        });
    }

    fn table(&self, name: &str) -> LazyFrame {
        Frames::open(&self.path).unwrap().table(name).unwrap()
    }

    /// The recordings of the predictions that pass a filter, in their order.
    fn recordings(&self, filter: Expr) -> PolarsResult<Vec<String>> {
        texts(self.table("predictions").filter(filter), "recording_id")
    }
}

fn write(table: &str, path: &Path, shape: &[usize], fill: impl FnOnce(BatchBuilder) -> BatchBuilder) {
    let mut writer = TableWriter::new(schema(table).unwrap(), shape, Vec::new()).unwrap();
    writer.write(&fill(writer.builder()).build().unwrap()).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, writer.finish().unwrap().0).unwrap();
}

/// A column of text, without repetitions of neighbours; null is an empty text.
fn texts(frame: LazyFrame, column: &str) -> PolarsResult<Vec<String>> {
    let frame = frame.select([col(column)]).collect()?;
    let mut texts: Vec<String> = frame.column(column)?.str()?.iter().map(|text| text.unwrap_or_default().to_owned()).collect();
    texts.dedup();
    Ok(texts)
}

fn day(text: &str) -> Expr {
    lit(text.to_owned()).cast(DataType::Date)
}

fn open_all(runs: &[&Run]) -> Frames {
    let folders: Vec<PathBuf> = runs.iter().map(|run| run.path.clone()).collect();
    Frames::of(RunTables::open_all(&folders, |_| Vec::new()).unwrap())
}

#[test]
fn columns_have_the_types_of_the_schema_in_the_plan_and_in_the_rows() {
    let run = Run::small("run");
    let arrays = FixedSizeBinaryArray::try_from_iter([[7_u8; 12]].into_iter()).unwrap();
    write("features", &run.file("features", "POND01", DAY_1), &[2, 3], |batch| {
        batch.column("segment_id", ["a-0"]).array("logmel", Arc::new(arrays))
    });
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let wanted = [
        ("segment_id", DataType::String),
        ("recording_id", DataType::String),
        ("start_utc", utc),
        ("start_s", DataType::Float64),
        ("end_s", DataType::Float64),
        ("class", DataType::String),
        ("logit", DataType::Float32),
        ("score", DataType::Float32),
        ("model_id", DataType::String),
        ("site", DataType::String),
        ("date", DataType::Date),
    ];
    let mut frame = run.table("predictions");
    let planned = frame.collect_schema().unwrap();
    let planned: Vec<_> = planned.iter().map(|(name, kind)| (name.as_str(), kind.clone())).collect();
    assert_eq!(planned, wanted);
    let rows = frame.collect().unwrap();
    let found: Vec<_> = rows.schema().iter().map(|(name, kind)| (name.as_str(), kind.clone())).collect();
    assert_eq!(found, wanted);
    assert_eq!(rows.height(), 5);
    let features = run.table("features").collect().unwrap();
    assert_eq!(features.column("logmel").unwrap().binary().unwrap().get(0), Some(&[7_u8; 12][..]));
}

#[test]
fn each_table_can_be_planned_with_its_types() {
    let run = Run::named("run");
    for table in chorus_tables::all() {
        let shape: &[usize] = if table.has_arrays() { &[1] } else { &[] };
        let writer = TableWriter::new(table, shape, Vec::new()).unwrap();
        let path = if table.partitioned {
            run.file(&table.name, "A", DAY_1)
        } else {
            run.path.join(format!("tables/{}/part-000.parquet", table.name))
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, writer.finish().unwrap().0).unwrap();
        let rows = run.table(&table.name).collect().unwrap();
        assert_eq!(rows.shape(), (0, table.columns.len() + if table.partitioned { 2 } else { 0 }), "{}", table.name);
        for column in table.columns.iter().filter(|column| column.kind == ColumnType::I64) {
            assert_eq!(rows.column(&column.name).unwrap().dtype(), &DataType::Int64);
        }
    }
}

#[test]
fn sites_are_text_as_people_write_it_and_dates_may_be_null() {
    let run = Run::small("run");
    run.predictions("007", DAY_1, "e", &[1.0]);
    let rows = run.table("predictions").select([col("site"), col("date").cast(DataType::String)]).collect().unwrap();
    let column = |name: &str| -> Vec<String> {
        rows.column(name).unwrap().str().unwrap().iter().map(|text| text.unwrap_or("null").to_owned()).collect()
    };
    assert_eq!(column("site"), ["007", "POND01", "POND01", "POND01", RIVER, RIVER]);
    assert_eq!(column("date"), ["2020-03-01", "2020-03-01", "2020-03-01", "2020-03-02", "2020-03-01", "null"]);
    assert_eq!(run.recordings(col("site").eq(lit("007"))).unwrap(), ["e"]);
}

#[test]
fn no_comparison_is_true_of_a_date_that_is_null() {
    let run = Run::small("run");
    let date = || col("date");
    for (filter, wanted, rows) in [
        (date().lt(day("2020-03-02")), vec!["a", "c"], 3),
        (date().lt_eq(day("2020-03-02")), vec!["a", "b", "c"], 4),
        (date().neq(day("2020-03-01")), vec!["b"], 1),
        (date().gt(day("2020-03-01")).not(), vec!["a", "c"], 3),
        (date().is_null(), vec!["d"], 1),
        (date().is_not_null(), vec!["a", "b", "c"], 4),
        (date().is_null().or(date().gt(day("2020-03-01"))), vec!["b", "d"], 2),
        (date().lt(day("2020-03-02")).and(col("score").gt(lit(0.5))), vec!["a", "c"], 2),
    ] {
        assert_eq!(run.recordings(filter.clone()).unwrap(), wanted, "{filter:?}");
        let counted = run.table("predictions").filter(filter.clone()).select([len()]).collect().unwrap();
        assert_eq!(counted.column("len").unwrap().u32().unwrap().get(0), Some(rows), "{filter:?}");
    }
}

#[test]
fn files_that_a_filter_rules_out_are_not_opened() {
    let run = Run::small("run");
    fs::write(run.file("predictions", "POND01", DAY_1), RUBBISH).unwrap();
    let second = || col("date").eq(day("2020-03-02"));
    let river = || col("site").eq(lit(RIVER));
    for filter in [second(), col("date").gt(day("2020-03-01")), second().and(col("score").gt(lit(0.0)))] {
        assert_eq!(run.recordings(filter.clone()).unwrap(), ["b"], "{filter:?}");
    }
    assert_eq!(run.recordings(river()).unwrap(), ["c", "d"]);
    assert_eq!(run.recordings(river().and(col("score").gt(lit(0.5)))).unwrap(), ["c"]);
    assert_eq!(run.recordings(col("date").is_null()).unwrap(), ["d"]);
    assert!(run.recordings(col("date").eq(day("2020-03-01"))).is_err());
}

#[test]
fn files_without_a_date_of_other_sites_are_not_opened() {
    let run = Run::small("run");
    fs::write(run.file("predictions", RIVER_ENCODED, None), RUBBISH).unwrap();
    let pond = col("site").eq(lit("POND01")).and(col("date").lt(day("2020-03-02")));
    assert_eq!(run.recordings(pond).unwrap(), ["a"]);
    assert!(run.recordings(col("score").gt_eq(lit(0.0))).is_err());
}

#[test]
fn only_the_files_of_units_are_read() {
    let run = Run::small("run");
    let folder = run.file("predictions", "POND01", DAY_1).parent().unwrap().to_owned();
    fs::write(folder.join(".part-000.parquet.partial"), RUBBISH).unwrap();
    fs::write(folder.join("notes.txt"), RUBBISH).unwrap();
    fs::copy(folder.join("part-000.parquet"), folder.join("copy.parquet")).unwrap();
    assert_eq!(run.table("predictions").collect().unwrap().height(), 5);
    // A second part is a unit.
    fs::copy(folder.join("part-000.parquet"), folder.join("part-001.parquet")).unwrap();
    assert_eq!(run.table("predictions").collect().unwrap().height(), 7);
}

#[test]
fn a_run_may_live_anywhere_but_within_a_partition() {
    let run = Run::small("project=frogs/a [1]*?");
    run.splits(&["a"]);
    assert_eq!(run.recordings(col("date").eq(day("2020-03-02"))).unwrap(), ["b"]);
    assert_eq!(run.table("predictions").collect().unwrap().width(), 11);
    assert_eq!(run.table("splits").collect().unwrap().shape(), (1, 4));
    for above in ["date=never/run", "class=FROG/run", "a=1/a=2/run"] {
        let run = Run::small(above);
        run.splits(&["a"]);
        let error = Frames::open(&run.path).unwrap().table("predictions").err().unwrap();
        assert!(matches!(&error, FramesError::Partition { .. }), "{above}: {error}");
        assert_eq!(run.table("splits").collect().unwrap().height(), 1);
    }
}

#[test]
fn several_runs_are_one_table_with_their_names() {
    let (one, two) = (Run::small("one"), Run::named("two"));
    one.splits(&["a", "b"]);
    two.splits(&["x"]);
    one.sweep_metrics(&["fold-1", "fold-2"]);
    two.sweep_metrics(&["fold-1"]);
    let frames = open_all(&[&one, &two]);
    let column = |table: &str, column: &str| texts(frames.table(table).unwrap(), column).unwrap();
    assert_eq!(
        (column("splits", "run"), column("splits", "recording_id")),
        (texts_of(&["one", "two"]), texts_of(&["a", "b", "x"]))
    );
    assert_eq!(column("predictions", "run"), ["one"], "a run that lacks the table adds no rows");
    assert_eq!(column("sweep_metrics", "run"), ["one", "two"]);
    assert_eq!(column("sweep_metrics", "own_run"), ["fold-1", "fold-2", "fold-1"]);
    assert_eq!(texts(two.table("sweep_metrics"), "run").unwrap(), ["fold-1"], "one run's table is as it is");
    let error = frames.table("metrics").err().unwrap();
    assert!(matches!(error, FramesError::Run(RunTablesError::NotMade { .. })), "{error}");
}

fn texts_of(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_table_of_another_version_and_one_that_is_not_there_are_refused() {
    let (run, other) = (Run::small("run"), Run::small("other"));
    let path = run.file("predictions", "POND01", DAY_1);
    let mut bytes = fs::read(&path).unwrap();
    let id = schema("predictions").unwrap().id();
    let places: Vec<usize> = bytes.windows(id.len()).enumerate().filter(|(_, w)| *w == id.as_bytes()).map(|(at, _)| at).collect();
    places.iter().for_each(|at| bytes[at + id.len() - 1] += 1);
    assert!(!places.is_empty());
    fs::write(&path, bytes).unwrap();
    for frames in [Frames::open(&run.path).unwrap(), open_all(&[&other, &run])] {
        let error = frames.table("predictions").err().unwrap();
        assert!(matches!(error, FramesError::Run(RunTablesError::Table(TableError::Stale { .. }))), "{error}");
    }
    let frames = Frames::open(&run.path).unwrap();
    let error = frames.table("prediction").err().unwrap();
    assert!(matches!(error, FramesError::Run(RunTablesError::Table(TableError::UnknownTable { .. }))), "{error}");
    assert!(matches!(frames.table("recordings"), Err(FramesError::Run(RunTablesError::NotMade { .. }))));
    assert!(matches!(Frames::open(run.path.join("tables")), Err(FramesError::Run(RunTablesError::NoRun { .. }))));
}
