//! Windows in falling order of score, and the areas under their curves.

use rayon::prelude::*;

use super::averages::ratio;
use super::confusion::Confusion;
use crate::error::ScoreError;

/// A point of the precision-recall and ROC curves: the counts when windows scoring at least `threshold` are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// A distinct score.
    pub threshold: f64,
    /// Positive windows scoring at least `threshold`.
    pub true_positives: u64,
    /// Negative windows scoring at least `threshold`.
    pub false_positives: u64,
}

/// The windows of one class (or of several, pooled) in falling order of score.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    steps: Vec<Step>,
    masked: u64,
}

impl Ranking {
    /// Ranks windows by `scores[i]`, with `labels[i]` = `None` where nobody looked.
    ///
    /// # Errors
    /// The slices differ in length, or a score is not finite.
    pub fn new<S: Score>(scores: &[S], labels: &[Option<bool>]) -> Result<Self, ScoreError> {
        let mut scored = Labelled::default();
        scored.extend(scores, labels)?;
        let masked = (scores.len() - scored.len()) as u64;
        Ok(Self { steps: scored.sorted().steps().collect(), masked })
    }

    /// The curve, one step per distinct score, from the highest score to the lowest.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What each step adds to the one above it: the windows of each distinct score, from the highest to the lowest.
    pub fn increments(&self) -> impl DoubleEndedIterator<Item = Step> + '_ {
        self.steps.iter().enumerate().map(|(at, step)| {
            let above =
                at.checked_sub(1).map_or((0, 0), |above| (self.steps[above].true_positives, self.steps[above].false_positives));
            Step {
                threshold: step.threshold,
                true_positives: step.true_positives - above.0,
                false_positives: step.false_positives - above.1,
            }
        })
    }

    /// Number of positive windows: the support.
    pub fn positives(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.true_positives)
    }

    /// Number of negative windows.
    pub fn negatives(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.false_positives)
    }

    /// Number of windows without a label.
    pub fn masked(&self) -> u64 {
        self.masked
    }

    /// Counts when windows scoring at least `threshold` are taken as detections.
    pub fn confusion(&self, threshold: f64) -> Confusion {
        let taken = self.steps.partition_point(|step| step.threshold >= threshold);
        let (true_positives, false_positives) = taken.checked_sub(1).map_or((0, 0), |last| {
            let step = self.steps[last];
            (step.true_positives, step.false_positives)
        });
        Confusion {
            true_positives,
            false_positives,
            false_negatives: self.positives() - true_positives,
            true_negatives: self.negatives() - false_positives,
        }
    }

    /// Both areas.
    pub fn areas(&self) -> Areas {
        Areas::under(self.steps.iter().copied())
    }

    /// Average precision.
    pub fn average_precision(&self) -> Option<f64> {
        self.areas().average_precision
    }

    /// Area under the ROC curve.
    pub fn auroc(&self) -> Option<f64> {
        self.areas().auroc
    }
}

/// A kind of number that scores come in.
pub trait Score: Copy + Into<f64> + Send + Sync {}

impl<S: Copy + Into<f64> + Send + Sync> Score for S {}

/// Scores of labelled windows, those of the positive and those of the negative ones: the least memory from which a curve can be
/// made, for pooling many classes.
#[derive(Debug, Clone)]
pub struct Labelled<S> {
    positives: Vec<S>,
    negatives: Vec<S>,
}

impl<S> Default for Labelled<S> {
    fn default() -> Self {
        Self { positives: Vec::new(), negatives: Vec::new() }
    }
}

impl<S: Score> Labelled<S> {
    /// Adds windows; those without a label are left out.
    ///
    /// # Errors
    /// The slices differ in length, or a score is not finite.
    pub fn extend(&mut self, scores: &[S], labels: &[Option<bool>]) -> Result<(), ScoreError> {
        if scores.len() != labels.len() {
            return Err(ScoreError::Length { expected: scores.len(), found: labels.len() });
        }
        for (index, (&score, &label)) in scores.iter().zip(labels).enumerate() {
            let found: f64 = score.into();
            if !found.is_finite() {
                return Err(ScoreError::Score { index, found });
            }
            match label {
                Some(true) => self.positives.push(score),
                Some(false) => self.negatives.push(score),
                None => {}
            }
        }
        Ok(())
    }

