//! A column of lengths beside a column of ends, such as `duration` beside `end`.
//!
//! Where a row lacks its end, the length says it. Where a row has both, they have to agree, unless the column may hold the length of the
//! whole recording: it then has one value in all rows of a recording, which is no less than any end.

use std::collections::BTreeMap;

use super::recording_columns::RecordingColumns;
use super::rivals::{SECONDS_APART, contradict, last_digit};
use crate::delimited::{Delimited, DelimitedRow};
use crate::moment::Time;
use crate::text::{is_missing, seconds};

/// Milliseconds in a second.
const MILLISECONDS: f64 = 1000.0;

/// The columns of starts, ends and lengths of a table that has all three.
#[derive(Debug, Clone)]
pub(super) struct Lengths {
    start: usize,
    end: usize,
    length: usize,
    /// The names of the columns of ends and of lengths.
    names: [String; 2],
    /// Seconds by which an end and a length that are equal may differ.
    apart_s: f64,
    sense: Sense,
}

/// What a column of lengths holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    /// The lengths of the events, in seconds.
    OfEvents,
    /// Perhaps the lengths of the recordings.
    OfRecordings,
    /// Something else, such as milliseconds.
    Other,
}

impl Lengths {
    /// The lengths of a table, with the columns of starts, ends and lengths. `recording` are the columns that name recordings; `None` where
    /// they cannot be told.
    pub(super) fn of(table: &Delimited, [start, end, length]: [usize; 3], recording: Option<&RecordingColumns>) -> Self {
        let texts = |column: usize| table.rows.iter().map(move |row| row.text(Some(column))).filter(|text| !is_missing(text));
        let apart_s = [start, end, length].into_iter().map(|column| last_digit(texts(column))).fold(SECONDS_APART, f64::max);
        let names = [end, length].map(|column| table.header[column].clone());
        let mut lengths = Self { start, end, length, names, apart_s, sense: Sense::OfEvents };
        let is_number = texts(length).all(|text| seconds(text).is_some());
        let differing: Vec<&DelimitedRow> = table.rows.iter().filter(|row| lengths.is_odd(row)).collect();
        let is_in_milliseconds =
            !differing.is_empty() && !table.rows.iter().any(|row| lengths.differs(row, MILLISECONDS, SECONDS_APART));
        if !is_number || is_in_milliseconds {
            lengths.sense = Sense::Other;
        } else if !differing.is_empty() && recording.is_some_and(|recording| lengths.may_be_of_recordings(table, recording)) {
            lengths.sense = Sense::OfRecordings;
        }
        lengths
    }

    /// The seconds from start to end, the end, and the length of a row that has all three.
    fn times(&self, row: &DelimitedRow) -> Option<(f64, Time, f64)> {
        let time = |column: usize| Time::read(row.text(Some(column)));
        let (start, end) = (time(self.start)?, time(self.end)?);
        Some((start.until_s(end)?, end, seconds(row.text(Some(self.length)))?))
    }

    /// Whether the end of a row is another than its start and its length say, with so many units of the length in a second.
    fn differs(&self, row: &DelimitedRow, units: f64, apart_s: f64) -> bool {
        self.times(row).is_some_and(|(lasts_s, _, length)| (lasts_s - length / units).abs() > apart_s)
    }

    /// The same in seconds, as the table rounds them.
    fn is_odd(&self, row: &DelimitedRow) -> bool {
        self.differs(row, 1.0, self.apart_s)
    }

    /// Whether all rows of each recording have one length, and none ends after it.
    fn may_be_of_recordings(&self, table: &Delimited, recording: &RecordingColumns) -> bool {
        let mut known: BTreeMap<Option<String>, f64> = BTreeMap::new();
        table.rows.iter().filter_map(|row| Some((recording.name(row), self.times(row)?))).all(
            |(name, (lasts_s, end, length_s))| {
                let own_s = *known.entry(name).or_insert(length_s);
                // Of a date nobody knows where in the recording it lies: the event is no longer than that, at least.
                (own_s - length_s).abs() <= self.apart_s && end.second().unwrap_or(lasts_s) <= length_s + self.apart_s
            },
        )
    }

