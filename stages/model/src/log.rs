//! What is told of a training that learns labels: its figures on validation, and what it did by epoch.

use chorus_engine::{UnitContext, WorkError};
use chorus_score::metrics::{Ranking, macro_average};
use tch::{Kind, Tensor};

use crate::dataset::Dataset;
use crate::lesson::{LOSS, LogRow, MACRO_F1, MEAN_AP};
use crate::loss::cross_entropy;
use crate::target::Target;
use crate::{Error, Result};

/// Writes what is told of a training by epoch: `model/curves.csv` and the tables `training_log` and `training_mixing`.
pub(crate) fn write_log(cx: &UnitContext<'_>, history: &[LogRow], kept: usize) -> std::result::Result<(), WorkError> {
    cx.write_file("model/curves.csv", &curves(history)?)?;
    let value = |name: &'static str| history.iter().map(move |row| row.validation.get(name).map(|figure| figure.0));
    cx.write("training_log", |batch| {
        batch
            .column("epoch", history.iter().map(|row| row.epoch))
            .column("step", history.iter().map(|row| row.step))
            .column("learning_rate", history.iter().map(|row| row.learning_rate.0))
            .column("train_loss", history.iter().map(|row| row.loss.0))
            .column("validation_loss", value(LOSS))
            .column("validation_macro_f1", value(MACRO_F1))
            .column("validation_mean_ap", value(MEAN_AP))
            .column("best", history.iter().map(|row| row.epoch == kept))
    })?;
    let mixing = || history.iter().flat_map(|row| row.mixing.iter().map(|(method, &steps)| (row.epoch, method, steps)));
    cx.write("training_mixing", |batch| {
        batch
            .column("epoch", mixing().map(|(epoch, _, _)| epoch))
            .column("method", mixing().map(|(_, method, _)| method))
            .column("steps", mixing().map(|(_, _, steps)| steps))
    })?;
    Ok(())
}

/// The log as CSV, which goes with the model wherever it is copied.
fn curves(history: &[LogRow]) -> std::result::Result<Vec<u8>, WorkError> {
    let validation = [LOSS, MACRO_F1, MEAN_AP];
    let mut table = csv::Writer::from_writer(Vec::new());
    let columns = ["epoch", "step", "learning_rate", "train_loss"].map(str::to_owned);
    table.write_record(columns.into_iter().chain(validation.map(|name| format!("validation_{name}"))))?;
    for row in history {
        let figures = [row.epoch.to_string(), row.step.to_string(), row.learning_rate.0.to_string(), row.loss.0.to_string()];
        let value = |name: &str| row.validation.get(name).map_or_else(String::new, |figure| figure.0.to_string());
        table.write_record(figures.into_iter().chain(validation.map(value)))?;
    }
    Ok(table.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

/// The score of macro-F1 while training; thresholds are tuned afterwards.
const F1_THRESHOLD: f64 = 0.5;

/// What a validation found of logits `[row, class]`; figures that are not defined are left out.
pub(crate) fn figures(validation: &dyn Dataset, classes: usize, logits: &Tensor) -> Result<Vec<(String, f64)>> {
    let rows: Vec<usize> = (0..validation.len()).collect();
    let (labels, known) = validation.labels(&rows)?;
    let logits = logits.f_to_kind(Kind::Float)?;
    let values = |tensor: &Tensor| -> Result<Vec<f32>> { Ok(Vec::try_from(tensor.f_contiguous()?.f_view(-1)?)?) };
    let (scores, positive, reviewed) = (values(&logits.f_sigmoid()?)?, values(&labels)?, values(&known)?);
    let loss = cross_entropy(&logits, &[Target { labels, weights: known }])?.f_double_value(&[])?;
    let mut rankings = Vec::new();
    for class in 0..classes {
        let own: Vec<f32> = scores.iter().skip(class).step_by(classes).copied().collect();
        let pairs = positive.iter().zip(&reviewed).skip(class).step_by(classes);
        let labels: Vec<Option<bool>> = pairs.map(|(&label, &known)| (known > 0.5).then_some(label > 0.5)).collect();
        rankings.push(Ranking::new(&own, &labels).map_err(|e| Error::Caller(e.into()))?);
    }
    let f1 = macro_average(rankings.iter().map(|r| r.confusion(F1_THRESHOLD).f1())).value;
    let ap = macro_average(rankings.iter().map(Ranking::average_precision)).value;
    let figures = [(LOSS, Some(loss)), (MACRO_F1, f1), (MEAN_AP, ap)];
    Ok(figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}
