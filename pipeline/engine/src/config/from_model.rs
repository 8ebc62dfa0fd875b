//! The settings that a model brings. With `model.path`, feature settings that the configuration does not give come from the model's
//! card, because with others the model's scores mean nothing.

use std::path::Path;

use chorus_card::{Card, MODEL_CARD};
use chorus_keys::Declarations;
use serde_yaml::Value;

use super::checked::{Config, HEAD_KEYS, LEARNS_FROM, MODEL_KEYS, Origin};
use super::evolution::{Known, KnownKeys, REMOVED, is_same};
use super::parse::{Entry, check, plain};
use super::problem::Problem;
use crate::graph::learns_from_embeddings;

/// The key that lists the keys whose values came from the card.
const BROUGHT: &str = "model.settings";
const WINDOW: &str = "segment.window_s";
/// The step between windows is not part of a card. When the window length comes from the card, the step follows it: the default step
/// would leave gaps between short windows.
const HOP: &str = "segment.hop_s";

/// Takes the settings from the card of `model.path`. A card that cannot be read is no problem here, because the results of a run can be
/// read without its model. [`crate::Runner::check`] says what is wrong with the card before anything is made.
pub(super) fn take(config: &mut Config, declarations: &Declarations, problems: &mut Vec<Problem>) {
    let Some(folder) = config.text("model.path") else { return };
    let path = Path::new(folder).join(MODEL_CARD);
    mark_recorded(config, &path, problems);
    if let Ok(card) = Card::read(&path) {
        take_from(config, &card, &path, declarations, problems);
        // When given values and the model's values cannot work together, the contradiction is the cause to name.
        if problems.is_empty() && !config.conflicts(declarations).is_empty() {
            problems.extend(contradictions(config, &card, &path));
        }
    }
    let brought = config.brought().map(Value::from).collect();
    config.values.set(BROUGHT, Value::Sequence(brought));
}

/// A recorded configuration (`config.resolved.yaml`) holds every key. Marks those that came from a card, so that they do not count as
/// given. Their values remain in case the card cannot be read any more.
fn mark_recorded(config: &mut Config, path: &Path, problems: &mut Vec<Problem>) {
    let listed: Vec<String> =
        config.get(BROUGHT).as_sequence().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    for name in listed {
        if !bringable(config).contains(&name) {
            let allowed = format!(
                "allowed: names of keys that a model brings: {}, {HOP}",
                [&MODEL_KEYS[..], &HEAD_KEYS].concat().join(", ")
            );
            problems.push(Problem { place: config.place(BROUGHT), key: BROUGHT.into(), found: format!("`{name}`"), allowed });
            continue;
        }
        if !matches!(config.origins.get(&name), Some(Origin::Set)) {
            config.origins.insert(name, Origin::Model(path.display().to_string()));
        }
    }
}

/// The keys that may come from a card.
fn bringable(config: &Config) -> Vec<String> {
    let mut names = config.model_keys();
    names.push(HOP.to_owned());
    names
}

/// Takes every setting that is not given.
fn take_from(config: &mut Config, card: &Card, path: &Path, declarations: &Declarations, problems: &mut Vec<Problem>) {
    let place = path.display().to_string();
    let mut bring = |config: &mut Config, key: &str, value: Value| {
        let entry = Entry { place: place.clone(), key: key.to_owned(), value };
        match check(&entry, declarations) {
            Some(problem) => problems.push(problem),
            None => {
                config.values.set(key, entry.value);
                config.origins.insert(key.to_owned(), Origin::Model(place.clone()));
            }
        }
    };
    for key in config.keys_of(card) {
        if !config.is_given(&key) {
            let value = at_training(card, &key, config.known());
            bring(config, &key, value);
        }
    }
    if config.values.has(HOP) && !config.is_given(HOP) && !config.is_given(WINDOW) {
        let value = card.setting(HOP).unwrap_or(config.get(WINDOW)).clone();
        bring(config, HOP, value);
    }
}

/// The value of a key at a model's training. A key that the card lacks had the value that held before the key existed.
pub(crate) fn at_training(card: &Card, key: &str, known: &KnownKeys) -> Value {
    if key == LEARNS_FROM {
        return Value::from(if card.backbone.is_some() { "embeddings" } else { "features" });
    }
    let before = || match known.look_up(key, REMOVED) {
        Known::Key(before) => serde_yaml::to_value(before).unwrap_or_default(),
        Known::Removed(_) | Known::Nothing => Value::Null,
    };
    card.setting(key).cloned().unwrap_or_else(before)
}

