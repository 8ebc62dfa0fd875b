//! What the stage train of a head reads and writes, however the head is fitted.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_card::{Card, Names, Training, Versions};
use chorus_embed::given::Given;
use chorus_engine::graph::{BACKBONE, CONTRACT};
use chorus_engine::{HEAD_KEYS, UnitContext, WorkError, hash_bytes};
use serde_yaml::Mapping;

use crate::examples::{self, Examples};
use crate::folds::{all_logits, mean_ap};
use crate::methods::Head;
use crate::settings::HeadSettings;
use crate::weights;

/// What a head learns from.
pub struct Material {
    /// The section `head`.
    pub settings: Arc<HeadSettings>,
    /// The classes.
    pub classes: Vec<String>,
    /// Their names in full, as on a card.
    names: BTreeMap<String, Names>,
    /// The windows of the subset train, with the negatives that were drawn.
    pub train: Examples,
    /// Those of the subset validation.
    pub validation: Examples,
    /// How many windows the subset train has.
    windows: usize,
}

/// How a head was made, for its card.
pub struct Made {
    /// Options of the method, beside those of the configuration.
    pub options: Mapping,
    /// Epochs that were trained.
    pub epochs: u64,
    /// The epoch whose weights were kept.
    pub kept_epoch: u64,
    /// How examples were mixed.
    pub mixing: String,
    /// Seed of what was drawn.
    pub seed: u64,
    /// The version of libtorch, or none.
    pub libtorch: String,
}

impl Material {
    /// Reads it, says what there is, and draws negatives where there are many.
    ///
    /// # Errors
    /// Nothing to learn from; tables that do not fit each other.
    pub fn read(cx: &UnitContext<'_>) -> Result<Self, WorkError> {
        let settings = cx.settings::<HeadSettings>()?;
        let (classes, names) = chorus_score::classes::read(cx)?;
        let with_unlabelled = settings.unlabelled_weight > 0.0;
        let [train, validation] = examples::read(cx, examples::Given::of(cx), classes.len(), with_unlabelled)?;
        train.check()?;
        tell(cx, &classes, &train, validation.len());
        let windows = train.len();
        let train = train.with_negatives(settings.max_negatives, settings.seed);
        Ok(Self { settings, classes, names, train, validation, windows })
    }

    /// Mean average precision of a head on validation.
    pub fn validated(&self, head: &dyn Head) -> Option<f64> {
        let validation = &self.validation;
        (!validation.is_empty()).then(|| mean_ap(validation, &all_logits(head, validation)).value).flatten()
    }

    /// Writes the head's weights and its card.
    ///
    /// # Errors
    /// Those of reading the contract and of writing.
    pub fn write_model(&self, cx: &UnitContext<'_>, head: &dyn Head, made: Made) -> Result<(), WorkError> {
        let bytes = weights::to_bytes(&head.tensors())?;
        let file = |key| cx.file(key).map(|path| path.unwrap_or_default());
        let given = Given::read(&file(BACKBONE)?, &file(CONTRACT)?)?;
        let card = Card {
            model_id: hash_bytes(&bytes)[..16].to_owned(),
            architecture: self.settings.method.clone(),
            width: None,
            options: made.options,
            channels: 1,
            embedding: i64::try_from(self.train.width)?,
            classes: self.classes.clone(),
            names: self.names.clone(),
            settings: cx.values(&HEAD_KEYS)?.nested(HEAD_KEYS),
            normalisation: "none".into(),
            training: Training {
                windows: self.windows as u64,
                validation_windows: self.validation.len() as u64,
                epochs: made.epochs,
                kept_epoch: made.kept_epoch,
                mixing: made.mixing,
                seed: made.seed,
                data: cx.inputs().clone(),
                fingerprint: cx.digest().to_owned(),
            },
            versions: Versions { chorus: env!("CARGO_PKG_VERSION").to_owned(), libtorch: made.libtorch },
            license: cx.value("model.license")?,
            backbone: Some(given.on_card()),
            distilled_from: None,
            enrolled: Vec::new(),
        };
        cx.write_file("model/weights.safetensors", &bytes)?;
        cx.write_file("model/model.yaml", card.to_yaml().as_bytes())?;
        Ok(())
    }
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
