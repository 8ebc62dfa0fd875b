//! CSV files with a row per recording, whose labels count for the whole recording. A column names the recording. The labels are
//! in one column (several with a separator between them), or in a column of 0 and 1 for each class. ESC-50 and ESC-10 have such
//! files.
//!
//! A row without a label, or with nothing but zeros, says that nothing was heard.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::columns::{LABEL, filled, quality, rivals_of_label};
use super::recording_columns::RecordingColumns;
use super::rivals::Rivals;
use super::separator::{LabelSeparator, SeparatorKeys, Splitter};
use crate::contents::Contents;
use crate::delimited::{Delimited, DelimitedRow, Dialect};
use crate::event::Event;
use crate::layout::{AnnotationFiles, Layout, LayoutKeys, Proposal, Reader, Settings, holds_labels};
use crate::look::{ArchiveLook, place_of};
use crate::text::{cleaned, column_name, is_missing, number, some_of};

/// Bytes of a column's name that can be a class: every event of the class holds it.
const LONGEST_CLASS: usize = 256;

/// Columns that say where a clip is from or to which part of the data it belongs. They are no classes.
const ABOUT_THE_CLIP: &[&str] =
    &["fold", "subset", "split", "site", "date", "species number", "min t", "max t", "id", "index", "take", "src file"];

/// Columns of words that may be the classes where another column counts.
const KINDS: &[&str] = &["category", "class"];

/// The layout `clips`.
pub(super) struct Clips;

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
struct ClipKeys {
    recording_column: Option<String>,
    recording_folder_column: Option<String>,
    label_column: Option<String>,
    quality_column: Option<String>,
    #[serde(flatten)]
    separator: SeparatorKeys,
}

impl Layout for Clips {
    fn name(&self) -> &'static str {
        "clips"
    }

    fn about(&self) -> &'static str {
        "CSV files with a row per recording, whose labels count for all of it."
    }

    fn files(&self) -> Option<AnnotationFiles> {
        Some(AnnotationFiles { place: ".", extensions: &["csv", "tsv"] })
    }

    fn keys(&self) -> LayoutKeys {
        LayoutKeys {
            // Any archive may hold CSV files of another kind, such as a list of sites.
            required: &[("annotate.folder", "name the CSV file, or the folder that holds nothing but such files")],
            used: &[
                &[
                    "annotate.folder",
                    "annotate.recording_column",
                    "annotate.recording_folder_column",
                    "annotate.label_column",
                    "annotate.quality_column",
                ],
                LabelSeparator::NAMES,
            ],
        }
    }

    fn reader(&self, settings: &Settings) -> Result<Reader, serde_yaml::Error> {
        let (keys, splitter) = (settings.options::<ClipKeys>()?, Splitter::of(settings)?);
        Ok(Reader::of_files(move |bytes| parse(bytes, &keys, &splitter)))
    }

    fn propose(&self, look: &ArchiveLook<'_>) -> Option<Proposal> {
        let tables = look.sample(&["csv"]);
        // A column of 0 and 1 in a table of places is a property of the place, and labels with times are not of whole recordings.
        let may_hold = |file: &str| look.may_label_recordings(file) && !look.lists_places(file) && !look.has_times(file);
        let place = place_of(tables.iter().filter(|file| may_hold(file) && holds_labels(self, look, file)))?;
        Some(Proposal { folder: Some(place), ..Proposal::of(self) })
    }
}

/// Reads a CSV file of clips.
fn parse(bytes: &[u8], keys: &ClipKeys, splitter: &Splitter) -> Contents {
    let table = Delimited::read(bytes, Dialect::Detect);
    let (wanted, folder) = (keys.recording_column.as_deref(), keys.recording_folder_column.as_deref());
    let columns = RecordingColumns::required(&table, wanted, folder).and_then(|recording| {
        let labels = labels(&table, keys, &recording)?;
        let rivals = match labels {
            ClipLabels::Text(label) if keys.label_column.is_none() => rivals_of_label(&table, label, recording.columns()),
            _ => Rivals::default(),
        };
        rivals.refuse_throughout(&table)?;
        Ok((recording, labels, rivals, quality(&table, keys.quality_column.as_deref())?))
    });
    let (recording, labels, rivals, quality) = match columns {
        Ok(read) => read,
        Err(fault) => return Contents::faulty(&table, fault),
    };
    let remarks = match &labels {
        ClipLabels::Text(label) if keys.label_column.is_none() => [other_kind(&table, *label, &recording), None],
        ClipLabels::Text(_) => [None, None],
        ClipLabels::Classes(columns) => [differing_rows(&table, columns, &recording), near_classes(&table, columns, &recording)],
    };
    let remarks = remarks.into_iter().flatten().collect();
    let mut contents = Contents { declared: labels.declared(&table), remarks, ..Contents::default() };
    for row in &table.rows {
        let name = recording.name(row);
        let unnamed = || name.is_none().then(|| "no recording is named".to_owned());
        let problem = recording.contradiction(row).or_else(|| rivals.contradiction(row)).or_else(unnamed);
        for event in labels.events(&table, row, &rivals, splitter) {
            let event = Event { quality: filled(row.text(quality)), ..event };
            contents.add(name.clone(), event.or_problem(problem.clone()).or_problem(table.too_long(row)));
        }
    }
    contents.or_silence()
}

