//! The settings that a preset brings: a word of one key, such as `train.recipe`, that stands for values of other keys. A key that the
//! configuration gives keeps its value.

use chorus_keys::{Declarations, Preset};
use serde_yaml::Value;

use super::checked::{Config, Origin};
use super::parse::Entry;

/// Takes the values of the named presets for keys that are not given.
pub(super) fn take(config: &mut Config, declarations: &Declarations) {
    for (key, presets) in declarations.all_presets() {
        let Some(preset) = named(presets, config.get(key)) else { continue };
        let place = format!("{key}: {}", preset.name);
        for (name, value) in preset.values() {
            if !config.is_given(name) {
                config.values.set(name, value);
                config.origins.insert(name.to_owned(), Origin::Preset(place.clone()));
            }
        }
    }
}

/// A recorded configuration (`config.resolved.yaml`) holds every key. Leaves out those that have the value of the preset that it names,
/// so that they do not count as given and another preset can take its place.
pub(super) fn leave_out(recorded: &mut Vec<Entry>, declarations: &Declarations) {
    for (key, presets) in declarations.all_presets() {
        let word = recorded.iter().find(|entry| entry.key == key).map(|entry| entry.value.clone());
        let Some(preset) = word.and_then(|word| named(presets, &word)) else { continue };
        let values: Vec<(&str, Value)> = preset.values().collect();
        recorded.retain(|entry| !values.iter().any(|(name, value)| entry.key == *name && entry.value == *value));
    }
}

fn named<'a>(presets: &'a [Preset], word: &Value) -> Option<&'a Preset> {
    presets.iter().find(|preset| word.as_str() == Some(preset.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: &[Preset] = &[
        Preset { name: "coarse", about: "Few bands", values: &[("featurize.n_mels", "32"), ("featurize.hop_length", "512")] },
        Preset { name: "fine", about: "Many bands", values: &[("featurize.n_mels", "128"), ("featurize.hop_length", "64")] },
    ];

    fn load(text: &str, file: &str, sets: &[&str]) -> Config {
        let word = chorus_keys::Key {
            name: "featurize.detail",
            kind: chorus_keys::Kind::Choice(Preset::words(TEST)),
            nullable: true,
            default: "null",
            example: None,
            before: None,
            ..crate::test_keys::keys().find("featurize.n_mels").unwrap().clone()
        };
        let keys = crate::test_keys::keys().clone().key(word).presets("featurize.detail", TEST).into_static();
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        Config::from_text(text, file, "c", &sets, keys).unwrap()
    }

    fn values(config: &Config) -> [f64; 2] {
        [config.number("featurize.n_mels"), config.number("featurize.hop_length")]
    }

    #[test]
    fn a_preset_gives_what_the_configuration_does_not() {
        let (default, given) = (load("", "c.yaml", &[]), load("featurize: {n_mels: 64, detail: fine}", "c.yaml", &[]));
        assert_eq!(values(&load("featurize: {detail: coarse}", "c.yaml", &[])), [32.0, 512.0]);
        assert_eq!((values(&given), given.place("featurize.hop_length").as_str()), ([64.0, 64.0], "featurize.detail: fine"));
        assert_eq!(given.place("featurize.n_mels"), "c.yaml:1");
        // A value that is given counts as given also where it is the default.
        let sets = [format!("featurize.n_mels={}", values(&default)[0]), "featurize.detail=coarse".to_owned()];
        assert_eq!(values(&load("", "c.yaml", &[&sets[0], &sets[1]])), [values(&default)[0], 512.0]);
    }

    #[test]
    fn another_preset_takes_the_place_of_the_recorded_one() {
        let recorded = load("featurize: {detail: coarse, hop_length: 256}", "c.yaml", &[]).to_yaml();
        let again = |sets: &[&str]| load(&recorded, "run/config.resolved.yaml", sets);
        assert_eq!((values(&again(&[])), again(&[]).to_yaml()), ([32.0, 256.0], recorded.clone()));
        assert_eq!(values(&again(&["featurize.detail=fine"])), [128.0, 256.0]);
        let default = values(&load("", "c.yaml", &[]));
        assert_eq!(values(&again(&["featurize.detail=null"])), [default[0], 256.0]);
    }
}