    /// The length of a row that has no end of its own, where the column holds the lengths of events.
    pub(super) fn in_place_of_end<'a>(&self, row: &'a DelimitedRow) -> Option<&'a str> {
        let length = row.text(Some(self.length));
        (self.sense == Sense::OfEvents && is_missing(row.text(Some(self.end))) && !is_missing(length)).then_some(length)
    }

    /// Why a row cannot be used: its end and its length contradict each other.
    pub(super) fn contradiction(&self, row: &DelimitedRow) -> Option<String> {
        let said = || [self.end, self.length].map(|column| row.text(Some(column)));
        let is_contradiction = self.sense == Sense::OfEvents && self.is_odd(row);
        is_contradiction.then(|| contradict(&self.names, said(), "annotate.end_column or annotate.duration_column"))
    }

    /// What is told once of a table whose lengths are taken for those of recordings.
    pub(super) fn remark(&self) -> Option<String> {
        let [end, length] = &self.names;
        (self.sense == Sense::OfRecordings).then(|| {
            format!(
                "{length} differs from {end} and is taken for the length of the recording; if it is that of the event, name it in \
                 annotate.duration_column"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delimited::Dialect;
    use crate::layouts::recording_columns::RECORDING;

    fn lengths(table: &Delimited, recording: Option<&str>) -> Lengths {
        let recording = RecordingColumns::of(table, recording, None, RECORDING).unwrap();
        Lengths::of(table, [1, 2, 3], Some(&recording))
    }

    /// Which rows contradict themselves, and whether the lengths are taken for those of recordings.
    fn told(rows: &str) -> (Vec<bool>, bool) {
        let table = Delimited::read(format!("file,start,end,duration\n{rows}").as_bytes(), Dialect::Detect);
        let lengths = lengths(&table, None);
        let contradictions = table.rows.iter().map(|row| lengths.contradiction(row).is_some()).collect();
        (contradictions, lengths.remark().is_some())
    }

    #[test]
    fn a_length_contradicts_an_end_unless_it_may_be_that_of_the_recording() {
        assert_eq!(told("a,1,3,2\na,5,6,1\n"), (vec![false; 2], false), "they agree");
        assert_eq!(told("a,1,3,60\na,5,6,60\nb,1,2,55\n"), (vec![false; 3], true), "the recording's length");
        assert_eq!(told("a,1,3,7\n"), (vec![false], true));
        assert_eq!(told("a,1,3,2\na,5,6,7\n"), (vec![false, true], false), "two lengths in one recording");
        assert_eq!(told("a,10,30,7\n"), (vec![true], false), "shorter than the end");
        assert_eq!(told("a,1,3,2000\na,5,6,1000\n"), (vec![false; 2], false), "milliseconds");
        assert_eq!(told("a,1,3,long\n"), (vec![false], false));
        assert_eq!(told("a,1.0,3.0,2.04\na,5,6,\n"), (vec![false; 2], false), "rounded");
    }

    #[test]
    fn recordings_are_those_of_the_column_that_the_configuration_names() {
        let table = Delimited::read(b"clip of,start,end,duration\na,1,3,60\na,5,6,60\nb,1,2,55\n", Dialect::Detect);
        assert_eq!(lengths(&table, Some("clip of")).sense, Sense::OfRecordings);
        assert_eq!(lengths(&table, None).sense, Sense::OfEvents, "nothing tells the recordings apart");
    }

    #[test]
    fn a_length_stands_for_an_end_that_is_missing() {
        let table = Delimited::read(b"file,start,end,duration\na,1,3,2\na,5,,1\na,6,,\n", Dialect::Detect);
        let lengths = lengths(&table, None);
        let found: Vec<Option<&str>> = table.rows.iter().map(|row| lengths.in_place_of_end(row)).collect();
        assert_eq!(found, [None, Some("1"), None]);
    }
}
