//! What else the tables tell of the windows of one file: recording, start, hour.

use std::collections::BTreeMap;

use arrow::array::{Array, StringArray};
use chorus_score::clock::Clock;
use chorus_score::effort::{end_utc_us, night_hour};
use chorus_tables::Batch;

use crate::SearchError;
use crate::embeddings::{Embeddings, Part};

/// A recording, as the table `recordings` knows it.
pub(crate) struct Recording {
    pub(crate) path: String,
    pub(crate) clock: Option<Clock>,
}

/// The windows of one file, and the recordings of its site-day.
pub(crate) struct Facts {
    windows: Batch,
    recordings: BTreeMap<String, Recording>,
}

impl Facts {
    /// Of all rows of a file.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn of(embeddings: &Embeddings, part: &Part) -> Result<Self, SearchError> {
        let windows = part.partition.read(&["recording_id", "start_s"])?;
        Ok(Self { windows, recordings: recordings(embeddings, part)? })
    }

    /// The recordings of the windows.
    pub(crate) fn recording_ids(&self) -> Result<&StringArray, SearchError> {
        Ok(self.windows.utf8("recording_id")?)
    }

    /// Where the windows start in their recordings, seconds.
    pub(crate) fn starts(&self) -> Result<&[f64], SearchError> {
        Ok(self.windows.f64("start_s")?.values())
    }

    /// The hour of the local clock in which a window starts: that of the recording's zone, or of UTC where no zone is known. `None` where
    /// the recording's time is not known.
    pub(crate) fn hour(&self, row: usize) -> Result<Option<i8>, SearchError> {
        let recording = self.recordings.get(self.recording_ids()?.value(row));
        let Some(clock) = recording.and_then(|recording| recording.clock.as_ref()) else { return Ok(None) };
        Ok(Some(night_hour(end_utc_us(clock.start_us, self.starts()?[row])?, &clock.zone)?.hour))
    }
}

/// The recordings of a file's site-day; none where the run has no such table.
pub(crate) fn recordings(embeddings: &Embeddings, part: &Part) -> Result<BTreeMap<String, Recording>, SearchError> {
    let Some(partition) = embeddings.recordings[part.run].get(&part.partition.unit) else { return Ok(BTreeMap::new()) };
    let batch = partition.read(&[&["recording_id", "path"][..], &Clock::COLUMNS].concat())?;
    let (ids, paths) = (batch.utf8("recording_id")?, batch.utf8("path")?);
    let recording = |(row, clock)| (ids.value(row).to_owned(), Recording { path: paths.value(row).to_owned(), clock });
    debug_assert_eq!(ids.null_count(), 0);
    Ok(Clock::of(&batch)?.into_iter().enumerate().map(recording).collect())
}
