//! Scores with their labels, of all reviewed windows on a side of the split: five bytes for each window and class, some more for each window.
//!
//! Everything that evaluate tells is told of some of these windows. They are chosen by their places and ranked class by class, so that the
//! scores exist once, however many sites, nights and groups there are.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::Array;
use chorus_engine::graph::CHOSEN_LABELS;
use chorus_engine::{Unit, UnitContext, WorkError};
use chorus_tables::Batch;

use super::subset::Subset;
use crate::clock::{Clock, night_hour_at};
use crate::error::ScoreError;
use crate::metrics::{Labelled, Ranking};

const SECONDS_PER_HOUR: f64 = 3600.0;
/// Bytes of a score at most: itself and its label, both again where the classes are pooled, and its place in their order.
const BYTES_PER_SCORE: u64 = 5 + 5 + 8;
/// Bytes of a window besides: its recording, its seconds, its place in its night.
const BYTES_PER_WINDOW: u64 = 4 + 8 + 8;
/// What else can be done where they do not fit.
const FEWER: &str = "judge fewer windows, with a longer segment.hop_s or smaller shares for test and validation (split.test_fraction, \
                     split.validation_fraction)";

/// All windows that count.
pub(crate) struct Scored {
    /// Hash of the model's weights.
    pub(crate) model_id: String,
    /// Names of the classes with labels, in the order of the tables.
    pub(crate) classes: Vec<String>,
    /// Their places among the classes of the model: all of these, unless the model is given and knows more.
    pub(super) places: Vec<usize>,
    /// Number of classes of the model.
    pub(super) predicted: usize,
    /// The windows of each side.
    pub(crate) sides: BTreeMap<Subset, Side>,
}

/// The windows of one side. A window, a recording and a site are known by their places, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// By class, then window.
    scores: Vec<Vec<f32>>,
    labels: Vec<Vec<Option<bool>>>,
    /// The recording of each window.
    recording_of: Vec<u32>,
    /// Seconds of each window that no earlier window of its recording holds.
    seconds: Vec<f64>,
    /// The site of each recording.
    site_of: Vec<u32>,
    /// Names of the sites.
    sites: Vec<String>,
    /// Places of the windows of each night that is known.
    nights: BTreeMap<String, Vec<usize>>,
    /// By class, labels that count as no label of the windows above.
    chosen: Vec<Vec<ChosenLabel>>,
    /// How many of the labels above are none of a sample either, and count all the same.
    chosen_among: usize,
    /// Places of recordings by their ids, of the parts of the archive that have such labels.
    places: BTreeMap<String, usize>,
}

/// A label of a window that was chosen to listen to, for its score or another reason. It speaks of its window and is no sample of others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChosenLabel {
    /// Id of the recording.
    pub(crate) recording: String,
    /// Site of the recording.
    pub(crate) site: String,
    /// The model's score of the class in the window, 0 to 1.
    pub(crate) score: f32,
    /// Whether the class is there.
    pub(crate) positive: bool,
}

/// Classes whose labels rest on chosen clips, by the id of the window.
type Chosen = BTreeMap<String, BTreeSet<String>>;

/// A recording that is on a side.
struct Place {
    subset: Subset,
    clock: Option<Clock>,
}

