//! Scores with their labels, of all reviewed windows on a side of the split: five bytes for each window and class.
//!
//! Everything that evaluate tells is told of some of these windows. They are chosen by their places and ranked class by class, so that the
//! scores exist once, however many sites, nights and groups there are.

use std::collections::BTreeMap;

use chorus_engine::{Unit, UnitContext, WorkError};
use chorus_tables::Batch;

use super::subset::Subset;
use crate::error::ScoreError;
use crate::metrics::{Labelled, Ranking};

/// All windows that count.
pub(crate) struct Scored {
    /// Hash of the model's weights.
    pub(crate) model_id: String,
    /// Names of the classes, in the order of the tables.
    pub(crate) classes: Vec<String>,
    /// The windows of each side.
    pub(crate) sides: BTreeMap<Subset, Side>,
}

/// The windows of one side.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// By class, then window.
    scores: Vec<Vec<f32>>,
    labels: Vec<Vec<Option<bool>>>,
    /// Places of the windows of each site.
    pub(crate) sites: BTreeMap<String, Vec<usize>>,
}

impl Scored {
    /// Reads predictions and labels, a part at a time.
    ///
    /// # Errors
    /// [`ScoreError::NoPredictions`], and [`ScoreError::Mismatch`] where the two tables speak of different windows or classes.
    pub(crate) fn read(cx: &UnitContext<'_>) -> Result<Self, WorkError> {
        let subset_of = subsets(cx)?;
        let labels: BTreeMap<Unit, _> = cx.partitions("labels")?.into_iter().map(|p| (p.unit.clone(), p)).collect();
        let mut scored: Option<Self> = None;
        for partition in cx.partitions("predictions")? {
            let predictions =
                cx.read_partition("predictions", &partition, &["segment_id", "recording_id", "class", "score", "model_id"])?;
            if predictions.rows() == 0 {
                continue;
            }
            let labels =
                labels.get(&partition.unit).ok_or_else(|| format!("{} has predictions and no labels", partition.unit))?;
            let labels = cx.read_partition("labels", labels, &["segment_id", "class", "value"])?;
            let scored = match &mut scored {
                Some(scored) => scored,
                None => scored.insert(Self::start(&predictions)?),
            };
            scored.add(&partition.unit, &predictions, &labels, &subset_of)?;
        }
        Ok(scored.ok_or(ScoreError::NoPredictions)?)
    }

    /// Takes model and classes from the first window.
    fn start(predictions: &Batch) -> Result<Self, WorkError> {
        let (ids, classes) = (predictions.utf8("segment_id")?, predictions.utf8("class")?);
        let first = ids.iter().take_while(|id| *id == Some(ids.value(0))).count();
        let classes: Vec<String> = (0..first).map(|row| classes.value(row).to_owned()).collect();
        let sides = Subset::ALL.map(|subset| (subset, Side::of(classes.len()))).into();
        Ok(Self { model_id: predictions.utf8("model_id")?.value(0).to_owned(), classes, sides })
    }

    fn add(
        &mut self,
        unit: &Unit,
        predictions: &Batch,
        labels: &Batch,
        subset_of: &BTreeMap<String, Subset>,
    ) -> Result<(), WorkError> {
        self.check(unit, predictions, labels)?;
        let (recordings, scores) = (predictions.utf8("recording_id")?, predictions.f32("score")?);
        let labels: Vec<Option<bool>> = labels.i32("value")?.iter().map(|value| value.map(|v| v == 1)).collect();
        let width = self.classes.len();
        for (window, labels) in labels.chunks(width).enumerate() {
            let first = window * width;
            let Some(subset) = subset_of.get(recordings.value(first)) else { continue };
            if let Some(side) = self.sides.get_mut(subset)
                && labels.iter().any(Option::is_some)
            {
                side.push(unit.site(), &scores.values()[first..first + width], labels);
            }
        }
        Ok(())
    }

