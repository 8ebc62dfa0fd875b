//! CSV files of events: a row per event, with columns for start, end, label, and perhaps recording, frequencies and quality.
//!
//! A file without a column for the recording is named like its recording. A row that names a recording and nothing else says that
//! nothing was heard there. A Raven table that was saved as CSV has the times of a Raven table.

use serde::{Deserialize, Serialize};

use super::columns::{EventColumnKeys, EventColumns};
use super::raven_times::{BEGIN, RavenTimes};
use super::recording_columns::{RECORDING, RecordingColumns};
use super::separator::{LabelSeparator, SeparatorKeys, Splitter};
use crate::contents::Contents;
use crate::delimited::{Delimited, DelimitedRow, Dialect};
use crate::event::Event;
use crate::layout::{AnnotationFiles, Layout, LayoutKeys, Proposal, Reader, Settings, holds_labels};
use crate::look::{ArchiveLook, place_of};
use crate::text::column_name;

const EXTENSIONS: &[&str] = &["csv", "tsv"];

/// The layout `csv`.
pub(super) struct CsvEvents;

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
struct CsvKeys {
    #[serde(flatten)]
    columns: EventColumnKeys,
    #[serde(flatten)]
    separator: SeparatorKeys,
}

impl Layout for CsvEvents {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "CSV files with a row per event."
    }

    fn files(&self) -> Option<AnnotationFiles> {
        Some(AnnotationFiles { place: ".", extensions: EXTENSIONS })
    }

    fn keys(&self) -> LayoutKeys {
        LayoutKeys {
            // Any archive may hold CSV files of another kind, such as a list of sites.
            required: &[("annotate.folder", "name the CSV file, or the folder that holds nothing but such files")],
            used: &[&["annotate.folder"], EventColumnKeys::NAMES, LabelSeparator::NAMES],
        }
    }

    fn reader(&self, settings: &Settings) -> Result<Reader, serde_yaml::Error> {
        let (keys, splitter) = (settings.options::<CsvKeys>()?, Splitter::of(settings)?);
        Ok(Reader::of_files(move |bytes| parse(bytes, &keys, &splitter)))
    }

    fn propose(&self, look: &ArchiveLook<'_>) -> Option<Proposal> {
        let tables = look.sample(EXTENSIONS);
        let place = place_of(tables.iter().filter(|file| look.may_label_recordings(file) && holds_labels(self, look, file)))?;
        Some(Proposal { folder: Some(place), ..Proposal::of(self) })
    }
}

/// Reads a CSV file of events.
fn parse(bytes: &[u8], keys: &CsvKeys, splitter: &Splitter) -> Contents {
    let table = Delimited::read(bytes, Dialect::Detect);
    let (wanted, folder) = (keys.columns.recording_column.as_deref(), keys.columns.recording_folder_column.as_deref());
    let found = EventColumns::of(&table, &keys.columns).and_then(|columns| {
        let recording = RecordingColumns::of(&table, wanted, folder, RECORDING)?.without(columns.label);
        Ok((columns, recording.refuse_throughout(&table)?))
    });
    let (columns, recording) = match found {
        Ok(found) => found,
        Err(fault) => return Contents::faulty(&table, fault),
    };
    let is_ravens = column_name(&table.header[columns.start]) == BEGIN;
    let names: Vec<Option<String>> = table.rows.iter().map(|row| recording.name(row)).collect();
    let times = match is_ravens.then(|| RavenTimes::of(&table, columns.start, &names)).transpose() {
        Ok(times) => times,
        Err(fault) => return Contents::faulty(&table, fault),
    };
    let mut contents = Contents { remarks: columns.remark().into_iter().collect(), ..Contents::default() };
    for (row, name) in table.rows.iter().zip(names) {
        for event in events(row, &columns, splitter) {
            let event = event.or_problem(recording.contradiction(row));
            let event = match &times {
                Some(times) => times.within_recording(row, name.as_deref(), event),
                None => event,
            };
            contents.add(name.clone(), event.or_problem(table.too_long(row)));
        }
    }
    contents.or_silence()
}

