//! Fourth pass of the stage `unknown`, where classes are held out: how well their windows are told from those of test, by each score.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::Array;
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_score::metrics::{Ranking, Step};

use crate::settings::learns;

/// The pass.
pub struct OpenSetMetrics;

/// The scores of a window, in the order of [`SCORES`], each higher the less it is known.
type Scores = [f32; 5];

/// Names of the scores, and whether a higher value of the column means that a window is less known.
const SCORES: [(&str, bool); 5] =
    [("max_logit", false), ("energy", false), ("knn_distance", true), ("mahalanobis", true), ("unknown", true)];
/// The recall at which the rate of false alarms is told.
const RECALL: f64 = 0.95;

impl OpenSetMetrics {
    /// What the pass declares of itself; a run that holds no classes out of a training does without.
    pub fn declare(config: &Config) -> Option<Pass> {
        let holds_out = config.get("split.held_out_classes").as_sequence().is_some_and(|classes| !classes.is_empty());
        (learns(config) && holds_out).then(|| Pass {
            name: "unknown-metrics",
            inputs: ["unknown", "held_out_labels", "labels", "splits"].map(Input::Table).to_vec(),
            outputs: vec![Output::Table("open_set_metrics")],
            ..Pass::new("unknown", Per::Run)
        })
    }
}

impl Work for OpenSetMetrics {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let windows = Windows::read(cx)?;
        let classes: BTreeSet<&str> = windows.held_out.values().flatten().map(String::as_str).collect();
        let mut rows = Vec::new();
        for class in std::iter::once(None).chain(classes.into_iter().map(Some)) {
            for (place, (score, _)) in SCORES.iter().enumerate() {
                let (values, labels, positives) = windows.against(class, place);
                let ranking = Ranking::new(&values, &labels)?;
                for (metric, value) in [
                    ("auroc", ranking.auroc()),
                    ("average_precision", ranking.average_precision()),
                    ("fpr_at_recall_95", false_alarms(&ranking)),
                ] {
                    rows.push(Row { class, score, metric, value, positives, negatives: values.len() as u64 - positives });
                }
            }
        }
        rows.sort_by(|a, b| (a.class, a.score, a.metric).cmp(&(b.class, b.score, b.metric)));
        cx.write("open_set_metrics", |batch| {
            batch
                .column("class", rows.iter().map(|row| row.class))
                .column("score", rows.iter().map(|row| row.score))
                .column("metric", rows.iter().map(|row| row.metric))
                .column("value", rows.iter().map(|row| row.value))
                .column("windows_held_out", rows.iter().map(|row| row.positives))
                .column("windows_known", rows.iter().map(|row| row.negatives))
        })?;
        Ok(())
    }
}

struct Row<'a> {
    class: Option<&'a str>,
    score: &'a str,
    metric: &'static str,
    value: Option<f64>,
    positives: u64,
    negatives: u64,
}

/// The windows that are compared.
#[derive(Default)]
struct Windows {
    scores: BTreeMap<String, Scores>,
    /// Windows with classes that were held out, of recordings that nothing was learnt from.
    held_out: BTreeMap<String, Vec<String>>,
    /// Windows of test with labels, and without a class that was held out.
    known: BTreeSet<String>,
}

