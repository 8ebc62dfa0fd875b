//! Third pass of the stage `unknown`: windows that are loud and unlike everything that was learnt, in groups of similar sound.

use std::collections::BTreeMap;

use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, EngineError, Scan, ScanContext, Unit, UnitContext, Work, WorkError};
use chorus_search::group_of_each;
use chorus_tables::halves;

use crate::settings::{ENABLED, UnknownSettings};

/// Fewer windows than this are no group of their own, unless there are no more in all.
const FEWEST: usize = 5;
/// The seed of the first centres.
const SEED: u64 = 0;

/// The pass.
pub struct UnknownSounds;

impl UnknownSounds {
    /// What the pass declares of itself; a run that does not ask for it does without.
    pub fn declare(config: &Config) -> Option<Pass> {
        config.is_on(ENABLED).then(|| Pass {
            name: "unknown-sounds",
            inputs: vec![Input::Table("unknown"), Input::Table("embeddings")],
            outputs: vec![Output::Table("unknown_sounds")],
            keys: vec!["unknown.*", "segment.window_s"],
            hints: vec![
                "unknown.enabled",
                "unknown.score",
                "unknown.threshold",
                "unknown.neighbours",
                "unknown.reference_windows",
                "unknown.min_rise_db",
            ],
            ..Pass::new("unknown", Per::Run)
        })
    }
}

impl Work for UnknownSounds {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let settings = cx.settings::<UnknownSettings>()?;
        let window_s: f64 = cx.value("segment.window_s")?;
        let (windows, left_out) = loud(cx, settings.max_windows)?;
        let (vectors, width) = embeddings(cx, &windows)?;
        let number = (windows.len() / FEWEST).clamp(1, settings.groups);
        let rows = ranked(&windows, group_of_each(&vectors, width, number, SEED));
        let groups = rows.last().map_or(0, |row| row.group);
        cx.write("unknown_sounds", |batch| {
            batch
                .column("group", rows.iter().map(|row| row.group))
                .column("rank", rows.iter().map(|row| row.rank))
                .column("segment_id", rows.iter().map(|row| &row.window.segment_id))
                .column("recording_id", rows.iter().map(|row| &row.window.recording_id))
                .column("site", rows.iter().map(|row| row.window.unit.site()))
                .column("start_s", rows.iter().map(|row| row.window.start_s))
                .column("end_s", rows.iter().map(|row| row.window.start_s + window_s))
                .column("unknown", rows.iter().map(|row| row.window.unknown))
                .column("rise_db", rows.iter().map(|row| row.window.rise_db))
                .column("similarity", rows.iter().map(|row| row.similarity))
        })?;
        let more = if left_out > 0 { format!("; {left_out} more are left out by unknown.max_windows") } else { String::new() };
        let said = format!("{:17} {} windows with unknown sounds in {groups} groups{more}", "unknown", rows.len());
        cx.console().say(&said);
        Ok(())
    }
}

/// A window with an unknown sound.
#[derive(Debug, Clone)]
struct Window {
    unit: Unit,
    /// Its row in its part of the tables.
    row: usize,
    segment_id: String,
    recording_id: String,
    start_s: f64,
    unknown: f32,
    rise_db: f32,
}

/// The loud windows, in the order of the tables, and how many there are beyond the `most` that are least known.
fn loud(cx: &UnitContext<'_>, most: usize) -> Result<(Vec<Window>, usize), WorkError> {
    let (mut windows, mut found) = (Vec::new(), 0);
    for partition in cx.partitions("unknown")? {
        if cx.stopping() {
            return Err(EngineError::Stopped.into());
        }
        let columns = ["segment_id", "recording_id", "start_s", "unknown", "rise_db", "is_loud"];
        let batch = cx.read_partition("unknown", &partition, &columns)?;
        let (ids, recordings) = (batch.utf8("segment_id")?, batch.utf8("recording_id")?);
        let (starts, shares, rises) = (batch.f64("start_s")?, batch.f32("unknown")?, batch.f32("rise_db")?);
        let is_loud = batch.bool("is_loud")?;
        let before = windows.len();
        windows.extend((0..batch.rows()).filter(|&row| is_loud.value(row)).map(|row| Window {
            unit: partition.unit.clone(),
            row,
            segment_id: ids.value(row).to_owned(),
            recording_id: recordings.value(row).to_owned(),
            start_s: starts.value(row),
            unknown: shares.value(row),
            rise_db: rises.value(row),
        }));
        found += windows.len() - before;
        // Memory does not grow with the archive.
        if windows.len() > 2 * most {
            keep(&mut windows, most);
        }
    }
    keep(&mut windows, most);
    Ok((windows, found.saturating_sub(most)))
}

