//! The windows that a classifier learns from: rows of a table by window, with their labels and their side of the split.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::Array;
use chorus_engine::{UnitContext, WorkError};
use chorus_tables::TableReader;

/// A window of the subset train or validation.
#[derive(Clone, Copy)]
pub struct Labelled<'a> {
    /// `train` or `validation`.
    pub subset: &'a str,
    /// The part of the table that holds the window.
    pub reader: &'a TableReader,
    /// Its row there.
    pub row: usize,
    /// Its recording.
    pub recording: &'a str,
    /// Its labels by class: 0, 1, or none where nobody said.
    pub labels: &'a [Option<i32>],
}

/// Calls `each` for every window of the subsets train and validation, part by part and row by row. `table` has a row for each window, in
/// the order of `labels`. Reads `training_sets`, `labels` and the windows' names in `table`.
///
/// # Errors
/// Those of reading, and of `each`; a part of `table` without labels, or with other windows than they have.
pub fn for_each_labelled(
    cx: &UnitContext<'_>,
    table: &'static str,
    classes: usize,
    mut each: impl FnMut(Labelled<'_>) -> Result<(), WorkError>,
) -> Result<(), WorkError> {
    let (mut subset_of, mut units) = (BTreeMap::new(), BTreeSet::new());
    for (_, batch) in cx.read_all("training_sets", &["recording_id", "subset", "unit"])? {
        subset_of.extend(batch.texts("recording_id")?.into_iter().flatten().zip(batch.texts("subset")?.into_iter().flatten()));
        units.extend(batch.texts("unit")?.into_iter().flatten());
    }
    let labels: BTreeMap<_, _> = cx.partitions("labels")?.into_iter().map(|p| (p.unit.clone(), p)).collect();
    // The pass may read further parts of the table, which have no labels.
    for partition in cx.partitions(table)?.into_iter().filter(|partition| units.contains(&partition.unit.to_string())) {
        let reader = cx.open(table, &partition)?;
        if reader.rows() == 0 {
            continue;
        }
        let windows = reader.read(&["segment_id"])?;
        let ids = windows.utf8("segment_id")?;
        let labels = labels.get(&partition.unit).ok_or_else(|| format!("{} has {table} and no labels", partition.unit))?;
        let labels = cx.read_partition("labels", labels, &["segment_id", "recording_id", "value"])?;
        let (label_ids, recordings, values) = (labels.utf8("segment_id")?, labels.utf8("recording_id")?, labels.i32("value")?);
        let values: Vec<Option<i32>> = values.iter().collect();
        for (row, own) in values.chunks(classes).enumerate() {
            let at = row * classes;
            if row >= ids.len() || ids.value(row) != label_ids.value(at) || own.len() != classes {
                let unit = &partition.unit;
                return Err(format!(
                    "{unit}: {table} and labels hold different windows; run annotate and the stage that makes {table} again"
                )
                .into());
            }
            let recording = recordings.value(at);
            if let Some(subset @ ("train" | "validation")) = subset_of.get(recording).map(String::as_str) {
                each(Labelled { subset, reader: &reader, row, recording, labels: own })?;
            }
        }
    }
    Ok(())
}
