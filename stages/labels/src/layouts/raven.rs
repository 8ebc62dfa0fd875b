//! Raven selection tables: tab-separated, a row per selection (and view), times in seconds, frequencies in Hz.
//!
//! Columns are found by name. `Begin Path` or `Begin File` names the recording, and `File Offset (s)` is then the time within
//! it. Without these columns the table is named like its recording, and `Begin Time (s)` is the time. A selection that is
//! listed once for each view (waveform, spectrogram) is one event: the one of the spectrogram, with the label of another view where it has
//! none. A table without rows says that nothing was heard.
//!
//! Source: the Raven Pro manual, "Selection tables".

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::columns::{EventColumnKeys, EventColumns};
use super::raven_times::{BEGIN, RavenTimes};
use super::recording_columns::RecordingColumns;
use super::separator::{LabelSeparator, SeparatorKeys, Splitter};
use crate::contents::Contents;
use crate::delimited::{Delimited, DelimitedRow, Dialect};
use crate::layout::{AnnotationFiles, Layout, LayoutKeys, Proposal, Reader, Settings, readable};
use crate::look::ArchiveLook;

const EXTENSIONS: &[&str] = &["txt", "tsv"];
const SPECTROGRAM: &str = "spectrogram";

/// The layout `raven`.
pub(super) struct Raven;

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
struct RavenKeys {
    #[serde(flatten)]
    columns: EventColumnKeys,
    #[serde(flatten)]
    separator: SeparatorKeys,
}

impl Layout for Raven {
    fn name(&self) -> &'static str {
        "raven"
    }

    fn about(&self) -> &'static str {
        "Raven selection tables."
    }

    fn files(&self) -> Option<AnnotationFiles> {
        Some(AnnotationFiles { place: ".", extensions: EXTENSIONS })
    }

    fn keys(&self) -> LayoutKeys {
        LayoutKeys { used: &[&["annotate.folder"], EventColumnKeys::NAMES, LabelSeparator::NAMES], ..LayoutKeys::default() }
    }

    fn reader(&self, settings: &Settings) -> Result<Reader, serde_yaml::Error> {
        let (keys, splitter) = (settings.options::<RavenKeys>()?, Splitter::of(settings)?);
        Ok(Reader::of_files(move |bytes| parse(bytes, &keys, &splitter)))
    }

    /// A table without rows is proposed too: its header is Raven's.
    fn propose(&self, look: &ArchiveLook<'_>) -> Option<Proposal> {
        let is_table = |file: &String| readable(self, look, file).is_some() && !look.holds_detections(file);
        look.sample(EXTENSIONS).iter().any(is_table).then(|| Proposal::of(self))
    }
}

/// Reads a selection table.
fn parse(bytes: &[u8], keys: &RavenKeys, splitter: &Splitter) -> Contents {
    let table = Delimited::read(bytes, Dialect::Tabs);
    match SelectionTable::of(&table, &keys.columns) {
        Ok(columns) => columns.contents(&table, splitter),
        // Raven has no column for a label until the first one is written.
        Err(_) if table.rows.is_empty() && table.find(None, &[BEGIN]).is_ok_and(|begin| begin.is_some()) => {
            Contents::default().or_silence()
        }
        Err(fault) => Contents::faulty(&table, fault),
    }
}

/// The columns of a selection table.
struct SelectionTable {
    columns: EventColumns,
    recording: RecordingColumns,
    /// What each row calls its recording.
    recordings: Vec<Option<String>>,
    times: RavenTimes,
    selection: Option<usize>,
    view: Option<usize>,
    channel: Option<usize>,
}

/// The views of one selection: its rows in waveforms and spectrograms.
struct Views<'t> {
    /// A row of the view that is kept.
    kept: &'t DelimitedRow,
    /// Its first label, or where it has none the first one of another view; empty where no view has one.
    label: &'t str,
    /// Whether the label is its own.
    is_own: bool,
    /// A row of another view whose label the view that is kept lacks, where that has one.
    differing: Option<&'t DelimitedRow>,
}

