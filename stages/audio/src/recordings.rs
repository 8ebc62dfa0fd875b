//! The recordings of a unit that can be read, for stages that listen to them from end to end.

use chorus_engine::{UnitContext, WorkError};

use crate::container::channels;

/// A recording as the table `recordings` has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Its id.
    pub id: String,
    /// Path relative to the archive.
    pub path: String,
    /// The channels that are mixed down, counted from 0.
    pub channels: Vec<usize>,
    /// Readable frames.
    pub frames: u64,
    /// Frames per second.
    pub rate_hz: u32,
    /// Start, microseconds since 1970 in UTC; `None` where it is not known.
    pub start_utc: Option<i64>,
    /// Serial number of the recorder, where it is known.
    pub serial: Option<String>,
    /// Whether it is a copy of another one, which counts in its place.
    pub is_copy: bool,
}

/// The unit's recordings that can be read, in the order of the table `recordings`, with the channels that `choice` makes of theirs.
///
/// # Errors
/// Those of reading the table.
pub fn recordings(cx: &UnitContext<'_>, choice: channels::Choice) -> Result<Vec<Recording>, WorkError> {
    let columns =
        ["recording_id", "path", "channels", "dead_channels", "frames", "sample_rate_hz", "start_utc", "serial", "copy_of"];
    let batch = cx.read("recordings", &columns)?.ok_or("the unit has no recordings")?;
    let (ids, paths, dead) = (batch.texts("recording_id")?, batch.texts("path")?, batch.texts("dead_channels")?);
    let (serials, copies) = (batch.texts("serial")?, batch.texts("copy_of")?);
    let numbers: Vec<Option<u32>> = batch.u32("channels")?.iter().collect();
    let rates: Vec<Option<u32>> = batch.u32("sample_rate_hz")?.iter().collect();
    let frames: Vec<Option<u64>> = batch.u64("frames")?.iter().collect();
    let starts: Vec<Option<i64>> = batch.micros("start_utc")?.iter().collect();
    let mut found = Vec::new();
    for row in 0..batch.rows() {
        let (Some(id), Some(path), Some(frames), Some(rate_hz)) = (&ids[row], &paths[row], frames[row], rates[row]) else {
            continue;
        };
        let count = u16::try_from(numbers[row].unwrap_or(1)).unwrap_or(u16::MAX);
        found.push(Recording {
            id: id.clone(),
            path: path.clone(),
            channels: choice.of(count, &channels::numbers(dead[row].as_deref())),
            frames,
            rate_hz,
            start_utc: starts[row],
            serial: serials[row].clone(),
            is_copy: copies[row].is_some(),
        });
    }
    Ok(found)
}
