//! Rows of the table `features` for training: in memory where they fit, else read row by row. Both give the same tensors.

use std::collections::BTreeMap;

use chorus_engine::{UnitContext, WorkError};
use chorus_score::labelled::for_each_labelled;
use chorus_tables::TableReader;
use tch::{Kind, Tensor};

use crate::dataset::Dataset;
use crate::declare::PSEUDO_LABELS;
use crate::error::check;
use crate::network::{Architecture, Input};
use crate::{Error, Result};

/// A window: where its features lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    shard: usize,
    row: usize,
}

/// Windows with their features and labels.
pub(crate) struct Windows {
    shards: Vec<TableReader>,
    places: Vec<Place>,
    /// `[mel, frame]`.
    shape: [i64; 2],
    classes: usize,
    /// `[row, class]`, 0 where not known.
    labels: Vec<f32>,
    /// `[row, class]`: 1 where a label is known, and less where it is only supposed.
    known: Vec<f32>,
    /// How many of the rows, the last ones, have labels that another model supposed.
    supposed: usize,
    /// `[row, mel, frame]` as little-endian float16, where it is held in memory.
    held: Option<Vec<u8>>,
}

/// The windows of the subsets train and validation.
pub(crate) struct TrainingWindows {
    pub(crate) train: Windows,
    pub(crate) validation: Windows,
}

impl TrainingWindows {
    /// Finds the reviewed windows of both subsets; features up to `memory_bytes` in all are read into memory.
    pub(crate) fn read(cx: &UnitContext<'_>, classes: &[String], memory_bytes: u64) -> std::result::Result<Self, WorkError> {
        let mut sides = [("train", Windows::empty(classes.len())), ("validation", Windows::empty(classes.len()))];
        for_each_labelled(cx, "features", classes.len(), |window| {
            let reviewed = window.labels.iter().any(Option::is_some);
            match sides.iter_mut().find(|(name, _)| *name == window.subset) {
                Some((_, side)) if reviewed => side.add(window.reader, window.row, window.labels),
                _ => Ok(()),
            }
        })?;
        let [(_, mut train), (_, mut validation)] = sides;
        if cx.reads_table(PSEUDO_LABELS) {
            train.add_supposed(cx, classes)?;
        }
        if (train.bytes() + validation.bytes()) as u64 <= memory_bytes {
            train.hold()?;
            validation.hold()?;
        }
        Ok(Self { train, validation })
    }
}

impl TrainingWindows {
    /// Bytes of the training features.
    pub(crate) fn bytes(&self) -> usize {
        self.train.bytes()
    }
}

impl Windows {
    pub(crate) fn empty(classes: usize) -> Self {
        Self {
            shards: Vec::new(),
            places: Vec::new(),
            shape: [0; 2],
            classes,
            labels: Vec::new(),
            known: Vec::new(),
            supposed: 0,
            held: None,
        }
    }

    /// Adds the windows of the table `pseudo_labels`, after all that have labels.
    fn add_supposed(&mut self, cx: &UnitContext<'_>, classes: &[String]) -> std::result::Result<(), WorkError> {
        let place: BTreeMap<&str, usize> = classes.iter().enumerate().map(|(place, class)| (class.as_str(), place)).collect();
        // For each unit its windows, with targets and weights by class.
        let mut units: BTreeMap<String, BTreeMap<String, Vec<(f32, f32)>>> = BTreeMap::new();
        for (_, batch) in cx.read_all(PSEUDO_LABELS, &["unit", "segment_id", "class", "target", "weight"])? {
            let (of, ids, names) = (batch.utf8("unit")?, batch.utf8("segment_id")?, batch.utf8("class")?);
            let (targets, weights) = (batch.f32("target")?, batch.f32("weight")?);
            for row in 0..batch.rows() {
                let Some(&class) = place.get(names.value(row)) else { continue };
                let windows = units.entry(of.value(row).to_owned()).or_default();
                let own = windows.entry(ids.value(row).to_owned()).or_insert_with(|| vec![(0.0, 0.0); classes.len()]);
                own[class] = (targets.value(row), weights.value(row));
            }
        }
        for partition in cx.partitions("features")? {
            let unit = partition.unit.to_string();
            let Some(windows) = units.get_mut(&unit) else { continue };
            let reader = cx.open("features", &partition)?;
            let ids = reader.read(&["segment_id"])?;
            let ids = ids.utf8("segment_id")?;
            for row in 0..reader.rows() {
                let Some(own) = windows.remove(ids.value(row)) else { continue };
                self.place(&reader, row)?;
                self.labels.extend(own.iter().map(|(target, _)| target));
                self.known.extend(own.iter().map(|(_, weight)| weight));
                self.supposed += 1;
            }
        }
        let lost: usize = units.values().map(BTreeMap::len).sum();
        if lost > 0 {
            return Err(format!("{lost} windows of the table {PSEUDO_LABELS} have no features; run featurize again").into());
        }
        Ok(())
    }