impl Windows {
    fn read(cx: &UnitContext<'_>) -> Result<Self, WorkError> {
        let mut subset_of = BTreeMap::new();
        for (_, batch) in cx.read_all("splits", &["recording_id", "subset"])? {
            subset_of
                .extend(batch.texts("recording_id")?.into_iter().flatten().zip(batch.texts("subset")?.into_iter().flatten()));
        }
        let mut windows = Self::default();
        for (_, batch) in cx.read_all("held_out_labels", &["segment_id", "recording_id", "class"])? {
            let (ids, recordings, classes) = (batch.utf8("segment_id")?, batch.utf8("recording_id")?, batch.utf8("class")?);
            for row in 0..batch.rows() {
                let is_learnt =
                    subset_of.get(recordings.value(row)).is_some_and(|subset| subset == "train" || subset == "validation");
                if !is_learnt {
                    windows.held_out.entry(ids.value(row).to_owned()).or_default().push(classes.value(row).to_owned());
                }
            }
        }
        for (_, batch) in cx.read_all("labels", &["segment_id", "recording_id", "value"])? {
            let (ids, recordings, values) = (batch.utf8("segment_id")?, batch.utf8("recording_id")?, batch.i32("value")?);
            for row in (0..batch.rows()).filter(|&row| values.is_valid(row)) {
                if subset_of.get(recordings.value(row)).is_some_and(|subset| subset == "test") {
                    windows.known.insert(ids.value(row).to_owned());
                }
            }
        }
        let columns: Vec<&str> = std::iter::once("segment_id").chain(SCORES.map(|(name, _)| name)).collect();
        for (_, batch) in cx.read_all("unknown", &columns)? {
            let ids = batch.utf8("segment_id")?;
            let values = SCORES.map(|(name, _)| batch.f32(name));
            for row in 0..batch.rows() {
                let id = ids.value(row);
                if !windows.known.contains(id) && !windows.held_out.contains_key(id) {
                    continue;
                }
                let mut scores = Scores::default();
                for ((score, column), (_, rises)) in scores.iter_mut().zip(&values).zip(SCORES) {
                    let value = column.as_ref().map_err(|e| e.to_string())?.value(row);
                    *score = if rises { value } else { -value };
                }
                windows.scores.insert(id.to_owned(), scores);
            }
        }
        Ok(windows)
    }

    /// One score of the windows of a class that was held out, or of all such classes, and of the known windows.
    fn against(&self, class: Option<&str>, score: usize) -> (Vec<f32>, Vec<Option<bool>>, u64) {
        let is_wanted =
            |id: &String| self.held_out.get(id).map(|own| class.is_none_or(|class| own.iter().any(|other| other == class)));
        let (mut values, mut labels, mut positives) = (Vec::new(), Vec::new(), 0);
        for (id, scores) in &self.scores {
            // A window with another class that was held out counts on neither side.
            let label = match is_wanted(id) {
                Some(true) => true,
                Some(false) => continue,
                None => false,
            };
            values.push(scores[score]);
            labels.push(Some(label));
            positives += u64::from(label);
        }
        (values, labels, positives)
    }
}

/// The share of known windows above the threshold that finds 95 % of the others.
fn false_alarms(ranking: &Ranking) -> Option<f64> {
    let (positives, negatives) = (ranking.positives(), ranking.negatives());
    let wanted = (RECALL * positives as f64).ceil() as u64;
    let reached = |step: &&Step| step.true_positives >= wanted;
    let step = ranking.steps().iter().find(reached).filter(|_| positives > 0 && negatives > 0)?;
    Some(step.false_positives as f64 / negatives as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn false_alarms_are_counted_where_nearly_all_are_found() {
        let ranking = |scores: &[f64], labels: &[bool]| {
            Ranking::new(scores, &labels.iter().map(|&label| Some(label)).collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(false_alarms(&ranking(&[0.9, 0.8, 0.7, 0.1], &[true, false, true, false])), Some(0.5));
        assert_eq!(false_alarms(&ranking(&[0.9, 0.8, 0.2, 0.1], &[true, true, false, false])), Some(0.0));
        assert_eq!(false_alarms(&ranking(&[0.9], &[true])), None);
        // 19 of 20 suffice.
        let scores: Vec<f64> = (0..21).map(|i| f64::from(20 - i)).collect();
        let labels: Vec<bool> = (0..21).map(|i| i != 19).collect();
        assert_eq!(false_alarms(&ranking(&scores, &labels)), Some(0.0));
    }

    #[test]
    fn a_window_of_another_class_counts_on_neither_side() {
        let scores = ["a", "b", "c", "d"].map(|id| (id.to_owned(), [1.0; 5])).into();
        let held_out = [("a".to_owned(), vec!["X".to_owned()]), ("b".to_owned(), vec!["Y".to_owned()])].into();
        let windows = Windows { scores, held_out, known: BTreeSet::new() };
        assert_eq!(windows.against(Some("X"), 0).1, [Some(true), Some(false), Some(false)]);
        assert_eq!(windows.against(None, 0).2, 2);
    }
}
