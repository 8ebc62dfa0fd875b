//! Which columns of a table hold what: those that the configuration names, or else those that users and programs usually write.

use std::borrow::Cow;

use chorus_keys::{Choices, Keys};
use serde::{Deserialize, Serialize};

use super::channel::ChannelColumn;
use super::lengths::Lengths;
use super::numbers::{Marks, other_unit};
use super::recording_columns::{RECORDING, RecordingColumns};
use super::rivals::{Rivals, Sense};
use super::separator::Splitter;
use crate::delimited::{Delimited, DelimitedRow};
use crate::event::Event;
use crate::moment::{Moments, dated};
use crate::text::{column_name, is_missing};

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
    "event_start",
    "eventStart",
];
const END: &[&str] = &[
    "end_s",
    "end",
    "end_time",
    "end (s)",
    "end time (s)",
    "stop",
    "stop_time",
    "t_max",
    "tmax",
    "max_t",
    "end_seconds",
    "event_end",
    "eventEnd",
];
/// The start in tables of Darwin Core, or start and end as an interval.
const EVENT_DATE: &str = "eventdate";
/// Its time of day, where the date has none.
const EVENT_TIME: &[&str] = &["eventTime"];
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
    "scientificName",
    "Call",
    "Tag",
    "Name",
    "Target",
];
/// Those that name a species, in code or in words, and have to agree. `Manual ID` may differ from what a program found. The others may be
/// coarser, such as `Category`, or tell something else, such as `Call`.
const SPECIES: &[&str] =
    &["species", "annotation", "label", "labels", "code", "species code", "common name", "scientific name", "scientificname"];
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
    "frequencyLow",
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
    "frequencyHigh",
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
    /// Column of the start, in seconds, or as a date with a time; null: by the usual names.
    #[key(example = "t_min")]
    start_column: Option<String>,
    /// Column of the end, in seconds, or as a date with a time; null: by the usual names.
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

/// Positions of the columns of a table with a row per event. No column has two roles.
pub(crate) struct EventColumns {
    pub(crate) start: usize,
    pub(crate) end: End,
    pub(crate) label: usize,
    low: Option<usize>,
    high: Option<usize>,
    quality: Option<usize>,
    channel: Option<ChannelColumn>,
    /// The time of day, where the column of the start may hold a date alone.
    time_of_day: Option<usize>,
    /// Hertz in a unit of the columns `low` and `high`.
    hz: [f64; 2],
    rivals: Rivals,
    /// The lengths of a table that has ends, too.
    lengths: Option<Lengths>,
    marks: Marks,
}

/// The column that says when an event ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The time of the end.
    At(usize),
    /// The time from the start to the end.
    After(usize),
    /// None of its own: the column of the start holds intervals.
    Within(usize),
}

impl End {
    /// The column.
    pub(crate) fn column(self) -> usize {
        let (Self::At(column) | Self::After(column) | Self::Within(column)) = self;
        column
    }
}

