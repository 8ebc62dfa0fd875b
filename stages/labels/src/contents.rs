//! What one annotation file holds: events by recording.

use std::collections::{BTreeMap, BTreeSet};

use crate::delimited::{Delimited, DelimitedRow};
use crate::event::Event;

/// The content of one annotation file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contents {
    /// Events by the recording that their line names. The key is `None` where no line names a recording: the file is then
    /// named like its recording.
    pub by_recording: BTreeMap<Option<String>, Vec<Event>>,
    /// Labels that the header declares, whether or not an event has them.
    pub declared: BTreeSet<String>,
    /// What is told once of the file, where its lines can be used and may mean something else.
    pub remarks: Vec<String>,
    /// Why no line of the file can be used.
    pub fault: Option<String>,
}

impl Contents {
    /// A file about the recording of its own name.
    pub fn of_one(events: Vec<Event>) -> Self {
        Self { by_recording: [(None, events)].into(), ..Self::default() }
    }

    /// A table of which no line can be used. A header without rows counts as one such line.
    pub(crate) fn faulty(table: &Delimited, fault: String) -> Self {
        let event = |row: &DelimitedRow| Event::unusable(row.line, &row.all(), fault.clone());
        let mut events: Vec<Event> = table.rows.iter().map(event).collect();
        if events.is_empty() {
            events.push(Event::unusable(1, &table.header.join("\t"), fault.clone()));
        }
        Self { fault: Some(fault), ..Self::of_one(events) }
    }

    /// Adds an event of a recording.
    pub fn add(&mut self, recording: Option<String>, event: Event) {
        self.by_recording.entry(recording).or_default().push(event);
    }

    /// A table without rows says that nothing was heard in the recording of its own name.
    pub(crate) fn or_silence(mut self) -> Self {
        if self.by_recording.is_empty() {
            self.by_recording.insert(None, Vec::new());
        }
        self
    }

    /// All events.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.by_recording.values().flatten()
    }
}
