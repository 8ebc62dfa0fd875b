//! `taxa.yaml`: what the code table of the survey that trained a model says of its classes beyond their names on the card.
//!
//! It is a file of its own because names and keys change more often than models: what is written here trains nothing anew.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{CardError, file};

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taxa {
    /// The classes of which something is known, by their codes.
    pub classes: BTreeMap<String, Taxon>,
}

/// What is known of a class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taxon {
    /// Key in GBIF's backbone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gbif_key: Option<u64>,
    /// Species code of eBird.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ebird_code: Option<String>,
    /// Common names in other languages, by codes of ISO 639-3.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
}

impl Taxa {
    /// Reads the file.
    ///
    /// # Errors
    /// [`CardError::Taxa`] when it cannot be read or is another file.
    pub fn read(path: &Path) -> Result<Self, CardError> {
        file::read(path).map_err(|found| CardError::Taxa { path: path.to_owned(), found })
    }

    /// The file as YAML.
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

    /// Other versions of chorus, and the programs of others, read these bytes.
    #[test]
    fn the_format_stays_as_it_is() {
        let names = [("spa", "Rana: verde"), ("por", "Rã")].map(|(language, name)| (language.to_owned(), name.to_owned()));
        let frog = Taxon { gbif_key: Some(2_427_091), ebird_code: None, names: names.into() };
        let bird = Taxon { ebird_code: Some("grekis".into()), ..Taxon::default() };
        let taxa = Taxa { classes: [("FROG".to_owned(), frog), ("OWL".to_owned(), bird)].into() };
        let expected = "\
classes:
  FROG:
    gbif_key: 2427091
    names:
      por: Rã
      spa: 'Rana: verde'
  OWL:
    ebird_code: grekis
";
        assert_eq!(taxa.to_yaml(), expected);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taxa.yaml");
        std::fs::write(&path, taxa.to_yaml()).unwrap();
        assert_eq!(Taxa::read(&path).unwrap(), taxa);
        std::fs::write(&path, Taxa::default().to_yaml()).unwrap();
        assert_eq!(Taxa::read(&path).unwrap(), Taxa::default());
        std::fs::write(&path, "classes: {FROG: {colour: green}}\n").unwrap();
        let refused = Taxa::read(&path).unwrap_err().to_string();
        assert!(refused.contains("taxa.yaml: cannot be used as what is known of a model's classes"), "{refused}");
    }
}
