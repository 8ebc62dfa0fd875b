//! Answers as tables.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use jiff::civil::Date;

use crate::embeddings::Embeddings;
use crate::groups::{Group, Groups};
use crate::nearest::Hit;
use crate::window::Window;

/// Sites, and classes, that a group tells of by name.
const NAMED: usize = 5;
/// Share of a group's windows within the hours that are told of it.
const MOST: f64 = 0.8;

/// The table of nearest windows, with what is known of each: `rank` from 1, `similarity`, with several runs `run`, then `site`, `date`, `recording`,
/// `start_s`, `end_s`, `start_local`, `start_utc`, `segment_id`, `recording_id`.
pub fn nearest_table(embeddings: &Embeddings, hits: &[Hit], windows: &[Window]) -> RecordBatch {
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("rank", Arc::new(Int64Array::from_iter_values(1..=hits.len() as i64))),
        ("similarity", Arc::new(Float32Array::from_iter_values(hits.iter().map(|hit| hit.similarity)))),
    ];
    if embeddings.runs().len() > 1 {
        columns.push(("run", texts(windows.iter().map(|window| Some(embeddings.runs()[window.run].name())))));
    }
    let micros = |of: fn(&Window) -> Option<i64>| windows.iter().map(of).collect::<TimestampMicrosecondArray>();
    let seconds = |of: fn(&Window) -> Option<f64>| Arc::new(windows.iter().map(of).collect::<Float64Array>());
    columns.extend([
        ("site", texts(windows.iter().map(|window| Some(window.unit.site())))),
        ("date", days(windows.iter().map(date))),
        ("recording", texts(windows.iter().map(|window| window.path.as_deref()))),
        ("start_s", seconds(|window| Some(window.start_s)) as ArrayRef),
        ("end_s", seconds(|window| window.end_s)),
        ("start_local", Arc::new(micros(|window| window.local_us))),
        ("start_utc", Arc::new(micros(|window| window.utc_us).with_timezone("UTC"))),
        ("segment_id", texts(windows.iter().map(|window| Some(window.segment_id.as_str())))),
        ("recording_id", texts(windows.iter().map(|window| Some(window.recording_id.as_str())))),
    ]);
    batch(columns)
}

/// The table of groups: `group` from 1, `windows`, `share` of all, `similarity`, `sites`, `first_date`, `last_date`, `hours`, `labelled`,
/// `labels`, `examples`. Texts with several entries are for people: `sites` and `labels` with shares in percent, `examples` with the
/// recording and its second.
pub fn groups_table(groups: &Groups, examples: &[Vec<Window>]) -> RecordBatch {
    let all = &groups.groups;
    let numbers = |of: fn(&Group) -> u64| Arc::new(Int64Array::from_iter_values(all.iter().map(|group| of(group) as i64)));
    let share = |group: &Group| group.windows as f64 / groups.windows as f64;
    batch(vec![
        ("group", Arc::new(Int64Array::from_iter_values(1..=all.len() as i64))),
        ("windows", numbers(|group| group.windows)),
        ("share", Arc::new(Float64Array::from_iter_values(all.iter().map(|group| rounded(share(group)))))),
        ("similarity", Arc::new(Float64Array::from_iter_values(all.iter().map(|group| rounded(group.similarity))))),
        ("sites", texts(all.iter().map(|group| Some(shares(&group.sites, group.windows))))),
        ("first_date", days(all.iter().map(|group| group.dates.map(|dates| dates.0)))),
        ("last_date", days(all.iter().map(|group| group.dates.map(|dates| dates.1)))),
        ("hours", texts(all.iter().map(|group| hours(&group.hours)))),
        ("labelled", numbers(|group| group.labelled)),
        ("labels", texts(all.iter().map(|group| (group.labelled > 0).then(|| shares(&group.labels, group.labelled))))),
        ("examples", texts(examples.iter().map(|windows| Some(windows.iter().map(place).collect::<Vec<_>>().join("; "))))),
    ])
}

fn date(window: &Window) -> Option<Date> {
    if let chorus_engine::Unit::SiteDay { date, .. } = window.unit { date } else { None }
}

/// Where a window is, such as `A/1.wav 12 s`.
fn place(window: &Window) -> String {
    format!("{} {} s", window.path.as_deref().unwrap_or(&window.recording_id), window.start_s)
}

/// Names with their share of all in percent, such as `POND01 62 %, SWAMP04 38 %`.
fn shares<T: AsRef<str>>(counts: &[(T, u64)], all: u64) -> String {
    let percent = |windows: u64| format!("{:.0} %", 100.0 * windows as f64 / all.max(1) as f64);
    let mut named: Vec<String> =
        counts.iter().take(NAMED).map(|(name, windows)| format!("{} {}", name.as_ref(), percent(*windows))).collect();
    if counts.len() > NAMED {
        named.push(format!("{} more", counts.len() - NAMED));
    }
    named.join(", ")
}

/// The fewest hours in a row, over midnight too, that hold most of the windows, with their share: `20-23 91 %` is from 20:00 to before
/// 23:00. `None` where no time is known.
fn hours(windows: &[u64; 24]) -> Option<String> {
    let all: u64 = windows.iter().sum();
    let within = |from: usize, hours: usize| (from..from + hours).map(|hour| windows[hour % 24]).sum::<u64>();
    let spans = (1..=24).flat_map(|hours| (0..24).map(move |from| (from, hours)));
    let mut fits = spans.filter(|&(from, hours)| all > 0 && within(from, hours) as f64 >= MOST * all as f64);
    let (_, shortest) = fits.next()?;
    // Of those that are equally short: the one with the most windows, the earliest of several.
    let from = (0..24).max_by_key(|&from| (within(from, shortest), std::cmp::Reverse(from)))?;
    let until = if from + shortest == 24 { 24 } else { (from + shortest) % 24 };
    Some(format!("{from}-{until} {:.0} %", 100.0 * within(from, shortest) as f64 / all as f64))
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn texts<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn days(dates: impl Iterator<Item = Option<Date>>) -> ArrayRef {
    let days = |date: Date| (date - Date::constant(1970, 1, 1)).get_days();
    Arc::new(dates.map(|date| date.map(days)).collect::<Date32Array>())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    // The columns are made here, of one length each.
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("columns of one length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_the_fewest_that_hold_most_windows() {
        let of = |counts: &[(usize, u64)]| {
            let mut windows = [0; 24];
            counts.iter().for_each(|&(hour, n)| windows[hour] = n);
            hours(&windows)
        };
        assert_eq!(of(&[(5, 8), (6, 1), (12, 1)]).unwrap(), "5-6 80 %");
        assert_eq!(of(&[(23, 5), (0, 4), (12, 1)]).unwrap(), "23-1 90 %");
        assert_eq!(of(&[(22, 5), (23, 5)]).unwrap(), "22-24 100 %");
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn shares_name_the_first_and_count_the_rest() {
        let counts: Vec<(String, u64)> = ('a'..='g').map(|name| (name.to_string(), 10)).collect();
        assert_eq!(shares(&counts, 70), "a 14 %, b 14 %, c 14 %, d 14 %, e 14 %, 2 more");
        assert_eq!(shares(&counts[..1], 10), "a 100 %");
    }
}