    /// Adds a row of a shard; rows of one shard come one after the other.
    pub(crate) fn add(&mut self, reader: &TableReader, row: usize, labels: &[Option<i32>]) -> std::result::Result<(), WorkError> {
        self.place(reader, row)?;
        self.labels.extend(labels.iter().map(|label| label.unwrap_or(0) as f32));
        self.known.extend(labels.iter().map(|label| f32::from(label.is_some())));
        Ok(())
    }

    /// Notes where the features of the next row are.
    fn place(&mut self, reader: &TableReader, row: usize) -> std::result::Result<(), WorkError> {
        if self.shards.last().is_none_or(|last| last.path() != reader.path()) {
            let shape: Vec<i64> = reader.shape().iter().map(|&n| n as i64).collect();
            let shape = <[i64; 2]>::try_from(shape).map_err(|found| {
                format!("{}: found arrays of shape {found:?}, expected [mel, frame]", reader.path().display())
            })?;
            if !self.shards.is_empty() && shape != self.shape {
                let path = reader.path().display();
                return Err(format!(
                    "{path}: found arrays of shape {shape:?}, expected {:?} as before; run featurize again",
                    self.shape
                )
                .into());
            }
            self.shape = shape;
            self.shards.push(reader.clone());
        }
        self.places.push(Place { shard: self.shards.len() - 1, row });
        Ok(())
    }

    fn width(&self) -> usize {
        2 * (self.shape[0] * self.shape[1]) as usize
    }

    pub(crate) fn bytes(&self) -> usize {
        self.places.len() * self.width()
    }

    pub(crate) fn hold(&mut self) -> Result<()> {
        let rows: Vec<usize> = (0..self.places.len()).collect();
        self.held = Some(self.read(&rows)?);
        Ok(())
    }

    /// The arrays of some rows, in the given order.
    fn read(&self, rows: &[usize]) -> Result<Vec<u8>> {
        let width = self.width();
        let mut bytes = vec![0; rows.len() * width];
        let mut by_shard: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for (target, &row) in rows.iter().enumerate() {
            let Place { shard, row } = self.places[row];
            by_shard.entry(shard).or_default().push((row, target));
        }
        for (shard, mut wanted) in by_shard {
            wanted.sort_unstable();
            let mut distinct: Vec<usize> = wanted.iter().map(|(row, _)| *row).collect();
            distinct.dedup();
            let failed = |e: chorus_tables::TableError| Error::Caller(e.into());
            let batch = self.shards[shard].rows_at(&distinct, &["logmel"]).map_err(failed)?;
            let arrays = batch.arrays("logmel").map_err(failed)?;
            for (row, target) in wanted {
                let at = distinct.binary_search(&row).expect("each wanted row is among the distinct ones");
                bytes[target * width..(target + 1) * width].copy_from_slice(arrays.value(at));
            }
        }
        Ok(bytes)
    }

    fn table(&self, values: &[f32], rows: &[usize]) -> Result<Tensor> {
        let picked: Vec<f32> =
            rows.iter().flat_map(|row| &values[row * self.classes..(row + 1) * self.classes]).copied().collect();
        Ok(Tensor::f_from_slice(&picked)?.f_view([rows.len() as i64, self.classes as i64])?)
    }
}

impl Dataset for Windows {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn supposed(&self) -> usize {
        self.supposed
    }

    fn inputs(&self, rows: &[usize]) -> Result<Tensor> {
        let width = self.width();
        let bytes = match &self.held {
            Some(held) => {
                let mut bytes = Vec::with_capacity(rows.len() * width);
                rows.iter().for_each(|row| bytes.extend_from_slice(&held[row * width..(row + 1) * width]));
                bytes
            }
            None => self.read(rows)?,
        };
        tensor(&bytes, rows.len(), self.shape)
    }

    fn labels(&self, rows: &[usize]) -> Result<(Tensor, Tensor)> {
        Ok((self.table(&self.labels, rows)?, self.table(&self.known, rows)?))
    }
}

/// Refuses a network that takes other inputs than the table `features` holds.
///
/// # Errors
/// [`Error::Option`] with the name of the network.
pub(crate) fn check_input(architecture: &dyn Architecture) -> Result<()> {
    let name = architecture.name();
    let expected = "a network over spectrograms, which the stages train and predict give it";
    check(architecture.input() == Input::LogMel, "architecture", expected, format!("{name}, which takes no spectrograms"))
}

/// Little-endian float16 arrays as `[row, 1, mel, frame]`.
pub(crate) fn tensor(bytes: &[u8], rows: usize, [mels, frames]: [i64; 2]) -> Result<Tensor> {
    Ok(Tensor::f_from_data_size(bytes, &[rows as i64, 1, mels, frames], Kind::Half)?)
}
