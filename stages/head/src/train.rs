//! Stage `train` for heads: from embeddings and labels to `model/weights.safetensors`, `model/model.yaml` and the table `head_trials`.

use chorus_card::{Card, Training, Versions};
use chorus_embed::given::Given;
use chorus_engine::graph::{BACKBONE, CONTRACT};
use chorus_engine::{HEAD_KEYS, Scan, ScanContext, UnitContext, Work, WorkError, hash_bytes};

use crate::examples::{Examples, read};
use crate::folds::{Trial, all_logits, best, mean_ap, trials};
use crate::methods::{Fitting, find};
use crate::settings::HeadSettings;
use crate::weights;

/// The stage.
pub struct Train;

impl Work for Train {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let settings = cx.settings::<HeadSettings>()?;
        let method = find(&settings.method)?;
        let (classes, names) = chorus_score::classes::read(cx)?;
        let [train, validation] = read(cx, classes.len(), settings.unlabelled_weight > 0.0)?;
        let (windows, validation_windows) = (train.len(), validation.len());
        train.check()?;
        tell(cx, &classes, &train, validation_windows);
        let train = train.with_negatives(settings.max_negatives, settings.seed);
        let fitting = Fitting {
            options: &settings.methods,
            class_weight: settings.class_weight,
            unlabelled_weight: settings.unlabelled_weight,
            seed: settings.seed,
        };
        let trials = trials(method, &fitting, &train, settings.folds)?;
        let chosen =
            best(&trials).ok_or_else(|| format!("head.method {}: no setting to try; give at least one", method.name()))?;
        let head = method.fit(&fitting, &train, &[chosen])?.into_iter().next().ok_or("the method gave no head")?;
        let figure = |value: Option<f64>| value.map_or_else(|| "not known".to_owned(), |value| format!("{value:.3}"));
        let validated = (!validation.is_empty()).then(|| mean_ap(&validation, &all_logits(&*head, &validation)).value).flatten();
        let tried = trials.iter().find(|trial| trial.setting == chosen).and_then(|trial| trial.mean_ap);
        cx.console().say(&format!(
            "{:17} {} with setting {chosen}: mean average precision {} in the inner folds, {} in validation",
            "train",
            method.name(),
            figure(tried),
            figure(validated)
        ));
        let bytes = weights::to_bytes(&head.tensors())?;
        let file = |key| cx.file(key).map(|path| path.unwrap_or_default());
        let given = Given::read(&file(BACKBONE)?, &file(CONTRACT)?)?;
        let card = Card {
            model_id: hash_bytes(&bytes)[..16].to_owned(),
            architecture: method.name().to_owned(),
            width: None,
            options: [("setting".into(), chosen.into())].into_iter().collect(),
            channels: 1,
            embedding: i64::try_from(train.width)?,
            classes,
            names,
            settings: cx.values(&HEAD_KEYS)?.nested(HEAD_KEYS),
            normalisation: "none".into(),
            training: Training {
                windows: windows as u64,
                validation_windows: validation_windows as u64,
                epochs: 1,
                kept_epoch: 1,
                mixing: "none".into(),
                seed: settings.seed,
                data: cx.inputs().clone(),
                fingerprint: cx.digest().to_owned(),
            },
            versions: Versions { chorus: env!("CARGO_PKG_VERSION").to_owned(), libtorch: "none".into() },
            license: cx.value("model.license")?,
            backbone: Some(given.on_card()),
            distilled_from: None,
        };
        cx.write_file("model/weights.safetensors", &bytes)?;
        cx.write_file("model/model.yaml", card.to_yaml().as_bytes())?;
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

/// Says what there is to learn from.
fn tell(cx: &UnitContext<'_>, classes: &[String], train: &Examples, validation: usize) {
    let positives = train.positives();
    let counts: Vec<String> = classes.iter().zip(&positives).map(|(class, n)| format!("{class} {n}")).collect();
    let n = train.len();
    cx.console().say(&format!(
        "{:17} {n} training and {validation} validation windows; positives: {}",
        "train",
        counts.join(", ")
    ));
    let absent: Vec<&str> = classes.iter().zip(&positives).filter(|(_, n)| **n == 0).map(|(class, _)| class.as_str()).collect();
    if !absent.is_empty() {
        cx.console().warn(&format!("train: no positive window to learn from: {}", absent.join(", ")));
    }
}
