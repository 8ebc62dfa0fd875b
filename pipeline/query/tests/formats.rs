//! Answers as bytes.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{self, Write};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, TimeUnit};
use arrow::ipc::reader::FileReader;
use bytes::Bytes;
use chorus_query::{Answer, Format, QueryError, TableStyle};
use chorus_text::Cells;
use common::{Run, written};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const SQL: &str = "SELECT recording_id, site, date, start_utc, start_local, duration_s, file_bytes, duration_s > 20 AS long \
                   FROM recordings ORDER BY recording_id";

/// The answer to [`SQL`]. Its rows come while it is written, so the run has to be there.
fn answer(run: &Run) -> Answer {
    run.sql(SQL).unwrap()
}

fn table(answer: Answer, width: Option<usize>, limit: Option<usize>) -> String {
    let mut bytes = Vec::new();
    answer.write_table(&TableStyle { width, limit }, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn csv_leaves_nulls_empty_and_writes_iso_times() {
    assert_eq!(
        written(answer(&Run::small()), Format::Csv),
        "recording_id,site,date,start_utc,start_local,duration_s,file_bytes,long\n\
         a,POND01,2020-03-01,2020-03-01T05:00:00Z,2020-03-01T00:00:00,60.5,1000000,true\n\
         b,POND01,2020-03-02,2020-03-02T23:00:00Z,2020-03-02T18:00:00,30.0,1000000,true\n\
         c,Rivière du Nord/2,2020-03-01,2020-03-01T21:00:00Z,2020-03-01T16:00:00,,1000000,\n\
         d,Rivière du Nord/2,,,,10.0,1000000,false\n"
    );
}

#[test]
fn csv_quotes_what_must_be_quoted() {
    let answer =
        Run::small().sql("SELECT 'a,b' AS \"x,y\", 'say \"hi\"' AS quote, 'two\nlines' AS lines, '' AS nothing").unwrap();
    assert_eq!(written(answer, Format::Csv), "\"x,y\",quote,lines,nothing\n\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\n");
}

#[test]
fn csv_holds_no_formula_unless_it_is_asked_for_and_numbers_stay() {
    let answer =
        || Run::small().sql("SELECT '=1+1' AS a, '@x' AS b, -1.5 AS c, -2 AS d, '-03:00' AS e, 'a=1' AS \"-f\"").unwrap();
    assert_eq!(written(answer(), Format::Csv), "a,b,c,d,e,-f\n'=1+1,'@x,-1.5,-2,-03:00,a=1\n");
    assert_eq!(written(answer().with_cells(Cells::Raw), Format::Csv), "a,b,c,d,e,-f\n=1+1,@x,-1.5,-2,-03:00,a=1\n");
}

#[test]
fn no_answer_moves_a_terminal() {
    let answer = || Run::small().sql("SELECT chr(27) || '[2J' || chr(8238) || 'x' AS a").unwrap();
    assert_eq!(written(answer(), Format::Json), "{\"a\":\"\\u001b[2J\\u202ex\"}\n");
    assert!(table(answer(), None, None).contains("\\u{1b}[2J\\u{202e}x"));
}

#[test]
fn json_is_an_object_per_line_with_columns_in_order() {
    assert_eq!(
        written(answer(&Run::small()), Format::Json),
        concat!(
            r#"{"recording_id":"a","site":"POND01","date":"2020-03-01","start_utc":"2020-03-01T05:00:00Z","start_local":"2020-03-01T00:00:00","duration_s":60.5,"file_bytes":1000000,"long":true}"#,
            "\n",
            r#"{"recording_id":"b","site":"POND01","date":"2020-03-02","start_utc":"2020-03-02T23:00:00Z","start_local":"2020-03-02T18:00:00","duration_s":30.0,"file_bytes":1000000,"long":true}"#,
            "\n",
            r#"{"recording_id":"c","site":"Rivière du Nord/2","date":"2020-03-01","start_utc":"2020-03-01T21:00:00Z","start_local":"2020-03-01T16:00:00","duration_s":null,"file_bytes":1000000,"long":null}"#,
            "\n",
            r#"{"recording_id":"d","site":"Rivière du Nord/2","date":null,"start_utc":null,"start_local":null,"duration_s":10.0,"file_bytes":1000000,"long":false}"#,
            "\n",
        )
    );
}

#[test]
fn json_escapes_names_and_values_and_keeps_lists() {
    let run = Run::small();
    let answer = run
        .sql(
            "SELECT 'say \"hi\"\n' AS \"a\"\"b\", ARRAY_AGG(start_utc ORDER BY start_utc) AS times FROM recordings WHERE site = 'POND01' GROUP BY 1",
        )
        .unwrap();
    assert_eq!(
        written(answer, Format::Json),
        "{\"a\\\"b\":\"say \\\"hi\\\"\\n\",\"times\":[\"2020-03-01T05:00:00Z\",\"2020-03-02T23:00:00Z\"]}\n"
    );
}

#[test]
fn tables_are_aligned_with_numbers_at_the_right() {
    assert_eq!(
        written(answer(&Run::small()), Format::Table),
        "\
recording_id  site               date        start_utc             start_local          duration_s  file_bytes  long
────────────  ─────────────────  ──────────  ────────────────────  ───────────────────  ──────────  ──────────  ─────
a             POND01             2020-03-01  2020-03-01T05:00:00Z  2020-03-01T00:00:00        60.5     1000000  true
b             POND01             2020-03-02  2020-03-02T23:00:00Z  2020-03-02T18:00:00        30.0     1000000  true
c             Rivière du Nord/2  2020-03-01  2020-03-01T21:00:00Z  2020-03-01T16:00:00        null     1000000  null
d             Rivière du Nord/2  null        null                  null                       10.0     1000000  false
"
    );
}

#[test]
fn a_limit_says_how_many_rows_it_left_out() {
    let run = Run::small();
    let answer = || run.sql("SELECT recording_id AS id, duration_s AS s FROM recordings ORDER BY id").unwrap();
    assert_eq!(table(answer(), None, Some(2)), "id     s\n──  ────\na   60.5\nb   30.0\n(2 of 4 rows left out)\n");
    assert_eq!(table(answer(), None, Some(4)), table(answer(), None, None));
    assert_eq!(table(answer(), None, Some(0)), "id  s\n──  ─\n(4 of 4 rows left out)\n");
}

#[test]
fn texts_are_cut_only_as_far_as_a_width_asks() {
    let run = Run::small();
    let answer =
        || run.sql("SELECT 'short' AS a, 'a rather long text with\ttab' AS b, 1234567 AS n, DATE '2020-03-01' AS d").unwrap();
    let wide = "a      b                                   n  d\n─────  ────────────────────────────  ───────  ──────────\nshort  a rather long text with\\ttab  1234567  2020-03-01\n";
    assert_eq!(table(answer(), None, None), wide);
    assert_eq!(table(answer(), Some(56), None), wide);
    assert_eq!(
        table(answer(), Some(44), None),
        "a      b                       n  d\n─────  ────────────────  ───────  ──────────\nshort  a rather long t…  1234567  2020-03-01\n"
    );
    let narrow = "a      b               n  d\n─────  ────────  ───────  ──────────\nshort  a rathe…  1234567  2020-03-01\n";
    assert_eq!(table(answer(), Some(10), None), narrow);
}

#[test]
fn arrays_show_their_size_in_text() {
    let run = Run::small();
    let answer = run.sql("SELECT * FROM features").unwrap();
    assert_eq!(
        written(answer, Format::Csv),
        "segment_id,logmel,site,date\na-000000,<12 bytes>,POND01,2020-03-01\na-000001,<12 bytes>,POND01,2020-03-01\n"
    );
    assert_eq!(run.rows("SELECT segment_id, date FROM features WHERE site = 'POND01' LIMIT 1"), ["a-000000,2020-03-01"]);
}

#[test]
fn single_precision_keeps_its_digits() {
    let run = Run::small();
    let sql = "SELECT score FROM predictions WHERE recording_id = 'c' AND class = 'TOAD'";
    assert_eq!(run.rows(sql), ["0.85"]);
    assert_eq!(written(run.sql(sql).unwrap(), Format::Json), "{\"score\":0.85}\n");
}

#[test]
fn parquet_keeps_the_types_and_is_the_same_each_time() {
    let bytes = || {
        let mut bytes = Vec::new();
        answer(&Run::small()).write(Format::Parquet, &mut bytes).unwrap();
        bytes
    };
    assert_eq!(bytes(), bytes());
    let rows: Vec<RecordBatch> =
        ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes())).unwrap().build().unwrap().map(Result::unwrap).collect();
    check_types(&rows[0]);
}

