//! CSV files with a row per clip: a column that names the recording, and its labels, of the whole recording, in one column (several
//! with a separator between them) or in a column of 0 and 1 for each class. ESC-50's and ESC-10's `meta` files are such.
//!
//! A row without a label, or with nothing but zeros, says that nothing was heard.

use super::columns::{LABEL, RECORDING, filled, quality};
use super::{Contents, LONGEST_CLASS, Reading};
use crate::delimited::{Delimited, Dialect, Row, plain};
use crate::event::Event;
use crate::text::number;

/// Columns that say where a clip comes from or belongs to, never what is heard in it.
const ABOUT_THE_CLIP: &[&str] =
    &["fold", "subset", "split", "site", "date", "species number", "min t", "max t", "id", "index", "take", "src file"];

/// Reads a CSV file of clips.
pub(super) fn parse(bytes: &[u8], names: &Reading) -> Contents {
    let table = Delimited::read(bytes, Dialect::Found);
    let recording = table.require(names.recording_column.as_deref(), RECORDING, "recording", "recording_column");
    let read = recording.and_then(|recording| Ok((recording, labels(&table, names, recording)?, quality(&table, names)?)));
    let (recording, labels, quality) = match read {
        Ok(read) => read,
        Err(fault) => return Contents::faulty(&table, fault),
    };
    let mut contents = Contents { declared: labels.declared(&table), ..Contents::default() };
    for row in &table.rows {
        let name = row.text(Some(recording));
        let unnamed = name.is_empty().then(|| "no recording is named".to_owned());
        for event in labels.events(&table, row, names) {
            let event = Event { quality: filled(row.text(quality)), ..event };
            contents.add(filled(name), event.or_problem(unnamed.clone()).or_problem(table.too_long(row)));
        }
    }
    contents.or_empty()
}

/// Where the labels stand.
pub(super) enum Labels {
    /// In this column, as text.
    Named(usize),
    /// In a column for each, as 0 or 1.
    Columns(Vec<usize>),
}

fn labels(table: &Delimited, names: &Reading, recording: usize) -> Result<Labels, String> {
    if let Some(column) = table.find(names.label_column.as_deref(), LABEL)?.filter(|&column| column != recording) {
        return Ok(Labels::Named(column));
    }
    let is_candidate = |&column: &usize| {
        let name = plain(&table.header[column]);
        column != recording && !name.is_empty() && !ABOUT_THE_CLIP.contains(&name.as_str())
    };
    let candidates: Vec<usize> = (0..table.header.len()).filter(is_candidate).collect();
    let columns: Vec<usize> = candidates.iter().copied().filter(|&column| is_class(table, column)).collect();
    if columns.is_empty() && !table.rows.is_empty() {
        let columns = table.columns();
        let nearest = nearest_to_a_class(table, &candidates).map_or_else(String::new, |near| format!(" ({near})"));
        return Err(format!(
            "no column for the label, such as category, and no columns of 0 and 1{nearest}; {columns}; name one in annotate.label_column"
        ));
    }
    Labels::of_columns(table, columns)
}

/// Whether a column holds 0 and 1 for a class: most of its cells do, and none holds another number, as where something is counted. What
/// else there is, is a slip in one row.
fn is_class(table: &Delimited, column: usize) -> bool {
    let cells = || table.rows.iter().map(|row| row.text(Some(column)));
    let bits = cells().filter(|cell| bit(cell).is_ok()).count();
    let is_count = |cell: &str| bit(cell).is_err() && number(cell).is_some();
    2 * bits > table.rows.len() && !cells().any(is_count)
}

/// Why the column that is most like one of 0 and 1 is none.
fn nearest_to_a_class(table: &Delimited, candidates: &[usize]) -> Option<String> {
    let bits = |column: &usize| table.rows.iter().filter(|row| bit(row.text(Some(*column))).is_ok()).count();
    let column = *candidates.iter().filter(|column| bits(column) > 0).rev().max_by_key(|column| bits(column))?;
    let row = table.rows.iter().find(|row| bit(row.text(Some(column))).is_err())?;
    Some(format!("{} holds `{}` on line {}", table.header[column], row.text(Some(column)), row.line))
}

impl Labels {
    /// A class for each of these columns.
    ///
    /// # Errors
    /// A name is too long for a class.
    pub(super) fn of_columns(table: &Delimited, columns: Vec<usize>) -> Result<Self, String> {
        match columns.iter().find(|&&column| table.header[column].len() > LONGEST_CLASS) {
            Some(long) => {
                Err(format!("the name of column {} is longer than {LONGEST_CLASS} bytes, which no class's is", long + 1))
            }
            None => Ok(Self::Columns(columns)),
        }
    }

    /// The labels that the columns stand for, whether or not a clip bears them.
    pub(super) fn declared(&self, table: &Delimited) -> std::collections::BTreeSet<String> {
        match self {
            Self::Named(_) => Default::default(),
            Self::Columns(columns) => columns.iter().map(|&column| table.header[column].clone()).collect(),
        }
    }