impl Scored {
    /// Reads predictions and labels, a part at a time. A given model may know classes that nobody labelled: they are left out. Where the pass
    /// reads which labels rest on chosen clips, those of validation are put aside for a given model, and all others are counted.
    ///
    /// # Errors
    /// [`ScoreError::NoPredictions`], [`ScoreError::Mismatch`] where the two tables speak of different windows or classes, and
    /// [`EngineError::Memory`](chorus_engine::EngineError::Memory) where the scores do not fit the run's memory.
    pub(crate) fn read(cx: &UnitContext<'_>, is_given: bool) -> Result<Self, WorkError> {
        let places = places(cx)?;
        let labels: BTreeMap<Unit, _> = cx.partitions("labels")?.into_iter().map(|p| (p.unit.clone(), p)).collect();
        let chosen = if cx.reads_table(CHOSEN_LABELS) { cx.partitions(CHOSEN_LABELS)? } else { Vec::new() };
        let chosen: BTreeMap<Unit, _> = chosen.into_iter().map(|p| (p.unit.clone(), p)).collect();
        let memory = cx.budget();
        let mut scored: Option<Self> = None;
        for partition in cx.partitions("predictions")? {
            let columns = ["segment_id", "recording_id", "start_s", "end_s", "class", "score", "model_id"];
            let predictions = cx.read_partition("predictions", &partition, &columns)?;
            if predictions.rows() == 0 {
                continue;
            }
            let labels =
                labels.get(&partition.unit).ok_or_else(|| format!("{} has predictions and no labels", partition.unit))?;
            let labels = cx.read_partition("labels", labels, &["segment_id", "class", "value"])?;
            let chosen = chosen.get(&partition.unit);
            let chosen = chosen.map(|p| cx.read_partition(CHOSEN_LABELS, p, &["segment_id", "class"])).transpose()?;
            let chosen = chosen.as_ref().map(chosen_of).transpose()?.unwrap_or_default();
            let scored = match &mut scored {
                Some(scored) => scored,
                None => scored.insert(Self::start(&predictions, is_given.then_some(&labels))?),
            };
            scored.check(&partition.unit, &predictions, &labels)?;
            scored.add(partition.unit.site(), &predictions, &labels, (&chosen, is_given), &places)?;
            memory.hold("the scores of all windows that evaluate judges", scored.bytes(), FEWER)?;
        }
        Ok(scored.ok_or(ScoreError::NoPredictions)?)
    }

    /// Bytes that are held, and that telling of them takes besides.
    fn bytes(&self) -> u64 {
        self.sides.values().map(Side::bytes).sum()
    }

    /// The name of a class by its place.
    pub(crate) fn class(&self, place: Option<usize>) -> Option<&str> {
        place.map(|class| self.classes[class].as_str())
    }

    /// Takes model and classes from the first window; of these, only those that `labels` hold where they are given.
    fn start(predictions: &Batch, labels: Option<&Batch>) -> Result<Self, WorkError> {
        let predicted = classes_of_first(predictions)?;
        let labelled = labels.map(classes_of_first).transpose()?;
        let is_labelled = |class: &String| labelled.as_ref().is_none_or(|labelled| labelled.contains(class));
        let places: Vec<usize> = (0..predicted.len()).filter(|&place| is_labelled(&predicted[place])).collect();
        let classes: Vec<String> = places.iter().map(|&place| predicted[place].clone()).collect();
        let sides = Subset::ALL.map(|subset| (subset, Side::of(classes.len()))).into();
        let model_id = predictions.utf8("model_id")?.value(0).to_owned();
        Ok(Self { model_id, classes, places, predicted: predicted.len(), sides })
    }

