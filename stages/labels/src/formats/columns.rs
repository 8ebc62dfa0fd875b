//! Which columns of a table hold what: those that the configuration names, or else those that users and programs usually write.

use serde::Deserialize;

use crate::delimited::{Delimited, Row, plain};
use crate::event::Event;

/// Usual names of the recording's column, the most telling first.
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
/// Usual names of the label's column, the most telling first.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrequencyUnit {
    /// Hz, unless the column's name says kHz.
    #[default]
    Hz,
    /// kHz.
    Khz,
}

/// Positions of the columns that say when, what and how high.
pub(crate) struct Columns {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) label: usize,
    low: Option<usize>,
    high: Option<usize>,
    quality: Option<usize>,
    hz: f64,
}

impl Columns {
    /// Finds them in a table.
    ///
    /// # Errors
    /// Says which is missing and which there are.
    pub(crate) fn of(table: &Delimited, names: &super::Reading) -> Result<Self, String> {
        let low = table.find(names.low_column.as_deref(), LOW)?;
        let says_khz = low.is_some_and(|low| plain(&table.header[low]).contains("khz"));
        Ok(Self {
            start: table.require(names.start_column.as_deref(), START, "start", "start_column")?,
            end: table.require(names.end_column.as_deref(), END, "end", "end_column")?,
            label: table.require(names.label_column.as_deref(), LABEL, "label", "label_column")?,
            low,
            high: table.find(names.high_column.as_deref(), HIGH)?,
            quality: quality(table, names)?,
            hz: if says_khz || names.frequency_unit == FrequencyUnit::Khz { KHZ } else { 1.0 },
        })
    }

    /// The label of a row between two times, with frequencies and quality.
    pub(crate) fn event(&self, row: &Row, start: &str, end: &str, label: &str) -> Event {
        let event = Event::timed(row.line, start, end, label);
        let event = Event { quality: filled(row.text(self.quality)), ..event };
        let event = event.or_problem(label.is_empty().then(|| "no label".to_owned()));
        event.between(row.text(self.low), row.text(self.high), self.hz)
    }
}

/// The column of the annotator's quality marks.
///
/// # Errors
/// The configuration names one that is not there.
pub(crate) fn quality(table: &Delimited, names: &super::Reading) -> Result<Option<usize>, String> {
    table.find(names.quality_column.as_deref(), QUALITY)
}

/// The text, unless it is empty.
pub(crate) fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
