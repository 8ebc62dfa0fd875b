//! How unlike everything that the model learnt the windows of a unit are: what `detect` takes from the table `unknown`.

use std::collections::BTreeMap;

use chorus_engine::{UnitContext, WorkError};
use chorus_tables::{Batch, TableError};

/// The table.
pub(crate) const TABLE: &str = "unknown";
const COLUMNS: [&str; 4] = ["recording_id", "start_s", "unknown", "is_loud"];

/// The key that asks for it.
pub(crate) const ENABLED: &str = "unknown.enabled";

/// The windows of a unit by recording.
#[derive(Debug, Default)]
pub(crate) struct Unlike(BTreeMap<String, Vec<Window>>);

/// A window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Window {
    start_s: f64,
    /// The share of the windows of validation that are more like what was learnt.
    pub(crate) unknown: f32,
    /// Whether it is loud besides, and so an unknown sound.
    pub(crate) is_loud: bool,
}

impl Unlike {
    /// Those of the unit; none where the run does not make the table.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn read(cx: &UnitContext<'_>) -> Result<Self, WorkError> {
        let batch = if cx.reads_table(TABLE) { cx.read(TABLE, &COLUMNS)? } else { None };
        Ok(batch.as_ref().map(Self::of).transpose()?.unwrap_or_default())
    }

    fn of(batch: &Batch) -> Result<Self, TableError> {
        let (ids, starts) = (batch.utf8("recording_id")?, batch.f64("start_s")?);
        let (shares, loud) = (batch.f32("unknown")?, batch.bool("is_loud")?);
        let window = |row| Window { start_s: starts.value(row), unknown: shares.value(row), is_loud: loud.value(row) };
        Ok(Self::new((0..batch.rows()).map(|row| (ids.value(row), window(row)))))
    }

    fn new<'a>(windows: impl Iterator<Item = (&'a str, Window)>) -> Self {
        let mut found: BTreeMap<String, Vec<Window>> = BTreeMap::new();
        for (recording, window) in windows {
            match found.get_mut(recording) {
                Some(own) => own.push(window),
                None => drop(found.insert(recording.to_owned(), vec![window])),
            }
        }
        found.values_mut().for_each(|own| own.sort_by(|a, b| a.start_s.total_cmp(&b.start_s)));
        Self(found)
    }

    /// The window of a recording that begins there, seconds.
    pub(crate) fn at(&self, recording: &str, start_s: f64) -> Option<Window> {
        let own = self.0.get(recording)?;
        own.binary_search_by(|window| window.start_s.total_cmp(&start_s)).ok().map(|place| own[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_found_by_its_recording_and_start() {
        let window = |start_s, unknown, is_loud| Window { start_s, unknown, is_loud };
        let windows = [("a", window(3.0, 0.99, true)), ("a", window(0.0, 0.5, false)), ("b", window(0.0, 0.25, false))];
        let unlike = Unlike::new(windows.into_iter());
        let at = |recording: &str, start_s| unlike.at(recording, start_s).map(|window| (window.unknown, window.is_loud));
        assert_eq!([at("a", 3.0), at("a", 0.0), at("b", 0.0)], [Some((0.99, true)), Some((0.5, false)), Some((0.25, false))]);
        assert_eq!([at("a", 1.5), at("c", 0.0)], [None, None]);
    }
}
