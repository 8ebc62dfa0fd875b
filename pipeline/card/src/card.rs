//! `model.yaml`: everything about a model besides its weights.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_yaml::{Mapping, Value};

use crate::{CardError, file};

/// The card of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Hash of the weights' file, 16 hexadecimal digits.
    pub model_id: String,
    /// Name of the network, as in `train.architecture`.
    pub architecture: String,
    /// The network's option `width`, where it has one: the multiplier of its channel counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<f64>,
    /// The network's other options, by the names of their keys in the section `train`.
    #[serde(default, skip_serializing_if = "Mapping::is_empty")]
    pub options: Mapping,
    /// Channels of the network's input.
    pub channels: i64,
    /// Length of an embedding.
    pub embedding: i64,
    /// The classes, in the order of the network's outputs.
    pub classes: Vec<String>,
    /// Names of the classes, where the training survey's code table has some. A survey without labels takes them from here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Names>,
    /// The configuration keys that the network's input depends on, by section. Read them with [`Card::setting`].
    pub settings: Mapping,
    /// How a window's features are normalised before they enter the network.
    pub normalisation: String,
    /// What the model was trained on, and how.
    pub training: Training,
    /// The programs that trained the model.
    pub versions: Versions,
    /// The licence that the model's owner shares it under, such as CC-BY-4.0.
    pub license: Option<String>,
    /// The backbone on whose embeddings the model is a head; a network of its own has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone: Option<GivenBackbone>,
    /// The backbone whose embeddings the network learnt before the labels. It is not needed any more, but its licence may bind what came
    /// of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distilled_from: Option<GivenBackbone>,
    /// Classes that were added after the training, by `chorus enroll`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enrolled: Vec<Enrolled>,
}

/// A class that was added to a trained model from a few examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// The class.
    pub class: String,
    /// Windows in which it calls.
    pub examples: u64,
    /// Windows of the train set that it was told from.
    pub others: u64,
    /// Strength of the regularisation, as in `head.strengths`.
    pub strength: f64,
    /// The model before, 16 hexadecimal digits.
    pub before: String,
}

/// A backbone that somebody else trained, as the card of a head on its embeddings names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenBackbone {
    /// Its name, from its contract.
    pub name: String,
    /// Hash of its file and of how it is used, 16 hexadecimal digits, as in the table `embeddings`.
    pub id: String,
    /// Its licence.
    pub license: Option<String>,
    /// Whether its licence forbids commercial use: then so does that of the head.
    #[serde(default)]
    pub non_commercial: bool,
}

/// The names of a class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Genus and species.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scientific_name: Option<String>,
    /// Common name in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub english: Option<String>,
}

/// What a model was trained on, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Windows in the train set.
    pub windows: u64,
    /// Windows in the validation set.
    pub validation_windows: u64,
    /// Epochs that were trained.
    pub epochs: u64,
    /// The epoch whose weights were kept, counted from 1.
    pub kept_epoch: u64,
    /// Name of the mixing method, as in `train.mixing`.
    pub mixing: String,
    /// Seed of all random draws.
    pub seed: u64,
    /// The tables and files of the training data, with hashes of their content.
    pub data: BTreeMap<String, String>,
    /// Hash of everything that the training depended on: configuration, features, labels, splits, versions.
    pub fingerprint: String,
}