#[test]
fn arrow_files_keep_the_types() {
    let mut bytes = Vec::new();
    answer(&Run::small()).write(Format::Arrow, &mut bytes).unwrap();
    let rows: Vec<RecordBatch> = FileReader::try_new(io::Cursor::new(bytes), None).unwrap().map(Result::unwrap).collect();
    check_types(&rows[0]);
}

fn check_types(rows: &RecordBatch) {
    let (text, utc) = (DataType::Utf8, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    let local = DataType::Timestamp(TimeUnit::Microsecond, None);
    let types: Vec<DataType> = rows.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(types, [text.clone(), text, DataType::Date32, utc, local, DataType::Float64, DataType::Int64, DataType::Boolean]);
    let durations: Vec<Option<f64>> = rows["duration_s"].as_primitive::<Float64Type>().iter().collect();
    assert_eq!(durations, [Some(60.5), Some(30.0), None, Some(10.0)]);
}

#[test]
fn columns_of_one_name_are_refused_where_readers_find_columns_by_name() {
    let run = Run::small();
    let sql = "SELECT subset, subset FROM splits ORDER BY 1 LIMIT 1";
    assert_eq!(written(run.sql(sql).unwrap(), Format::Csv), "subset,subset\ntest,test\n");
    for format in ["json", "parquet"] {
        let error = run.sql(sql).unwrap().write(format.parse().unwrap(), &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "two columns are called `subset`; rename one with AS");
    }
}

/// A reader that has gone away.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_told_apart() {
    for name in Format::NAMES {
        let error = answer(&Run::small()).write(name.parse().unwrap(), &mut Closed).unwrap_err();
        assert!(matches!(&error, QueryError::Write(e) if e.kind() == io::ErrorKind::BrokenPipe), "{name}: {error}");
    }
}
