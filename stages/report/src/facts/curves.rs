//! Precision against recall, and how far scores mean what they say: the tables `curves` and `reliability`.

use std::collections::BTreeMap;

use chorus_tables::{Batch, TableError};

use super::cells::cell;
use super::learned::Subset;

pub(super) const CURVES: &[&str] = &["subset", "class", "threshold", "precision", "recall"];
pub(super) const RELIABILITY: &[&str] = &["subset", "class", "scale", "windows", "positives", "mean"];

/// Curves of precision against recall, and bins of reliability.
#[derive(Debug, Default)]
pub(crate) struct Curves {
    /// By subset and class; thresholds ascending, so recall never rises.
    pub(crate) classes: BTreeMap<(Subset, String), Vec<Point>>,
    /// By subset and scale (`probability` or `score`), all pairs of window and class together; bins ascending.
    pub(crate) reliability: BTreeMap<(Subset, String), Vec<Bin>>,
}

/// What one threshold gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// Detected when score >= threshold.
    pub(crate) threshold: f64,
    /// Share of detected windows that hold the class.
    pub(crate) precision: f64,
    /// Share of windows with the class that are detected.
    pub(crate) recall: f64,
}

/// Windows whose scores are much alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bin {
    /// Pairs of window and class.
    pub(crate) windows: u64,
    /// Those in which the class is.
    pub(crate) positives: u64,
    /// Mean score or probability.
    pub(crate) mean: f64,
}

impl Bin {
    /// Share of the pairs in which the class is.
    pub(crate) fn share(self) -> f64 {
        self.positives as f64 / self.windows as f64
    }
}

impl Curves {
    pub(super) fn add_curves(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (subsets, classes, thresholds) = (batch.utf8("subset")?, batch.utf8("class")?, batch.f64("threshold")?);
        let (precision, recall) = (batch.f64("precision")?, batch.f64("recall")?);
        for i in 0..batch.rows() {
            let of = self.classes.entry((Subset::parse(subsets.value(i)), classes.value(i).to_owned())).or_default();
            of.push(Point { threshold: thresholds.value(i), precision: precision.value(i), recall: recall.value(i) });
        }
        Ok(())
    }

    /// Single classes have few windows a bin; their rows are left to the table.
    pub(super) fn add_reliability(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (subsets, classes, scales) = (batch.utf8("subset")?, batch.utf8("class")?, batch.utf8("scale")?);
        let (windows, positives, means) = (batch.u64("windows")?, batch.u64("positives")?, batch.f64("mean")?);
        for i in (0..batch.rows()).filter(|&i| cell(classes, i).is_none()) {
            let of = self.reliability.entry((Subset::parse(subsets.value(i)), scales.value(i).to_owned())).or_default();
            of.push(Bin { windows: windows.value(i), positives: positives.value(i), mean: means.value(i) });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{f64, i64, read_back, text};
    use super::*;

    #[test]
    fn curves_are_kept_by_class_and_reliability_for_all_classes_together() {
        let mut curves = Curves::default();
        let rows = read_back(
            "curves",
            [
                text("model_id", ["m"; 3]),
                text("subset", ["test"; 3]),
                text("class", ["X", "X", "Y"]),
                f64("threshold", [0.25, 0.5, 0.5]),
                f64("precision", [0.5, 1.0, 0.75]),
                f64("recall", [1.0, 0.5, 0.25]),
            ],
        );
        curves.add_curves(&rows).unwrap();
        let x = &curves.classes[&(Subset::Test, "X".to_owned())];
        assert_eq!(
            x.iter().map(|p| (p.threshold, p.precision, p.recall)).collect::<Vec<_>>(),
            [(0.25, 0.5, 1.0), (0.5, 1.0, 0.5)]
        );
        let rows = read_back(
            "reliability",
            [
                text("model_id", ["m"; 2]),
                text("subset", ["test"; 2]),
                text("class", [None, Some("X")]),
                text("scale", ["score"; 2]),
                f64("low", [0.0, 0.0]),
                f64("high", [0.1, 0.1]),
                i64("windows", [8, 4]),
                i64("positives", [2, 1]),
                f64("mean", [0.05, 0.05]),
            ],
        );
        curves.add_reliability(&rows).unwrap();
        assert_eq!(curves.reliability.len(), 1);
        assert_eq!(curves.reliability[&(Subset::Test, "score".to_owned())].iter().map(|b| b.share()).collect::<Vec<_>>(), [0.25]);
    }
}
