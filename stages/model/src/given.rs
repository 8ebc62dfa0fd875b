//! The models that a configuration names, checked before anything is made: whether this version can build their networks, and whether
//! the weights are those of the card. The engine, which knows no networks, checks everything else about them.

use std::path::{Path, PathBuf};

use chorus_card::{Card, CardError, MODEL_CARD, WEIGHTS};
use chorus_engine::graph::ENSEMBLE;
use chorus_engine::{Config, EngineError, hash_bytes};
use safetensors::SafeTensors;

use crate::network::{HEAD, of_card};

/// Refuses models of `model.path` and `model.ensemble` that predict could not apply.
///
/// # Errors
/// Those of [`card`].
pub fn check(config: &Config) -> Result<(), EngineError> {
    let first = config.text("model.path").map(PathBuf::from);
    first.into_iter().chain(config.paths(ENSEMBLE)).try_for_each(|folder| card(&folder).map(drop))
}

/// The card of the model in `folder`, when predict can apply the model.
///
/// # Errors
/// [`EngineError::Card`] for a file that is not a card, a network that this version cannot build, and a card with other classes or
/// other embeddings than the weights; [`EngineError::Model`] for other weights than those of the card.
pub fn card(folder: &Path) -> Result<Card, EngineError> {
    let (path, weights_path) = (folder.join(MODEL_CARD), folder.join(WEIGHTS));
    let card = Card::read(&path)?;
    let network = of_card(&card, &path)?;
    let bytes = weights(&card, &weights_path)?;
    let (_, tensors) = SafeTensors::read_metadata(&bytes).map_err(|e| EngineError::Model {
        path: weights_path,
        found: format!("not a readable safetensors file: {e}"),
        next: WHOLE_FOLDER.to_owned(),
    })?;
    let name = format!("{HEAD}weight");
    let shape = tensors.info(&name).map(|tensor| tensor.shape.iter().map(|&n| n as i64).collect::<Vec<_>>());
    let expected = vec![network.classes, card.embedding];
    if shape.as_ref() == Some(&expected) {
        return Ok(card);
    }
    let found = shape.map_or_else(|| "has no such tensor".to_owned(), |shape| format!("has shape {shape:?}"));
    let found = format!("with these classes and this embedding, {name} has shape {expected:?}, but that of {WEIGHTS} {found}");
    Err(CardError::Network { path, found, chorus: card.versions.chorus }.into())
}

const WHOLE_FOLDER: &str = "copy the model's folder as a whole";

/// The bytes of the file of weights at `path`.
///
/// # Errors
/// [`EngineError::Io`]; [`EngineError::Model`] when they are not the weights that the card describes.
pub(crate) fn weights(card: &Card, path: &Path) -> Result<Vec<u8>, EngineError> {
    let bytes = std::fs::read(path).map_err(EngineError::io(path, "cannot be read"))?;
    if hash_bytes(&bytes)[..16] == card.model_id {
        return Ok(bytes);
    }
    let found = format!("these are not the weights that {MODEL_CARD} describes (model_id {})", card.model_id);
    Err(EngineError::Model { path: path.to_owned(), found, next: WHOLE_FOLDER.to_owned() })
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::{Dtype, TensorView};

    use super::*;

    /// A model for two classes whose file of weights holds this tensor, and whose card is changed.
    fn checked(name: &str, shape: [usize; 2], change: impl FnOnce(&mut Card)) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let zeros = vec![0; 4 * shape[0] * shape[1]];
        let tensor = TensorView::new(Dtype::F32, shape.to_vec(), &zeros).unwrap();
        let bytes = safetensors::serialize([(name, tensor)], None).unwrap();
        std::fs::write(folder.path().join(WEIGHTS), &bytes).unwrap();
        let mut card = chorus_card::testing::card(serde_yaml::Mapping::new());
        card.model_id = hash_bytes(&bytes)[..16].to_owned();
        change(&mut card);
        std::fs::write(folder.path().join(MODEL_CARD), card.to_yaml()).unwrap();
        super::card(folder.path()).map(drop).map_err(|e| e.to_string())
    }

    #[test]
    fn a_card_that_does_not_fit_its_weights_is_refused() {
        assert_eq!(checked("head.weight", [2, 288], |_| ()), Ok(()));
        let classes = checked("head.weight", [2, 288], |card| card.classes.push("OWL".into())).unwrap_err();
        assert!(classes.contains("shape [3, 288], but that of weights.safetensors has shape [2, 288]"), "{classes}");
        assert!(checked("fc.weight", [2, 288], |_| ()).unwrap_err().contains("has no such tensor"));
        let other = checked("head.weight", [2, 288], |card| card.model_id = "0".into()).unwrap_err();
        assert!(other.contains("not the weights that model.yaml describes (model_id 0); copy the model's folder"), "{other}");
        let network = checked("head.weight", [2, 288], |card| card.architecture = "tiny".into()).unwrap_err();
        assert!(network.contains("architecture: found `tiny`"), "{network}");
    }
}
