//! `model.yaml`: all that has to be known of a model besides its weights.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_yaml::Mapping;

use crate::extension::Settings;
use crate::network::{self, NetworkOptions};
use crate::{Error, Result};

/// The card of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Hash of the weights' file, 16 hexadecimal digits.
    pub model_id: String,
    /// The network, as `train.architecture` names it.
    pub architecture: String,
    /// The network's option `width`, where it has one: the multiplier of its channel counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<f64>,
    /// The network's other options, by the names of their keys in the section `train`.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub options: Settings,
    /// Channels of its input.
    pub channels: i64,
    /// Length of an embedding.
    pub embedding: i64,
    /// The classes, in the order of its outputs.
    pub classes: Vec<String>,
    /// What the classes are called, as far as the survey that it learnt from knew: an archive without labels knows it from here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Names>,
    /// The configuration keys that its input depends on, by section.
    pub settings: Mapping,
    /// What is done to a window's features before they enter the network.
    pub normalisation: String,
    /// What it learnt from.
    pub training: Training,
    /// What made it.
    pub versions: Versions,
    /// The terms under which its owner shares it.
    pub license: Option<String>,
}

/// The names of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Genus and species.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scientific_name: Option<String>,
    /// Common name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub english: Option<String>,
}

/// What a model learnt from, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Windows in the train set.
    pub windows: u64,
    /// Windows in the validation set.
    pub validation_windows: u64,
    /// Epochs that were trained.
    pub epochs: u64,
    /// The epoch whose weights were kept, from 1.
    pub kept_epoch: u64,
    /// How examples were mixed.
    pub mixing: String,
    /// Seed of all draws.
    pub seed: u64,
    /// The tables and files that it learnt from, with hashes of their content.
    pub data: BTreeMap<String, String>,
    /// Hash of everything that the training depended on: configuration, features, labels, splits, versions.
    pub fingerprint: String,
}

/// What made a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// This program.
    pub chorus: String,
    /// The library.
    pub libtorch: String,
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// [`Error::Card`] when the file cannot be read or is no card.
    pub fn read(path: &Path) -> Result<Self> {
        let bad = |found: String| Error::Card { path: path.to_owned(), found };
        let text = std::fs::read_to_string(path).map_err(|e| bad(e.to_string()))?;
        let card: Self = serde_yaml::from_str(&text).map_err(|e| bad(e.to_string()))?;
        card.network(path)?;
        Ok(card)
    }

    /// The network's shape.
    ///
    /// # Errors
    /// [`Error::Card`] where this version has no such network, or another normalisation for it.
    pub fn network(&self, path: &Path) -> Result<NetworkOptions> {
        let bad = |found: String| Error::Card { path: path.to_owned(), found };
        let mut settings = self.options.clone();
        if let Some(width) = self.width {
            settings.set("width", width);
        }
        let architecture = network::find(&self.architecture).and_then(|entry| entry.with(&settings));
        let architecture = architecture.map_err(|e| bad(e.to_string()))?;
        let expected = architecture.normalisation().name();
        if self.normalisation != expected {
            return Err(bad(format!("normalisation `{}`, expected {expected}", self.normalisation)));
        }
        Ok(NetworkOptions { architecture, channels: self.channels, classes: self.classes.len() as i64 })
    }

    /// Refuses another model whose scores cannot be averaged with this one's.
    ///
    /// # Errors
    /// [`Error::Card`] that says in what it differs.
    pub fn refuse_other_ensemble(&self, other: &Self, path: &Path) -> Result<()> {
        let bad =
            |found: &str| Err(Error::Card { path: path.to_owned(), found: format!("other {found} than the first model's") });
        match () {
            () if self.classes != other.classes => bad("classes"),
            () if self.settings != other.settings => bad("settings of the features"),
            () if self.channels != other.channels => bad("channels"),
            () => Ok(()),
        }
    }

    /// As YAML.
    ///
    /// # Panics
    /// Never: it is plain data.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("plain data is YAML")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let card = Card {
            model_id: "0123456789abcdef".into(),
            architecture: "mobilenet_v3_small".into(),
            width: Some(0.5),
            options: Settings::default(),
            channels: 1,
            embedding: 288,
            classes: vec!["NO".into(), "1e3".into()],
            names: [("NO".to_owned(), Names { scientific_name: Some("Rana: sp.".into()), english: None })].into(),
            settings: Mapping::from_iter([("segment".into(), Mapping::from_iter([("window_s".into(), 3.into())]).into())]),
            normalisation: "min_max_per_window".into(),
            training: Training {
                windows: 9,
                validation_windows: 3,
                epochs: 2,
                kept_epoch: 1,
                mixing: "mix2".into(),
                seed: 7,
                data: [("features".to_owned(), "h".to_owned())].into(),
                fingerprint: "f".into(),
            },
            versions: Versions { chorus: "0.1.0".into(), libtorch: "2.13.0".into() },
            license: None,
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.yaml");
        std::fs::write(&path, card.to_yaml()).unwrap();
        assert_eq!(Card::read(&path).unwrap(), card, "{}", card.to_yaml());
        std::fs::write(&path, card.to_yaml().replace("min_max_per_window", "other")).unwrap();
        assert!(Card::read(&path).unwrap_err().to_string().contains("normalisation `other`"));
        std::fs::write(&path, card.to_yaml().replace("_small", "_tiny")).unwrap();
        let refusal = Card::read(&path).unwrap_err().to_string();
        assert!(refusal.contains("mobilenet_v3_tiny") && refusal.contains("resnet18"), "{refusal}");
    }

    #[test]
    fn a_card_names_the_network_with_its_options() {
        let text = "{architecture: resnet18, width: 0.25, channels: 2, embedding: 128, classes: [a, b], model_id: x, settings: {}, \
                    normalisation: min_max_per_window, license: null, versions: {chorus: a, libtorch: b}, \
                    training: {windows: 1, validation_windows: 1, epochs: 1, kept_epoch: 1, mixing: none, seed: 0, data: {}, \
                    fingerprint: f}}";
        let card: Card = serde_yaml::from_str(text).unwrap();
        let network = card.network(Path::new("model.yaml")).unwrap();
        assert_eq!((network.architecture.name(), network.architecture.embedding()), ("resnet18", card.embedding));
        assert_eq!((network.channels, network.classes), (2, 2));
    }
}
