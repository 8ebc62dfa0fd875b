//! Stage `evaluate`: how well the classifier does, and from which score on a window is to count as detected: the tables `metrics` and
//! `thresholds`, and the file `model/decisions.yaml`.
//!
//! Thresholds are chosen on validation windows only. Metrics are told for each side of the split, over all sites and for each, per
//! class and as the mean over the classes where they are defined. Windows that nobody reviewed count nowhere.

use std::collections::BTreeMap;

use chorus_engine::{Unit, UnitContext, Work, WorkError};
use chorus_tables::Batch;
use serde::Deserialize;

use crate::decisions::Decisions;
use crate::error::ScoreError;
use crate::metrics::{Ranking, macro_average};
use crate::thresholds::{Threshold, tune};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    evaluate: EvaluateParams,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct EvaluateParams {
    threshold: f64,
    min_positives: u64,
}

/// The sides on which metrics are told.
const SUBSETS: [&str; 3] = ["train", "validation", "test"];
const VALIDATION: &str = "validation";

/// The stage.
pub struct Evaluate;

impl Work for Evaluate {
    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { evaluate } = cx.params()?;
        let scored = Scored::read(cx)?;
        let (model_id, classes) = (&scored.model_id, &scored.classes);
        let validation = scored.rankings(VALIDATION, None)?;
        let thresholds = tune(&validation, evaluate.min_positives, evaluate.threshold);
        tell(cx, classes, &thresholds);
        let mut rows = Vec::new();
        for subset in SUBSETS {
            for site in [None].into_iter().chain(scored.sites(subset).map(Some)) {
                let rankings = scored.rankings(subset, site)?;
                rows.extend(metrics(&rankings, &thresholds, evaluate.threshold).into_iter().map(|row| Row {
                    subset,
                    site,
                    ..row
                }));
            }
        }
        // None sorts first, as nulls do in the table.
        rows.sort_by_key(|r| (r.subset, r.site, r.class.map(|c| &classes[c]), r.metric));
        cx.write("metrics", |batch| {
            batch
                .utf8(rows.iter().map(|_| model_id))
                .utf8(rows.iter().map(|r| r.subset))
                .utf8(rows.iter().map(|r| r.site))
                .utf8(rows.iter().map(|r| r.class.map(|class| &classes[class])))
                .utf8(rows.iter().map(|_| None::<&str>))
                .utf8(rows.iter().map(|r| r.metric))
                .f64(rows.iter().map(|r| r.value))
                .u64(rows.iter().map(|r| r.support))
                .f64(rows.iter().map(|_| None))
                .f64(rows.iter().map(|_| None))
        })?;
        cx.write("thresholds", |batch| {
            batch
                .utf8(classes.iter().map(|_| model_id))
                .utf8(classes)
                .f64(thresholds.iter().map(|t| t.threshold))
                .utf8(thresholds.iter().map(|t| t.source.as_str()))
                .f64(thresholds.iter().map(|t| t.f1))
                .u64(thresholds.iter().map(|t| t.positives))
        })?;
        let thresholds = classes.iter().cloned().zip(thresholds).collect();
        let decisions = Decisions { model_id: model_id.clone(), thresholds };
        Ok(cx.write_file("model/decisions.yaml", decisions.to_yaml().as_bytes())?)
    }
}

/// A row of `metrics`, its class by position.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row<'a> {
    subset: &'static str,
    site: Option<&'a str>,
    class: Option<usize>,
    metric: &'static str,
    value: Option<f64>,
    support: u64,
}

/// All metrics of some windows: those of each class, and their means. Subset and site are left to the caller.
fn metrics(rankings: &[Ranking], thresholds: &[Threshold], fixed: f64) -> Vec<Row<'static>> {
    let mut rows = Vec::new();
    let mut all = |metric: &'static str, of: &dyn Fn(&Ranking, &Threshold) -> Option<f64>| {
        let values: Vec<Option<f64>> =
            rankings.iter().zip(thresholds).map(|(ranking, threshold)| of(ranking, threshold)).collect();
        let mean = macro_average(values.iter().copied());
        let row = |class, value, support| Row { subset: "", site: None, class, metric, value, support };
        rows.push(row(None, mean.value, mean.classes));
        rows.extend(
            values
                .iter()
                .zip(rankings)
                .enumerate()
                .map(|(class, (&value, ranking))| row(Some(class), value, ranking.positives())),
        );
    };
    all("average_precision", &|r, _| r.average_precision());
    all("auroc", &|r, _| r.auroc());
    all("f1_fixed", &|r, _| r.confusion(fixed).f1());
    all("f1_tuned", &|r, t| r.confusion(t.threshold).f1());
    all("precision_fixed", &|r, _| r.confusion(fixed).precision());
    all("precision_tuned", &|r, t| r.confusion(t.threshold).precision());
    all("recall_fixed", &|r, _| r.confusion(fixed).recall());
    all("recall_tuned", &|r, t| r.confusion(t.threshold).recall());
    rows
}