impl EventColumns {
    /// Finds the columns of a table.
    ///
    /// # Errors
    /// A column is missing, has two roles, or is contradicted by another one in every row. The error names it and the columns that there
    /// are.
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
        if start.is_none() {
            start = take(&None, &[EVENT_DATE])?;
        }
        let start = start.ok_or_else(|| table.lacks(START, "start", "start_column"))?;
        let mut end = end_at.map(End::At);
        if end.is_none() && may_have_length && names.duration_column.is_none() {
            end = take(&None, END)?.map(End::At);
            if end.is_none() && (length.is_none() || column_name(&table.header[start]) == ONSET) {
                end = take(&None, OFFSET)?.map(End::At);
            }
        }
        let is_event_date = column_name(&table.header[start]) == EVENT_DATE;
        let time_of_day = if is_event_date { take(&None, EVENT_TIME)? } else { None };
        let holds_intervals =
            |row: &DelimitedRow| Moments::of_interval(&with_time_of_day(row.text(Some(start)), row.text(time_of_day))).is_some();
        let within = || table.rows.iter().any(holds_intervals).then_some(End::Within(start));
        let end = end.or(length.map(End::After)).or_else(within).ok_or_else(|| table.lacks(END, "end", "end_column"))?;
        for column in [start, end.column()] {
            let name = &table.header[column];
            if let Some(unit) = other_unit(name) {
                return Err(format!(
                    "the column {name} holds {unit} by its name, and times are read in seconds; give a column in seconds"
                ));
            }
        }
        let (low, high) = (take(&names.low_column, LOW)?, take(&names.high_column, HIGH)?);
        let quality = take(&names.quality_column, QUALITY)?;
        let label = label.ok_or_else(|| table.lacks(LABEL, "label", "label_column"))?;
        let says_khz = |column: usize| column_name(&table.header[column]).contains("khz");
        let hz = |column: usize| if says_khz(column) || names.frequency_unit == FrequencyUnit::Khz { KHZ } else { 1.0 };
        let mut rivals = if names.label_column.is_none() { rivals_of_label(table, label, &taken) } else { Rivals::default() };
        if names.start_column.is_none() {
            rivals.add(table, (start, START, "annotate.start_column"), &taken, |_| Sense::Seconds);
        }
        match end {
            End::At(end) if names.end_column.is_none() => {
                // Beside an onset, an offset is an end.
                let usual = if column_name(&table.header[start]) == ONSET { [END, OFFSET].concat() } else { END.to_vec() };
                rivals.add(table, (end, &usual, "annotate.end_column"), &taken, |_| Sense::Seconds);
            }
            End::After(length) if names.end_column.is_none() && names.duration_column.is_none() => {
                rivals.add(table, (length, DURATION, "annotate.duration_column"), &taken, |_| Sense::Seconds);
            }
            _ => {}
        }
        if let Some(low) = low.filter(|_| names.low_column.is_none()) {
            rivals.add(table, (low, LOW, "annotate.low_column"), &taken, |other| Sense::Hertz(hz(low), hz(other)));
        }
        if let Some(high) = high.filter(|_| names.high_column.is_none()) {
            rivals.add(table, (high, HIGH, "annotate.high_column"), &taken, |other| Sense::Hertz(hz(high), hz(other)));
        }
        rivals.refuse_throughout(table)?;
        let lengths = match end {
            End::At(end) => length.map(|length| {
                let (wanted, folder) = (names.recording_column.as_deref(), names.recording_folder_column.as_deref());
                let recording = RecordingColumns::of(table, wanted, folder, RECORDING).ok();
                Lengths::of(table, [start, end, length], recording.as_ref())
            }),
            End::After(_) | End::Within(_) => None,
        };
        let channel = ChannelColumn::of(table, &taken);
        let hz = [low, high].map(|column| column.map_or(1.0, hz));
        let marks = Marks::of(table, &numbers(start, end, [low, high]));
        Ok(Self { start, end, label, low, high, quality, channel, time_of_day, hz, rivals, lengths, marks })
    }

    /// Whether a row has neither times nor a label.
    pub(crate) fn is_blank(&self, row: &DelimitedRow) -> bool {
        [self.start, self.end.column(), self.label].iter().all(|column| self.rivals.text(row, *column).is_empty())
    }

    /// The text of a row's label.
    pub(crate) fn label<'a>(&self, row: &'a DelimitedRow) -> &'a str {
        self.rivals.text(row, self.label)
    }

    /// What is told once of the table.
    pub(crate) fn remark(&self) -> Option<String> {
        self.lengths.as_ref()?.remark()
    }

    /// The events of a row whose field of the label holds this text, one for each label in it.
    pub(crate) fn events(&self, row: &DelimitedRow, text: &str, splitter: &Splitter) -> Vec<Event> {
        match splitter.labels(text) {
            Ok(labels) => (1..).zip(labels).map(|(item, label)| Event { item, ..self.event(row, label) }).collect(),
            Err(problem) => vec![Event::unusable(row.line, &row.all(), problem)],
        }
    }

    /// A label of a row with the row's times, frequencies and quality.
    pub(crate) fn event(&self, row: &DelimitedRow, label: &str) -> Event {
        let start = &with_time_of_day(self.rivals.text(row, self.start), row.text(self.time_of_day));
        let end = self.rivals.text(row, self.end.column());
        let length = self.lengths.as_ref().and_then(|lengths| lengths.in_place_of_end(row)).filter(|_| is_missing(end));
        let event = match (self.end, length) {
            (_, Some(length)) => Event::lasting(row.line, start, length, label),
            (End::At(_), None) => Event::timed(row.line, start, end, label),
            (End::After(_), None) => Event::lasting(row.line, start, end, label),
            (End::Within(_), None) => Event::spanning(row.line, start, label),
        };
        let channel = self.channel.and_then(|column| column.of_row(row));
        let event = Event { quality: filled(row.text(self.quality)), channel, ..event };
        let event = event.or_problem(label.is_empty().then(|| "no label".to_owned()));
        let event = event.between((row.text(self.low), self.hz[0]), (row.text(self.high), self.hz[1]));
        let event = event.or_problem(self.marks.doubt(row, &numbers(self.start, self.end, [self.low, self.high])));
        event.or_problem(self.rivals.contradiction(row)).or_problem(self.lengths.as_ref().and_then(|own| own.contradiction(row)))
    }
}