    /// Checks that both tables hold the same windows, each with all classes.
    fn check(&self, unit: &Unit, predictions: &Batch, labels: &Batch) -> Result<(), WorkError> {
        let mismatch = |predictions: String, labels: String| ScoreError::Mismatch { unit: unit.to_string(), predictions, labels };
        let (rows, label_rows, width) = (predictions.rows(), labels.rows(), self.classes.len());
        if rows != label_rows || rows % width != 0 {
            return Err(mismatch(format!("{rows} rows for {width} classes"), format!("{label_rows} rows")).into());
        }
        let (ids, classes) = (predictions.utf8("segment_id")?, predictions.utf8("class")?);
        let (label_ids, label_classes) = (labels.utf8("segment_id")?, labels.utf8("class")?);
        for row in 0..rows {
            let key = (ids.value(row), classes.value(row));
            if key != (label_ids.value(row), label_classes.value(row)) || key.1 != self.classes[row % width] {
                let labels = format!("{} {}", label_ids.value(row), label_classes.value(row));
                return Err(mismatch(format!("{} {} in row {row}", key.0, key.1), labels).into());
            }
        }
        Ok(())
    }
}

/// The side of each recording that is on one.
fn subsets(cx: &UnitContext<'_>) -> Result<BTreeMap<String, Subset>, WorkError> {
    let mut subset_of = BTreeMap::new();
    for (_, batch) in cx.read_all("splits", &["recording_id", "subset"])? {
        let (ids, subsets) = (batch.utf8("recording_id")?, batch.utf8("subset")?);
        let sides = ids.iter().flatten().zip(subsets.iter().flatten());
        subset_of.extend(sides.filter_map(|(id, subset)| Some((id.to_owned(), Subset::parse(subset)?))));
    }
    Ok(subset_of)
}

impl Side {
    /// One without windows.
    pub(crate) fn of(classes: usize) -> Self {
        Self { scores: vec![Vec::new(); classes], labels: vec![Vec::new(); classes], ..Self::default() }
    }

    /// Adds a window: its scores and labels by class.
    pub(crate) fn push(&mut self, site: &str, scores: &[f32], labels: &[Option<bool>]) {
        let window = self.windows();
        for (column, &score) in self.scores.iter_mut().zip(scores) {
            column.push(score);
        }
        for (column, &label) in self.labels.iter_mut().zip(labels) {
            column.push(label);
        }
        match self.sites.get_mut(site) {
            Some(windows) => windows.push(window),
            None => drop(self.sites.insert(site.to_owned(), vec![window])),
        }
    }

    /// Number of windows.
    pub(crate) fn windows(&self) -> usize {
        self.scores.first().map_or(0, Vec::len)
    }

    /// Number of positive windows of each class.
    pub(crate) fn positives(&self) -> Vec<u64> {
        self.labels.iter().map(|labels| labels.iter().filter(|&&label| label == Some(true)).count() as u64).collect()
    }

    /// How many classes are in a window, where every class was looked for.
    pub(crate) fn polyphony(&self, window: usize) -> Option<usize> {
        let mut all = self.labels.iter().map(|labels| labels[window]);
        all.try_fold(0, |sum, label| Some(sum + usize::from(label?)))
    }

    /// Scores and labels of one window for all classes, put in place of what `row` holds; whether every class was looked for.
    pub(crate) fn row(&self, window: usize, row: &mut Vec<(f32, bool)>) -> bool {
        row.clear();
        let columns = self.scores.iter().zip(&self.labels);
        row.extend(columns.map(|(scores, labels)| (scores[window], labels[window] == Some(true))));
        self.labels.iter().all(|labels| labels[window].is_some())
    }

    /// The ranking of some windows for a class.
    ///
    /// # Errors
    /// Those of [`Ranking::new`].
    pub(crate) fn ranking(&self, class: usize, windows: &[usize]) -> Result<Ranking, ScoreError> {
        let (scores, labels) = self.chosen(class, windows);
        Ranking::new(&scores, &labels)
    }

    /// Scores of some windows for several classes together.
    ///
    /// # Errors
    /// Those of [`Labelled::extend`].
    pub(crate) fn pooled(&self, classes: &[usize], windows: &[usize]) -> Result<Labelled<f32>, ScoreError> {
        let mut pooled = Labelled::default();
        for &class in classes {
            let (scores, labels) = self.chosen(class, windows);
            pooled.extend(&scores, &labels)?;
        }
        Ok(pooled)
    }

    fn chosen(&self, class: usize, windows: &[usize]) -> (Vec<f32>, Vec<Option<bool>>) {
        windows.iter().map(|&window| (self.scores[class][window], self.labels[class][window])).unzip()
    }
}
