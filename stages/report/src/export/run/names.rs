//! What the classes of a run are called.

use std::collections::BTreeMap;

use chorus_card::{Card, MODEL_CARD, TAXA as TAXA_OF_MODEL, Taxa};
use chorus_engine::model_folder;

use super::{Run, TAXA};
use crate::class_names;
use crate::export::error::ExportError;

impl Run {
    /// Reads the names of the classes: those of the tables, or else of the model's card.
    pub(super) fn read_names(&mut self) -> Result<(), ExportError> {
        for part in self.parts("classes")? {
            let names = class_names::names(&part.read(class_names::CLASSES)?)?;
            self.names.extend(names.into_iter().map(|(class, names)| (class.into(), names)));
        }
        for part in if self.declared.contains(&TAXA) { self.parts(TAXA)? } else { Vec::new() } {
            let taxa = class_names::taxa(&part.read(class_names::TAXA)?)?;
            self.taxa.extend(taxa.into_iter().map(|(class, taxon)| (class.into(), taxon)));
        }
        if self.names.is_empty() {
            let folder = match self.tables.config() {
                Some(config) => model_folder(config, self.tables.run_dir()),
                None => self.tables.run_dir().model(),
            };
            // Exports do without names when the model has been moved away.
            let names = Card::read(&folder.join(MODEL_CARD)).map(|card| card.names).unwrap_or_default();
            self.names.extend(names.into_iter().map(|(class, names)| (class.into(), names)));
            let taxa = Taxa::read(&folder.join(TAXA_OF_MODEL)).unwrap_or_default();
            self.taxa.extend(taxa.classes.into_iter().map(|(class, taxon)| (class.into(), taxon)));
        }
        Ok(())
    }

    /// The scientific name of a class, or else its code.
    pub fn scientific<'a>(&'a self, class: &'a str) -> &'a str {
        self.names.get(class).and_then(|names| names.scientific_name.as_deref()).unwrap_or(class)
    }

    /// Whether a class has a scientific name.
    pub(crate) fn has_scientific_name(&self, class: &str) -> bool {
        self.names.get(class).is_some_and(|names| names.scientific_name.is_some())
    }

    /// The common name of a class; empty where none is known.
    pub fn english(&self, class: &str) -> &str {
        self.names.get(class).and_then(|names| names.english.as_deref()).unwrap_or_default()
    }

    /// The key of a class in GBIF's backbone.
    pub fn gbif_key(&self, class: &str) -> Option<u64> {
        self.taxa.get(class)?.gbif_key
    }

    /// The address of a class in GBIF's backbone, which identifies the taxon; empty where none is known.
    pub(crate) fn taxon_id(&self, class: &str) -> String {
        self.gbif_key(class).map(|key| format!("https://www.gbif.org/species/{key}")).unwrap_or_default()
    }

    /// The species code of eBird.
    pub fn ebird_code(&self, class: &str) -> Option<&str> {
        self.taxa.get(class)?.ebird_code.as_deref()
    }

    /// Common names of a class by language (ISO 639-3), with the English one.
    pub(crate) fn vernacular(&self, class: &str) -> BTreeMap<&str, &str> {
        let english = Some(self.english(class)).filter(|name| !name.is_empty()).map(|name| ("eng", name));
        let names = self.taxa.get(class).into_iter().flat_map(|taxon| &taxon.names);
        names.map(|(language, name)| (language.as_str(), name.as_str())).chain(english).collect()
    }
}