    /// Sorts the scores, so that a curve can be walked along.
    #[must_use]
    pub fn sorted(mut self) -> Sorted<S> {
        for side in [&mut self.positives, &mut self.negatives] {
            side.par_sort_unstable_by(|&a, &b| b.into().total_cmp(&a.into()));
        }
        Sorted(self)
    }

    /// Number of windows.
    pub fn len(&self) -> usize {
        self.positives.len() + self.negatives.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Scores in falling order.
#[derive(Debug, Clone)]
pub struct Sorted<S>(Labelled<S>);

impl<S: Score> Sorted<S> {
    /// The curve, one step per distinct score, from the highest score to the lowest; made on the way.
    pub fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        let (positives, negatives) = (&self.0.positives, &self.0.negatives);
        let (mut above, mut below) = (0, 0);
        std::iter::from_fn(move || {
            let next = |side: &[S], taken: usize| side.get(taken).map(|&score| score.into());
            let threshold = match (next(positives, above), next(negatives, below)) {
                (Some(a), Some(b)) => f64::max(a, b),
                (a, b) => a.or(b)?,
            };
            let tied = |side: &[S], taken: usize| side[taken..].iter().take_while(|&&score| score.into() == threshold).count();
            above += tied(positives, above);
            below += tied(negatives, below);
            Some(Step { threshold, true_positives: above as u64, false_positives: below as u64 })
        })
    }
}

/// All windows in one ranking, as for pooled thresholds.
impl<S: Score> From<Labelled<S>> for Ranking {
    fn from(scored: Labelled<S>) -> Self {
        Self { steps: scored.sorted().steps().collect(), masked: 0 }
    }
}

/// Areas under the curves of a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Areas {
    /// Average precision.
    pub average_precision: Option<f64>,
    /// Area under the ROC curve.
    pub auroc: Option<f64>,
}