impl SelectionTable {
    fn of(table: &Delimited, keys: &EventColumnKeys) -> Result<Self, String> {
        let (wanted, folder) = (keys.recording_column.as_deref(), keys.recording_folder_column.as_deref());
        let recording = RecordingColumns::of(table, wanted, folder, &["begin path", "begin file"])?.refuse_throughout(table)?;
        let recordings: Vec<Option<String>> = table.rows.iter().map(|row| recording.name(row)).collect();
        let columns = EventColumns::of(table, keys)?;
        Ok(Self {
            times: RavenTimes::of(table, columns.start, &recordings)?,
            columns,
            recording,
            recordings,
            selection: table.find(None, &["selection"])?,
            view: table.find(None, &["view"])?,
            // Where two columns of that name differ, none of them says it.
            channel: table.find(None, &["channel"]).unwrap_or_default(),
        })
    }

    fn contents(&self, table: &Delimited, splitter: &Splitter) -> Contents {
        let mut contents = Contents { remarks: self.columns.remark().into_iter().collect(), ..Contents::default() };
        let mut rows: BTreeMap<[&str; 5], Vec<&DelimitedRow>> = BTreeMap::new();
        for (row, name) in table.rows.iter().zip(&self.recordings) {
            if let Some(key) = self.selection_of(row, name) {
                rows.entry(key).or_default().push(row);
            }
        }
        let selections: BTreeMap<[&str; 5], Views<'_>> =
            rows.into_iter().filter_map(|(key, rows)| Some((key, self.views(&rows)?))).collect();
        for (row, name) in table.rows.iter().zip(&self.recordings) {
            let views = self.selection_of(row, name).and_then(|key| selections.get(&key));
            let (label, problem) = self.among_views(row, views);
            for event in self.columns.events(row, label, splitter) {
                let event = event.or_problem(self.recording.contradiction(row));
                let event = self.times.within_recording(row, name.as_deref(), event);
                contents.add(name.clone(), event.or_problem(problem.clone()).or_problem(table.too_long(row)));
            }
        }
        contents.or_silence()
    }