    /// Adds the windows of one part that belong to a side and that somebody reviewed for some class. Labels of validation that rest on
    /// `chosen` clips are put aside where the model is given.
    fn add(
        &mut self,
        site: &str,
        predictions: &Batch,
        labels: &Batch,
        (chosen, is_given): (&Chosen, bool),
        places: &BTreeMap<String, Place>,
    ) -> Result<(), WorkError> {
        let (windows, recordings) = (predictions.utf8("segment_id")?, predictions.utf8("recording_id")?);
        let scores = predictions.f32("score")?;
        let (starts, ends, values) = (predictions.f64("start_s")?, predictions.f64("end_s")?, labels.i32("value")?);
        let (width, labelled) = (self.predicted, self.places.len());
        // The windows of a recording come one after the other, by their start: its name, its place, and the end of what came so far.
        let mut recording: Option<(&str, u32, f64)> = None;
        for (window, first) in (0..predictions.rows()).step_by(width).enumerate() {
            let of_window = window * labelled..(window + 1) * labelled;
            let label = |row: usize| values.is_valid(row).then(|| values.value(row) == 1);
            let mut labels: Vec<Option<bool>> = of_window.map(label).collect();
            let id = recordings.value(first);
            let Some(place) = places.get(id).filter(|_| labels.iter().any(Option::is_some)) else { continue };
            let scores: Vec<f32> = self.places.iter().map(|place| scores.value(first + place)).collect();
            let Some(side) = self.sides.get_mut(&place.subset) else { continue };
            if let Some(own) = chosen.get(windows.value(first)) {
                let is_put_aside = is_given && place.subset == Subset::Validation;
                for (class, _) in self.classes.iter().enumerate().filter(|(_, name)| own.contains(*name)) {
                    if !is_put_aside {
                        side.count_chosen(labels[class]);
                    } else if let Some(positive) = labels[class].take() {
                        let (recording, site) = (id.to_owned(), site.to_owned());
                        side.put_aside(class, ChosenLabel { recording, site, score: scores[class], positive });
                    }
                }
                if labels.iter().all(Option::is_none) {
                    continue;
                }
            }
            let (of, heard_s) = match recording {
                Some((last, of, heard_s)) if last == id => (of, heard_s),
                _ => {
                    let of = side.open_recording(site);
                    if is_given && !chosen.is_empty() {
                        side.name_recording(id, of);
                    }
                    (of, 0.0)
                }
            };
            let (start_s, end_s) = (starts.value(first), ends.value(first));
            recording = Some((id, of, heard_s.max(end_s)));
            let night = place.clock.as_ref().map(|clock| night_hour_at(clock, start_s)).transpose()?;
            let night = night.map(|at| at.night.to_string());
            let seconds = (end_s - start_s.max(heard_s)).max(0.0);
            side.push(of, seconds, night.as_deref(), &scores, &labels);
        }
        Ok(())
    }

    /// Checks that both tables hold the same windows, each with all of its classes.
    fn check(&self, unit: &Unit, predictions: &Batch, labels: &Batch) -> Result<(), WorkError> {
        let mismatch = |predictions: String, labels: String| ScoreError::Mismatch { unit: unit.to_string(), predictions, labels };
        let (rows, label_rows, width, labelled) = (predictions.rows(), labels.rows(), self.predicted, self.places.len());
        if rows % width != 0 || rows / width * labelled != label_rows {
            return Err(mismatch(format!("{rows} rows for {width} classes"), format!("{label_rows} rows for {labelled}")).into());
        }
        let (ids, classes) = (predictions.utf8("segment_id")?, predictions.utf8("class")?);
        let (label_ids, label_classes) = (labels.utf8("segment_id")?, labels.utf8("class")?);
        for window in 0..rows / width {
            for (label, place) in self.places.iter().enumerate() {
                let (row, of_label) = (window * width + place, window * labelled + label);
                let key = (ids.value(row), classes.value(row));
                if key != (label_ids.value(of_label), label_classes.value(of_label)) || key.1 != self.classes[label] {
                    let labels = format!("{} {}", label_ids.value(of_label), label_classes.value(of_label));
                    return Err(mismatch(format!("{} {} in row {row}", key.0, key.1), labels).into());
                }
            }
        }
        Ok(())
    }
}

/// The classes of a table's first window; none of a table without rows.
fn classes_of_first(batch: &Batch) -> Result<Vec<String>, WorkError> {
    let (ids, classes) = (batch.utf8("segment_id")?, batch.utf8("class")?);
    let first = ids.iter().take_while(|id| *id == Some(ids.value(0))).count();
    Ok((0..first).map(|row| classes.value(row).to_owned()).collect())
}

/// The rows of [`CHOSEN_LABELS`].
fn chosen_of(batch: &Batch) -> Result<Chosen, WorkError> {
    let mut chosen = Chosen::new();
    for (window, class) in batch.utf8("segment_id")?.iter().zip(batch.utf8("class")?) {
        if let Some((window, class)) = window.zip(class) {
            chosen.entry(window.to_owned()).or_default().insert(class.to_owned());
        }
    }
    Ok(chosen)
}

