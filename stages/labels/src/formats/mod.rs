//! Layouts of annotations: which files there are, and what a file says of which recording. Bytes in, values out.

pub mod audacity;
mod clips;
mod clock;
mod columns;
mod csv;
mod processed;
mod raven;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::delimited::{Delimited, Row};
use crate::event::Event;
use crate::label::LabelText;
use crate::review_sheet;
use crate::text::parts;

pub use columns::FrequencyUnit;
pub(crate) use columns::RECORDING;

/// What usually stands between several labels in one field.
const LABEL_SEPARATOR: &str = ";";
/// Labels of one field: more than any list of species names at once. Each becomes an event with the row's other fields.
const MOST_LABELS: usize = 256;
/// Bytes of a column's name that can be a class: it stands in every event of the class.
const LONGEST_CLASS: usize = 256;

/// A layout of annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// AnuraSet's raw release: an Audacity track for each recording, in a folder of the same site.
    AnurasetRaw,
    /// AnuraSet's processed release: clips and their `metadata.csv`.
    AnurasetProcessed,
    /// Raven selection tables.
    Raven,
    /// Audacity label tracks.
    Audacity,
    /// CSV files with a row per event.
    Csv,
    /// CSV files with a row per recording.
    Clips,
    /// A folder of recordings for each class.
    Folders,
    /// Sheets of clips with a verdict on each.
    Review,
}

impl Format {
    /// Where its files lie in an archive when the configuration does not say.
    fn folder(self) -> &'static str {
        match self {
            Self::AnurasetRaw => "strong_labels",
            Self::AnurasetProcessed => "metadata.csv",
            Self::Review => "reviews",
            _ => ".",
        }
    }

    /// Extensions of its files.
    pub(crate) fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::AnurasetRaw | Self::Audacity => &["txt"],
            Self::Raven => &["txt", "tsv"],
            Self::AnurasetProcessed | Self::Csv | Self::Clips | Self::Review => &["csv", "tsv"],
            Self::Folders => &[],
        }
    }
}

/// Keys that say what annotation files there are and how they are read.
pub const READING_KEYS: &[&str] = &[
    "annotate.format",
    "annotate.folder",
    "annotate.label_text",
    "annotate.label_separator",
    "annotate.recording_column",
    "annotate.label_column",
    "annotate.start_column",
    "annotate.end_column",
    "annotate.low_column",
    "annotate.high_column",
    "annotate.quality_column",
    "annotate.frequency_unit",
    "annotate.code_table",
    "annotate.review_sheets",
];

/// How annotation files are read: the layout, and what the configuration says of columns and labels.
#[derive(Debug, Clone, Deserialize)]
pub struct Reading {
    /// The layout.
    pub format: Format,
    /// Folder or file within the archive; `None` for the layout's usual one.
    pub folder: Option<String>,
    /// What a label text holds; `None` for what is usual in the layout.
    pub label_text: Option<LabelText>,
    /// What stands between several labels in one field of a CSV file.
    pub label_separator: Option<String>,
    /// Column that names the recording.
    pub recording_column: Option<String>,
    /// Column of the start.
    pub start_column: Option<String>,
    /// Column of the end.
    pub end_column: Option<String>,
    /// Column of the label.
    pub label_column: Option<String>,
    /// Column of the lower frequency.
    pub low_column: Option<String>,
    /// Column of the upper frequency.
    pub high_column: Option<String>,
    /// Column of the quality mark.
    pub quality_column: Option<String>,
    /// Unit of the frequencies.
    pub frequency_unit: FrequencyUnit,
}

impl Reading {
    /// A layout as it is read when the configuration says no more than its name.
    pub fn usual(format: Format) -> Self {
        Self {
            format,
            folder: None,
            label_text: None,
            label_separator: Some(LABEL_SEPARATOR.to_owned()),
            recording_column: None,
            start_column: None,
            end_column: None,
            label_column: None,
            low_column: None,
            high_column: None,
            quality_column: None,
            frequency_unit: FrequencyUnit::Hz,
        }
    }

    /// Folder or file within the archive that holds the annotations.
    pub(crate) fn place(&self) -> &str {
        self.folder.as_deref().unwrap_or_else(|| self.format.folder())
    }

    /// What a label text holds.
    pub fn label_text(&self) -> LabelText {
        let usual = if self.format == Format::AnurasetRaw { LabelText::CodeQuality } else { LabelText::Plain };
        self.label_text.unwrap_or(usual)
    }