/// A remark on another column of words that may be classes and that differs from the one that counts. It is no reason to refuse rows, since
/// a kind may stand beside a species.
fn other_kind(table: &Delimited, label: usize, recording: &RecordingColumns) -> Option<String> {
    let is_kind = |column: &usize| {
        *column != label && !recording.has(*column) && KINDS.contains(&column_name(&table.header[*column]).as_str())
    };
    let differs = |row: &&DelimitedRow, column: usize| {
        let (own, other) = (row.text(Some(label)), row.text(Some(column)));
        !is_missing(own) && !is_missing(other) && number(other).is_none() && cleaned(own) != cleaned(other)
    };
    let of = |column: usize| Some((column, table.rows.iter().find(|row| differs(row, column))?));
    let (other, row) = (0..table.header.len()).filter(is_kind).find_map(of)?;
    Some(format!(
        "the labels are those of the column {}, and {} differs from it, as on line {}; if the classes are in {}, name it in \
         annotate.label_column",
        table.header[label], table.header[other], row.line, table.header[other]
    ))
}

/// A remark on a recording with several rows that differ in what is present: what any of them has counts.
fn differing_rows(table: &Delimited, columns: &[usize], recording: &RecordingColumns) -> Option<String> {
    let mut known: BTreeMap<String, &DelimitedRow> = BTreeMap::new();
    let bits = |row: &DelimitedRow| columns.iter().map(|column| bit(row.text(Some(*column)))).collect::<Vec<_>>();
    table.rows.iter().find_map(|row| {
        let name = recording.name(row)?;
        let first = *known.entry(name.clone()).or_insert(row);
        (bits(first) != bits(row)).then(|| {
            format!(
                "{name} has several rows that differ, such as the lines {} and {}; a class that any of them has counts as present; \
                 correct the rows if one of them is wrong",
                first.line, row.line
            )
        })
    })
}

/// A remark on columns that are taken for no classes and may be meant as some: most of their cells hold 0 or 1, or those that are filled do.
fn near_classes(table: &Delimited, columns: &[usize], recording: &RecordingColumns) -> Option<String> {
    let is_near = |&column: &usize| {
        let cells = || table.rows.iter().map(|row| row.text(Some(column)));
        let bits = cells().filter(|cell| bit(cell).is_some()).count();
        bits > 0 && (2 * bits > table.rows.len() || cells().all(|cell| bit(cell).is_some() || is_missing(cell)))
    };
    let others = (0..table.header.len()).filter(|column| !columns.contains(column) && may_be_class(table, *column, recording));
    let names: Vec<String> = others.filter(is_near).map(|column| table.header[column].clone()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "columns that hold 0 or 1, and in some cells something else or nothing, are taken for no classes: {}; if they are classes, \
             write 0 or 1 into all of their cells",
            some_of(&names)
        )
    })
}

/// The columns of the labels of whole recordings.
pub(super) enum ClipLabels {
    /// One column with labels as text.
    Text(usize),
    /// A column of 0 and 1 for each class.
    Classes(Vec<usize>),
}

fn labels(table: &Delimited, keys: &ClipKeys, recording: &RecordingColumns) -> Result<ClipLabels, String> {
    if let Some(column) = table.find(keys.label_column.as_deref(), LABEL)?.filter(|&column| !recording.has(column)) {
        return Ok(ClipLabels::Text(column));
    }
    let candidates: Vec<usize> = (0..table.header.len()).filter(|&column| may_be_class(table, column, recording)).collect();
    let columns: Vec<usize> = candidates.iter().copied().filter(|&column| is_class(table, column)).collect();
    if columns.is_empty() && !table.rows.is_empty() {
        let columns = table.columns();
        let nearest = nearest_to_a_class(table, &candidates).map_or_else(String::new, |near| format!(" ({near})"));
        return Err(format!(
            "no column for the label, such as category, and no columns of 0 and 1{nearest}; {columns}; \
             name one in annotate.label_column"
        ));
    }
    ClipLabels::of_columns(table, columns)
}

