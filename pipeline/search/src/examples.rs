//! From spans of recordings to the vectors of the windows that lie in them.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type};
use chorus_engine::RunTables;
use chorus_tables::halves;
use jiff::ToSpan;
use jiff::civil::Date;

use crate::SearchError;
use crate::embeddings::{Embeddings, Part, Place};
use crate::facts::Facts;
use crate::spans::Spans;

/// A span of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Position of the run among those that were opened.
    pub run: usize,
    /// The recording's site.
    pub site: String,
    /// Local date of the recording's start.
    pub date: Option<Date>,
    /// The recording.
    pub recording_id: String,
    /// Start from the recording's beginning, seconds.
    pub start_s: f64,
    /// End from the recording's beginning, seconds; `None` where it is as long as a window.
    pub end_s: Option<f64>,
}

impl Span {
    /// The spans of rows with the columns `run` (the name of one of these runs; any text where there is one alone), `site`, `date`,
    /// `recording_id`, `start_s` and `end_s`, in this order.
    ///
    /// # Errors
    /// [`SearchError::Query`] when a column is missing or of another type, or a run is not among these.
    pub fn of_rows(rows: &RecordBatch, runs: &[RunTables]) -> Result<Vec<Self>, SearchError> {
        let column = |i: usize, kind: DataType| {
            let found = rows.columns().get(i).map(|column| cast(column, &kind));
            let wrong = || SearchError::Query(format!("column {i} of its spans is no {kind}"));
            found.ok_or_else(wrong)?.map_err(|_| wrong())
        };
        let (names, sites, ids) = (column(0, DataType::Utf8)?, column(1, DataType::Utf8)?, column(3, DataType::Utf8)?);
        let (dates, starts, ends) = (column(2, DataType::Date32)?, column(4, DataType::Float64)?, column(5, DataType::Float64)?);
        let (names, sites, ids) = (names.as_string::<i32>(), sites.as_string::<i32>(), ids.as_string::<i32>());
        let (dates, starts, ends) =
            (dates.as_primitive::<Date32Type>(), starts.as_primitive::<Float64Type>(), ends.as_primitive::<Float64Type>());
        let span = |row: usize| {
            let run = runs.iter().position(|run| runs.len() == 1 || run.name() == names.value(row));
            let day = |days: i32| Date::constant(1970, 1, 1).checked_add(days.days()).ok();
            Ok(Self {
                run: run.ok_or_else(|| SearchError::Query(format!("no run is called `{}`", names.value(row))))?,
                site: sites.value(row).to_owned(),
                date: dates.is_valid(row).then(|| day(dates.value(row))).flatten(),
                recording_id: ids.value(row).to_owned(),
                start_s: starts.value(row),
                end_s: ends.is_valid(row).then(|| ends.value(row)),
            })
        };
        (0..rows.num_rows()).map(span).collect()
    }
}

/// Windows to search with.
#[derive(Debug)]
pub struct Examples {
    /// All windows that lie in the spans.
    pub places: BTreeSet<Place>,
    /// The vectors of some of them: of all, or of as many as were asked for, evenly spread over their order.
    pub vectors: Vec<Vec<f32>>,
}

impl Embeddings {
    /// The windows that lie in these spans, with the vectors of at most so many of them. A window lies in a span when they share more than
    /// half of the shorter of the two.
    ///
    /// # Errors
    /// [`SearchError::Nothing`] when no window lies in any span; those of reading.
    pub fn examples(&self, spans: &[Span], most: usize) -> Result<Examples, SearchError> {
        let mut of_day: BTreeMap<(usize, &str, Option<Date>), Vec<&Span>> = BTreeMap::new();
        for span in spans {
            of_day.entry((span.run, &span.site, span.date)).or_default().push(span);
        }
        let mut places = BTreeSet::new();
        for (i, part) in self.parts.iter().enumerate() {
            let Some(spans) = of_day.get(&(part.run, part.partition.unit.site(), part.partition.date())) else { continue };
            places.extend(self.rows_in(part, spans)?.into_iter().map(|row| Place { part: i as u32, row }));
        }
        if places.is_empty() {
            let next = "no window of the table embeddings lies there; name another second or other rows";
            return Err(SearchError::Nothing(format!("{} spans of recordings were named, and {next}", spans.len())));
        }
        let number = places.len().min(most.max(1));
        let all: Vec<Place> = places.iter().copied().collect();
        let some: Vec<Place> = (0..number).map(|i| all[i * all.len() / number]).collect();
        Ok(Examples { places, vectors: self.vectors(&some)? })
    }

    /// The rows of a file that lie in spans of its day.
    fn rows_in(&self, part: &Part, spans: &[&Span]) -> Result<Vec<u32>, SearchError> {
        let (facts, window_s) = (Facts::of(self, part)?, self.window_s(part.run));
        let end = |span: &Span| span.end_s.unwrap_or(span.start_s + window_s.unwrap_or(0.0));
        let spans = Spans::new(spans.iter().map(|span| (span.recording_id.clone(), span.start_s..end(span), ())));
        let (ids, starts) = (facts.recording_ids()?, facts.starts()?);
        let lies = |row: &usize| spans.of(ids.value(*row), starts[*row], window_s).next().is_some();
        Ok((0..part.rows).filter(lies).map(|row| row as u32).collect())
    }

    /// The vectors of these windows, in ascending order of their places.
    pub(crate) fn vectors(&self, places: &[Place]) -> Result<Vec<Vec<f32>>, SearchError> {
        let mut vectors = Vec::with_capacity(places.len());
        for of_part in places.chunk_by(|a, b| a.part == b.part) {
            let rows: Vec<usize> = of_part.iter().map(|place| place.row as usize).collect();
            let batch = self.part(of_part[0]).partition.open()?.rows_at(&rows, &["embedding"])?;
            let arrays = batch.arrays("embedding")?.iter().flatten();
            vectors.extend(arrays.map(|bytes| halves(bytes).collect::<Vec<f32>>()));
        }
        Ok(vectors)
    }
}
