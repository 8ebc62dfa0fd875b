//! The table `predictions`, recording by recording: rows are sorted by window and class, and windows are named by their recording.

use std::collections::BTreeMap;

use chorus_engine::WorkError;
use chorus_tables::{Batch, TableError};

use crate::events::Window;

/// The windows of one recording by class, in order of time. Where low scores were left out (`predict.min_score`), a class lacks windows; each
/// window has one class at least.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Predicted {
    pub(crate) recording_id: String,
    pub(crate) model_id: String,
    /// Where windows begin, seconds from the recording's start.
    pub(crate) starts_s: Vec<f64>,
    pub(crate) windows: BTreeMap<String, Vec<Window>>,
}

impl Predicted {
    /// The columns that it is made of.
    pub(crate) const COLUMNS: [&str; 7] = ["recording_id", "start_utc", "start_s", "end_s", "class", "score", "model_id"];

    fn push(&mut self, class: &str, window: Window) {
        // The rows of a window follow each other.
        if self.starts_s.last() != Some(&window.start_s) {
            self.starts_s.push(window.start_s);
        }
        match self.windows.get_mut(class) {
            Some(windows) => windows.push(window),
            None => drop(self.windows.insert(class.to_owned(), vec![window])),
        }
    }
}

/// Gives each recording of some batches with [`Predicted::COLUMNS`] to `take`, one after the other; only one is held.
///
/// # Errors
/// Those of reading and of `take`.
pub(crate) fn each_recording(
    batches: impl Iterator<Item = Result<Batch, TableError>>,
    mut take: impl FnMut(Predicted) -> Result<(), WorkError>,
) -> Result<(), WorkError> {
    let mut open: Option<Predicted> = None;
    for batch in batches {
        let batch = batch?;
        let (ids, classes, models) = (batch.utf8("recording_id")?, batch.utf8("class")?, batch.utf8("model_id")?);
        let (starts, ends, scores) = (batch.f64("start_s")?, batch.f64("end_s")?, batch.f32("score")?);
        for (row, start_utc_us) in batch.micros("start_utc")?.iter().enumerate() {
            let id = ids.value(row);
            if open.as_ref().is_none_or(|recording| recording.recording_id != id) {
                let next =
                    Predicted { recording_id: id.to_owned(), model_id: models.value(row).to_owned(), ..Predicted::default() };
                if let Some(done) = open.replace(next) {
                    take(done)?;
                }
            }
            let (start_s, end_s, score) = (starts.value(row), ends.value(row), f64::from(scores.value(row)));
            if let Some(recording) = &mut open {
                recording.push(classes.value(row), Window { start_s, end_s, score, start_utc_us });
            }
        }
    }
    open.map_or(Ok(()), take)
}