/// Whether a column may hold a class, by its name.
fn may_be_class(table: &Delimited, column: usize, recording: &RecordingColumns) -> bool {
    let name = column_name(&table.header[column]);
    !recording.has(column) && !name.is_empty() && !ABOUT_THE_CLIP.contains(&name.as_str())
}

/// Whether a column holds 0 and 1 for a class: most of its cells do, and none holds another number, as a column of counts would.
/// A text in a few cells is taken for a mistake in these rows.
fn is_class(table: &Delimited, column: usize) -> bool {
    let cells = || table.rows.iter().map(|row| row.text(Some(column)));
    let bits = cells().filter(|cell| bit(cell).is_some()).count();
    let is_count = |cell: &str| bit(cell).is_none() && number(cell).is_some();
    2 * bits > table.rows.len() && !cells().any(is_count)
}

/// The column that is most like one of 0 and 1, with the first cell that holds something else.
fn nearest_to_a_class(table: &Delimited, candidates: &[usize]) -> Option<String> {
    let bits = |column: &usize| table.rows.iter().filter(|row| bit(row.text(Some(*column))).is_some()).count();
    let column = *candidates.iter().filter(|column| bits(column) > 0).rev().max_by_key(|column| bits(column))?;
    let row = table.rows.iter().find(|row| bit(row.text(Some(column))).is_none())?;
    Some(format!("{} holds `{}` on line {}", table.header[column], row.text(Some(column)), row.line))
}

impl ClipLabels {
    /// A class for each of these columns.
    ///
    /// # Errors
    /// A column's name is too long for a class.
    pub(super) fn of_columns(table: &Delimited, columns: Vec<usize>) -> Result<Self, String> {
        let name = |column: usize| cleaned(&table.header[column]);
        for (at, &column) in columns.iter().enumerate() {
            let differs = |other: usize| table.rows.iter().find(|row| row.text(Some(other)) != row.text(Some(column)));
            let same = columns[..at].iter().copied().find(|&other| name(other) == name(column));
            if let Some((other, row)) = same.and_then(|other| Some((other, differs(other)?))) {
                return Err(format!(
                    "columns {} and {} are both called {} and differ on line {}; rename or remove one of them",
                    other + 1,
                    column + 1,
                    name(column),
                    row.line
                ));
            }
        }
        match columns.iter().find(|&&column| table.header[column].len() > LONGEST_CLASS) {
            Some(long) => {
                Err(format!("the name of column {} is longer than {LONGEST_CLASS} bytes, expected the name of a class", long + 1))
            }
            None => Ok(Self::Classes(columns)),
        }
    }

    /// The labels that the header names, whether or not a clip has them.
    pub(super) fn declared(&self, table: &Delimited) -> BTreeSet<String> {
        match self {
            Self::Text(_) => BTreeSet::new(),
            Self::Classes(columns) => columns.iter().map(|&column| table.header[column].clone()).collect(),
        }
    }

    /// The events of a row. Where its label is empty, the first of the `rivals` that is filled counts.
    pub(super) fn events(&self, table: &Delimited, row: &DelimitedRow, rivals: &Rivals, splitter: &Splitter) -> Vec<Event> {
        let mut events: Vec<Event> = match self {
            Self::Text(column) => {
                let labels = match splitter.labels(rivals.text(row, *column)) {
                    Ok(labels) => labels,
                    Err(problem) => return vec![Event::unusable(row.line, &row.all(), problem)],
                };
                labels.into_iter().filter(|label| !label.is_empty()).map(|label| Event::whole(row.line, label)).collect()
            }
            Self::Classes(columns) if columns.last().is_some_and(|&last| last >= row.width()) => {
                let problem = format!("{} fields under a header of {}", row.width(), table.header.len());
                return vec![Event::unusable(row.line, &row.all(), problem)];
            }
            // With one bad cell the row is not used: the class of that cell would count as absent.
            Self::Classes(columns) => {
                let present = columns.iter().map(|&column| Ok((column, is_present(table, row, column)?)));
                match present.collect::<Result<Vec<_>, String>>() {
                    Ok(cells) => {
                        let present = cells.into_iter().filter(|(_, is_present)| *is_present);
                        present.map(|(column, _)| Event::whole(row.line, &table.header[column])).collect()
                    }
                    Err(problem) => return vec![Event::unusable(row.line, &row.all(), problem)],
                }
            }
        };
        if events.is_empty() {
            events.push(Event::nothing(row.line));
        }
        (1..).zip(events).map(|(item, event)| Event { item, ..event }).collect()
    }
}

/// Whether a cell says that the class of its column is present.
///
/// # Errors
/// The cell is neither 0 nor 1.
fn is_present(table: &Delimited, row: &DelimitedRow, column: usize) -> Result<bool, String> {
    let text = row.text(Some(column));
    bit(text).ok_or_else(|| format!("{} is `{text}`, expected 0 or 1", table.header[column]))
}