/// Names the classes whose threshold is not their own.
fn tell(cx: &UnitContext<'_>, classes: &[String], thresholds: &[Threshold]) {
    let without: Vec<&str> =
        classes.iter().zip(thresholds).filter(|(_, t)| t.source.as_str() != "own").map(|(c, _)| c.as_str()).collect();
    if !without.is_empty() {
        let list = without.join(", ");
        cx.console().warn(&format!(
            "evaluate: without a threshold of their own, for few validation positives or scores that hardly tell them: {list}; see the table thresholds"
        ));
    }
}

/// Scores and labels of the windows of one side at one site, by class.
type Columns = Vec<(Vec<f32>, Vec<Option<bool>>)>;

/// All scores with their labels.
struct Scored {
    model_id: String,
    classes: Vec<String>,
    /// By subset, then site.
    windows: BTreeMap<(String, String), Columns>,
}

impl Scored {
    fn read(cx: &UnitContext<'_>) -> Result<Self, WorkError> {
        let mut subset_of = BTreeMap::new();
        for (_, batch) in cx.read_all("splits", &["recording_id", "subset"])? {
            subset_of
                .extend(batch.texts("recording_id")?.into_iter().flatten().zip(batch.texts("subset")?.into_iter().flatten()));
        }
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
        let classes = (0..first).map(|row| classes.value(row).to_owned()).collect();
        Ok(Self { model_id: predictions.utf8("model_id")?.value(0).to_owned(), classes, windows: BTreeMap::new() })
    }

    fn add(
        &mut self,
        unit: &Unit,
        predictions: &Batch,
        labels: &Batch,
        subset_of: &BTreeMap<String, String>,
    ) -> Result<(), WorkError> {
        let mismatch = |predictions: String, labels: String| ScoreError::Mismatch { unit: unit.to_string(), predictions, labels };
        if predictions.rows() != labels.rows() {
            return Err(mismatch(format!("{} rows", predictions.rows()), format!("{} rows", labels.rows())).into());
        }
        let (ids, classes, scores) = (predictions.utf8("segment_id")?, predictions.utf8("class")?, predictions.f32("score")?);
        let recordings = predictions.utf8("recording_id")?;
        let (label_ids, label_classes, values) = (labels.utf8("segment_id")?, labels.utf8("class")?, labels.i32("value")?);
        let width = self.classes.len();
        let mut target: Option<(&str, &mut Columns)> = None;
        for (row, value) in values.iter().enumerate() {
            let class = row % width;
            let key = (ids.value(row), classes.value(row));
            if key != (label_ids.value(row), label_classes.value(row)) || key.1 != self.classes[class] {
                let labels = format!("{} {}", label_ids.value(row), label_classes.value(row));
                return Err(mismatch(format!("{} {} in row {row}", key.0, key.1), labels).into());
            }
            let recording = recordings.value(row);
            if target.as_ref().is_none_or(|(last, _)| *last != recording) {
                let subset = subset_of.get(recording).map_or("unused", String::as_str);
                let empty = || vec![(Vec::new(), Vec::new()); width];
                target = Some((recording, self.windows.entry((subset.to_owned(), unit.site().to_owned())).or_insert_with(empty)));
            }
            if let Some((_, columns)) = &mut target {
                columns[class].0.push(scores.value(row));
                columns[class].1.push(value.map(|v| v == 1));
            }
        }
        Ok(())
    }

    fn sites(&self, subset: &str) -> impl Iterator<Item = &str> {
        self.windows.keys().filter(move |(s, _)| s == subset).map(|(_, site)| site.as_str())
    }

    /// The ranking of each class over the windows of a side, at all sites or at one.
    fn rankings(&self, subset: &str, site: Option<&str>) -> Result<Vec<Ranking>, ScoreError> {
        let own = || {
            self.windows
                .iter()
                .filter(|((s, at), _)| s == subset && site.is_none_or(|site| site == at))
                .map(|(_, columns)| columns)
        };
        let ranking = |class: usize| {
            let scores: Vec<f32> = own().flat_map(|columns| columns[class].0.iter().copied()).collect();
            let labels: Vec<Option<bool>> = own().flat_map(|columns| columns[class].1.iter().copied()).collect();
            Ranking::new(&scores, &labels)
        };
        (0..self.classes.len()).map(ranking).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_metrics_are_null_and_stay_out_of_the_mean() {
        let ranking =
            |labels: &[bool]| Ranking::new(&[0.9_f32, 0.2], &labels.iter().map(|&l| Some(l)).collect::<Vec<_>>()).unwrap();
        let rankings = [ranking(&[true, false]), ranking(&[false, false])];
        let rows = metrics(&rankings, &tune(&rankings, 1, 0.5), 0.5);
        let find = |class, metric| *rows.iter().find(|r| r.class == class && r.metric == metric).unwrap();
        assert_eq!((find(Some(0), "f1_fixed").value, find(Some(0), "f1_fixed").support), (Some(1.0), 1));
        assert_eq!((find(Some(1), "f1_fixed").value, find(Some(1), "auroc").value), (None, None));
        assert_eq!((find(None, "average_precision").value, find(None, "average_precision").support), (Some(1.0), 1));
        assert_eq!(rows.len(), 8 * 3);
    }
}
