//! Heads that other runs trained, checked before anything is made.

use std::path::{Path, PathBuf};

use chorus_card::{Card, CardError, GivenBackbone, MODEL_CARD, WEIGHTS};
use chorus_embed::given::Given;
use chorus_engine::graph::{BACKBONE, ENSEMBLE};
use chorus_engine::{Config, EngineError, hash_bytes};

use crate::methods::{Head, find};
use crate::weights;

/// A head with its card.
pub(crate) struct GivenHead {
    pub card: Card,
    pub head: Box<dyn Head>,
}

/// Reads a head from the card and the weights of a model.
///
/// # Errors
/// [`EngineError::Card`] for a file that is no card, or the card of a network; [`EngineError::Model`] for other weights.
pub(crate) fn read(card_path: &Path, weights_path: &Path) -> Result<GivenHead, EngineError> {
    let card = Card::read(card_path)?;
    backbone(&card, card_path)?;
    let refuse = |found: String| EngineError::Model {
        path: weights_path.to_owned(),
        found,
        next: "copy the model's folder as a whole".into(),
    };
    let bytes = std::fs::read(weights_path).map_err(EngineError::io(weights_path, "cannot be read"))?;
    if hash_bytes(&bytes)[..16] != card.model_id {
        return Err(refuse(format!("these are not the weights that {MODEL_CARD} describes (model_id {})", card.model_id)));
    }
    let unknown = |e: crate::HeadError| CardError::Network {
        path: card_path.to_owned(),
        found: e.to_string(),
        chorus: card.versions.chorus.clone(),
    };
    let method = find(&card.architecture).map_err(unknown)?;
    let width = usize::try_from(card.embedding).unwrap_or(0);
    let tensors = weights::open(&bytes).map_err(|e| refuse(e.to_string()))?;
    let head = method.read(&tensors, card.classes.len(), width).map_err(|e| refuse(e.to_string()))?;
    Ok(GivenHead { card, head })
}

/// The weights of a head whose logits are W x + b.
#[derive(Debug, Clone)]
pub struct LinearHead {
    /// `W` `[class, value]`
    pub weight: Vec<f32>,
    /// `b` `[class]`
    pub bias: Vec<f32>,
}

/// The card of the head in `folder`, and its weights; `None` in place of these for a head whose logits are not W x + b.
///
/// # Errors
/// [`EngineError::Card`], [`EngineError::Model`].
pub fn linear(folder: &Path) -> Result<(Card, Option<LinearHead>), EngineError> {
    let GivenHead { card, head } = read(&folder.join(MODEL_CARD), &folder.join(WEIGHTS))?;
    let linear = head.linear().map(|(weight, bias)| LinearHead { weight: weight.to_vec(), bias: bias.to_vec() });
    Ok((card, linear))
}

/// The backbone of a head.
fn backbone<'a>(card: &'a Card, path: &Path) -> Result<&'a GivenBackbone, EngineError> {
    card.backbone.as_ref().ok_or_else(|| EngineError::Model {
        path: path.to_owned(),
        found: "this is the card of a network, and this run learns from embeddings".into(),
        next: "name the folder of a head, or set train.on to features".into(),
    })
}

/// Refuses heads of `model.path` and `model.ensemble` that cannot be applied, and a backbone that is not theirs.
///
/// # Errors
/// [`EngineError::Card`], [`EngineError::Model`].
pub fn check(config: &Config) -> Result<(), EngineError> {
    let first = config.text("model.path").map(PathBuf::from);
    for folder in first.into_iter().chain(config.paths(ENSEMBLE)) {
        let path = folder.join(MODEL_CARD);
        let GivenHead { card, .. } = read(&path, &folder.join(WEIGHTS))?;
        let theirs = backbone(&card, &path)?;
        let refuse = |found: String, next: String| Err(EngineError::Model { path: path.clone(), found, next });
        let named = || format!("{} ({})", theirs.name, theirs.id);
        let given = Given::of(config).map_err(|e| EngineError::Model {
            path: config.text(BACKBONE).map(PathBuf::from).unwrap_or_default(),
            found: e.to_string(),
            next: "see docs/backbones.md".into(),
        })?;
        match given {
            None => {
                let next = format!("name the file of that backbone in {BACKBONE}");
                return refuse(format!("this model is a head on the embeddings of {}", named()), next);
            }
            Some(given) if given.id != theirs.id => {
                let found = format!(
                    "this model is a head on the embeddings of {}, but {BACKBONE} is {} ({})",
                    named(),
                    given.contract.name,
                    given.id
                );
                return refuse(found, "name the file and the contract of that backbone".into());
            }
            Some(_) => {}
        }
    }
    Ok(())
}