    /// The labels of one field of a CSV file; one that is empty where the field is.
    ///
    /// # Errors
    /// There are too many to be meant.
    fn labels<'a>(&self, field: &'a str) -> Result<Vec<&'a str>, String> {
        let Some(separator) = self.label_separator.as_deref().filter(|s| !s.is_empty()) else { return Ok(vec![field]) };
        let mut labels: Vec<&str> = Vec::new();
        for label in field.split(separator).map(str::trim).filter(|label| !label.is_empty()) {
            if labels.len() == MOST_LABELS {
                return Err(format!("more than {MOST_LABELS} labels in one field"));
            }
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        Ok(if labels.is_empty() { vec![""] } else { labels })
    }

    /// What an annotation file says.
    pub fn read(&self, bytes: &[u8]) -> Contents {
        if bytes.trim_ascii().is_empty() && self.format != Format::Audacity && self.format != Format::AnurasetRaw {
            // Not even a header: somebody made the file to say that there is nothing to say.
            let nothing = Contents::default();
            return if self.format == Format::Review { nothing } else { nothing.or_empty() };
        }
        match self.format {
            Format::AnurasetRaw | Format::Audacity => Contents::of_one(audacity::parse(bytes)),
            Format::Raven => raven::parse(bytes, self),
            Format::Csv => csv::parse(bytes, self),
            Format::Clips => clips::parse(bytes, self),
            Format::AnurasetProcessed => processed::parse(bytes, self),
            Format::Review => review_sheet::parse(bytes),
            Format::Folders => Contents::default(),
        }
    }
}

/// The label that a folder gives a recording, by the recording's path.
pub(crate) fn label_of_folder(recording: &str) -> Event {
    match parts(recording)[..] {
        [.., folder, _] => Event::whole(1, folder),
        _ => Event::unusable(1, "", "lies in no folder, expected one for each class"),
    }
}

/// What an annotation file says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contents {
    /// Events by the recording that they name; `None` where the file's own name tells.
    pub by_recording: BTreeMap<Option<String>, Vec<Event>>,
    /// Labels that the file declares, whether or not an event bears them.
    pub declared: BTreeSet<String>,
    /// Why none of its lines can be used.
    pub fault: Option<String>,
}

impl Contents {
    /// A file that speaks of the recording of its own name.
    fn of_one(events: Vec<Event>) -> Self {
        Self { by_recording: [(None, events)].into(), ..Self::default() }
    }

    /// A table of which no line can be used. A header by itself is a line then: it says nothing of a recording.
    pub(crate) fn faulty(table: &Delimited, fault: String) -> Self {
        let event = |row: &Row| Event::unusable(row.line, &row.all(), fault.clone());
        let mut events: Vec<Event> = table.rows.iter().map(event).collect();
        if events.is_empty() {
            events.push(Event::unusable(1, &table.header.join("\t"), fault.clone()));
        }
        Self { fault: Some(fault), ..Self::of_one(events) }
    }

    pub(crate) fn add(&mut self, recording: Option<String>, event: Event) {
        self.by_recording.entry(recording).or_default().push(event);
    }

    /// A table without a row says of the recording of its own name that nothing was heard.
    fn or_empty(mut self) -> Self {
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The defaults for a layout.
    pub(crate) fn reading(format: &str) -> Reading {
        Reading::usual(serde_yaml::from_str(format).unwrap())
    }

    /// How many lines the events come from; every one of them either counts or says why not.
    pub(super) fn accounted(contents: &Contents) -> usize {
        let mut places: Vec<_> = contents.events().map(|event| (event.line, event.item)).collect();
        places.sort_unstable();
        assert!(places.windows(2).all(|pair| pair[0] != pair[1]), "a label twice: {places:?}");
        for event in contents.events().filter(|event| event.problem.is_none()) {
            let span = event.start_s.zip(event.end_s).is_some_and(|(start, end)| start <= end);
            assert_eq!(event.extent == crate::event::Extent::Span, span, "{event:?}");
        }
        places.into_iter().map(|(line, _)| line).collect::<BTreeSet<_>>().len()
    }

    #[test]
    fn labels_of_a_field() {
        let reading = reading("csv");
        assert_eq!(reading.labels("A; B;;A").unwrap(), ["A", "B"]);
        assert_eq!((reading.labels(""), reading.labels(";")), (Ok(vec![""]), Ok(vec![""])));
        assert!(reading.labels(&(0..300).map(|i| format!("{i};")).collect::<String>()).unwrap_err().contains("256"));
        assert_eq!(reading.labels(&"A;".repeat(300)).unwrap(), ["A"]);
        assert_eq!(Reading { label_separator: None, ..reading }.labels("A;B").unwrap(), ["A;B"]);
    }

    #[test]
    fn a_file_without_a_line_says_that_nothing_was_heard_and_one_of_another_kind_says_nothing() {
        for format in ["raven", "csv", "clips", "anuraset_processed", "audacity"] {
            let found = reading(format).read(b"\n".get(..usize::from(format != "audacity")).unwrap());
            assert_eq!(found, Contents { by_recording: [(None, vec![])].into(), ..Contents::default() }, "{format}");
        }
        for format in ["raven", "csv", "clips", "anuraset_processed"] {
            let found = reading(format).read(b"read me");
            assert!(found.events().count() == 1 && found.fault.is_some(), "{format}: {found:?}");
        }
    }

    #[test]
    fn a_folder_is_a_class() {
        assert_eq!(label_of_folder("esc10/dog_bark/1.wav").label, "dog_bark");
        assert!(label_of_folder("1.wav").problem.is_some());
    }
}
