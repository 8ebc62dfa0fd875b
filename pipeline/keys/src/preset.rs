//! Values of several keys under one name.

use serde_yaml::Value;

use crate::Word;
use crate::key::parsed;

/// Values for several keys, which a configuration asks for by one word, the value of another key. A key that the configuration gives
/// keeps its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The word.
    pub name: &'static str,
    /// What it is for, in one sentence without a full stop.
    pub about: &'static str,
    /// Full names of keys, each with its value as YAML.
    pub values: &'static [(&'static str, &'static str)],
}

impl Preset {
    /// The keys with their values.
    ///
    /// # Panics
    /// When a value is not YAML: a fault of the program, which [`crate::Declarations::presets`] finds.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, Value)> + use<> {
        self.values.iter().map(|(key, yaml)| (*key, parsed(key, yaml)))
    }

    /// The words of a list of presets, for the key that names them. Each tells the values that it stands for.
    pub fn words(presets: &'static [Self]) -> Vec<Word> {
        presets.iter().map(|preset| Word { name: preset.name, about: preset.about }).collect()
    }
}
