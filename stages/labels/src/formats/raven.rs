//! Raven selection tables: tab-separated, a row per selection (and view), times in seconds, frequencies in Hz.
//!
//! Columns are found by name. `Begin Path` or `Begin File` names the recording, and `File Offset (s)` is then the time within it (see
//! `clock`); without them the table's own name tells, and `Begin Time (s)` is the time. A selection that is listed once for each view (waveform,
//! spectrogram) is one event: that of the spectrogram. A table without rows says that nothing was heard.
//!
//! Source: the Raven Pro manual, "Selection tables".

use std::collections::BTreeMap;

use super::clock::{BEGIN, Clock};
use super::columns::{Columns, filled};
use super::{Contents, Reading};
use crate::delimited::{Delimited, Dialect, Row};
use crate::event::Event;

const SPECTROGRAM: &str = "spectrogram";

/// Reads a selection table.
pub(super) fn parse(bytes: &[u8], names: &Reading) -> Contents {
    let table = Delimited::read(bytes, Dialect::Tabs);
    match Layout::of(&table, names) {
        Ok(layout) => layout.contents(&table),
        // Raven has no column for a label until the first one is written.
        Err(_) if table.rows.is_empty() && table.find(None, &[BEGIN]).is_ok_and(|begin| begin.is_some()) => {
            Contents::default().or_empty()
        }
        Err(fault) => Contents::faulty(&table, fault),
    }
}

struct Layout {
    columns: Columns,
    /// The column that names the recording.
    recording: Option<usize>,
    clock: Clock,
    selection: Option<usize>,
    view: Option<usize>,
}

impl Layout {
    fn of(table: &Delimited, names: &Reading) -> Result<Self, String> {
        let recording = table.find(names.recording_column.as_deref(), &["begin path", "begin file"])?;
        Ok(Self {
            columns: Columns::of(table, names)?,
            recording,
            clock: Clock::of(table, recording)?,
            selection: table.find(None, &["selection"])?,
            view: table.find(None, &["view"])?,
        })
    }

    fn contents(&self, table: &Delimited) -> Contents {
        let mut contents = Contents::default();
        let kept = self.kept(table);
        for (row, &kept) in table.rows.iter().zip(&kept) {
            let again = (kept != row.line).then(|| format!("the selection of line {kept} in another view"));
            let event = self.event(row).or_problem(again).or_problem(table.too_long(row));
            contents.add(filled(row.text(self.recording)), event);
        }
        contents.or_empty()
    }

    /// For each row the line that stands for its selection: its own, unless another view of the same selection does.
    fn kept(&self, table: &Delimited) -> Vec<u32> {
        let mut by_selection: BTreeMap<[&str; 4], &Row> = BTreeMap::new();
        for row in &table.rows {
            let Some(key) = self.selection_of(row) else { continue };
            let stands = by_selection.entry(key).or_insert(row);
            if !self.is_spectrogram(stands) && self.is_spectrogram(row) {
                *stands = row;
            }
        }
        let line = |row: &Row| {
            let stands = self.selection_of(row).map_or(row, |key| by_selection[&key]);
            if stands.text(self.view) == row.text(self.view) { row.line } else { stands.line }
        };
        table.rows.iter().map(line).collect()
    }