fn events(row: &DelimitedRow, columns: &EventColumns, splitter: &Splitter) -> Vec<Event> {
    if columns.is_blank(row) {
        return vec![Event::nothing(row.line)];
    }
    columns.events(row, columns.label(row), splitter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::testing::{accounted, fields, read, used};
    use proptest::prelude::*;

    fn parse(text: &str) -> Contents {
        read(&CsvEvents, text.as_bytes(), "")
    }

    #[test]
    fn its_keys_are_the_fields_of_its_options() {
        let mut own = fields(&CsvKeys::default());
        own.insert("annotate.folder".to_owned());
        assert_eq!(used(&CsvEvents), own);
    }

    #[test]
    fn events_of_several_recordings() {
        let found = parse("file,start_s,end_s,label,low_hz,high_hz,quality\na.wav,1,2,A;B,500,,H\nb.wav,,,\na.wav,x,2,A\n");
        let a = &found.by_recording[&Some("a.wav".to_owned())];
        let labels: Vec<_> = a.iter().map(|e| (e.line, e.item, e.label.as_str(), e.problem.is_some())).collect();
        assert_eq!(labels, [(2, 1, "A", false), (2, 2, "B", false), (4, 1, "A", true)]);
        assert_eq!((a[0].low_hz, a[0].high_hz, a[0].quality.as_deref()), (Some(500.0), None, Some("H")));
        assert_eq!(found.by_recording[&Some("b.wav".to_owned())], [Event::nothing(3)]);
    }

    #[test]
    fn a_row_whose_columns_name_different_recordings_belongs_to_none() {
        let found = parse("Begin File,filename,start,end,label\na.wav,a.wav,1,2,A\na.wav,b.wav,1,2,A\n");
        assert_eq!(found.by_recording[&Some("a.wav".to_owned())].len(), 1);
        let problem = found.by_recording[&None][0].problem.clone().unwrap();
        assert!(["Begin File", "filename", "`a.wav`", "`b.wav`"].iter().all(|part| problem.contains(part)), "{problem}");
        let fault = parse("Begin File,filename,start,end,label\na.wav,b.wav,1,2,A\n").fault.unwrap();
        assert!(fault.contains("contradict each other"), "{fault}");
    }

    #[test]
    fn a_table_of_ravens_has_ravens_times() {
        let head = "Begin Time (s),End Time (s),Begin File,Species";
        let found = parse(&format!("{head},File Offset (s)\n61,62.5,b.wav,X,1\n"));
        let event = &found.by_recording[&Some("b.wav".to_owned())][0];
        assert_eq!((event.start_s, event.end_s, event.in_session), (Some(1.0), Some(2.5), false));
        assert!(parse(&format!("{head}\n1,2,a.wav,X\n61,62.5,b.wav,X\n")).events().all(|event| event.in_session));
        assert!(parse("start,end,file,label\n1,2,a.wav,X\n61,62.5,b.wav,X\n").events().all(|event| !event.in_session));
    }

    #[test]
    fn columns_as_a_program_for_r_writes_them() {
        let table = b"start.time,end.time,min.frq,max.frq,name\n1.059,2.586,3.6,6.35,BTNW\n";
        let found = read(&CsvEvents, table, "frequency_unit: khz");
        let event = &found.by_recording[&None][0];
        assert_eq!((event.label.as_str(), event.low_hz, event.high_hz), ("BTNW", Some(3600.0), Some(6350.0)));
        let fault = read(&CsvEvents, b"start,end,label\n1,2,A\n", "start_column: t0").fault.unwrap();
        assert!(fault.contains("no column t0; its columns are start, end, label"), "{fault}");
    }

    #[test]
    fn frequencies_that_no_number_can_hold_are_a_problem() {
        let found = read(&CsvEvents, b"start,end,low,high,label\n1,2,1e308,,A\n", "frequency_unit: khz");
        let event = &found.by_recording[&None][0];
        assert_eq!((event.low_hz, event.problem.as_deref()), (None, Some("frequency is `1e308`, expected a number")));
    }

    #[test]
    fn more_labels_than_can_be_meant_are_one_problem() {
        let labels: String = (0..300).map(|i| format!("{i};")).collect();
        let found = parse(&format!("start,end,label\n1,2,{labels}\n"));
        assert_eq!(found.events().count(), 1);
        assert!(found.by_recording[&None][0].problem.as_deref().is_some_and(|problem| problem.contains("256 labels")));
    }

    #[test]
    fn a_table_of_kaleidoscope_with_manual_ids() {
        let head = "INDIR,FOLDER,IN FILE,CHANNEL,OFFSET,DURATION,Fmin,Fmean,Fmax,DATE,TIME,HOUR,TOP1MATCH*,TOP1DIST,MANUAL ID";
        let row = |folder: &str, file: &str, times: &str, id: &str| {
            format!("E:\\proj,{folder},{file},0,{times},1500,1800,2500,2024-05-01,20:00:00,20,c1,0.31,{id}\n")
        };
        let table = [
            row("Stn01", "only1.wav", "4.0,1.0", "BOAFAB"),
            row("Stn02", "only2.wav", "7.0,1.5", "DENMIN"),
            row("Stn01", "only1.wav", "9.0,1.0", ""),
        ];
        let found = parse(&format!("{head}\n{}", table.concat()));
        let of = |name: &str| &found.by_recording[&Some(name.to_owned())];
        let times = |event: &Event| (event.label.clone(), event.start_s, event.end_s, event.low_hz, event.high_hz);
        let one = &of("E:\\proj/Stn01/only1.wav");
        assert_eq!(times(&one[0]), ("BOAFAB".into(), Some(4.0), Some(5.0), Some(1500.0), Some(2500.0)));
        assert_eq!((one[0].problem.as_deref(), one[1].problem.as_deref()), (None, Some("no label")));
        let two = times(&of("E:\\proj/Stn02/only2.wav")[0]);
        assert_eq!((two.0.as_str(), two.1, two.2), ("DENMIN", Some(7.0), Some(8.5)));
    }

    #[test]
    fn semicolons_and_decimal_commas() {
        let found = parse("start;end;label\n1,5;2,5;A\n");
        assert_eq!((found.by_recording[&None][0].start_s, found.by_recording[&None][0].label.as_str()), (Some(1.5), "A"));
    }

    proptest! {
        #[test]
        fn every_line_is_accounted_for(
            rows in prop::collection::vec("[ab]?(,[0-9.;x]{0,3}){0,5}", 0..12),
            noise in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let blank = |row: &&String| row.split(',').all(|field| field.trim().is_empty());
            let text = format!("file,start,end,label\n{}", rows.join("\n"));
            prop_assert_eq!(accounted(&parse(&text)), rows.iter().filter(|row| !blank(row)).count());
            read(&CsvEvents, &noise, "");
        }
    }
}
