//! What the metrics of some windows are made from, of one class or of several classes pooled.

use rayon::prelude::*;

use super::decided::Cuts;
use super::scored::Side;
use crate::error::ScoreError;
use crate::metrics::{Areas, Confusion, RankedLabels};
use crate::reliability::Reliability;

/// What follows from the order of scores and from decisions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Counted {
    pub(crate) areas: Areas,
    /// At the fixed threshold.
    pub(crate) fixed: Confusion,
    /// At the tuned thresholds.
    pub(crate) tuned: Confusion,
}

/// What all metrics are made from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Figures {
    pub(crate) counted: Counted,
    /// Precision at the ranks of positive classes within their windows.
    pub(crate) ranked: RankedLabels,
    /// Of the scores.
    pub(crate) scores: Reliability,
    /// Of the calibrated probabilities; without windows where there is no calibration.
    pub(crate) probabilities: Reliability,
}

impl Counted {
    /// Several classes together, whose pooled windows have these areas.
    pub(crate) fn pool<'a>(classes: impl Iterator<Item = &'a Self> + Clone, areas: Areas) -> Self {
        Self { areas, fixed: classes.clone().map(|class| class.fixed).sum(), tuned: classes.map(|class| class.tuned).sum() }
    }

    /// Positive windows.
    pub(crate) fn positives(&self) -> u64 {
        self.fixed.positives()
    }
}

impl Figures {
    fn of(side: &Side, class: usize, windows: &[usize], cuts: Cuts<'_>, ranked: RankedLabels) -> Result<Self, ScoreError> {
        let areas = side.ranking(class, windows)?.areas();
        let mut figures = Self { counted: Counted { areas, ..Counted::default() }, ranked, ..Self::default() };
        for &window in windows {
            let Some((score, positive)) = side.labelled(class, window) else { continue };
            let score = f64::from(score);
            figures.counted.fixed.count(positive, score >= cuts.fixed);
            let site = side.site(window);
            figures.counted.tuned.count(positive, score >= cuts.tuned(site, class));
            figures.scores.count(score, positive);
            if let Some(probability) = cuts.probability(site, class, score) {
                figures.probabilities.count(probability, positive);
            }
        }
        Ok(figures)
    }

    /// Several classes together, whose pooled windows have these areas.
    pub(crate) fn pool(classes: &[&Self], areas: Areas) -> Self {
        let add = |sum: Self, next: &&Self| Self {
            counted: sum.counted,
            ranked: sum.ranked + next.ranked,
            scores: sum.scores + next.scores,
            probabilities: sum.probabilities + next.probabilities,
        };
        let counted = Counted::pool(classes.iter().map(|class| &class.counted), areas);
        classes.iter().fold(Self { counted, ..Self::default() }, add)
    }
}

/// The figures of every class over some windows of a side.
///
/// # Errors
/// Those of [`Side::ranking`].
pub(crate) fn by_class(side: &Side, windows: &[usize], cuts: Cuts<'_>) -> Result<Vec<Figures>, ScoreError> {
    let ranked = ranked_labels(side, windows);
    ranked.par_iter().enumerate().map(|(class, &ranked)| Figures::of(side, class, windows, cuts, ranked)).collect()
}

/// Precision at the ranks of positive classes, by class, in windows in which every class was looked for.
fn ranked_labels(side: &Side, windows: &[usize]) -> Vec<RankedLabels> {
    let mut ranked = vec![RankedLabels::default(); side.classes()];
    let mut row = Vec::new();
    for &window in windows {
        if side.row(window, &mut row) {
            for class in (0..row.len()).filter(|&class| row[class].1) {
                ranked[class].count(&row, class);
            }
        }
    }
    ranked
}
