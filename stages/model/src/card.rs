//! `model.yaml`: all that has to be known of a model besides its weights.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_yaml::Mapping;

use crate::network::{Architecture, NetworkOptions};
use crate::{Error, Result};

/// How features become the network's input, by name.
pub const NORMALISATION: &str = "min_max_per_window";

/// The card of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Hash of the weights' file, 16 hexadecimal digits.
    pub model_id: String,
    /// The network.
    pub architecture: ArchitectureName,
    /// Multiplier of its channel counts.
    pub width: f64,
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

/// The networks under the names that the configuration and torchvision use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchitectureName {
    /// MobileNetV3-Large.
    MobilenetV3Large,
    /// MobileNetV3-Small.
    MobilenetV3Small,
}

impl From<ArchitectureName> for Architecture {
    fn from(name: ArchitectureName) -> Self {
        match name {
            ArchitectureName::MobilenetV3Large => Self::Large,
            ArchitectureName::MobilenetV3Small => Self::Small,
        }
    }
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
        if card.normalisation != NORMALISATION {
            return Err(bad(format!("normalisation `{}`, expected {NORMALISATION}", card.normalisation)));
        }
        Ok(card)
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

    /// The network's shape.
    pub fn network(&self) -> NetworkOptions {
        NetworkOptions {
            architecture: self.architecture.into(),
            width: self.width,
            channels: self.channels,
            classes: self.classes.len() as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let card = Card {
            model_id: "0123456789abcdef".into(),
            architecture: ArchitectureName::MobilenetV3Small,
            width: 0.5,
            channels: 1,
            embedding: 288,
            classes: vec!["NO".into(), "1e3".into()],
            names: [("NO".to_owned(), Names { scientific_name: Some("Rana: sp.".into()), english: None })].into(),
            settings: Mapping::from_iter([("segment".into(), Mapping::from_iter([("window_s".into(), 3.into())]).into())]),
            normalisation: NORMALISATION.into(),
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
        std::fs::write(&path, card.to_yaml().replace(NORMALISATION, "other")).unwrap();
        assert!(Card::read(&path).unwrap_err().to_string().contains("normalisation `other`"));
    }
}