/// Keeps the `most` windows that are least known, in the order of the tables.
fn keep(windows: &mut Vec<Window>, most: usize) {
    windows.sort_by(|a, b| b.unknown.total_cmp(&a.unknown).then(b.rise_db.total_cmp(&a.rise_db)));
    windows.truncate(most);
    windows.sort_by(|a, b| (&a.unit, a.row).cmp(&(&b.unit, b.row)));
}

/// Their embeddings `[window, value]`, and the number of values of one.
fn embeddings(cx: &UnitContext<'_>, windows: &[Window]) -> Result<(Vec<f32>, usize), WorkError> {
    let parts: BTreeMap<Unit, _> = cx.partitions("embeddings")?.into_iter().map(|part| (part.unit.clone(), part)).collect();
    let (mut vectors, mut width) = (Vec::new(), 1);
    for own in windows.chunk_by(|a, b| a.unit == b.unit) {
        let unit = &own[0].unit;
        let part = parts.get(unit).ok_or_else(|| format!("{unit} has no embeddings; run it again"))?;
        let rows: Vec<usize> = own.iter().map(|window| window.row).collect();
        let batch = cx.open("embeddings", part)?.rows_at(&rows, &["segment_id", "embedding"])?;
        let (ids, arrays) = (batch.utf8("segment_id")?, batch.arrays("embedding")?);
        for (place, window) in own.iter().enumerate() {
            if ids.value(place) != window.segment_id {
                return Err(format!("{unit}: embeddings and unknown hold different windows; run unknown again").into());
            }
            width = arrays.value(place).len() / 2;
            vectors.extend(halves(arrays.value(place)));
        }
    }
    Ok((vectors, width))
}

/// A row of the table.
struct Row<'a> {
    group: u64,
    rank: u64,
    similarity: f32,
    window: &'a Window,
}

/// The rows in the order of the table: the largest group first, and of equally large ones that with the earlier window. `groups` are those of
/// the windows, with the similarity to their centres.
fn ranked(windows: &[Window], groups: Vec<(usize, f32)>) -> Vec<Row<'_>> {
    let mut members: BTreeMap<usize, Vec<(f32, &Window)>> = BTreeMap::new();
    for (window, (group, similarity)) in windows.iter().zip(groups) {
        members.entry(group).or_default().push((similarity, window));
    }
    let mut members: Vec<Vec<(f32, &Window)>> = members.into_values().collect();
    members.sort_by_key(|own| (std::cmp::Reverse(own.len()), own[0].1.unit.clone(), own[0].1.row));
    let of_group = |(group, mut own): (usize, Vec<(f32, _)>)| {
        own.sort_by(|a, b| b.0.total_cmp(&a.0));
        let row = move |(rank, (similarity, window))| Row { group: group as u64 + 1, rank: rank as u64 + 1, similarity, window };
        own.into_iter().enumerate().map(row)
    };
    members.into_iter().enumerate().flat_map(of_group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_group_comes_first_and_in_it_what_is_nearest_to_its_centre() {
        let windows: Vec<Window> = (0..5)
            .map(|row| Window {
                unit: Unit::Run,
                row,
                segment_id: row.to_string(),
                recording_id: String::new(),
                start_s: 0.0,
                unknown: 1.0,
                rise_db: 20.0,
            })
            .collect();
        let rows = ranked(&windows, vec![(7, 0.9), (2, 0.5), (2, 0.7), (2, 0.7), (9, 1.0)]);
        let told: Vec<_> = rows.iter().map(|row| (row.group, row.rank, row.window.row)).collect();
        assert_eq!(told, [(1, 1, 2), (1, 2, 3), (1, 3, 1), (2, 1, 0), (3, 1, 4)]);
    }
}
