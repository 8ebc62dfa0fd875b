//! The times of a Raven table, saved as text or as CSV.
//!
//! `Begin Time (s)` counts from the beginning of the session: of the one recording that was open, or of the first of several.
//! With several recordings, `File Offset (s)` is the time within the recording that the row names. A table of several recordings
//! without that column has the times of a session; [`crate::session`] then finds where each recording begins in the session.
//!
//! Source: the Raven Pro manual, "Selection tables" and "Working with multiple sound files".

use std::collections::BTreeSet;

use crate::delimited::{Delimited, DelimitedRow};
use crate::event::Event;
use crate::text::seconds;

/// Raven's column of the start.
pub(super) const BEGIN: &str = "begin time (s)";

/// From where the times of a table count.
pub(super) struct RavenTimes {
    file_offset: Option<usize>,
    /// Whether the table names more than one recording.
    names_several: bool,
}

impl RavenTimes {
    /// The times of a table whose rows call their recordings `names`.
    ///
    /// # Errors
    /// Those of [`Delimited::find`].
    pub(super) fn of(table: &Delimited, names: &[Option<String>]) -> Result<Self, String> {
        let names_several = names.iter().flatten().collect::<BTreeSet<_>>().len() > 1;
        Ok(Self { file_offset: table.find(None, &["file offset (s)", "file offset"])?, names_several })
    }

    /// The event of a row with its time within the recording. Where only the time of the session is known, the event is marked.
    /// `is_named` is whether the row names its recording.
    pub(super) fn within_recording(&self, row: &DelimitedRow, is_named: bool, event: Event) -> Event {
        let offset = row.text(self.file_offset);
        match (is_named, offset.is_empty(), event.start_s, event.end_s) {
            (false, true, ..) if self.names_several => {
                event.or_problem(Some("names no recording, where other lines of the table name several".to_owned()))
            }
            (true, true, ..) => Event { in_session: self.names_several, ..event },
            (true, false, Some(start_s), Some(end_s)) => match seconds(offset) {
                Some(offset_s) => event.moved(offset_s, offset_s + (end_s - start_s)),
                None => event.or_problem(Some(format!("file offset is `{offset}`, expected seconds"))),
            },
            _ => event,
        }
    }
}
