//! What the tables tell of windows that were found.

use std::collections::BTreeMap;

use chorus_engine::Unit;
use chorus_score::clock::Clock;
use chorus_score::effort::end_utc_us;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::SearchError;
use crate::embeddings::{Embeddings, Place};
use crate::facts::recordings;

/// A window.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Position of its run among those that were opened.
    pub run: usize,
    /// Its site, date and part.
    pub unit: Unit,
    /// Its identity.
    pub segment_id: String,
    /// Its recording.
    pub recording_id: String,
    /// The recording's path in the archive; `None` where the run does not know the recording.
    pub path: Option<String>,
    /// Start from the recording's beginning, seconds.
    pub start_s: f64,
    /// End from the recording's beginning, seconds; `None` where the length of windows is not known.
    pub end_s: Option<f64>,
    /// Start, microseconds since 1970-01-01 UTC.
    pub utc_us: Option<i64>,
    /// What a clock at the site showed then, microseconds since 1970-01-01.
    pub local_us: Option<i64>,
}

impl Embeddings {
    /// What is known of these windows, in their order.
    ///
    /// # Errors
    /// Those of reading, and impossible times.
    pub fn describe(&self, places: &[Place]) -> Result<Vec<Window>, SearchError> {
        let mut sorted = places.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut found = BTreeMap::new();
        for of_part in sorted.chunk_by(|a, b| a.part == b.part) {
            let part = self.part(of_part[0]);
            let rows: Vec<usize> = of_part.iter().map(|place| place.row as usize).collect();
            let batch = part.partition.open()?.rows_at(&rows, &["segment_id", "recording_id", "start_s"])?;
            let (ids, recording_ids, starts) = (batch.utf8("segment_id")?, batch.utf8("recording_id")?, batch.f64("start_s")?);
            let (recordings, window_s) = (recordings(self, part)?, self.window_s(part.run));
            for (i, place) in of_part.iter().enumerate() {
                let (recording_id, start_s) = (recording_ids.value(i), starts.value(i));
                let recording = recordings.get(recording_id);
                let (utc_us, local_us) = match recording.and_then(|recording| recording.clock.as_ref()) {
                    Some(clock) => times(clock, start_s)?,
                    None => (None, None),
                };
                let window = Window {
                    run: part.run,
                    unit: part.partition.unit.clone(),
                    segment_id: ids.value(i).to_owned(),
                    recording_id: recording_id.to_owned(),
                    path: recording.map(|recording| recording.path.clone()),
                    start_s,
                    end_s: window_s.map(|window_s| start_s + window_s),
                    utc_us,
                    local_us,
                };
                found.insert(*place, window);
            }
        }
        Ok(places.iter().filter_map(|place| found.get(place).cloned()).collect())
    }
}

/// The instant so many seconds after a recording's start, and what the clock at the site showed.
fn times(clock: &Clock, seconds: f64) -> Result<(Option<i64>, Option<i64>), SearchError> {
    let us = end_utc_us(clock.start_us, seconds)?;
    if !clock.is_utc {
        return Ok((None, Some(us)));
    }
    let local = Timestamp::from_microsecond(us).ok().map(|instant| clock.zone.to_datetime(instant));
    let local_us = local.and_then(|local| TimeZone::UTC.to_timestamp(local).ok()).map(Timestamp::as_microsecond);
    Ok((Some(us), local_us))
}