    /// The views of the selection that has these rows; `None` without rows. One view is kept: the spectrogram where there is one. It is asked
    /// once for a selection, since a damaged file may repeat a row without end.
    fn views<'t>(&self, rows: &[&'t DelimitedRow]) -> Option<Views<'t>> {
        let kept = rows.iter().copied().find(|row| self.is_spectrogram(row)).or_else(|| rows.first().copied())?;
        let labelled = || rows.iter().copied().filter(move |row| !self.label(row).is_empty());
        let is_kept = |row: &&DelimitedRow| row.text(self.view) == kept.text(self.view);
        let own: BTreeSet<&str> = labelled().filter(is_kept).map(|row| self.label(row)).collect();
        Some(Views {
            kept,
            label: labelled().find(is_kept).or_else(|| labelled().next()).map_or("", |row| self.label(row)),
            is_own: !own.is_empty(),
            differing: labelled().find(|row| !own.is_empty() && !is_kept(row) && !own.contains(self.label(row))),
        })
    }

    /// The label of a row, and why the row is not used, among the `views` of its selection. Annotators may fill in the label in one view alone.
    fn among_views<'t>(&self, row: &'t DelimitedRow, views: Option<&Views<'t>>) -> (&'t str, Option<String>) {
        let label = self.label(row);
        let Some(views) = views else { return (label, None) };
        if row.text(self.view) != views.kept.text(self.view) {
            // With a label, since a span without one would be a sound that nobody knows.
            let known = if label.is_empty() { views.label } else { label };
            return (known, Some(format!("the selection of line {} in another view", views.kept.line)));
        }
        if !views.is_own {
            return (views.label, None);
        }
        let problem = views.differing.map(|other| {
            format!(
                "the selection has the label `{}` here and `{}` on line {}, in another view; make them the same",
                views.label,
                self.label(other),
                other.line
            )
        });
        (label, problem)
    }

    fn label<'t>(&self, row: &'t DelimitedRow) -> &'t str {
        self.columns.label(row)
    }

    /// What all rows of a selection share; `None` in a table without views or numbers.
    fn selection_of<'a>(&self, row: &'a DelimitedRow, name: &'a Option<String>) -> Option<[&'a str; 5]> {
        let (Some(_), number) = (self.view, row.text(self.selection)) else { return None };
        let time = |column| row.text(Some(column));
        let (name, channel) = (name.as_deref().unwrap_or_default(), row.text(self.channel));
        (!number.is_empty()).then(|| [name, number, channel, time(self.columns.start), time(self.columns.end.column())])
    }

    fn is_spectrogram(&self, row: &DelimitedRow) -> bool {
        row.text(self.view).to_lowercase().starts_with(SPECTROGRAM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::testing::{accounted, read};
    use proptest::prelude::*;

    fn parse(text: &str) -> Contents {
        read(&Raven, text.as_bytes(), "")
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
    fn a_label_in_one_view_of_a_selection_is_that_of_the_selection() {
        let used = |rows: &str| -> Vec<(u32, String)> {
            let found = parse(&format!("{HEADER}{rows}"));
            found.events().filter(|event| event.problem.is_none()).map(|event| (event.line, event.label.clone())).collect()
        };
        let frog = |line| vec![(line, "FROG".to_owned())];
        for (rows, line) in [
            ("1\tWaveform 1\t1\t1\t2\t0\t9\t\n1\tSpectrogram 1\t1\t1\t2\t5\t9\tFROG\n", 3),
            ("1\tWaveform 1\t1\t1\t2\t0\t9\tFROG\n1\tSpectrogram 1\t1\t1\t2\t5\t9\t\n", 3),
            ("1\tSpectrogram 1\t1\t1\t2\t5\t9\t\n1\tWaveform 1\t1\t1\t2\t0\t9\tFROG\n", 2),
            ("1\tSpectrogram 1\t1\t1\t2\t5\t9\t\n1\tSpectrogram 2\t1\t1\t2\t5\t9\tFROG\n", 2),
            ("1\tWaveform 1\t1\t1\t2\t0\t9\t\n1\tWaveform 2\t1\t1\t2\t5\t9\tFROG\n", 2),
        ] {
            assert_eq!(used(rows), frog(line), "{rows}");
        }
        assert_eq!(used("1\tWaveform 1\t1\t1\t2\t0\t9\tTOAD\n1\tSpectrogram 1\t1\t1\t2\t5\t9\tFROG\n"), []);
        let none = parse(&format!("{HEADER}1\tWaveform 1\t1\t1\t2\t0\t9\t\n1\tSpectrogram 1\t1\t1\t2\t5\t9\t\n"));
        assert!(none.by_recording[&None][1].problem.as_deref() == Some("no label"), "{none:?}");
    }

    #[test]
    fn a_field_may_hold_several_labels() {
        let found = parse(&format!("{HEADER}1\tSpectrogram 1\t1\t1\t2\t5\t9\tFROG; TOAD\n"));
        let labels: Vec<_> = found.events().map(|event| (event.item, event.label.as_str())).collect();
        assert_eq!(labels, [(1, "FROG"), (2, "TOAD")]);
        let comma =
            read(&Raven, format!("{HEADER}1\tSpectrogram 1\t1\t1\t2\t5\t9\tFROG,TOAD\n").as_bytes(), "label_separator: \",\"");
        assert_eq!(comma.events().count(), 2);
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
        let table = b"Begin Time (s)\tEnd Time (s)\tNotes\n1\t2\tx\n";
        assert_eq!(read(&Raven, table, "label_column: notes").by_recording[&None][0].label, "x");
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
            read(&Raven, &noise, "");
        }
    }
}
