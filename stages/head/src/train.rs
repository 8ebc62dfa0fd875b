//! Stage `train` for heads that are fitted at once: from embeddings and labels to `model/weights.safetensors`, `model/model.yaml` and
//! the table `head_trials`.

use chorus_engine::{Scan, ScanContext, UnitContext, Work, WorkError};

use crate::folds::{Trial, best, trials};
use crate::material::{Made, Material};
use crate::methods::{Fitting, find};

/// The stage.
pub struct Train;

impl Work for Train {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let material = Material::read(cx)?;
        let settings = &material.settings;
        let method = find(&settings.method)?;
        let fit = method.fit().ok_or_else(|| format!("head.method {} is not fitted at once", method.name()))?;
        let fitting = Fitting {
            options: &settings.methods,
            class_weight: settings.class_weight,
            unlabelled_weight: settings.unlabelled_weight,
            seed: settings.seed,
        };
        let trials = trials(fit, &fitting, &material.train, settings.folds)?;
        let chosen =
            best(&trials).ok_or_else(|| format!("head.method {}: no setting to try; give at least one", method.name()))?;
        let head = fit.heads(&fitting, &material.train, &[chosen])?.into_iter().next().ok_or("the method gave no head")?;
        let tried = trials.iter().find(|trial| trial.setting == chosen).and_then(|trial| trial.mean_ap);
        let figure = |value: Option<f64>| value.map_or_else(|| "not known".to_owned(), |value| format!("{value:.3}"));
        cx.console().say(&format!(
            "{:17} {} with setting {chosen}: mean average precision {} in the inner folds, {} in validation",
            "train",
            method.name(),
            figure(tried),
            figure(material.validated(&*head))
        ));
        let made = Made {
            options: [("setting".into(), chosen.into())].into_iter().collect(),
            epochs: 1,
            kept_epoch: 1,
            mixing: "none".into(),
            seed: settings.seed,
            libtorch: "none".into(),
        };
        material.write_model(cx, &*head, made)?;
        write_trials(cx, &trials, chosen)
    }
}

fn write_trials(cx: &UnitContext<'_>, trials: &[Trial], chosen: f64) -> Result<(), WorkError> {
    cx.write("head_trials", |batch| {
        batch
            .column("trial", 1..=trials.len() as u64)
            .column("setting", trials.iter().map(|trial| trial.setting))
            .column("mean_ap", trials.iter().map(|trial| trial.mean_ap))
            .column("classes", trials.iter().map(|trial| trial.classes))
            .column("chosen", trials.iter().map(|trial| trial.setting == chosen))
    })?;
    Ok(())
}
