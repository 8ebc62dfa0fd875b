//! Which columns of a table hold what: those that the configuration names, or else those that users and programs usually write.

use chorus_keys::{Choices, KeyType, Keys, Kind, Range};
use serde::{Deserialize, Serialize};

use crate::delimited::{Delimited, DelimitedRow, plain};
use crate::event::Event;

/// Labels of one field: more than any list of species names at once. Each becomes an event with the row's other fields.
const MOST_LABELS: usize = 256;

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
const END: &[&str] =
    &["end_s", "end", "end_time", "end (s)", "end time (s)", "stop", "stop_time", "t_max", "tmax", "max_t", "end_seconds"];
/// The end in tables with an onset. In tables with a length it is the start, as Kaleidoscope has it.
const OFFSET: &[&str] = &["offset"];
/// The start in tables whose `offset` is the end.
const ONSET: &str = "onset";
/// Usual names of the column of an event's length in seconds.
const DURATION: &[&str] =
    &["duration", "duration_s", "duration (s)", "duration_seconds", "event_duration", "call_duration", "delta time (s)"];
/// Usual names of the label's column, the most specific first.
pub(crate) const LABEL: &[&str] = &[
    "Manual ID",
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
    /// Column of the recording's folder, which is put before a name without a folder; null: INDIR and FOLDER, where there are such
    /// columns.
    #[key(example = "FOLDER")]
    pub(crate) recording_folder_column: Option<String>,
    /// Column of the label; null: the first of the usual names, such as Species, Annotation, Label and Code.
    #[key(example = "Species")]
    label_column: Option<String>,
    /// Column of the start, in seconds; null: by the usual names.
    #[key(example = "t_min")]
    start_column: Option<String>,
    /// Column of the end, in seconds; null: by the usual names.
    #[key(example = "t_max")]
    end_column: Option<String>,
    /// Column of the length, in seconds, in tables without an end; null: by the usual names.
    #[key(example = "DURATION")]
    duration_column: Option<String>,
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
    /// The columns that these keys name.
    ///
    /// # Errors
    /// A column is not there, or two keys name the same one.
    fn taken(&self, table: &Delimited) -> Result<Vec<usize>, String> {
        let named = [
            ("annotate.recording_column", &self.recording_column),
            ("annotate.label_column", &self.label_column),
            ("annotate.start_column", &self.start_column),
            ("annotate.end_column", &self.end_column),
            ("annotate.duration_column", &self.duration_column),
            ("annotate.low_column", &self.low_column),
            ("annotate.high_column", &self.high_column),
            ("annotate.quality_column", &self.quality_column),
        ];
        let mut taken: Vec<(usize, &str)> = Vec::new();
        for (key, name) in named.into_iter().filter_map(|(key, name)| Some((key, name.as_deref()?))) {
            let Some(column) = table.find(Some(name), &[])? else { continue };
            if let Some((_, other)) = taken.iter().find(|(own, _)| *own == column) {
                return Err(format!("{other} and {key} both name the column {name}; each needs a column of its own"));
            }
            taken.push((column, key));
        }
        if self.end_column.is_some() && self.duration_column.is_some() {
            return Err(
                "annotate.end_column and annotate.duration_column are both set; one of them says when events end".to_owned()
            );
        }
        Ok(taken.into_iter().map(|(column, _)| column).collect())
    }

    /// The names of these keys in the configuration.
    pub(crate) const NAMES: &[&str] = &[
        "annotate.recording_column",
        "annotate.recording_folder_column",
        "annotate.label_column",
        "annotate.start_column",
        "annotate.end_column",
        "annotate.duration_column",
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

/// Positions of the columns of a table with a row per event. No column has two roles.
pub(crate) struct EventColumns {
    pub(crate) start: usize,
    pub(crate) end: End,
    pub(crate) label: usize,
    low: Option<usize>,
    high: Option<usize>,
    quality: Option<usize>,
    hz: f64,
}

/// The column that says when an event ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The time of the end.
    At(usize),
    /// The time from the start to the end.
    After(usize),
}

impl End {
    /// The column.
    pub(crate) fn column(self) -> usize {
        let (Self::At(column) | Self::After(column)) = self;
        column
    }
}

impl EventColumns {
    /// Finds the columns of a table.
    ///
    /// # Errors
    /// A column is missing, or has two roles. The error names it and the columns that there are.
    pub(crate) fn of(table: &Delimited, names: &EventColumnKeys) -> Result<Self, String> {
        let mut taken = names.taken(table)?;
        let mut take = |wanted: &Option<String>, usual: &[&str]| -> Result<Option<usize>, String> {
            let found = if wanted.is_some() { table.find(wanted.as_deref(), usual)? } else { table.find_but(usual, &taken)? };
            taken.extend(found);
            Ok(found)
        };
        let label = take(&names.label_column, LABEL)?;
        let named_end = take(&names.end_column, &[])?;
        let (end_at, mut length) = match named_end {
            Some(end) if is_length(table, end) => (None, Some(end)),
            end => (end, None),
        };
        let may_have_length = end_at.is_none() && length.is_none();
        if may_have_length {
            length = take(&names.duration_column, DURATION)?;
        }
        let mut start = take(&names.start_column, START)?;
        if start.is_none() && length.is_some() {
            start = take(&None, OFFSET)?;
        }
        let start = start.ok_or_else(|| table.lacks(START, "start", "start_column"))?;
        let mut end = end_at.map(End::At);
        if end.is_none() && may_have_length && names.duration_column.is_none() {
            end = take(&None, END)?.map(End::At);
            if end.is_none() && (length.is_none() || plain(&table.header[start]) == ONSET) {
                end = take(&None, OFFSET)?.map(End::At);
            }
        }
        let end = end.or(length.map(End::After)).ok_or_else(|| table.lacks(END, "end", "end_column"))?;
        let low = take(&names.low_column, LOW)?;
        let says_khz = low.is_some_and(|low| plain(&table.header[low]).contains("khz"));
        Ok(Self {
            start,
            end,
            label: label.ok_or_else(|| table.lacks(LABEL, "label", "label_column"))?,
            low,
            high: take(&names.high_column, HIGH)?,
            quality: take(&names.quality_column, QUALITY)?,
            hz: if says_khz || names.frequency_unit == FrequencyUnit::Khz { KHZ } else { 1.0 },
        })
    }

    /// Whether a row has neither times nor a label.
    pub(crate) fn is_blank(&self, row: &DelimitedRow) -> bool {
        [self.start, self.end.column(), self.label].iter().all(|column| row.text(Some(*column)).is_empty())
    }

    /// A label of a row with the row's times, frequencies and quality.
    pub(crate) fn event(&self, row: &DelimitedRow, label: &str) -> Event {
        let (start, end) = (row.text(Some(self.start)), row.text(Some(self.end.column())));
        let event = match self.end {
            End::At(_) => Event::timed(row.line, start, end, label),
            End::After(_) => Event::lasting(row.line, start, end, label),
        };
        let event = Event { quality: filled(row.text(self.quality)), ..event };
        let event = event.or_problem(label.is_empty().then(|| "no label".to_owned()));
        event.between(row.text(self.low), row.text(self.high), self.hz)
    }
}

/// Whether a table has a column of times within recordings.
pub(crate) fn has_times(table: &Delimited) -> bool {
    let has = |names| !matches!(table.find_but(names, &[]), Ok(None));
    has(START) || has(END) || has(DURATION)
}

/// Whether a column is called a length.
fn is_length(table: &Delimited, column: usize) -> bool {
    DURATION.iter().any(|name| plain(name) == plain(&table.header[column]))
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

    /// Start, end and problem of the first row, or why the table cannot be read.
    fn times(table: &str, names: &EventColumnKeys) -> Result<(Option<f64>, Option<f64>, Option<String>), String> {
        let table = Delimited::read(table.as_bytes(), crate::delimited::Dialect::Detect);
        let event = EventColumns::of(&table, names)?.event(&table.rows[0], "A");
        Ok((event.start_s, event.end_s, event.problem))
    }

    fn named(names: &[(&str, &str)]) -> EventColumnKeys {
        let keys: Vec<String> = names.iter().map(|(key, column)| format!("{key}: {column}")).collect();
        serde_yaml::from_str(&format!("{{{}}}", keys.join(", "))).unwrap()
    }

    #[test]
    fn an_offset_is_a_start_beside_a_length_and_an_end_beside_an_onset() {
        let four_to_five = Ok((Some(4.0), Some(5.0), None));
        for (table, names) in [
            ("OFFSET,DURATION,MANUAL ID\n4,1,A\n", &[][..]),
            ("OFFSET,DURATION,MANUAL ID\n4,1,A\n", &[("start_column", "OFFSET")]),
            ("OFFSET,DURATION,MANUAL ID\n4,1,A\n", &[("start_column", "OFFSET"), ("end_column", "DURATION")]),
            ("OFFSET,DURATION,MANUAL ID\n4,1,A\n", &[("start_column", "OFFSET"), ("duration_column", "DURATION")]),
            ("onset,offset,label\n4,5,A\n", &[]),
            ("onset,offset,duration,label\n4,5,1,A\n", &[]),
            ("onset,duration,label\n4,1,A\n", &[]),
            ("start,offset,duration,label\n4,0.2,1,A\n", &[]),
            ("start,offset,label\n4,5,A\n", &[]),
            ("start,end,duration,label\n4,5,9,A\n", &[]),
            ("Begin Time (s),End Time (s),Delta Time (s),Species\n4,5,1,A\n", &[]),
            ("t,length_of_call,label\n4,1,A\n", &[("start_column", "t"), ("duration_column", "length_of_call")]),
        ] {
            assert_eq!(times(table, &named(names)), four_to_five, "{table} {names:?}");
        }
        let (.., problem) = times("start,duration,label\n4,-1,A\n", &named(&[])).unwrap();
        assert_eq!(problem.as_deref(), Some("lasts -1 s, expected 0 or more"));
        assert!(times("offset,label\n4,A\n", &named(&[])).unwrap_err().contains("no column for the start"));
    }

    #[test]
    fn no_column_has_two_roles() {
        let refused = times("a,b,label\n1,2,A\n", &named(&[("start_column", "a"), ("end_column", "a")])).unwrap_err();
        assert!(refused.contains("annotate.start_column and annotate.end_column both name the column a"), "{refused}");
        let both = named(&[("start_column", "a"), ("end_column", "b"), ("duration_column", "c")]);
        assert!(times("a,b,c,label\n1,2,1,A\n", &both).unwrap_err().contains("both set"));
        let twice = times("start,end,label,Label\n1,2,A,B\n", &named(&[])).unwrap_err();
        assert!(twice.contains("columns 3 and 4") && twice.contains("line 2"), "{twice}");
        assert!(times("start,end,label,Label\n1,2,A,A\n", &named(&[])).is_ok(), "the same twice");
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
