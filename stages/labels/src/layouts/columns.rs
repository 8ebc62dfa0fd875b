//! Which columns of a table hold what: those that the configuration names, or else those that users and programs usually write.

use chorus_keys::{Choices, KeyType, Keys, Kind, Range};
use serde::{Deserialize, Serialize};

use crate::delimited::{Delimited, DelimitedRow, plain};
use crate::event::Event;

/// Labels of one field: more than any list of species names at once. Each becomes an event with the row's other fields.
const MOST_LABELS: usize = 256;

/// Usual names of the recording's column, the most specific first.
pub(crate) const RECORDING: &[&str] = &[
    "recording",
    "recording_path",
    "path",
    "begin path",
    "filepath",
    "file_path",
    "filename",
    "file_name",
    "begin file",
    "file",
    "audio",
    "audio_file",
    "wav",
    "sample_name",
    "fname",
    "itemid",
];
const START: &[&str] = &[
    "start_s",
    "start",
    "start_time",
    "start (s)",
    "start time (s)",
    "begin time (s)",
    "begin_time",
    "begin",
    "onset",
    "t_min",
    "tmin",
    "min_t",
    "start_seconds",
];
const END: &[&str] = &[
    "end_s",
    "end",
    "end_time",
    "end (s)",
    "end time (s)",
    "stop",
    "stop_time",
    "offset",
    "t_max",
    "tmax",
    "max_t",
    "end_seconds",
];
/// Usual names of the label's column, the most specific first.
pub(crate) const LABEL: &[&str] = &[
    "Species",
    "Annotation",
    "Label",
    "Labels",
    "Code",
    "Species Code",
    "Class",
    "Category",
    "Common Name",
    "Scientific Name",
    "Call",
    "Tag",
    "Name",
    "Target",
];
const LOW: &[&str] = &[
    "low_hz",
    "low",
    "low freq (hz)",
    "low freq (khz)",
    "low frequency (hz)",
    "low_freq",
    "low_f",
    "min_frq",
    "min_freq",
    "f_min",
    "fmin",
    "freq_low",
    "freq_min",
    "min_frequency",
    "low_frequency",
    "minimum frequency",
];
const HIGH: &[&str] = &[
    "high_hz",
    "high",
    "high freq (hz)",
    "high freq (khz)",
    "high frequency (hz)",
    "high_freq",
    "high_f",
    "max_frq",
    "max_freq",
    "f_max",
    "fmax",
    "freq_high",
    "freq_max",
    "max_frequency",
    "high_frequency",
    "maximum frequency",
];
const QUALITY: &[&str] = &["quality"];

/// Hz in a kHz.
const KHZ: f64 = 1000.0;

/// Unit of the frequencies of a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, Choices)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FrequencyUnit {
    /// Hz, unless the column's name says kHz.
    #[default]
    Hz,
    /// kHz.
    Khz,
}

/// Keys of a table with a row per event.
#[derive(Debug, Clone, Default, Deserialize, Serialize, Keys)]
#[keys(section = "annotate")]
#[serde(default)]
pub(crate) struct EventColumnKeys {
    /// Column of the recording: its path, file name, or file name without extension; null: by the usual names.
    #[key(example = "Begin File")]
    pub(crate) recording_column: Option<String>,
    /// Column of the label; null: the first of the usual names, such as Species, Annotation, Label and Code.
    #[key(example = "Species")]
    label_column: Option<String>,
    /// Column of the start, in seconds; null: by the usual names.
    #[key(example = "t_min")]
    start_column: Option<String>,
    /// Column of the end, in seconds; null: by the usual names.
    #[key(example = "t_max")]
    end_column: Option<String>,
    /// Column of the lower frequency; null: by the usual names.
    #[key(example = "f_min")]
    low_column: Option<String>,
    /// Column of the upper frequency; null: by the usual names.
    #[key(example = "f_max")]
    high_column: Option<String>,
    /// Column of the quality mark; null: quality, where there is such a column.
    #[key(example = "grade")]
    quality_column: Option<String>,
    /// Unit of the frequencies in tables. Columns whose names say kHz are in kHz in any case.
    #[key(default = "hz")]
    frequency_unit: FrequencyUnit,
}

