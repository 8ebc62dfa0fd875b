//! What the classifier learned from: the tables `splits`, `annotations`, `reviews` and `training_log`.

use std::collections::{BTreeMap, BTreeSet};

use chorus_tables::{Batch, TableError};

use super::cells::cell;

pub(super) const SPLITS: &[&str] = &["recording_id", "subset"];
pub(super) const ANNOTATIONS: &[&str] = &["recording_id", "class", "used"];
pub(super) const REVIEWS: &[&str] = &["reviewed"];
pub(super) const TRAINING_LOG: &[&str] =
    &["epoch", "train_loss", "validation_loss", "validation_macro_f1", "validation_mean_ap", "best"];

/// A side of the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subset {
    /// Learned from.
    Train,
    /// Tuned on.
    Validation,
    /// Tested on.
    Test,
    /// None of these.
    Unused,
}

impl Subset {
    /// All, in the order in which they are shown.
    pub(crate) const ALL: [Self; 4] = [Self::Train, Self::Validation, Self::Test, Self::Unused];

    /// The name, as the tables spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::Unused => "unused",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|s| s.name() == name).unwrap_or(Self::Unused)
    }
}

/// Numbers of recordings by subset.
pub(crate) type Sides = BTreeMap<Subset, u64>;

/// What the classifier learned from, and how.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// Recordings on each side.
    pub(crate) recordings: Sides,
    /// Recordings on each side that hold a used annotation of the class.
    pub(crate) classes: BTreeMap<String, Sides>,
    /// Recordings that somebody listened to.
    pub(crate) reviewed: u64,
    /// Recordings that nobody listened to.
    pub(crate) unreviewed: u64,
    /// Annotations, used or not.
    pub(crate) lines: u64,
    /// Annotations that count for labels.
    pub(crate) lines_used: u64,
    /// Epochs of training, in order.
    pub(crate) epochs: Vec<Epoch>,
    sides: BTreeMap<String, Subset>,
    /// Recordings with their classes: a recording counts once, however often it holds a class.
    seen: BTreeSet<(String, String)>,
}

/// One epoch of training.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    /// Its number, from 1.
    pub(crate) epoch: u32,
    /// Mean loss over training.
    pub(crate) train_loss: f64,
    /// Mean loss on validation, where it was computed.
    pub(crate) validation_loss: Option<f64>,
    /// Macro F1 on validation.
    pub(crate) macro_f1: Option<f64>,
    /// Mean average precision on validation.
    pub(crate) mean_ap: Option<f64>,
    /// Whether the weights after it were kept.
    pub(crate) best: bool,
}

impl Learned {
    pub(super) fn add_splits(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (recordings, subsets) = (batch.utf8("recording_id")?, batch.utf8("subset")?);
        for i in 0..batch.rows() {
            let subset = Subset::parse(subsets.value(i));
            *self.recordings.entry(subset).or_default() += 1;
            self.sides.insert(recordings.value(i).to_owned(), subset);
        }
        Ok(())
    }

    /// Adds annotations, once all splits were added.
    pub(super) fn add_annotations(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (recordings, classes, used) = (batch.utf8("recording_id")?, batch.utf8("class")?, batch.bool("used")?);
        for i in 0..batch.rows() {
            self.lines += 1;
            self.lines_used += u64::from(used.value(i));
            let (Some(recording), Some(class), true) = (cell(recordings, i), cell(classes, i), used.value(i)) else { continue };
            if self.seen.insert((recording.to_owned(), class.to_owned())) {
                let subset = self.sides.get(recording).copied().unwrap_or(Subset::Unused);
                *self.classes.entry(class.to_owned()).or_default().entry(subset).or_default() += 1;
            }
        }
        Ok(())
    }

    pub(super) fn add_reviews(&mut self, batch: &Batch) -> Result<(), TableError> {
        let reviewed = batch.bool("reviewed")?.true_count() as u64;
        self.reviewed += reviewed;
        self.unreviewed += batch.rows() as u64 - reviewed;
        Ok(())
    }

    pub(super) fn add_epochs(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (epochs, train, best) = (batch.u32("epoch")?, batch.f64("train_loss")?, batch.bool("best")?);
        let (validation, f1) = (batch.f64("validation_loss")?, batch.f64("validation_macro_f1")?);
        let ap = batch.f64("validation_mean_ap")?;
        self.epochs.extend((0..batch.rows()).map(|i| Epoch {
            epoch: epochs.value(i),
            train_loss: train.value(i),
            validation_loss: cell(validation, i),
            macro_f1: cell(f1, i),
            mean_ap: cell(ap, i),
            best: best.value(i),
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{bool, f64, read_back, text, u32};
    use super::*;

    #[test]
    fn a_recording_counts_once_for_a_class_and_only_used_lines_count() {
        let mut learned = Learned::default();
        let splits = read_back("splits", [text("recording_id", ["a", "b", "c"]), text("subset", ["train", "test", "test"])]);
        learned.add_splits(&splits).unwrap();
        // Recording, class, used; the last recording is in no split.
        let lines = [
            (Some("a"), Some("X"), true),
            (Some("a"), Some("X"), true),
            (Some("b"), Some("X"), true),
            (Some("b"), Some("Y"), false),
            (None, Some("X"), true),
            (Some("d"), Some("X"), true),
        ];
        let annotations = read_back(
            "annotations",
            [
                u32("line", 1..=6),
                text("file", ["f"; 6]),
                text("recording_id", lines.iter().map(|l| l.0)),
                text("class", lines.iter().map(|l| l.1)),
                bool("used", lines.iter().map(|l| l.2)),
            ],
        );
        learned.add_annotations(&annotations).unwrap();
        assert_eq!(learned.recordings, Sides::from([(Subset::Train, 1), (Subset::Test, 2)]));
        assert_eq!(learned.classes["X"], Sides::from([(Subset::Train, 1), (Subset::Test, 1), (Subset::Unused, 1)]));
        assert_eq!((learned.classes.get("Y"), learned.lines, learned.lines_used), (None, 6, 5));
    }

    #[test]
    fn reviews_and_epochs() {
        let mut learned = Learned::default();
        let reviews = read_back("reviews", [bool("reviewed", [true, false, true])]);
        learned.add_reviews(&reviews).unwrap();
        assert_eq!((learned.reviewed, learned.unreviewed), (2, 1));
        let log = read_back(
            "training_log",
            [
                u32("epoch", [1, 2]),
                f64("train_loss", [0.7, 0.5]),
                f64("validation_loss", [None, Some(0.6)]),
                f64("validation_macro_f1", [None, Some(0.2)]),
                f64("validation_mean_ap", [None, Some(0.3)]),
                bool("best", [false, true]),
            ],
        );
        learned.add_epochs(&log).unwrap();
        let [first, second] = learned.epochs[..] else { panic!("two epochs") };
        assert_eq!((first.validation_loss, second.validation_loss, second.best), (None, Some(0.6), true));
    }
}
