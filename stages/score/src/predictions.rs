//! Rows of the table `predictions`, from the scores of some windows. Every stage that predicts writes them here.

use std::path::PathBuf;

use chorus_engine::graph::{ENSEMBLE, MODEL_CARD, WEIGHTS};
use chorus_engine::{TableSink, UnitContext, WorkError};
use chorus_tables::{Batch, UtcMicros};

/// Card and weights of the run's model and of the other models of its ensemble.
///
/// # Errors
/// A model without one of the two; those of the declarations.
pub fn models(cx: &UnitContext<'_>) -> Result<Vec<(PathBuf, PathBuf)>, WorkError> {
    let own =
        |name| -> Result<_, WorkError> { Ok(cx.model_file(name)?.ok_or_else(|| format!("the model's folder has no {name}"))?) };
    let others = cx.model_files(ENSEMBLE, MODEL_CARD)?.into_iter().zip(cx.model_files(ENSEMBLE, WEIGHTS)?);
    Ok([(own(MODEL_CARD)?, own(WEIGHTS)?)].into_iter().chain(others).collect())
}

/// The columns of `segments` that [`Windows`] reads.
pub const SEGMENT_COLUMNS: &[&str] = &["segment_id", "recording_id", "start_s", "end_s", "start_utc"];

/// Logits and scores `[window, class]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    /// Logits.
    pub logits: Vec<f32>,
    /// The same in 0..1.
    pub scores: Vec<f32>,
}

impl Scores {
    /// The scores of one model, by its logits `[window, class]`.
    pub fn of(logits: Vec<f32>) -> Self {
        let scores = logits.iter().map(|&logit| logistic(f64::from(logit)) as f32).collect();
        Self { logits, scores }
    }

    /// The mean scores of several models, and the logits of these means.
    pub fn mean_of(models: &[Vec<f32>]) -> Self {
        let [first, others @ ..] = models else { return Self::default() };
        if others.is_empty() {
            return Self::of(first.clone());
        }
        let mut sums: Vec<f64> = first.iter().map(|&logit| logistic(f64::from(logit))).collect();
        for logits in others {
            for (sum, &logit) in sums.iter_mut().zip(logits) {
                *sum += logistic(f64::from(logit));
            }
        }
        let means = sums.iter().map(|sum| sum / models.len() as f64);
        let logits = means.clone().map(|mean| (mean / (1.0 - mean)).ln().clamp(-LARGEST_LOGIT, LARGEST_LOGIT) as f32).collect();
        Self { logits, scores: means.map(|mean| mean as f32).collect() }
    }
}

/// Where a mean score is 0 or 1 to the last bit, its logit would be infinite.
const LARGEST_LOGIT: f64 = 100.0;

/// The logistic function.
fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// The windows of a unit, for which predictions are written.
#[derive(Debug, Clone, Copy)]
pub struct Windows<'a> {
    /// Their rows of `segments`, with [`SEGMENT_COLUMNS`].
    pub segments: &'a Batch,
    /// The classes, in the order of the scores.
    pub classes: &'a [String],
    /// The model's id.
    pub model_id: &'a str,
    /// Lower scores are left out, but for the highest of each window.
    pub min_score: f32,
}

impl Windows<'_> {
    /// Appends the predictions of some windows, `first` being the row of the first one in `segments`.
    ///
    /// # Errors
    /// Those of the table.
    pub fn write(&self, sink: &mut TableSink<'_>, first: usize, Scores { logits, scores }: &Scores) -> Result<(), WorkError> {
        let classes = self.classes;
        let rows = scores.len() / classes.len();
        let (ids, recordings) = (self.segments.utf8("segment_id")?, self.segments.utf8("recording_id")?);
        let (starts, ends, utc) =
            (self.segments.f64("start_s")?, self.segments.f64("end_s")?, self.segments.micros("start_utc")?);
        let utc: Vec<Option<i64>> = utc.iter().skip(first).take(rows).collect();
        let kept = kept(scores, classes.len(), self.min_score);
        let pairs = || kept.iter().map(|&pair| (first + pair / classes.len(), &classes[pair % classes.len()]));
        let batch = sink
            .builder()
            .column("segment_id", pairs().map(|(row, _)| ids.value(row)))
            .column("recording_id", pairs().map(|(row, _)| recordings.value(row)))
            .column("start_utc", pairs().map(|(row, _)| utc[row - first].map(UtcMicros)))
            .column("start_s", pairs().map(|(row, _)| starts.value(row)))
            .column("end_s", pairs().map(|(row, _)| ends.value(row)))
            .column("class", pairs().map(|(_, class)| class))
            .column("logit", kept.iter().map(|&pair| logits[pair]))
            .column("score", kept.iter().map(|&pair| scores[pair]))
            .column("model_id", pairs().map(|_| self.model_id))
            .build()?;
        Ok(sink.write(&batch)?)
    }
}

/// The places of the scores `[window, class]` that are kept: those of at least `min_score`, and the first of the highest in each window, so
/// that no window is lost.
fn kept(scores: &[f32], classes: usize, min_score: f32) -> Vec<usize> {
    let mut kept = Vec::new();
    for (window, scores) in scores.chunks_exact(classes).enumerate() {
        let highest = (0..classes).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let wanted = (0..classes).filter(|&class| scores[class] >= min_score || Some(class) == highest);
        kept.extend(wanted.map(|class| window * classes + class));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_scores_are_left_out_and_no_window_is() {
        let scores = [0.5, 0.25, 0.1, 0.1, 0.1, 0.05];
        assert_eq!(kept(&scores, 3, 0.0), [0, 1, 2, 3, 4, 5]);
        assert_eq!(kept(&scores, 3, 0.25), [0, 1, 3]);
        assert_eq!(kept(&scores, 3, 1.0), [0, 3]);
    }

    #[test]
    fn scores_stay_within_zero_and_one() {
        for (logit, score) in [(0.0, 0.5), (-200.0, 0.0), (200.0, 1.0), (1.0, 0.731_058_578)] {
            assert!((logistic(logit) - score).abs() < 1e-6, "{logit}");
        }
    }

    #[test]
    fn several_models_have_their_mean_score() {
        let one = Scores::mean_of(&[vec![2.0]]);
        assert_eq!(one, Scores::of(vec![2.0]));
        let both = Scores::mean_of(&[vec![200.0, 200.0], vec![-200.0, 200.0]]);
        assert_eq!((both.scores[0], both.logits[0]), (0.5, 0.0));
        assert_eq!((both.scores[1], both.logits[1]), (1.0, 100.0));
        assert_eq!(Scores::mean_of(&[]), Scores::default());
    }
}
