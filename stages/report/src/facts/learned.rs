//! What the classifier learned from: the tables `splits`, `split_classes`, `annotations`, `reviews` and `training_log`.

use std::collections::BTreeMap;

use chorus_tables::{Batch, TableError};

use super::cells::cell;

pub(super) const SPLITS: &[&str] = &["subset"];
pub(super) const SPLIT_CLASSES: &[&str] = &["class", "subset", "recordings", "windows_positive"];
pub(super) const ANNOTATIONS: &[&str] = &["used"];
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

/// How much of a class a subset holds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    /// Recordings with a positive window.
    pub(crate) recordings: u64,
    /// Positive windows.
    pub(crate) windows: u64,
}

/// What the classifier learned from, and how.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// Recordings on each side.
    pub(crate) recordings: Sides,
    /// What each side holds of each class.
    pub(crate) classes: BTreeMap<String, BTreeMap<Subset, Held>>,
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
        for subset in batch.utf8("subset")?.iter().flatten() {
            *self.recordings.entry(Subset::parse(subset)).or_default() += 1;
        }
        Ok(())
    }

    pub(super) fn add_split_classes(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (classes, subsets) = (batch.utf8("class")?, batch.utf8("subset")?);
        let (recordings, windows) = (batch.u64("recordings")?, batch.u64("windows_positive")?);
        for i in 0..batch.rows() {
            let held = Held { recordings: recordings.value(i), windows: windows.value(i) };
            self.classes.entry(classes.value(i).to_owned()).or_default().insert(Subset::parse(subsets.value(i)), held);
        }
        Ok(())
    }

    pub(super) fn add_annotations(&mut self, batch: &Batch) -> Result<(), TableError> {
        self.lines += batch.rows() as u64;
        self.lines_used += batch.bool("used")?.true_count() as u64;
        Ok(())
    }

    /// Whether the classifier learned in this run. One that was given is only judged by the labels.
    pub(crate) fn is_taught(&self) -> bool {
        self.recordings.get(&Subset::Train).is_some_and(|recordings| *recordings > 0)
    }

    /// The classes without a positive window on a side, of those that the split knows.
    pub(crate) fn lacking(&self, subset: Subset) -> Vec<&str> {
        let held = |sides: &BTreeMap<Subset, Held>| sides.get(&subset).is_some_and(|held| held.recordings > 0);
        self.classes.iter().filter(|(_, sides)| !held(sides)).map(|(class, _)| class.as_str()).collect()
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
    use super::super::rows::{bool, f64, i64, read_back, text};
    use super::*;

    #[test]
    fn sides_with_their_recordings_and_classes() {
        let mut learned = Learned::default();
        learned.add_splits(&read_back("splits", [text("subset", ["train", "test", "test"])])).unwrap();
        assert_eq!(learned.recordings, Sides::from([(Subset::Train, 1), (Subset::Test, 2)]));
        let classes = read_back(
            "split_classes",
            [
                text("class", ["X", "X", "Y"]),
                text("subset", ["test", "train", "train"]),
                i64("recordings", [2, 1, 0]),
                i64("windows_positive", [9, 4, 0]),
            ],
        );
        learned.add_split_classes(&classes).unwrap();
        assert_eq!(learned.classes["X"][&Subset::Test], Held { recordings: 2, windows: 9 });
        assert_eq!((learned.lacking(Subset::Test), learned.lacking(Subset::Train)), (vec!["Y"], vec!["Y"]));
        assert_eq!(learned.lacking(Subset::Validation), ["X", "Y"]);
        let annotations = read_back("annotations", [bool("used", [true, false, true])]);
        learned.add_annotations(&annotations).unwrap();
        assert_eq!((learned.lines, learned.lines_used), (3, 2));
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
                i64("epoch", [1, 2]),
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
