//! The models that a configuration names, checked before anything is made: is the folder of `model.path` complete, and do it and the
//! models of `model.ensemble` fit this configuration?

use std::path::Path;

use chorus_card::{Card, Decisions};
use serde_yaml::Value;

use crate::config::{self, ConfigError, at_training, same_setting};
use crate::graph::{DECISIONS, ENSEMBLE, MODEL_CARD, WEIGHTS};
use crate::{Config, EngineError, hash_bytes};

/// Refuses the model in `folder` when this configuration cannot use it.
///
/// # Errors
/// [`EngineError::Config`] with every setting that contradicts the model's card; [`EngineError::Model`], [`EngineError::Card`].
pub(crate) fn check(config: &Config, folder: &Path) -> Result<(), EngineError> {
    let refuse =
        |path: &Path, found: String, next: &str| Err(EngineError::Model { path: path.to_owned(), found, next: next.to_owned() });
    if !folder.join(WEIGHTS).exists() {
        let next = "name the folder of a trained model in model.path, such as runs/NAME/model";
        return refuse(folder, format!("there is no {WEIGHTS} in this folder"), next);
    }
    let path = folder.join(MODEL_CARD);
    let card = Card::read(&path)?;
    let problems = config::contradictions(config, &card, &path);
    if !problems.is_empty() {
        return Err(ConfigError::Invalid { problems }.into());
    }
    if let Some(found) = config::unknown_setting(&card, config.known()) {
        let next = format!("use the version of chorus that trained the model ({}), or name another model", card.versions.chorus);
        return refuse(&path, found, &next);
    }
    let mut ids = vec![card.model_id.clone()];
    for folder in config.paths(ENSEMBLE) {
        let path = folder.join(MODEL_CARD);
        let other = Card::read(&path)?;
        check_ensemble(config, &card, &other, &path)?;
        ids.push(other.model_id);
    }
    check_decisions(config, &folder.join(DECISIONS), ids)
}

/// Refuses a run without thresholds, and thresholds that were chosen for the scores of other models. `ids` are the models' ids.
fn check_decisions(config: &Config, path: &Path, ids: Vec<String>) -> Result<(), EngineError> {
    if !config.get("detect.threshold").is_null() {
        return Ok(());
    }
    let refuse = |found: &str, next: &str| {
        Err(EngineError::Model { path: path.to_owned(), found: found.to_owned(), next: next.to_owned() })
    };
    if !path.exists() {
        return refuse(
            "there is no such file, so the thresholds are not known",
            "run evaluate in the model's own run, or set detect.threshold to one threshold for all classes",
        );
    }
    if Decisions::read(path)?.model_id != mean_id(ids) {
        return refuse(
            "these thresholds were chosen for other weights, or for another ensemble",
            "copy the model's folder as a whole, or set detect.threshold to one threshold for all classes",
        );
    }
    Ok(())
}

/// Refuses another model whose scores cannot be averaged with the first one's. `path` is the other card's.
///
/// # Errors
/// [`EngineError::Card`] for other classes or another input, [`EngineError::Model`] for other feature settings.
pub(crate) fn check_ensemble(config: &Config, first: &Card, other: &Card, path: &Path) -> Result<(), EngineError> {
    first.check_ensemble(other, path)?;
    check_settings(config, other, path, "the first model of the ensemble", |name| at_training(first, name, config.known()))
}

/// Refuses models of `model.ensemble` that were trained with other settings than this configuration has: those are the settings of
/// the first model of the ensemble, which the run itself trains.
///
/// # Errors
/// [`EngineError::Card`] for a folder without a card, [`EngineError::Model`] for other feature settings.
pub(crate) fn check_others(config: &Config) -> Result<(), EngineError> {
    for folder in config.paths(ENSEMBLE) {
        let path = folder.join(MODEL_CARD);
        check_settings(config, &Card::read(&path)?, &path, "this configuration", |name| config::here(config, name))?;
    }
    Ok(())
}