/// The programs that trained a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// Version of chorus.
    pub chorus: String,
    /// Version of libtorch.
    pub libtorch: String,
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// [`CardError::Card`] when the file cannot be read or is not a card.
    pub fn read(path: &Path) -> Result<Self, CardError> {
        let bad = |found: String| CardError::Card { path: path.to_owned(), found };
        file::read(path).map_err(bad)
    }

    /// The card as YAML.
    ///
    /// # Panics
    /// Never: a card is plain data.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("plain data is YAML")
    }

    /// The value of a configuration key at training, by its name `section.key`. `None` for a key that the card lacks.
    pub fn setting(&self, key: &str) -> Option<&Value> {
        let (section, name) = key.split_once('.')?;
        self.settings.get(section)?.get(name)
    }

    /// The configuration keys that the card holds, as `section.key`, with their values.
    pub fn settings(&self) -> impl Iterator<Item = (String, &Value)> {
        self.settings.iter().flat_map(|(section, keys)| {
            let section = section.as_str().unwrap_or_default();
            let keys = keys.as_mapping().into_iter().flatten();
            keys.map(move |(name, value)| (format!("{section}.{}", name.as_str().unwrap_or_default()), value))
        })
    }

    /// Refuses another model when its scores cannot be averaged with this one's because of its classes or its input. The feature
    /// settings are compared by the engine, which knows what a key means that one of the cards lacks.
    ///
    /// # Errors
    /// [`CardError::Ensemble`] with `path`, the other card's, and the first difference.
    pub fn check_ensemble(&self, other: &Self, path: &Path) -> Result<(), CardError> {
        let differ = |what| Err(CardError::Ensemble { path: path.to_owned(), what });
        match () {
            () if self.classes != other.classes => differ("classes"),
            () if self.backbone.as_ref().map(|b| &b.id) != other.backbone.as_ref().map(|b| &b.id) => differ("backbone"),
            () if self.channels != other.channels => differ("input channels"),
            () if self.normalisation != other.normalisation => differ("normalisation"),
            () => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Card {
        let settings = serde_yaml::from_str("segment: {window_s: 3}\nfeaturize: {n_mels: 64, high_pass_hz: null}").unwrap();
        let names = [("NO".to_owned(), Names { scientific_name: Some("Rana: sp.".into()), english: None })].into();
        Card { classes: vec!["NO".into(), "1e3".into()], names, ..crate::testing::card(settings) }
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.yaml");
        std::fs::write(&path, card().to_yaml()).unwrap();
        assert_eq!(Card::read(&path).unwrap(), card(), "{}", card().to_yaml());
        std::fs::write(&path, "model_id: x\n").unwrap();
        let error = Card::read(&path).unwrap_err().to_string();
        assert!(error.contains("model.yaml: cannot be used as the card of a model: missing field `architecture`"), "{error}");
    }

    /// Other versions of chorus, and the programs of others, read these bytes.
    #[test]
    fn the_format_stays_as_it_is() {
        let expected = "\
model_id: cafe
architecture: mobilenet_v3_small
width: 0.5
channels: 1
embedding: 288
classes:
- NO
- '1e3'
names:
  NO:
    scientific_name: 'Rana: sp.'
settings:
  segment:
    window_s: 3
  featurize:
    n_mels: 64
    high_pass_hz: null
normalisation: min_max_per_window
training:
  windows: 9
  validation_windows: 3
  epochs: 2
  kept_epoch: 1
  mixing: mix2
  seed: 7
  data:
    features: h
  fingerprint: f
versions:
  chorus: 0.1.0
  libtorch: 2.13.0
license: null
";
        assert_eq!(card().to_yaml(), expected);
    }

    #[test]
    fn settings_are_found_by_the_keys_of_the_configuration() {
        let card = card();
        assert_eq!(card.setting("featurize.n_mels"), Some(&64.into()));
        assert_eq!(card.setting("featurize.high_pass_hz"), Some(&Value::Null));
        assert_eq!((card.setting("featurize.level"), card.setting("device")), (None, None));
        let names: Vec<String> = card.settings().map(|(name, _)| name).collect();
        assert_eq!(names, ["segment.window_s", "featurize.n_mels", "featurize.high_pass_hz"]);
    }

    #[test]
    fn models_with_other_classes_or_another_input_make_no_ensemble() {
        let first = card();
        let checked = |other: Card| first.check_ensemble(&other, Path::new("b/model.yaml")).map_err(|e| e.to_string());
        assert_eq!(checked(Card { model_id: "other".into(), width: Some(1.0), ..card() }), Ok(()));
        let error = checked(Card { classes: vec!["NO".into()], ..card() }).unwrap_err();
        assert!(error.starts_with("b/model.yaml: this model has other classes than the first model"), "{error}");
        assert!(checked(Card { channels: 3, ..card() }).unwrap_err().contains("input channels"));
        assert!(checked(Card { normalisation: "none".into(), ..card() }).unwrap_err().contains("normalisation"));
    }
}