    /// What a row says.
    pub(super) fn events(&self, table: &Delimited, row: &Row, names: &Reading) -> Vec<Event> {
        let mut events: Vec<Event> = match self {
            Self::Named(column) => {
                let labels = match names.labels(row.text(Some(*column))) {
                    Ok(labels) => labels,
                    Err(problem) => return vec![Event::unusable(row.line, &row.all(), problem)],
                };
                labels.into_iter().filter(|label| !label.is_empty()).map(|label| Event::whole(row.line, label)).collect()
            }
            Self::Columns(columns) if columns.last().is_some_and(|&last| last >= row.fields.len()) => {
                let problem = format!("{} fields under a header of {}", row.fields.len(), table.header.len());
                return vec![Event::unusable(row.line, &row.all(), problem)];
            }
            // What the other cells say would make the class of a bad one count as absent.
            Self::Columns(columns) => match columns.iter().try_fold(Vec::new(), |said, &column| cell(table, row, column, said)) {
                Ok(events) => events,
                Err(problem) => return vec![Event::unusable(row.line, &row.all(), problem)],
            },
        };
        if events.is_empty() {
            events.push(Event::nothing(row.line));
        }
        (1..).zip(events).map(|(item, event)| Event { item, ..event }).collect()
    }
}

/// What a row has `said`, and the event of one more cell, where that is not 0.
fn cell(table: &Delimited, row: &Row, column: usize, mut said: Vec<Event>) -> Result<Vec<Event>, String> {
    let (name, text) = (&table.header[column], row.text(Some(column)));
    match bit(text) {
        Ok(true) => said.push(Event::whole(row.line, name)),
        Ok(false) => {}
        Err(()) => return Err(format!("{name} is `{text}`, expected 0 or 1")),
    }
    Ok(said)
}

/// Whether a cell says that the class is there; an error where it says neither.
fn bit(text: &str) -> Result<bool, ()> {
    match text {
        "0" | "0.0" => Ok(false),
        "1" | "1.0" => Ok(true),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accounted, reading};
    use super::*;
    use crate::event::Extent;
    use proptest::prelude::*;

    fn labels(text: &str) -> Vec<(String, Vec<String>)> {
        let contents = parse(text.as_bytes(), &reading("clips"));
        assert_eq!(contents.fault, None);
        let texts = |events: Vec<Event>| events.into_iter().filter(|e| e.extent == Extent::Whole).map(|e| e.label).collect();
        contents.by_recording.into_iter().map(|(name, events)| (name.unwrap(), texts(events))).collect()
    }

    #[test]
    fn labels_as_text_or_as_columns() {
        let own = |name: &str, labels: &[&str]| (name.to_owned(), labels.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>());
        let esc =
            "filename,fold,target,category,esc10,src_file,take\n1-1-A-0.wav,1,0,dog,True,1,A\n1-2-A-1.wav,1,1,rooster,True,2,A\n";
        assert_eq!(labels(esc), [own("1-1-A-0.wav", &["dog"]), own("1-2-A-1.wav", &["rooster"])]);
        assert_eq!(labels("file;label\na.wav;\"A;B\"\nb.wav;\n"), [own("a.wav", &["A", "B"]), own("b.wav", &[])]);
        let table = "file,fold,FROG,TOAD\na.wav,1,0,1\nb.wav,0,1,1\nc.wav,1,0,0\n";
        assert_eq!(labels(table), [own("a.wav", &["TOAD"]), own("b.wav", &["FROG", "TOAD"]), own("c.wav", &[])]);
        assert_eq!(parse(table.as_bytes(), &reading("clips")).declared.len(), 2);
    }

    #[test]
    fn a_file_without_recordings_or_labels_says_so() {
        let fault = |text: &str| parse(text.as_bytes(), &reading("clips")).fault.unwrap();
        assert!(fault("label\nA\n").contains("annotate.recording_column"));
        assert!(fault("file,fold\na,1\n").contains("no columns of 0 and 1; its columns are file, fold"));
    }

    #[test]
    fn a_bad_cell_is_told_with_its_column_and_its_row_says_nothing() {
        let found = parse(b"file,FROG,TOAD,calls\na.wav,1,0,3\nb.wav,1,x,0\nc.wav,0,1,1\n", &reading("clips"));
        assert_eq!(found.declared, ["FROG", "TOAD"].map(str::to_owned).into(), "calls are counted, and no class");
        let bad = &found.by_recording[&Some("b.wav".to_owned())];
        assert_eq!((bad.len(), bad[0].line, bad[0].problem.as_deref()), (1, 3, Some("TOAD is `x`, expected 0 or 1")));
        let fault = parse(b"file,FROG\na.wav,yes\nb.wav,0\n", &reading("clips")).fault.unwrap();
        assert!(fault.contains("(FROG holds `yes` on line 2)"), "{fault}");
    }

    proptest! {
        #[test]
        fn every_line_is_accounted_for(
            rows in prop::collection::vec("[ab]?(,[01x;]{0,2}){0,4}", 0..12),
            noise in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let blank = |row: &&String| row.split(',').all(|field| field.trim().is_empty());
            let filled = rows.iter().filter(|row| !blank(row)).count();
            for header in ["file,category", "file,A,B"] {
                let text = format!("{header}\n{}", rows.join("\n"));
                prop_assert_eq!(accounted(&parse(text.as_bytes(), &reading("clips"))), filled);
            }
            parse(&noise, &reading("clips"));
        }
    }
}
