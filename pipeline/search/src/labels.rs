//! Which classes are known to call in the windows of a file: from the table `labels` of its run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chorus_engine::{Partition, RunTables, Unit};

use crate::SearchError;
use crate::spans::Spans;

/// The files of `labels` and of the windows that they are about.
pub(crate) struct Labels {
    labels: BTreeMap<Unit, Partition>,
    segments: BTreeMap<Unit, Partition>,
}

/// Classes of a window. A window that was reviewed and in which no class calls has none.
pub(crate) type Classes = BTreeSet<Arc<str>>;

impl Labels {
    /// Those of a run; of a run without labels there are none.
    ///
    /// # Errors
    /// Those of listing the files.
    pub(crate) fn of(run: &RunTables) -> Result<Self, SearchError> {
        let files = |table| -> Result<BTreeMap<Unit, Partition>, SearchError> {
            Ok(run.partitions(table)?.into_iter().map(|partition| (partition.unit.clone(), partition)).collect())
        };
        Ok(Self { labels: files("labels")?, segments: files("segments")? })
    }

    /// The reviewed windows of a unit with their classes. They need not be the windows of the embeddings.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn spans(&self, unit: &Unit) -> Result<Spans<Classes>, SearchError> {
        let (Some(labels), Some(segments)) = (self.labels.get(unit), self.segments.get(unit)) else { return Ok(Spans::new([])) };
        let mut known: BTreeMap<String, Classes> = BTreeMap::new();
        for batch in labels.open()?.batches(&["segment_id", "class", "value"])? {
            let batch = batch?;
            let rows = batch.utf8("segment_id")?.iter().zip(batch.utf8("class")?).zip(batch.i32("value")?);
            for ((segment_id, class), value) in rows {
                let (Some(segment_id), Some(class), Some(value)) = (segment_id, class, value) else { continue };
                if !known.contains_key(segment_id) {
                    known.insert(segment_id.to_owned(), Classes::new());
                }
                if let Some(classes) = known.get_mut(segment_id).filter(|_| value == 1) {
                    classes.insert(class.into());
                }
            }
        }
        let batch = segments.read(&["segment_id", "recording_id", "start_s", "end_s"])?;
        let (ids, recordings) = (batch.utf8("segment_id")?, batch.utf8("recording_id")?);
        let (starts, ends) = (batch.f64("start_s")?, batch.f64("end_s")?);
        let span = |row: usize| {
            let classes = known.remove(ids.value(row))?;
            Some((recordings.value(row).to_owned(), starts.value(row)..ends.value(row), classes))
        };
        Ok(Spans::new((0..batch.rows()).filter_map(span).collect::<Vec<_>>()))
    }
}
