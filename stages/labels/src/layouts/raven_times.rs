//! The times of a Raven table, saved as text or as CSV.
//!
//! `Begin Time (s)` counts from the beginning of the session: of the one recording that was open, or of the first of several.
//! With several recordings, `File Offset (s)` is the time within the recording that the row names. A table of several recordings
//! without that column has the times of a session; [`crate::session`] then finds where each recording begins in the session. Where some
//! rows lack the offset, the others say where their recordings begin.
//!
//! Source: the Raven Pro manual, "Selection tables" and "Working with multiple sound files".

use std::collections::{BTreeMap, BTreeSet};

use crate::delimited::{Delimited, DelimitedRow};
use crate::event::Event;
use crate::text::seconds;

/// Raven's column of the start.
pub(super) const BEGIN: &str = "begin time (s)";
/// Seconds by which two rows may differ in where their recording begins, since tables round.
const APART_S: f64 = 0.05;

/// From where the times of a table count.
pub(super) struct RavenTimes {
    file_offset: Option<usize>,
    /// Whether the table names more than one recording.
    names_several: bool,
    /// Where each recording begins in the session by the rows that have an offset, seconds: the earliest and the latest.
    begins: BTreeMap<String, (f64, f64)>,
}

impl RavenTimes {
    /// The times of a table whose rows call their recordings `names`, and whose times are in the column `begin`.
    ///
    /// # Errors
    /// Those of [`Delimited::find`].
    pub(super) fn of(table: &Delimited, begin: usize, names: &[Option<String>]) -> Result<Self, String> {
        let names_several = names.iter().flatten().collect::<BTreeSet<_>>().len() > 1;
        let file_offset = table.find(None, &["file offset (s)", "file offset"])?;
        let mut begins: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for (row, name) in table.rows.iter().zip(names) {
            let times = seconds(row.text(Some(begin))).zip(seconds(row.text(file_offset)));
            if let Some((name, (start_s, offset_s))) = name.as_ref().zip(times) {
                let begins_s = start_s - offset_s;
                let known = begins.entry(name.clone()).or_insert((begins_s, begins_s));
                *known = (known.0.min(begins_s), known.1.max(begins_s));
            }
        }
        Ok(Self { file_offset, names_several, begins })
    }

    /// The event of a row with its time within the recording. Where only the time of the session is known, the event is marked.
    /// `name` is what the row calls its recording.
    pub(super) fn within_recording(&self, row: &DelimitedRow, name: Option<&str>, event: Event) -> Event {
        let offset = row.text(self.file_offset);
        match (name, offset.is_empty(), event.start_s, event.end_s) {
            (None, true, ..) if self.names_several => {
                event.or_problem(Some("names no recording, where other lines of the table name several".to_owned()))
            }
            // A date with a time of day counts from the start of its own recording.
            _ if event.moments.is_some() => event,
            (Some(_), true, ..) if self.begins.is_empty() => Event { in_session: self.names_several, ..event },
            (Some(name), true, Some(start_s), Some(end_s)) => match self.begins_of(name) {
                Ok(begins_s) => event.moved(start_s - begins_s, end_s - begins_s),
                Err(problem) => event.or_problem(Some(problem)),
            },
            (Some(_), false, Some(start_s), Some(end_s)) => match seconds(offset) {
                Some(offset_s) => event.moved(offset_s, offset_s + (end_s - start_s)),
                None => event.or_problem(Some(format!("file offset is `{offset}`, expected seconds"))),
            },
            _ => event,
        }
    }

    /// Where a recording begins in the session, seconds.
    ///
    /// # Errors
    /// No row says it, or two rows differ.
    fn begins_of(&self, name: &str) -> Result<f64, String> {
        let unknown = |why: &str| format!("File Offset (s) is empty, and {why}; fill it in");
        match self.begins.get(name) {
            Some((first_s, last_s)) if last_s - first_s <= APART_S => Ok(*first_s),
            Some(_) => Err(unknown("other lines of the recording differ in where it begins in the session")),
            None => Err(unknown("no other line says where the recording begins in the session")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delimited::Dialect;

    #[test]
    fn a_row_without_an_offset_is_placed_by_the_others_of_its_recording() {
        let times = |rows: &str| -> Vec<(Option<f64>, bool)> {
            let text = format!("Begin Time (s)\tEnd Time (s)\tBegin File\tFile Offset (s)\n{rows}");
            let table = Delimited::read(text.as_bytes(), Dialect::Tabs);
            let names: Vec<Option<String>> =
                table.rows.iter().map(|row| Some(row.text(Some(2)).to_owned()).filter(|name| !name.is_empty())).collect();
            let times = RavenTimes::of(&table, 0, &names).unwrap();
            let event = |(row, name): (&DelimitedRow, &Option<String>)| {
                let event = Event::timed(row.line, row.text(Some(0)), row.text(Some(1)), "A");
                times.within_recording(row, name.as_deref(), event)
            };
            let events = table.rows.iter().zip(&names).map(event);
            events.map(|event| (event.start_s.filter(|_| !event.in_session), event.problem.is_some())).collect()
        };
        // `a.wav` lasts 5 s, so that `b.wav` begins 5 s after the session.
        assert_eq!(times("13\t14\tb.wav\t8\n13\t14\tb.wav\t\n"), [(Some(8.0), false); 2], "of one recording");
        let several = times("1\t2\ta.wav\t1\n13\t14\tb.wav\t8\n15\t16\tb.wav\t\n40\t41\tc.wav\t\n");
        assert_eq!(several, [(Some(1.0), false), (Some(8.0), false), (Some(10.0), false), (Some(40.0), true)]);
        let apart = times("13\t14\tb.wav\t8\n20\t21\tb.wav\t2\n15\t16\tb.wav\t\n");
        assert_eq!(apart, [(Some(8.0), false), (Some(2.0), false), (Some(15.0), true)], "two beginnings");
        assert_eq!(times("1\t2\ta.wav\t\n"), [(Some(1.0), false)], "an empty column says nothing");
    }
}