impl Areas {
    /// The areas under a curve from its highest score to its lowest.
    pub fn under(steps: impl IntoIterator<Item = Step>) -> Self {
        let (mut positives, mut negatives, mut precision) = (0, 0, 0.0);
        // Twice the number of (positive, negative) pairs in the right order: an integer, ties included.
        let mut doubled = 0_u128;
        for Step { true_positives, false_positives, .. } in steps {
            let rise = true_positives - positives;
            precision += rise as f64 * true_positives as f64 / (true_positives + false_positives) as f64;
            doubled += u128::from(false_positives - negatives) * u128::from(true_positives + positives);
            (positives, negatives) = (true_positives, false_positives);
        }
        let pairs = u128::from(positives) * u128::from(negatives);
        Self { average_precision: ratio(precision, positives as f64), auroc: ratio(doubled as f64 / 2.0, pairs as f64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MASKED: Option<bool> = None;

    fn ranking(scores: &[f64], labels: &[Option<bool>]) -> Ranking {
        Ranking::new(scores, labels).unwrap()
    }

    #[test]
    fn without_positives_only_precision_of_predictions_is_defined() {
        let ranking = ranking(&[0.2, 0.8], &[Some(false), Some(false)]);
        let confusion = ranking.confusion(0.5);
        assert_eq!(confusion.precision(), Some(0.0));
        assert_eq!(confusion.recall(), None);
        assert_eq!(confusion.f1(), None);
        assert_eq!(ranking.average_precision(), None);
        assert_eq!(ranking.auroc(), None);
        assert_eq!((ranking.positives(), ranking.negatives()), (0, 2));
    }

    #[test]
    fn without_predictions_precision_is_undefined_and_f1_is_zero() {
        let confusion = ranking(&[0.2, 0.4], &[Some(true), Some(false)]).confusion(0.5);
        assert_eq!(confusion.precision(), None);
        assert_eq!(confusion.recall(), Some(0.0));
        assert_eq!(confusion.f1(), Some(0.0));
        assert_eq!(confusion.true_negatives, 1);
    }

    #[test]
    fn a_score_at_the_threshold_is_taken() {
        let confusion = ranking(&[0.5_f64], &[Some(true)]).confusion(0.5);
        assert_eq!(confusion.true_positives, 1);
    }

    #[test]
    fn nothing_to_rank_gives_nothing() {
        for ranking in [ranking(&[], &[]), ranking(&[0.3], &[MASKED])] {
            assert_eq!(ranking.average_precision(), None);
            assert_eq!(ranking.auroc(), None);
            assert_eq!(ranking.confusion(0.0).f1(), None);
        }
        assert_eq!(ranking(&[0.3], &[MASKED]).masked(), 1);
    }

    #[test]
    fn all_tied_is_chance() {
        let ranking = ranking(&[0.5; 4], &[Some(true), Some(false), Some(false), Some(false)]);
        assert_eq!(ranking.auroc(), Some(0.5));
        assert_eq!(ranking.average_precision(), Some(0.25));
        assert_eq!(ranking.steps().len(), 1);
    }

    #[test]
    fn bad_input_is_refused() {
        assert_eq!(Ranking::new(&[0.1_f32, 0.2], &[None]), Err(ScoreError::Length { expected: 2, found: 1 }));
        assert!(matches!(Ranking::new(&[0.1, f64::NAN], &[None, None]), Err(ScoreError::Score { index: 1, .. })));
    }

    /// Few distinct scores, so that ties are common, and labels of all three kinds.
    fn windows() -> impl Strategy<Value = Vec<(f64, Option<bool>)>> {
        prop::collection::vec(((0_u8..12).prop_map(|k| f64::from(k) / 8.0 - 0.4), any::<Option<bool>>()), 0..80)
    }

    fn rank(windows: &[(f64, Option<bool>)]) -> Ranking {
        let (scores, labels): (Vec<_>, Vec<_>) = windows.iter().copied().unzip();
        ranking(&scores, &labels)
    }

    proptest! {
        #[test]
        fn a_rising_transform_of_the_scores_keeps_ap_and_auroc(windows in windows()) {
            let moved: Vec<_> = windows.iter().map(|&(s, label)| ((3.0 * s).exp() - 7.0, label)).collect();
            let (before, after) = (rank(&windows), rank(&moved));
            prop_assert_eq!(before.average_precision(), after.average_precision());
            prop_assert_eq!(before.auroc(), after.auroc());
        }

        #[test]
        fn the_order_of_windows_is_of_no_account(
            (windows, shuffled) in windows().prop_flat_map(|w| (Just(w.clone()), Just(w).prop_shuffle()))
        ) {
            prop_assert_eq!(rank(&windows), rank(&shuffled));
        }

        #[test]
        fn auroc_counts_pairs_and_turns_over_with_the_scores(windows in windows()) {
            let of = |wanted| windows.iter().filter(move |w| w.1 == Some(wanted)).map(|w| w.0);
            let pairs: Vec<f64> = of(true)
                .flat_map(|p| of(false).map(move |n| if p > n { 1.0 } else if p == n { 0.5 } else { 0.0 }))
                .collect();
            let expected = (!pairs.is_empty()).then(|| pairs.iter().sum::<f64>() / pairs.len() as f64);
            prop_assert_eq!(rank(&windows).auroc(), expected);
            let turned: Vec<_> = windows.iter().map(|&(s, label)| (-s, label)).collect();
            let sum = rank(&windows).auroc().zip(rank(&turned).auroc()).map(|(a, b)| a + b);
            prop_assert!(sum.is_none_or(|sum| (sum - 1.0).abs() < 1e-12));
        }

        #[test]
        fn confusion_counts_every_labelled_window_once(windows in windows(), threshold in -0.5..1.2_f64) {
            let confusion = rank(&windows).confusion(threshold);
            let count = |label, taken| {
                windows.iter().filter(|w| w.1 == Some(label) && (w.0 >= threshold) == taken).count() as u64
            };
            prop_assert_eq!(confusion.true_positives, count(true, true));
            prop_assert_eq!(confusion.false_positives, count(false, true));
            prop_assert_eq!(confusion.false_negatives, count(true, false));
            prop_assert_eq!(confusion.true_negatives, count(false, false));
        }

        #[test]
        fn pooling_parts_ranks_the_whole(windows in windows(), cut in 0_usize..80) {
            let cut = cut.min(windows.len());
            let mut pooled = Labelled::default();
            for part in [&windows[..cut], &windows[cut..]] {
                let (scores, labels): (Vec<_>, Vec<_>) = part.iter().copied().unzip();
                pooled.extend(&scores, &labels).unwrap();
            }
            let (pooled, whole) = (Ranking::from(pooled), rank(&windows));
            prop_assert_eq!(pooled.steps(), whole.steps());
        }
    }
}
