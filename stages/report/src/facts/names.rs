//! What classes are called, and their keys in taxonomies: the tables `classes` and `taxa`, or the files of a model.

use std::collections::BTreeMap;

use chorus_card::{Names as OfCard, Taxon};

/// English as the table `taxa` names it.
const ENGLISH: &str = "eng";

/// Names and keys, by class.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Scientific names.
    pub(crate) scientific: BTreeMap<String, String>,
    /// Common names in the language of the report.
    pub(crate) common: BTreeMap<String, String>,
    /// Keys in taxonomies.
    pub(crate) keys: BTreeMap<String, Keys>,
}

/// Keys of a class in taxonomies.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    /// In GBIF's backbone.
    pub(crate) gbif: Option<u64>,
    /// The code of eBird.
    pub(crate) ebird: Option<String>,
}

impl Names {
    /// Adds the names of a class. `language` is that of the report, by ISO 639-3.
    pub(super) fn add(&mut self, class: &str, names: OfCard, language: &str) {
        self.scientific.extend(names.scientific_name.map(|name| (class.to_owned(), name)));
        let common = names.english.filter(|_| language == ENGLISH);
        self.common.extend(common.map(|name| (class.to_owned(), name)));
    }

    /// Adds what else is known of a class, after its names.
    pub(super) fn add_taxon(&mut self, class: &str, taxon: Taxon, language: &str) {
        let Taxon { gbif_key, ebird_code, mut names } = taxon;
        if let Some(name) = names.remove(language).filter(|_| !self.common.contains_key(class)) {
            self.common.insert(class.to_owned(), name);
        }
        let keys = Keys { gbif: gbif_key, ebird: ebird_code };
        if keys != Keys::default() {
            self.keys.insert(class.to_owned(), keys);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{i64, read_back, text};
    use super::*;
    use crate::class_names;

    fn names(language: &str) -> Names {
        let classes = read_back(
            "classes",
            [
                text("class", ["A", "B"]),
                text("scientific_name", [Some("Aus bus"), None]),
                text("english", [Some("Common bus"), None]),
            ],
        );
        let taxa = read_back(
            "taxa",
            [
                text("class", ["A", "B"]),
                i64("gbif_key", [Some(2_427_091), None]),
                text("ebird_code", [None, Some("grekis")]),
                text("names", [Some(r#"{"spa": "Bus común", "eng": "Other bus"}"#), Some(r#"{"eng": "Kiskadee"}"#)]),
            ],
        );
        let mut names = Names::default();
        for (class, own) in class_names::names(&classes).unwrap() {
            names.add(&class, own, language);
        }
        for (class, taxon) in class_names::taxa(&taxa).unwrap() {
            names.add_taxon(&class, taxon, language);
        }
        names
    }

    #[test]
    fn the_name_is_that_of_the_language_and_others_are_left_out() {
        let common = |language| names(language).common.into_iter().collect::<Vec<_>>();
        let pair = |class: &str, name: &str| (class.to_owned(), name.to_owned());
        assert_eq!(common("eng"), [pair("A", "Common bus"), pair("B", "Kiskadee")]);
        assert_eq!(common("spa"), [pair("A", "Bus común")]);
        assert!(common("deu").is_empty());
        let names = names("deu");
        assert_eq!(names.scientific["A"], "Aus bus");
        assert_eq!(names.keys["A"], Keys { gbif: Some(2_427_091), ebird: None });
        assert_eq!(names.keys["B"], Keys { gbif: None, ebird: Some("grekis".into()) });
    }
}