    /// What the rows of a selection have in common; none in a table that does not number them by view.
    fn selection_of<'a>(&self, row: &'a Row) -> Option<[&'a str; 4]> {
        let (Some(_), number) = (self.view, row.text(self.selection)) else { return None };
        let time = |column| row.text(Some(column));
        (!number.is_empty()).then(|| [row.text(self.recording), number, time(self.columns.start), time(self.columns.end)])
    }

    fn is_spectrogram(&self, row: &Row) -> bool {
        row.text(self.view).to_lowercase().starts_with(SPECTROGRAM)
    }

    fn event(&self, row: &Row) -> Event {
        let (start, end) = (row.text(Some(self.columns.start)), row.text(Some(self.columns.end)));
        self.clock.own_time(row, self.columns.event(row, start, end, row.text(Some(self.columns.label))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accounted, reading};
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Contents {
        super::parse(text.as_bytes(), &reading("raven"))
    }

    const HEADER: &str = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\t\r\n";

    #[test]
    fn selections_by_name_of_column() {
        let found = parse(&format!("\u{feff}{HEADER}1\tSpectrogram 1\t1\t1,5\t2.25\t800.5\t2000\tWOTH\t\r\n"));
        let event = &found.by_recording[&None][0];
        assert_eq!((event.line, event.label.as_str(), event.start_s, event.end_s), (2, "WOTH", Some(1.5), Some(2.25)));
        assert_eq!((event.low_hz, event.high_hz, &event.problem), (Some(800.5), Some(2000.0), &None));
        let none = parse(HEADER);
        assert_eq!((none.by_recording, none.fault), ([(None, vec![])].into(), None), "reviewed, and nothing heard");
        assert_eq!(parse("Selection\tView\tBegin Time (s)\tEnd Time (s)\n").fault, None);
    }

    #[test]
    fn a_selection_in_several_views_is_one_event() {
        let rows = "1\tWaveform 1\t1\t1\t2\t0\t9\tA\n1\tSpectrogram 1\t1\t1\t2\t5\t9\tA\n2\tSpectrogram 1\t1\t1\t2\t5\t9\tA\n2\tSpectrogram 1\t1\t1\t2\t5\t9\tA\n";
        let events = &parse(&format!("{HEADER}{rows}")).by_recording[&None];
        let problems: Vec<_> = events.iter().map(|e| e.problem.as_deref()).collect();
        assert_eq!(problems, [Some("the selection of line 3 in another view"), None, None, None]);
    }

    #[test]
    fn several_recordings_and_their_offsets() {
        let table = "Begin Time (s)\tEnd Time (s)\tBegin Path\tFile Offset (s)\tCall\n\
            61\t62.5\tD:\\f\\b.wav\t1\tX\n1\t2\tD:\\f\\a.wav\t1\tX\n3\t4\t\t9\tX\n5\t6\tD:\\f\\a.wav\tx\tX\n";
        let found = parse(table);
        let times = |name: Option<&str>| -> Vec<_> {
            found.by_recording[&name.map(str::to_owned)].iter().map(|e| (e.start_s, e.end_s, e.problem.is_some())).collect()
        };
        assert_eq!(times(Some("D:\\f\\b.wav")), [(Some(1.0), Some(2.5), false)]);
        assert_eq!(times(Some("D:\\f\\a.wav")), [(Some(1.0), Some(2.0), false), (Some(5.0), Some(6.0), true)]);
        assert_eq!(times(None), [(Some(3.0), Some(4.0), false)]);
    }

    #[test]
    fn without_offsets_the_times_of_several_recordings_are_those_of_their_session() {
        let table = "Begin Time (s)\tEnd Time (s)\tBegin File\tCall\n1\t2\ta.wav\tX\n61\t62\tb.wav\tX\n63\t64\t\tX\n";
        let found = parse(table);
        assert!(["a.wav", "b.wav"].iter().all(|name| found.by_recording[&Some((*name).to_owned())][0].in_session));
        let unnamed = &found.by_recording[&None][0];
        assert!(unnamed.problem.as_deref().is_some_and(|problem| problem.contains("names no recording")), "{unnamed:?}");
        let one = parse(&table.replace("b.wav", "a.wav"));
        assert!(one.events().all(|event| !event.in_session && event.problem.is_none()), "of one recording the times are its own");
    }

    #[test]
    fn times_that_no_number_can_hold_are_a_problem() {
        let table = "Begin Time (s)\tEnd Time (s)\tBegin Path\tFile Offset (s)\tCall\n-1e308\t1e308\ta.wav\t1\tX\n";
        let event = &parse(table).by_recording[&Some("a.wav".to_owned())][0];
        assert!(event.end_s.is_some_and(f64::is_finite) && event.problem.is_some(), "{event:?}");
    }

    #[test]
    fn a_table_without_labels_names_its_columns() {
        let found = parse("Begin Time (s)\tEnd Time (s)\tNotes\n1\t2\tx\n");
        let fault = found.fault.clone().unwrap();
        assert!(
            ["label", "Begin Time (s), End Time (s), Notes", "annotate.label_column"].iter().all(|p| fault.contains(p)),
            "{fault}"
        );
        assert_eq!(found.by_recording[&None][0].problem, Some(fault));
        let notes = Reading { label_column: Some("notes".into()), ..reading("raven") };
        assert_eq!(super::parse(b"Begin Time (s)\tEnd Time (s)\tNotes\n1\t2\tx\n", &notes).by_recording[&None][0].label, "x");
    }

    proptest! {
        #[test]
        fn every_line_is_accounted_for(
            rows in prop::collection::vec("[0-2]?(\t(Waveform 1|Spectrogram 1|[0-9.,x]{0,3})){0,9}", 0..12),
            noise in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let text = format!("{HEADER}{}", rows.join("\n"));
            let lines = rows.iter().filter(|row| !row.trim().is_empty()).count();
            prop_assert_eq!(accounted(&parse(&text)), lines);
            super::parse(&noise, &reading("raven"));
        }
    }
}