/// Refuses a model of an ensemble that was trained with other settings. `ours` gives the settings that it should have, by key, and
/// `whose` says where they are from.
fn check_settings(
    config: &Config,
    other: &Card,
    path: &Path,
    whose: &str,
    ours: impl Fn(&str) -> Value,
) -> Result<(), EngineError> {
    for name in config.keys_of(other) {
        let (ours, theirs) = (ours(&name), at_training(other, &name, config.known()));
        if !same_setting(&ours, &theirs) {
            let text = |value| serde_yaml::to_string(value).unwrap_or_default().trim().to_owned();
            let (ours, theirs) = (text(&ours), text(&theirs));
            let found = format!("{name} is {theirs} in this model and {ours} in {whose}");
            return Err(EngineError::Model {
                path: path.to_owned(),
                found,
                next: "leave this model out of model.ensemble".into(),
            });
        }
    }
    Ok(())
}

/// The id of one model, or of an ensemble. It does not depend on the order of the models.
pub fn mean_id(mut ids: Vec<String>) -> String {
    ids.sort_unstable();
    match ids.as_slice() {
        [id] => id.clone(),
        _ => hash_bytes(ids.join(" ").as_bytes())[..16].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chorus_card::testing;

    use super::*;
    use crate::config::MODEL_KEYS;

    fn config() -> Config {
        Config::from_text("", "c", "c", &["model.path=m".to_owned()], crate::test_keys::keys()).unwrap()
    }

    /// A card with the default settings.
    fn card(id: &str) -> Card {
        let config = config();
        let keys = config.expand(&MODEL_KEYS);
        Card { model_id: id.into(), ..testing::card(config.values().nested(keys.iter().map(String::as_str))) }
    }

    fn checked(card: &str, sets: &[&str], decisions: bool) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(WEIGHTS), "").unwrap();
        std::fs::write(dir.path().join(MODEL_CARD), card).unwrap();
        if decisions {
            std::fs::write(dir.path().join(DECISIONS), "model_id: '0'\nthresholds: {}\n").unwrap();
        }
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).chain(["model.path=m".to_owned()]).collect();
        check(&Config::from_text("", "c", "c", &sets, crate::test_keys::keys()).unwrap(), dir.path()).map_err(|e| e.to_string())
    }

    #[test]
    fn every_setting_that_contradicts_the_card_is_named() {
        let card = card("0").to_yaml();
        assert_eq!(checked(&card, &[], true), Ok(()));
        let error = checked(&card, &["featurize.n_mels=64", "segment.window_s=5"], true).unwrap_err();
        assert!(error.contains("--set: featurize.n_mels: found `64`; the model was trained with `128` ("), "{error}");
        assert!(error.contains("--set: segment.window_s: found `5`; the model was trained with `3` ("), "{error}");
    }

    #[test]
    fn a_setting_that_this_version_cannot_reproduce_is_refused() {
        let mut card = card("0");
        card.settings["featurize"]["dither"] = 1.into();
        let error = checked(&card.to_yaml(), &[], true).unwrap_err();
        assert!(error.contains("featurize.dither: 1, a key that this version does not know; use the version"), "{error}");
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
        let error = checked(&card("1").to_yaml(), &[], true).unwrap_err();
        assert!(error.contains("chosen for other weights"), "{error}");
        let error = checked(&card("0").to_yaml(), &["model.ensemble=[nowhere]"], true).unwrap_err();
        assert!(error.contains("nowhere/model.yaml: cannot be used as the card of a model"), "{error}");
    }

    #[test]
    fn models_with_other_features_make_no_ensemble() {
        let mut other = card("1");
        let checked =
            |other: &Card| check_ensemble(&config(), &card("0"), other, Path::new("b/model.yaml")).map_err(|e| e.to_string());
        // The second model is of a version without this key.
        other.settings["featurize"].as_mapping_mut().unwrap().remove("level");
        assert_eq!(checked(&other), Ok(()));
        other.settings["featurize"]["n_mels"] = 64.into();
        let error = checked(&other).unwrap_err();
        assert!(error.contains("b/model.yaml: featurize.n_mels is 64 in this model and 128 in the first"), "{error}");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(checked("]", &[], true).unwrap_err().contains("cannot be used as the card of a model"));
        let card = card("0").to_yaml();
        assert!(checked(&card, &[], false).unwrap_err().contains("detect.threshold"));
        assert_eq!(checked(&card, &["detect.threshold=0.5"], false), Ok(()));
        let empty = tempfile::tempdir().unwrap();
        let config = Config::from_text("", "c", "c", &["model.path=m".to_owned()], crate::test_keys::keys()).unwrap();
        assert!(check(&config, empty.path()).unwrap_err().to_string().contains(WEIGHTS));
    }
}