/// The recordings that are on a side.
fn places(cx: &UnitContext<'_>) -> Result<BTreeMap<String, Place>, WorkError> {
    let mut places = BTreeMap::new();
    for (_, batch) in cx.read_all("splits", &["recording_id", "subset"])? {
        let (ids, subsets) = (batch.utf8("recording_id")?, batch.utf8("subset")?);
        let sides = ids.iter().flatten().zip(subsets.iter().flatten());
        places.extend(
            sides.filter_map(|(id, subset)| Some((id.to_owned(), Place { subset: Subset::parse(subset)?, clock: None }))),
        );
    }
    for (_, batch) in cx.read_all("recordings", &[&["recording_id"][..], &Clock::COLUMNS].concat())? {
        for (id, clock) in batch.utf8("recording_id")?.iter().flatten().zip(Clock::of(&batch)?) {
            if let Some(place) = places.get_mut(id) {
                place.clock = clock;
            }
        }
    }
    Ok(places)
}

impl Side {
    /// One without windows.
    pub(crate) fn of(classes: usize) -> Self {
        let chosen = vec![Vec::new(); classes];
        Self { scores: vec![Vec::new(); classes], labels: vec![Vec::new(); classes], chosen, ..Self::default() }
    }

    /// The place of one more recording.
    pub(crate) fn open_recording(&mut self, site: &str) -> u32 {
        let known = self.sites.iter().position(|name| name == site);
        let at = known.unwrap_or_else(|| {
            self.sites.push(site.to_owned());
            self.sites.len() - 1
        });
        self.site_of.push(at as u32);
        (self.site_of.len() - 1) as u32
    }

    /// Adds a window of a recording: the seconds that no earlier one of it holds, its scores and its labels by class.
    pub(crate) fn push(&mut self, recording: u32, seconds: f64, night: Option<&str>, scores: &[f32], labels: &[Option<bool>]) {
        if let Some(night) = night {
            let window = self.windows();
            match self.nights.get_mut(night) {
                Some(windows) => windows.push(window),
                None => drop(self.nights.insert(night.to_owned(), vec![window])),
            }
        }
        self.recording_of.push(recording);
        self.seconds.push(seconds);
        for (column, &score) in self.scores.iter_mut().zip(scores) {
            column.push(score);
        }
        for (column, &label) in self.labels.iter_mut().zip(labels) {
            column.push(label);
        }
    }

    /// Takes note of the id of a recording that may have labels which are none of a sample.
    pub(crate) fn name_recording(&mut self, id: &str, recording: u32) {
        self.places.insert(id.to_owned(), recording as usize);
    }

    /// Adds a label that is none of a sample.
    pub(crate) fn put_aside(&mut self, class: usize, label: ChosenLabel) {
        self.chosen[class].push(label);
    }

    /// Counts a label that is none of a sample, where there is one, and that counts as any other.
    pub(crate) fn count_chosen(&mut self, label: Option<bool>) {
        self.chosen_among += usize::from(label.is_some());
    }

    /// The labels of a class that are none of a sample and were put aside: those of a site, or of all.
    pub(crate) fn chosen(&self, class: usize, site: Option<&str>) -> impl Iterator<Item = &ChosenLabel> {
        self.chosen[class].iter().filter(move |label| site.is_none_or(|site| label.site == site))
    }

    /// The place of a recording that has such labels; `None` where it has no others.
    pub(crate) fn place_of(&self, recording: &str) -> Option<usize> {
        self.places.get(recording).copied()
    }

    /// The sites of all labels, also of those that are none of a sample.
    pub(crate) fn labelled_sites(&self) -> BTreeSet<String> {
        let chosen = self.chosen.iter().flatten().map(|label| &label.site);
        self.sites.iter().chain(chosen).cloned().collect()
    }

    /// How many labels are none of a sample, whether they were put aside or count, and how many labels there are in all.
    pub(crate) fn chosen_of_all(&self) -> (usize, usize) {
        let aside: usize = self.chosen.iter().map(Vec::len).sum();
        let others: usize = self.labels.iter().map(|labels| labels.iter().flatten().count()).sum();
        (aside + self.chosen_among, aside + others)
    }

    fn bytes(&self) -> u64 {
        self.windows() as u64 * (self.classes() as u64 * BYTES_PER_SCORE + BYTES_PER_WINDOW)
    }

    /// Names of the sites.
    pub(crate) fn sites(&self) -> &[String] {
        &self.sites
    }

