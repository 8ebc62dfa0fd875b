//! What a run that has ended says: what it found, what it left out and why, which queries fit it, and what comes next.

use std::path::Path;

use chorus_engine::graph::stages;
use chorus_engine::{Config, Console, Summary, counted};
use chorus_query::{Format, Tables};

use super::guide::{Guide, typed};
use super::query;
use crate::args::RunArgs;
use crate::stages::passes;

/// The stage that is made last of a whole run.
const REPORT: &str = "report";
/// Queries are named at most so many times.
const QUERIES: usize = 3;
/// Classes that were left out are named at most so many times.
const CLASSES: usize = 3;

/// Queries that fit a run which has all the tables that they read, those that most want first.
const FITTING: &[(&str, &str)] = &[
    ("SELECT * FROM species_by_site", "what was found where"),
    ("SELECT * FROM quality", "how good it is, by class"),
    ("SELECT * FROM nightly", "events by class and night"),
    ("SELECT * FROM soundscape_hours", "sound levels by site and hour"),
    ("SELECT * FROM summary", "the run in one row"),
    ("SELECT path, start_local, duration_s FROM recordings", "what was recorded"),
];

/// Says what a run found and left out, and what comes next. Nothing of this can fail a run that is done: what cannot be told is left out.
pub(super) fn say(args: &RunArgs, config: &Config, summary: &Summary, console: &Console) {
    let is_part = args.units.is_some() || !args.unit.is_empty();
    let is_new = summary.made() + summary.taken() > 0;
    if console.is_quiet() || is_part || !is_new {
        return;
    }
    let mut guide = Guide::default();
    if has_report(summary) {
        of_whole(&mut guide, config);
    } else {
        let made: Vec<&str> = summary.0.iter().map(|done| done.pass).collect();
        let all = stages(&passes(config));
        // What these were made from is fresh: what comes next are later stages.
        let last = all.iter().rposition(|stage| made.contains(stage)).map_or(0, |at| at + 1);
        let others = all.into_iter().skip(last).filter(|stage| !made.contains(stage)).collect::<Vec<_>>().join(", ");
        let has_purpose = config.declarations().is_none_or(|all| all.missing_purpose(config.values()).is_empty());
        if !has_purpose {
            guide.add("missing", "labels or a model, which the other stages need: set annotate.format or model.path");
        } else if !others.is_empty() {
            guide.command("next", &format!("chorus run {}", config.typed()), &format!("the other stages: {others}"));
        }
    }
    guide.say(console);
}

fn of_whole(guide: &mut Guide, config: &Config) {
    let run = config.run_path();
    let Ok(tables) = query::opened(&run) else { return };
    let named = format!("--run {}", typed(&run));
    let recordings = rows(
        &tables,
        "SELECT COUNT(*) - COUNT(copy_of) AS n, SUM(CASE WHEN status = 'rejected' THEN 1 ELSE 0 END) AS r, COUNT(copy_of) AS c FROM recordings",
    );
    let [once, rejected, copies] = numbers(&recordings);
    let mut found = counted(once, "recording");
    if copies > 0 {
        found = format!("{found} and {}", counted(copies, "copy"));
    }
    let detections = rows(&tables, "SELECT COUNT(*) AS n, COUNT(DISTINCT class) AS c FROM detections");
    let [events, classes] = numbers(&detections);
    guide.add("found", format!("{found}, {} of {}", counted(events, "detection"), counted(classes, "class")));
    if rejected > 0 {
        let sql = "SELECT path, reason FROM recordings WHERE status = 'rejected'";
        let what = format!("{} that cannot be read", counted(rejected, "recording"));
        guide.command("left out", &command(&named, sql), &what);
    }
    let left_out = rows(&tables, "SELECT class, MIN(why_not) AS why FROM left_out GROUP BY class ORDER BY class");
    for row in left_out.iter().take(CLASSES) {
        guide.add("left out", row.join(": "));
    }
    if left_out.len() > CLASSES {
        guide.command(
            "left out",
            &command(&named, "SELECT * FROM left_out"),
            &format!("{} more", counted(left_out.len() - CLASSES, "class")),
        );
    }
    if events == 0 {
        let sql = "SELECT class, MAX(score) AS highest FROM predictions GROUP BY class";
        guide.command("look at", &command(&named, sql), "no detections: how far the scores rose");
    }
    for (sql, about) in FITTING.iter().filter(|(sql, _)| fits(&tables, sql)).take(QUERIES) {
        guide.command("look at", &command(&named, sql), about);
    }
    if events > 0 {
        let about = "listen to a sample before you believe a list";
        guide.command("next", &format!("chorus clips {named} -o listen"), about);
        guide.command("next", &format!("chorus export csv {named} -o list"), "the detections for a spreadsheet");
    }
    if !left_out.is_empty() || events == 0 {
        guide.command("next", &format!("chorus next {named} -o round1"), "windows whose labels would teach most");
    }
}

fn command(run: &str, sql: &str) -> String {
    format!("chorus query {run} \"{sql}\"")
}

/// Whether the run has all tables that a query reads.
fn fits(tables: &Tables, sql: &str) -> bool {
    let names = tables.names();
    tables.reads(sql).is_ok_and(|read| read.iter().all(|table| names.contains(table)))
}

/// The rows of an answer as texts; none where the run lacks a table of the query, or the query fails.
fn rows(tables: &Tables, sql: &str) -> Vec<Vec<String>> {
    let mut text = Vec::new();
    let answered = fits(tables, sql) && tables.sql(sql).and_then(|answer| answer.write(Format::Csv, &mut text)).is_ok();
    if !answered {
        return Vec::new();
    }
    let records = csv::Reader::from_reader(text.as_slice()).into_records().filter_map(Result::ok);
    records.map(|record| record.iter().map(str::to_owned).collect()).collect()
}

/// The numbers of an answer of one row; 0 for what is not there.
fn numbers<const N: usize>(rows: &[Vec<String>]) -> [usize; N] {
    std::array::from_fn(|column| rows.first().and_then(|row| row.get(column)?.parse().ok()).unwrap_or(0))
}

/// Whether the report of a run is up to date since this command: it was made, or did not have to be.
pub(super) fn has_report(summary: &Summary) -> bool {
    summary.0.iter().any(|done| done.pass == REPORT)
}

/// The page of a run, where it has one.
pub(super) fn report(run: &Path) -> Option<String> {
    let report = run.join(REPORT).join("index.html");
    report.exists().then(|| format!("report: {}", report.display()))
}
