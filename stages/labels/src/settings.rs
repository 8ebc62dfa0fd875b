//! Keys of the section `annotate` that several files read: what lies beside the annotations, and the classes of the run.

use chorus_keys::Keys;
use serde::Deserialize;

use crate::text::cleaned;

/// Files beside the annotations.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "annotate")]
pub(crate) struct FileSettings {
    /// Code table: CSV file of the archive with the column code and any of class, scientific_name, english, name_LANGUAGE, gbif_key,
    /// ebird_code and synonyms. Several codes may have one class; events whose class is empty are dropped.
    #[key(within = "archive.path", example = "species.csv")]
    pub(crate) code_table: Option<String>,
    /// Filled-in sheets of `chorus clips`: a CSV file of the archive, or a folder of them. They are read in addition to the
    /// annotations: a yes is an event, a no makes its class absent in its span.
    #[key(within = "archive.path", example = "reviews")]
    pub(crate) review_sheets: Option<String>,
}

/// The classes of the run.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "annotate")]
pub(crate) struct ClassSettings {
    /// Classes to train on. []: all classes of the code table, or without one all codes of the annotations.
    #[key(default = "[]", example = "[BOAFAB, DENMIN]")]
    classes: Vec<String>,
}

impl ClassSettings {
    /// The classes, as labels are compared.
    pub(crate) fn composed(&self) -> Vec<String> {
        self.classes.iter().map(|class| cleaned(class)).collect()
    }
}