/// 0 or 1; `None` for any other text.
fn bit(text: &str) -> Option<bool> {
    match text {
        "0" | "0.0" | "0,0" => Some(false),
        "1" | "1.0" | "1,0" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Extent;
    use crate::layout::testing::{accounted, fields, read, used};
    use proptest::prelude::*;

    fn parse(text: &str) -> Contents {
        read(&Clips, text.as_bytes(), "")
    }

    #[test]
    fn its_keys_are_the_fields_of_its_options() {
        let mut own = fields(&ClipKeys::default());
        own.insert("annotate.folder".to_owned());
        assert_eq!(used(&Clips), own);
    }

    fn labels(text: &str) -> Vec<(String, Vec<String>)> {
        let contents = parse(text);
        assert_eq!(contents.fault, None);
        let texts = |events: Vec<Event>| events.into_iter().filter(|e| e.extent == Extent::Whole).map(|e| e.label).collect();
        contents.by_recording.into_iter().map(|(name, events)| (name.unwrap(), texts(events))).collect()
    }

    #[test]
    fn a_column_that_may_be_a_class_is_told() {
        let remark = |text: &str| parse(text).remarks.join(" ");
        let blank = remark("file,FROG,TOAD,NEWT\na.wav,1,,0\nb.wav,1,1,0\nc.wav,0,,1\n");
        assert!(blank.contains("are taken for no classes: TOAD;"), "{blank}");
        let typo = remark("file,FROG,TOAD,hour\na.wav,11,0,0\nb.wav,1,1,5\nc.wav,0,0,19\n");
        assert!(typo.contains("are taken for no classes: FROG;"), "{typo}");
        assert_eq!(remark("file,FROG,TOAD,hour,note\na.wav,1,0,4,x\nb.wav,1,1,5,\nc.wav,0,0,19,\n"), "");
    }

    #[test]
    fn decimal_commas_hold_0_and_1_too() {
        assert_eq!(labels("file;FROG;TOAD\na.wav;1,0;0,0\n"), [("a.wav".to_owned(), vec!["FROG".to_owned()])]);
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
        assert_eq!(parse(table).declared.len(), 2);
    }

    #[test]
    fn a_file_without_recordings_or_labels_says_so() {
        let fault = |text: &str| parse(text).fault.unwrap();
        assert!(fault("label\nA\n").contains("annotate.recording_column"));
        assert!(fault("file,fold\na,1\n").contains("no columns of 0 and 1; its columns are file, fold"));
    }

    #[test]
    fn a_bad_cell_is_told_with_its_column_and_its_row_says_nothing() {
        let found = parse("file,FROG,TOAD,calls\na.wav,1,0,3\nb.wav,1,x,0\nc.wav,0,1,1\n");
        assert_eq!(found.declared, ["FROG", "TOAD"].map(str::to_owned).into(), "calls are counted, and no class");
        let bad = &found.by_recording[&Some("b.wav".to_owned())];
        assert_eq!((bad.len(), bad[0].line, bad[0].problem.as_deref()), (1, 3, Some("TOAD is `x`, expected 0 or 1")));
        let fault = parse("file,FROG\na.wav,yes\nb.wav,0\n").fault.unwrap();
        assert!(fault.contains("(FROG holds `yes` on line 2)"), "{fault}");
    }

    #[test]
    fn an_empty_label_beside_a_filled_one_is_no_silence() {
        let own = |name: &str, label: &str| (name.to_owned(), vec![label.to_owned()]);
        assert_eq!(labels("file,species,label\na.wav,A,\nb.wav,,B\n"), [own("a.wav", "A"), own("b.wav", "B")]);
    }

    #[test]
    fn columns_and_rows_that_differ_are_told() {
        let told = |text: &str| parse(text).remarks;
        let both = told("file,category,label\na.wav,C,C\nb.wav,B,C\n");
        assert!(both.len() == 1 && both[0].contains("column label, and category differs from it, as on line 3"), "{both:?}");
        assert_eq!(told("file,category,label\na.wav,C,C\n"), [""; 0]);
        assert_eq!(told("filename,target,category\na.wav,0,dog\n"), [""; 0]);
        let rows = told("file,A,B\na.wav,1,0\nb.wav,1,1\na.wav,0,1\n");
        assert!(
            rows.len() == 1 && rows[0].starts_with("a.wav has several rows that differ, such as the lines 2 and 4"),
            "{rows:?}"
        );
        assert_eq!(told("file,A,B\na.wav,1,0\na.wav,1,0\nb.wav,0,1\n"), [""; 0], "the same twice");
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
                prop_assert_eq!(accounted(&parse(&text)), filled);
            }
            read(&Clips, &noise, "");
        }
    }
}
