//! The table `embeddings` of runs whose vectors can be compared.

use std::collections::BTreeMap;

use chorus_engine::{Partition, RunTables, Unit};
use chorus_tables::TableReader;
use rayon::prelude::*;

use crate::SearchError;

/// The table.
pub(crate) const EMBEDDINGS: &str = "embeddings";

/// The vectors of one or several runs: of one model, and of one length.
#[derive(Debug)]
pub struct Embeddings {
    pub(crate) runs: Vec<RunTables>,
    /// The files with rows, by run and unit.
    pub(crate) parts: Vec<Part>,
    /// Of each run: the files of its table `recordings`.
    pub(crate) recordings: Vec<BTreeMap<Unit, Partition>>,
    model_id: String,
    length: usize,
}

/// One file of the table.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) run: usize,
    pub(crate) partition: Partition,
    pub(crate) rows: usize,
}

/// Where a window stands in the tables. Their order is that of runs as they were named, then of site, date and part, then of `segment_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub(crate) part: u32,
    pub(crate) row: u32,
}

/// What a footer tells of a file.
#[derive(PartialEq)]
struct Kind {
    model_id: String,
    length: usize,
}

impl Kind {
    fn name(&self) -> String {
        format!("the model {} with {} values", self.model_id, self.length)
    }
}

impl Embeddings {
    /// The tables of these runs. Reads the footers of their files.
    ///
    /// # Errors
    /// [`SearchError::Run`] when a run has no such table; [`SearchError::Mixed`] and [`SearchError::MixedFile`] when vectors cannot be
    /// compared; [`SearchError::Nothing`] when there is no vector.
    pub fn open(runs: Vec<RunTables>) -> Result<Self, SearchError> {
        let (mut found, mut recordings) = (Vec::new(), Vec::new());
        for (run, tables) in runs.iter().enumerate() {
            found.extend(tables.made_partitions(EMBEDDINGS)?.into_iter().map(|partition| (run, partition)));
            let files = tables.partitions("recordings")?.into_iter().map(|partition| (partition.unit.clone(), partition));
            recordings.push(files.collect());
        }
        let opened: Vec<Option<(Part, Kind)>> =
            found.into_par_iter().map(|(run, partition)| open(run, partition)).collect::<Result<_, _>>()?;
        let mut kinds = Vec::new();
        let parts: Vec<Part> = opened
            .into_iter()
            .flatten()
            .map(|(part, kind)| {
                kinds.push(kind);
                part
            })
            .collect();
        let nothing = || SearchError::Nothing("the table embeddings has no rows: no window was embedded".into());
        let first = kinds.first().ok_or_else(nothing)?;
        if let Some(other) = kinds.iter().position(|kind| kind != first) {
            let partition = &parts[0].partition;
            return Err(SearchError::Mixed {
                path: partition.path.clone(),
                first: first.name(),
                other: parts[other].partition.path.clone(),
                second: kinds[other].name(),
                command: partition.command(),
            });
        }
        let Kind { model_id, length } = kinds.swap_remove(0);
        Ok(Self { runs, parts, recordings, model_id, length })
    }

    /// The runs.
    pub fn runs(&self) -> &[RunTables] {
        &self.runs
    }

    /// The model that made the vectors.
    pub fn model_id(&self) -> &str {
        &self.model_id
    }

    /// Values of a vector.
    pub fn vector_length(&self) -> usize {
        self.length
    }

    /// Number of windows.
    pub fn windows(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Length in seconds of the windows of a run, from its configuration; `None` where that is not known.
    pub fn window_s(&self, run: usize) -> Option<f64> {
        self.runs[run].config()?.get("segment.window_s").as_f64()
    }

    pub(crate) fn part(&self, place: Place) -> &Part {
        &self.parts[place.part as usize]
    }
}

/// Opens a file for its footer; `None` where it has no rows.
fn open(run: usize, partition: Partition) -> Result<Option<(Part, Kind)>, SearchError> {
    let reader = TableReader::open_footer(partition.schema, &partition.path).map_err(|error| partition.told(error))?;
    let (rows, length) = (reader.rows(), reader.shape().iter().product());
    if rows == 0 || length == 0 {
        return Ok(None);
    }
    let mixed = || SearchError::MixedFile { path: partition.path.clone(), command: partition.command() };
    let model_id = reader.one_text("model_id")?.ok_or_else(mixed)?;
    Ok(Some((Part { run, partition, rows }, Kind { model_id, length })))
}