/// The value of a key in a configuration. What a run learns from follows from its backbone where no key says it.
pub(crate) fn here(config: &Config, key: &str) -> Value {
    match key {
        LEARNS_FROM => Value::from(if learns_from_embeddings(config) { "embeddings" } else { "features" }),
        _ => config.get(key).clone(),
    }
}

/// Whether two values of a setting are the same.
pub(crate) fn same_setting(a: &Value, b: &Value) -> bool {
    let json = |value: &Value| serde_json::to_value(value).unwrap_or_default();
    is_same(&json(a), &json(b))
}

/// The settings in which a configuration contradicts a model's card, which is at `path`.
pub(crate) fn contradictions(config: &Config, card: &Card, path: &Path) -> Vec<Problem> {
    let differing = |key: String| {
        let (here, there) = (here(config, &key), at_training(card, &key, config.known()));
        (!same_setting(&here, &there)).then(|| Problem {
            place: config.place(&key),
            key,
            found: format!("`{}`", plain(&here)),
            allowed: format!(
                "the model was trained with `{}` ({}): leave the key out to take the model's value, or name another model in model.path",
                plain(&there),
                path.display()
            ),
        })
    };
    config.keys_of(card).into_iter().filter_map(differing).collect()
}

/// In words, the first setting of a card that this version cannot reproduce: a key that it does not have, or one whose behaviour is
/// fixed at another value.
pub(crate) fn unknown_setting(card: &Card, known: &KnownKeys) -> Option<String> {
    card.settings().find_map(|(name, value)| {
        let value_text = plain(value);
        match known.look_up(&name, REMOVED) {
            Known::Key(_) => None,
            Known::Removed(removed) => {
                let fixed = serde_yaml::to_value(removed.fixed()).unwrap_or_default();
                let is_other = !same_setting(value, &fixed);
                is_other.then(|| {
                    format!("the model was trained with {name}: {value_text}, and chorus can only do {} now", removed.value)
                })
            }
            Known::Nothing => {
                Some(format!("the model was trained with {name}: {value_text}, a key that this version does not know"))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use chorus_card::testing;
    use chorus_keys::Key;

    use super::*;

    /// A model's folder, with a card of these settings.
    fn model(settings: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), settings);
        dir
    }

    fn write(folder: &Path, settings: &str) {
        let card = testing::card(serde_yaml::from_str(settings).unwrap());
        std::fs::write(folder.join(MODEL_CARD), card.to_yaml()).unwrap();
    }

    fn load(text: &str, folder: &Path, sets: &[&str]) -> Result<Config, String> {
        let sets = sets.iter().map(|set| (*set).to_owned()).chain([format!("model.path={}", folder.display())]);
        Config::from_text(text, "c.yaml", "c", &sets.collect::<Vec<_>>(), crate::test_keys::keys()).map_err(|e| e.to_string())
    }

    fn listed(config: &Config) -> Vec<&str> {
        config.get(BROUGHT).as_sequence().unwrap().iter().filter_map(Value::as_str).collect()
    }

    const CARD: &str = "{featurize: {n_mels: 64, hop_length: 256}, segment: {window_s: 5}}";

    #[test]
    fn settings_that_are_not_given_come_from_the_model() {
        let model = model(CARD);
        let config = load("segment: {min_tail_s: 2}", model.path(), &[]).unwrap();
        let numbers = ["featurize.n_mels", "featurize.hop_length", "segment.window_s", "segment.hop_s", "segment.min_tail_s"];
        assert_eq!(numbers.map(|key| config.number(key)), [64.0, 256.0, 5.0, 5.0, 2.0]);
        assert!(config.place("featurize.n_mels").ends_with("model.yaml"));
        assert_eq!(config.place("segment.min_tail_s"), "c.yaml:1");
        assert!(listed(&config).contains(&"featurize.n_mels") && !listed(&config).contains(&"segment.min_tail_s"));
        // The step between windows is the survey's own matter, and so is a window length that is given with it.
        let config = load("segment: {hop_s: 1}", model.path(), &[]).unwrap();
        assert_eq!((config.number("segment.window_s"), config.number("segment.hop_s")), (5.0, 1.0));
        let config = load("segment: {window_s: 5}", model.path(), &[]).unwrap();
        assert_eq!((config.number("segment.window_s"), config.number("segment.hop_s")), (5.0, 3.0));
    }

    #[test]
    fn a_setting_that_the_card_lacks_had_its_value_from_before() {
        let model = model(CARD);
        let config = load("", model.path(), &[]).unwrap();
        assert!(config.get("featurize.high_pass_hz").is_null());
        let card = Card::read(&model.path().join(MODEL_CARD)).unwrap();
        let declared = crate::test_keys::keys().find("segment.hop_s").unwrap();
        let newer = Key { name: "featurize.dither", before: Some("2"), default: "1", ..declared.clone() };
        let value = |key: &Key| at_training(&card, key.name, &KnownKeys::of(&Declarations::default().key(key.clone())));
        assert_eq!(value(&newer), Value::from(2));
        assert_eq!(value(&Key { before: None, ..newer }), Value::from(1));
    }

    #[test]
    fn only_what_was_given_can_contradict() {
        let model = model(CARD);
        let path = model.path().join(MODEL_CARD);
        let card = Card::read(&path).unwrap();
        let told = |config: &Config| contradictions(config, &card, &path).iter().map(Problem::to_string).collect::<Vec<_>>();
        assert!(told(&load("featurize: {n_mels: 64}", model.path(), &["segment.window_s=5.0"]).unwrap()).is_empty());
        let config = load("featurize:\n  hop_length: 256\n  n_mels: 128", model.path(), &["segment.window_s=3"]).unwrap();
        let told = told(&config);
        assert_eq!(told.len(), 2, "{told:?}");
        let wanted = format!(
            "c.yaml:3: featurize.n_mels: found `128`; the model was trained with `64` ({}): leave the key out to take the model's value, \
             or name another model in model.path",
            path.display()
        );
        assert_eq!(told[0], wanted);
        assert!(told[1].starts_with("--set: segment.window_s: found `3`"), "{}", told[1]);
    }

    #[test]
    fn an_impossible_combination_with_the_models_settings_names_the_contradiction() {
        let model = model("{featurize: {f_max_hz: 12000, sample_rate_hz: 24000}}");
        let error = load("", model.path(), &["featurize.sample_rate_hz=16000"]).unwrap_err();
        assert!(error.contains("a problem:") && error.contains("featurize.sample_rate_hz: found `16000`; the model"), "{error}");
    }

    #[test]
    fn a_value_that_a_key_does_not_take_is_refused_with_the_cards_name() {
        let error = load("", model("{featurize: {n_mels: 2}}").path(), &[]).unwrap_err();
        assert!(error.contains("model.yaml: featurize.n_mels: found `2`"), "{error}");
    }

    #[test]
    fn a_recorded_configuration_takes_the_settings_of_the_model_of_today() {
        let model = model(CARD);
        let recorded = load("segment: {min_tail_s: 2}", model.path(), &[]).unwrap().to_yaml();
        let again = load(&recorded, model.path(), &[]).unwrap();
        assert_eq!(again.to_yaml(), recorded);
        write(model.path(), "{featurize: {n_mels: 32}, segment: {window_s: 4}}");
        let again = load(&recorded, model.path(), &[]).unwrap();
        let numbers = ["featurize.n_mels", "featurize.hop_length", "segment.window_s", "segment.hop_s", "segment.min_tail_s"];
        assert_eq!(numbers.map(|key| again.number(key)), [32.0, 128.0, 4.0, 4.0, 2.0]);
        assert_eq!(load(&recorded, model.path(), &["featurize.n_mels=64"]).unwrap().number("featurize.n_mels"), 64.0);
        // Without the model, the recorded values remain.
        std::fs::remove_file(model.path().join(MODEL_CARD)).unwrap();
        let alone = load(&recorded, model.path(), &[]).unwrap();
        assert_eq!((alone.number("featurize.n_mels"), alone.to_yaml()), (64.0, recorded));
        let error = load("model: {settings: [device]}", model.path(), &[]).unwrap_err();
        assert!(error.contains("model.settings: found `device`"), "{error}");
    }

    #[test]
    fn without_a_model_nothing_is_brought() {
        let config = Config::from_text("", "c", "c", &[], crate::test_keys::keys()).unwrap();
        assert_eq!(config.brought().count(), 0);
    }
}
