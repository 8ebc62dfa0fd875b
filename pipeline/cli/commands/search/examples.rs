//! Which windows are searched with, as a query over the tables of the runs that gives spans of recordings.

use chorus_query::{Param, Tables};
use chorus_search::Span;
use chorus_tables::schema;

use crate::args::{ExampleArgs, UsageError};

/// A second after every recording.
const END: &str = "1e12";

/// The query for the columns `run`, `site`, `date`, `recording_id`, `start_s` and `end_s` of each span, and its parameters.
pub(super) fn sql(args: &ExampleArgs, several_runs: bool) -> anyhow::Result<(String, Vec<Param>)> {
    let run = if several_runs { "t.run" } else { "''" };
    let same_run = if several_runs { " AND s.run = t.run" } else { "" };
    let columns = |start: &str, end: &str| {
        format!("SELECT {run} AS run, t.site, t.date, t.recording_id, {start} AS start_s, {end} AS end_s")
    };
    let of_segments = |rows: &str| {
        format!(
            "SELECT {run} AS run, s.site, s.date, s.recording_id, s.start_s, s.end_s FROM ({rows}) t \
             JOIN segments s ON s.segment_id = t.segment_id{same_run}"
        )
    };
    let text = |name: &str, value: &str| Param::parse(&format!("{name}:text={value}"));
    if let Some(recording) = &args.recording {
        let (start, end) = args.at.map_or(("0".into(), END.into()), |at| (at.to_string(), at.to_string()));
        let sql = format!("{} FROM recordings t WHERE t.path = $recording OR t.recording_id = $recording", columns(&start, &end));
        return Ok((sql, vec![text("recording", recording)?]));
    }
    if let Some(class) = &args.class {
        return Ok((of_segments("SELECT * FROM labels WHERE class = $class AND value = 1"), vec![text("class", class)?]));
    }
    let (table, condition) = (args.table.as_deref().unwrap_or_default(), args.r#where.as_deref().unwrap_or_default());
    let known = schema(table).map_err(|error| UsageError(format!("--table: {error}")))?;
    let has = |name: &str| known.columns.iter().any(|column| column.name == name);
    // A condition that ends with a comment ends with its line.
    let rows = format!("SELECT * FROM {table} WHERE (\n{condition}\n)");
    let has_recording = known.partitioned && has("recording_id");
    let sql = if has_recording && has("start_s") {
        // A row without an end is about a window that starts there; one with an end that is null, about all that follows.
        let end = if has("end_s") { format!("COALESCE(t.end_s, {END})") } else { "NULL".to_owned() };
        format!("{} FROM ({rows}) t WHERE t.recording_id IS NOT NULL", columns("COALESCE(t.start_s, 0)", &end))
    } else if known.partitioned && has("segment_id") {
        of_segments(&rows)
    } else if has_recording {
        format!("{} FROM ({rows}) t", columns("0", END))
    } else {
        let next = "expected a table with a column recording_id or segment_id, such as annotations, labels or detections";
        return Err(UsageError(format!("--table: the rows of {table} are about no window; {next}")).into());
    };
    Ok((sql, Vec::new()))
}

/// The spans that the query gives.
pub(super) fn spans(tables: &Tables, sql: &str, args: &ExampleArgs) -> anyhow::Result<Vec<Span>> {
    let mut spans = Vec::new();
    for rows in tables.sql(sql)? {
        spans.extend(Span::of_rows(&rows?, tables.runs())?);
    }
    if spans.is_empty() {
        let what = match (&args.recording, &args.class) {
            (Some(recording), _) => {
                format!(
                    "--recording: no recording has the path or the recording_id `{recording}`; `chorus query \"SELECT path FROM \
                     recordings\" --limit 0` lists the paths"
                )
            }
            (_, Some(class)) => format!(
                "--class: no reviewed window has the class `{class}`; `chorus query \"SELECT * FROM classes\"` lists classes"
            ),
            _ => "--where: no row fits".to_owned(),
        };
        return Err(UsageError(what).into());
    }
    Ok(spans)
}