impl EventColumnKeys {
    /// The names of these keys in the configuration.
    pub(crate) const NAMES: &[&str] = &[
        "annotate.recording_column",
        "annotate.label_column",
        "annotate.start_column",
        "annotate.end_column",
        "annotate.low_column",
        "annotate.high_column",
        "annotate.quality_column",
        "annotate.frequency_unit",
    ];
}

/// The key of tables whose fields may hold several labels.
#[derive(Debug, Clone, Default, Deserialize, Serialize, Keys)]
#[keys(section = "annotate")]
#[serde(default)]
pub(crate) struct SeparatorKeys {
    /// Separator between several labels in one field of a CSV file; null: a field is one label.
    #[key(default = "\";\"", example = "\",\"")]
    pub(crate) label_separator: LabelSeparator,
}

impl KeyType for LabelSeparator {
    const NULLABLE: bool = true;

    fn kind(range: Range) -> Kind {
        String::kind(range)
    }
}

/// The key `annotate.label_separator`: what separates several labels in one field. `None` where a field is one label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct LabelSeparator(Option<String>);

impl Default for LabelSeparator {
    fn default() -> Self {
        Self(Some(";".to_owned()))
    }
}

impl LabelSeparator {
    /// The name of the key in the configuration.
    pub(crate) const NAMES: &[&str] = &["annotate.label_separator"];

    /// The labels of a field, each once; one empty label where the field is empty.
    ///
    /// # Errors
    /// There are more labels than anybody writes into one field.
    pub(crate) fn labels<'a>(&self, field: &'a str) -> Result<Vec<&'a str>, String> {
        let Some(separator) = self.0.as_deref().filter(|separator| !separator.is_empty()) else { return Ok(vec![field]) };
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
}

/// Positions of the columns of a table with a row per event.
pub(crate) struct EventColumns {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) label: usize,
    low: Option<usize>,
    high: Option<usize>,
    quality: Option<usize>,
    hz: f64,
}

impl EventColumns {
    /// Finds the columns of a table.
    ///
    /// # Errors
    /// A column is missing. The error names it and the columns that there are.
    pub(crate) fn of(table: &Delimited, names: &EventColumnKeys) -> Result<Self, String> {
        let low = table.find(names.low_column.as_deref(), LOW)?;
        let says_khz = low.is_some_and(|low| plain(&table.header[low]).contains("khz"));
        Ok(Self {
            start: table.require(names.start_column.as_deref(), START, "start", "start_column")?,
            end: table.require(names.end_column.as_deref(), END, "end", "end_column")?,
            label: table.require(names.label_column.as_deref(), LABEL, "label", "label_column")?,
            low,
            high: table.find(names.high_column.as_deref(), HIGH)?,
            quality: quality(table, names.quality_column.as_deref())?,
            hz: if says_khz || names.frequency_unit == FrequencyUnit::Khz { KHZ } else { 1.0 },
        })
    }

    /// The label of a row between two times, with frequencies and quality.
    pub(crate) fn event(&self, row: &DelimitedRow, start: &str, end: &str, label: &str) -> Event {
        let event = Event::timed(row.line, start, end, label);
        let event = Event { quality: filled(row.text(self.quality)), ..event };
        let event = event.or_problem(label.is_empty().then(|| "no label".to_owned()));
        event.between(row.text(self.low), row.text(self.high), self.hz)
    }
}

/// The column of the annotator's quality marks. `wanted` is the column that the configuration names.
///
/// # Errors
/// The configuration names a column that is not there.
pub(crate) fn quality(table: &Delimited, wanted: Option<&str>) -> Result<Option<usize>, String> {
    table.find(wanted, QUALITY)
}

/// The text, unless it is empty.
pub(crate) fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::testing::fields;

    #[test]
    fn names_of_keys_are_those_of_the_fields() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(names(EventColumnKeys::NAMES), fields(&EventColumnKeys::default()));
    }

    #[test]
    fn labels_of_a_field() {
        let separator = LabelSeparator::default();
        assert_eq!(separator.labels("A; B;;A").unwrap(), ["A", "B"]);
        assert_eq!((separator.labels(""), separator.labels(";")), (Ok(vec![""]), Ok(vec![""])));
        assert!(separator.labels(&(0..300).map(|i| format!("{i};")).collect::<String>()).unwrap_err().contains("256"));
        assert_eq!(separator.labels(&"A;".repeat(300)).unwrap(), ["A"]);
        assert_eq!(LabelSeparator(None).labels("A;B").unwrap(), ["A;B"]);
    }
}