    /// Places of the windows of each night, by the date of its evening.
    pub(crate) fn nights(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.nights
    }

    /// Number of classes.
    pub(crate) fn classes(&self) -> usize {
        self.scores.len()
    }

    /// Number of recordings.
    pub(crate) fn recordings(&self) -> usize {
        self.site_of.len()
    }

    /// The recording of a window.
    pub(crate) fn recording(&self, window: usize) -> usize {
        self.recording_of[window] as usize
    }

    /// The site of a window.
    pub(crate) fn site(&self, window: usize) -> usize {
        self.site_of[self.recording(window)] as usize
    }

    /// Places of the windows of each site.
    pub(crate) fn by_site(&self) -> Vec<Vec<usize>> {
        let mut windows = vec![Vec::new(); self.sites.len()];
        (0..self.windows()).for_each(|window| windows[self.site(window)].push(window));
        windows
    }

    /// Hours that those of some windows last together that were reviewed for a class.
    pub(crate) fn hours(&self, class: usize, windows: &[usize]) -> f64 {
        let reviewed = windows.iter().filter(|&&window| self.labels[class][window].is_some());
        reviewed.map(|&window| self.seconds[window]).sum::<f64>() / SECONDS_PER_HOUR
    }

    /// How many recordings some windows are of that hold a class.
    pub(crate) fn recordings_with(&self, class: usize, windows: &[usize]) -> usize {
        let positive = windows.iter().filter(|&&window| self.labels[class][window] == Some(true));
        positive.map(|&window| self.recording(window)).collect::<BTreeSet<_>>().len()
    }

    /// Score and label of a window for a class; `None` where nobody looked for it.
    pub(crate) fn labelled(&self, class: usize, window: usize) -> Option<(f32, bool)> {
        self.labels[class][window].map(|label| (self.scores[class][window], label))
    }

    /// Number of windows.
    pub(crate) fn windows(&self) -> usize {
        self.recording_of.len()
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
        let (scores, labels) = self.of_windows(class, windows);
        Ranking::new(&scores, &labels)
    }

    /// Scores of some windows for several classes together.
    ///
    /// # Errors
    /// Those of [`Labelled::extend`].
    pub(crate) fn pooled(&self, classes: &[usize], windows: &[usize]) -> Result<Labelled<f32>, ScoreError> {
        let mut pooled = Labelled::default();
        for &class in classes {
            let (scores, labels) = self.of_windows(class, windows);
            pooled.extend(&scores, &labels)?;
        }
        Ok(pooled)
    }

    fn of_windows(&self, class: usize, windows: &[usize]) -> (Vec<f32>, Vec<Option<bool>>) {
        windows.iter().map(|&window| (self.scores[class][window], self.labels[class][window])).unzip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_grows_with_windows_and_classes_and_is_no_more_than_told() {
        let mut side = Side::of(3);
        let recording = side.open_recording("POND");
        for _ in 0..1000 {
            side.push(recording, 3.0, Some("2025-01-01"), &[0.5; 3], &[Some(true), None, Some(false)]);
        }
        let held = side.scores.iter().map(|column| 4 * column.len()).sum::<usize>()
            + side.labels.iter().map(|column| size_of::<Option<bool>>() * column.len()).sum::<usize>();
        assert_eq!((held, side.bytes()), (3 * 5 * 1000, 1000 * (3 * 18 + 20)));
    }

    #[test]
    fn labels_that_are_none_of_a_sample_are_counted_whether_they_count_or_not() {
        let mut side = Side::of(2);
        let recording = side.open_recording("POND");
        side.push(recording, 3.0, None, &[0.5; 2], &[Some(true), None]);
        side.push(recording, 3.0, None, &[0.5; 2], &[Some(true), Some(false)]);
        side.count_chosen(Some(true));
        side.count_chosen(None);
        assert_eq!(side.chosen_of_all(), (1, 3));
        side.put_aside(1, ChosenLabel { recording: "a".into(), site: "POND".into(), score: 0.5, positive: true });
        assert_eq!(side.chosen_of_all(), (2, 4));
    }
}