/// A date with the time of day that stands beside it, where it has none itself.
fn with_time_of_day<'a>(date: &'a str, time: &str) -> Cow<'a, str> {
    let dated = if is_missing(time) { None } else { dated(date, time) };
    dated.map_or(Cow::Borrowed(date), Cow::Owned)
}

/// The columns that hold numbers.
fn numbers(start: usize, end: End, bounds: [Option<usize>; 2]) -> Vec<usize> {
    [Some(start), Some(end.column())].into_iter().chain(bounds).flatten().collect()
}

/// The columns that may contradict that of the label, unless they are `taken` for something else.
pub(super) fn rivals_of_label(table: &Delimited, label: usize, taken: &[usize]) -> Rivals {
    let mut rivals = Rivals::default();
    if SPECIES.contains(&column_name(&table.header[label]).as_str()) {
        rivals.add(table, (label, SPECIES, "annotate.label_column"), taken, |_| Sense::Labels);
    }
    rivals
}

/// Whether a table has a column of times within recordings.
pub(crate) fn has_times(table: &Delimited) -> bool {
    let has = |names| !matches!(table.find_but(names, &[]), Ok(None));
    has(START) || has(END) || has(DURATION)
}

/// Whether a column is called a length.
fn is_length(table: &Delimited, column: usize) -> bool {
    DURATION.iter().any(|name| column_name(name) == column_name(&table.header[column]))
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
    fn columns_of_several_usual_names_have_to_agree() {
        let problems = |text: &str, names: &[(&str, &str)]| -> Result<Vec<bool>, String> {
            let table = Delimited::read(text.as_bytes(), crate::delimited::Dialect::Detect);
            let columns = EventColumns::of(&table, &named(names))?;
            Ok(table.rows.iter().map(|row| columns.event(row, "A").problem.is_some()).collect())
        };
        let starts = "Begin Time (s),start,end,label\n1,1.0,2,A\n1,3,4,A\n";
        assert_eq!(problems(starts, &[]), Ok(vec![false, true]));
        assert_eq!(problems(starts, &[("start_column", "start")]), Ok(vec![false, false]), "the configuration says which");
        assert_eq!(problems("start,end,stop,label\n1,2,2,A\n1,2,3,A\n", &[]), Ok(vec![false, true]));
        assert_eq!(problems("start,end,Species,Label\n1,2,A,A\n1,2,B,A\n", &[]), Ok(vec![false, true]));
        assert_eq!(problems("start,end,Manual ID,Species\n1,2,A,A\n1,2,B,A\n", &[]), Ok(vec![false, false]));
        let coarser = "start,end,Species,Category,Call\n1,2,bird,bird,song\n1,2,Turdus,bird,song\n1,2,song,bird,call\n";
        assert_eq!(problems(coarser, &[]), Ok(vec![false; 3]), "a kind, and a kind of call");
        assert_eq!(problems("start,end,Category,Species Name,Name\n1,2,bird,x,bird\n1,2,bird,y,Ada\n", &[]), Ok(vec![false; 2]));
        assert_eq!(problems("start,end,label,low_hz,Low Freq (kHz)\n1,2,A,500,0.5\n1,2,A,500,5\n", &[]), Ok(vec![false, true]));
        let refused = problems("start,onset,end,label\n1,2,3,A\n", &[]).unwrap_err();
        assert!(refused.contains("start and onset") && refused.contains("annotate.start_column"), "{refused}");
    }

    #[test]
    fn times_in_another_unit_or_in_two_notations_are_not_read_as_seconds() {
        let of = |text: &str, names: &[(&str, &str)]| {
            let table = Delimited::read(text.as_bytes(), crate::delimited::Dialect::Detect);
            let columns = EventColumns::of(&table, &named(names))?;
            Ok::<_, String>(table.rows.iter().map(|row| columns.event(row, "A").problem).collect::<Vec<_>>())
        };
        let refused = of("start (ms),end,label\n1.5,2,A\n", &[("start_column", "start (ms)")]).unwrap_err();
        assert!(refused.contains("start (ms)") && refused.contains("milliseconds"), "{refused}");
        let refused = of("start,minutes,label\n1.5,2,A\n", &[("duration_column", "minutes")]).unwrap_err();
        assert!(refused.contains("the column minutes holds minutes"), "{refused}");
        let problems = of("start;end;label\n950.5;951;A\n1,200;1,201;A\n", &[]).unwrap();
        assert!(problems[0].is_none() && problems[1].as_ref().is_some_and(|reason| reason.contains("1200")), "{problems:?}");
        assert!(of("start;end;label\n950,5;951;A\n1,200;1,201;A\n", &[]).unwrap().iter().all(Option::is_none));
    }

    #[test]
    fn in_each_row_the_column_that_is_filled_counts() {
        let text = "start,start_time,end,duration,species,label\n1,,3,2,A,\n,4,,2,,A\n7,,9,1,A,A\n1,1,2,1,A,\n";
        let table = Delimited::read(text.as_bytes(), crate::delimited::Dialect::Detect);
        let columns = EventColumns::of(&table, &named(&[])).unwrap();
        let event = |row| columns.event(row, columns.label(row));
        let events: Vec<Event> = table.rows.iter().map(event).collect();
        let found: Vec<_> = events.iter().map(|e| (e.label.as_str(), e.start_s, e.end_s, e.problem.is_some())).collect();
        assert_eq!(found[..2], [("A", Some(1.0), Some(3.0), false), ("A", Some(4.0), Some(6.0), false)]);
        assert!(found[2].3 && !found[3].3, "an end and a length that contradict each other: {found:?}");
        let onset = "onset,End Time,offset,label\n1,3,3,A\n1,3,7,A\n";
        let table = Delimited::read(onset.as_bytes(), crate::delimited::Dialect::Detect);
        let columns = EventColumns::of(&table, &named(&[])).unwrap();
        let problems: Vec<bool> = table.rows.iter().map(|row| columns.event(row, "A").problem.is_some()).collect();
        assert_eq!(problems, [false, true]);
    }

    #[test]
    fn each_frequency_has_the_unit_of_its_own_column() {
        let text = "start,end,label,Low Freq (kHz),high_hz\n1,2,A,0.5,2000\n";
        let table = Delimited::read(text.as_bytes(), crate::delimited::Dialect::Detect);
        let event = EventColumns::of(&table, &named(&[])).unwrap().event(&table.rows[0], "A");
        assert_eq!((event.low_hz, event.high_hz, event.problem), (Some(500.0), Some(2000.0), None));
    }

    /// Start, end and problem of the first row, or why the table cannot be read.
    fn times(table: &str, names: &EventColumnKeys) -> Result<(Option<f64>, Option<f64>, Option<String>), String> {
        let table = Delimited::read(table.as_bytes(), crate::delimited::Dialect::Detect);
        let event = EventColumns::of(&table, names)?.event(&table.rows[0], "A");
        Ok((event.start_s, event.end_s, event.problem))
    }

    #[test]
    fn times_of_camtrap_dp_and_darwin_core() {
        let placed = |text: &str| -> Vec<Option<(f64, f64)>> {
            let table = Delimited::read(text.as_bytes(), crate::delimited::Dialect::Detect);
            let columns = EventColumns::of(&table, &named(&[])).unwrap();
            // 2026-03-03T20:00:00Z
            let clock = chorus_clock::Clock::new(Some(1_772_568_000_000_000), None, None, Some("UTC"));
            let event = |row| columns.event(row, columns.label(row)).by_clock(clock.as_ref(), Some(60.0));
            let times = |event: Event| event.start_s.zip(event.end_s).filter(|_| event.problem.is_none());
            table.rows.iter().map(event).map(times).collect()
        };
        let five_to_eight = Some((5.0, 8.0));
        let camtrap = "eventStart,eventEnd,scientificName\n2026-03-03T17:00:05-0300,2026-03-03T20:00:08Z,A\n";
        assert_eq!(placed(camtrap), [five_to_eight]);
        let core =
            "eventDate,scientificName\n2026-03-03T20:00:05Z/2026-03-03T20:00:08Z,A\n2026-03-03T20:00:05Z,A\n2026-03-03,A\n";
        assert_eq!(placed(core), [five_to_eight, None, None]);
        let apart = "eventDate,eventTime,scientificName\n2026-03-03,20:00:05Z/20:00:08Z,A\n2026-03-03,,A\n";
        assert_eq!(placed(apart), [five_to_eight, None]);
        let lasting = "eventDate,eventTime,duration,scientificName\n2026-03-03,20:00:05Z,3,A\n2026-03-03T20:00:05,,PT3S,A\n";
        assert_eq!(placed(lasting), [five_to_eight, five_to_eight]);
        let mixed = "start,end,label\n5,8,A\n2026-03-03T20:00:05,2026-03-03T20:00:08,A\n0:05,2026-03-03 20:00:08,A\n";
        assert_eq!(placed(mixed), [five_to_eight; 3], "each row by its own notation");
        let refused = times("eventDate,scientificName\n2026-03-03,A\n", &named(&[])).unwrap_err();
        assert!(refused.contains("no column for the end"), "{refused}");
    }

    #[test]
    fn dates_with_a_time_have_to_agree_with_each_other_and_with_lengths() {
        let problems = |text: &str| -> Vec<bool> {
            let table = Delimited::read(text.as_bytes(), crate::delimited::Dialect::Detect);
            let columns = EventColumns::of(&table, &named(&[])).unwrap();
            table.rows.iter().map(|row| columns.event(row, "A").problem.is_some()).collect()
        };
        let day = |time: &str| format!("2026-03-03T{time}");
        let (five, eight, nine) = (day("20:00:05"), day("20:00:08"), day("20:00:09.5"));
        let starts = format!("start_time,eventStart,duration,label\n{five},{five},3,A\n{five},{nine},3,A\n,{five},3,A\n");
        assert_eq!(problems(&starts), [false, true, false]);
        let seconds = format!("start_s,eventStart,end_s,label\n5,{five},8,A\n,{five},8,A\n");
        assert_eq!(problems(&seconds), [false, true], "seconds count, and dates do not stand in for them");
        let lengths = format!("start,end,duration,label\n{five},{eight},3,A\n{five},{nine},3,A\n{five},,3,A\n");
        assert_eq!(problems(&lengths), [false, true, false]);
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
        let accents = "start,end,label,Label\n1,2,R\u{e3},Ra\u{303}\n";
        assert!(times(accents, &named(&[])).is_ok(), "the same twice, in two forms of accents");
    }
}
