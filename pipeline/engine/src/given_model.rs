//! A model that comes from another run, looked at before anything is made: is it whole, and does it take the features that this
//! configuration makes?

use std::path::Path;

use serde_yaml::Value;

use crate::graph::{DECISIONS, ENSEMBLE, MODEL_CARD, WEIGHTS};
use crate::{Config, EngineError, hash_bytes};

/// Keys that a model's card records under `settings`: with other values its scores mean nothing.
pub const MODEL_KEYS: [&str; 2] = ["featurize.*", "segment.window_s"];

/// Refuses the model of `model.path` where it cannot be used.
///
/// # Errors
/// [`EngineError::Model`] with every setting that differs.
pub(crate) fn check(config: &Config, folder: &Path) -> Result<(), EngineError> {
    let refuse =
        |path: &Path, found: String, next: &str| Err(EngineError::Model { path: path.to_owned(), found, next: next.to_owned() });
    let other = "name the folder of a trained model in model.path, such as runs/NAME/model";
    if !folder.join(WEIGHTS).exists() {
        return refuse(folder, format!("there is no {WEIGHTS} in this folder"), other);
    }
    let card = folder.join(MODEL_CARD);
    let parsed = std::fs::read_to_string(&card).map_err(|e| e.to_string());
    let value: Value = match parsed.and_then(|text| serde_yaml::from_str(&text).map_err(|e| e.to_string())) {
        Ok(value) => value,
        Err(found) => return refuse(&card, format!("not the card of a model: {found}"), other),
    };
    let differing: Vec<String> =
        config.expand(&MODEL_KEYS).into_iter().filter_map(|key| difference(config, &key, &value)).collect();
    if !differing.is_empty() {
        let found = format!("the model was made with other settings: {}", differing.join("; "));
        return refuse(&card, found, "set these keys to the model's values, or name another model in model.path");
    }
    if config.get("detect.threshold").is_null() && !folder.join(DECISIONS).exists() {
        let found = format!("there is no {DECISIONS} in this folder, so no threshold is known");
        return refuse(
            folder,
            found,
            "run evaluate in the model's own run, or set detect.threshold to one threshold for all classes",
        );
    }
    let decisions = folder.join(DECISIONS);
    if config.get("detect.threshold").is_null() {
        let text = std::fs::read_to_string(&decisions).unwrap_or_default();
        let made_for = serde_yaml::from_str::<Value>(&text).unwrap_or_default()["model_id"].clone();
        let mut ids = vec![value["model_id"].as_str().unwrap_or_default().to_owned()];
        ids.extend(ensemble_ids(config)?);
        if made_for.as_str() != Some(mean_id(ids).as_str()) {
            let found = "these thresholds were made for other weights, or for another ensemble".to_owned();
            return refuse(
                &decisions,
                found,
                "copy the model's folder as a whole, or set detect.threshold to one threshold for all classes",
            );
        }
    }
    Ok(())
}

/// The models that `model.ensemble` names, by the ids on their cards.
fn ensemble_ids(config: &Config) -> Result<Vec<String>, EngineError> {
    let id = |folder: std::path::PathBuf| {
        let card = folder.join(MODEL_CARD);
        let text = std::fs::read_to_string(&card).map_err(|e| e.to_string());
        let value = text.and_then(|text| serde_yaml::from_str::<Value>(&text).map_err(|e| e.to_string()));
        let id = value.map(|value| value["model_id"].as_str().map(str::to_owned));
        id.ok().flatten().ok_or_else(|| EngineError::Model {
            path: card,
            found: "not the card of a model".into(),
            next: "name folders of trained models in model.ensemble, such as runs/NAME/model".into(),
        })
    };
    config.paths(ENSEMBLE).into_iter().map(id).collect()
}

/// The id of one model, or that of the mean of several, which does not depend on their order.
pub fn mean_id(mut ids: Vec<String>) -> String {
    ids.sort_unstable();
    match ids.as_slice() {
        [id] => id.clone(),
        _ => hash_bytes(ids.join(" ").as_bytes())[..16].to_owned(),
    }
}

/// In what a key differs from the card's, in words.
fn difference(config: &Config, key: &str, card: &Value) -> Option<String> {
    let (section, name) = key.split_once('.')?;
    let (here, there) = (config.get(key), &card["settings"][section][name]);
    let equal = match (here.as_f64(), there.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => here == there,
    };
    let text = |value: &Value| serde_yaml::to_string(value).unwrap_or_default().trim().to_owned();
    (!equal).then(|| format!("{key} is {} here and {} in the model", text(here), text(there)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(card: &str, sets: &[&str], decisions: bool) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(WEIGHTS), "").unwrap();
        std::fs::write(dir.path().join(MODEL_CARD), card).unwrap();
        if decisions {
            std::fs::write(dir.path().join(DECISIONS), "model_id: '0'").unwrap();
        }
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).chain(["model.path=m".to_owned()]).collect();
        check(&Config::from_text("", "c", "c", &sets, crate::test_keys::keys()).unwrap(), dir.path()).map_err(|e| e.to_string())
    }

    fn card() -> String {
        let config = Config::from_text("", "c", "c", &["model.path=m".to_owned()], crate::test_keys::keys()).unwrap();
        let keys = config.expand(&MODEL_KEYS);
        let settings = Value::Mapping(config.values().nested(keys.iter().map(String::as_str)));
        serde_yaml::to_string(&serde_yaml::Mapping::from_iter([("settings".into(), settings)])).unwrap()
    }

    #[test]
    fn every_setting_that_differs_is_named() {
        let card_of = |id: &str| format!("{}model_id: '{id}'\n", card());
        let card = || card_of("0");
        assert_eq!(checked(&card(), &[], true), Ok(()));
        let error = checked(&card(), &["featurize.n_mels=64", "segment.window_s=5"], true).unwrap_err();
        assert!(error.contains("featurize.n_mels is 64 here and 128 in the model"), "{error}");
        assert!(error.contains("segment.window_s is 5 here and 3 in the model"), "{error}");
    }

    #[test]
    fn the_mean_of_several_has_an_id_of_its_own_whatever_their_order() {
        let id = |ids: &[&str]| mean_id(ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(id(&["a"]), "a");
        assert_eq!(id(&["a", "b"]), id(&["b", "a"]));
        assert_ne!(id(&["a", "b"]), id(&["a", "c"]));
    }

    #[test]
    fn thresholds_of_other_models_are_refused() {
        let error = checked(&(card() + "model_id: '1'\n"), &[], true).unwrap_err();
        assert!(error.contains("made for other weights"), "{error}");
        let error = checked(&(card() + "model_id: '0'\n"), &["model.ensemble=[nowhere]"], true).unwrap_err();
        assert!(error.contains("nowhere/model.yaml: not the card of a model"), "{error}");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(checked("]", &[], true).unwrap_err().contains("not the card of a model"));
        assert!(checked(&card(), &[], false).unwrap_err().contains("detect.threshold"));
        assert_eq!(checked(&card(), &["detect.threshold=0.5"], false), Ok(()));
        let empty = tempfile::tempdir().unwrap();
        let config = Config::from_text("", "c", "c", &["model.path=m".to_owned()], crate::test_keys::keys()).unwrap();
        assert!(check(&config, empty.path()).unwrap_err().to_string().contains(WEIGHTS));
    }
}
