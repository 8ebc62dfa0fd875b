//! A layout with the settings of one run.

use std::collections::BTreeSet;

use chorus_engine::{Access, WorkError};
use chorus_keys::Keys;
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

use crate::codes::CodeTable;
use crate::contents::Contents;
use crate::event::Event;
use crate::files;
use crate::label::LabelText;
use crate::layout::{Layout, Reader, Settings};
use crate::layouts;
use crate::layouts::separator::{KNOWN_LABELS, SeparatorKeys};
use crate::settings::{ClassSettings, FileSettings};

/// How the annotations of a run are read.
#[derive(Deserialize)]
#[serde(try_from = "Mapping")]
pub struct Reading {
    layout: &'static dyn Layout,
    reader: Reader,
    place: String,
    label_text: LabelText,
    /// All settings as text, to notice that files have to be read again.
    settings: String,
}

/// Names of the code table and chosen classes that hold the separator of labels: each is one label. A code table that cannot be read has
/// none; the pass that makes the classes says so.
fn known_labels(cx: &Access<'_>) -> Result<BTreeSet<String>, WorkError> {
    let separator = cx.settings::<SeparatorKeys>()?.label_separator.clone();
    let Some(separator) = separator.text() else { return Ok(BTreeSet::new()) };
    let (files, classes) = (cx.settings::<FileSettings>()?, cx.settings::<ClassSettings>()?);
    let mut known = classes.composed();
    if let Some(path) = &files.code_table {
        let archive = cx.archive()?;
        let table = files::read(archive, path).ok().and_then(|bytes| CodeTable::read(path, &bytes).ok());
        known.extend(table.iter().flat_map(CodeTable::names).cloned());
    }
    Ok(known.into_iter().filter(|name| name.contains(separator)).collect())
}

/// The keys that every layout has.
#[derive(Deserialize, Keys)]
#[keys(section = "annotate")]
pub(crate) struct CommonKeys {
    /// Layout of the annotations; see docs/labels.md.
    #[key(default = "none", choices = layouts::words)]
    format: String,
    /// Folder or file of the archive that holds the annotations; null: the usual place of the layout.
    #[key(within = "archive.path", example = "strong_labels")]
    #[serde(default)]
    folder: Option<String>,
    /// How labels are written; null: as is usual in the layout.
    #[serde(default)]
    label_text: Option<LabelText>,
}

impl TryFrom<Mapping> for Reading {
    type Error = String;

    fn try_from(mapping: Mapping) -> Result<Self, String> {
        let text = format!("{mapping:?}");
        let settings = Settings::from(mapping);
        let keys: CommonKeys = settings.options().map_err(|e| e.to_string())?;
        let names = || layouts::names().collect::<Vec<_>>().join(", ");
        let layout =
            layouts::find(&keys.format).ok_or_else(|| format!("annotate.format is `{}`, expected {}", keys.format, names()))?;
        let usual_place = layout.files().map_or(".", |files| files.place);
        Ok(Self {
            layout,
            reader: layout.reader(&settings).map_err(|e| e.to_string())?,
            place: keys.folder.unwrap_or_else(|| usual_place.to_owned()),
            label_text: keys.label_text.unwrap_or_else(|| layout.label_text()),
            settings: text,
        })
    }
}

impl Reading {
    /// The keys that decide how annotations are read.
    pub(crate) fn keys() -> Vec<&'static str> {
        [Self::own_keys(), FileSettings::names(), ClassSettings::names()].concat()
    }

    /// The same without those of names that are known.
    fn own_keys() -> Vec<&'static str> {
        let own = layouts::keys().into_iter().filter(|key| !CommonKeys::names().contains(key));
        CommonKeys::names().into_iter().chain(own).collect()
    }

    /// How the annotations of a run are read.
    ///
    /// # Errors
    /// The pass does not declare the keys, or a key has a value of another type.
    pub(crate) fn of(cx: &Access<'_>) -> Result<Self, WorkError> {
        // The names are among the settings, so that files are read again where they change.
        let known = known_labels(cx)?;
        let values = cx.values(&Self::own_keys())?;
        let short = |key: &str| key.strip_prefix("annotate.").unwrap_or(key).to_owned();
        let mut keys: Mapping = values.iter().map(|(key, value)| (short(key).into(), value.clone())).collect();
        if !known.is_empty() {
            keys.insert(KNOWN_LABELS.into(), known.into_iter().map(Value::from).collect());
        }
        Ok(Self::try_from(keys)?)
    }

    /// A reading from the keys of the section `annotate`, as YAML.
    ///
    /// # Errors
    /// There is no such layout, or a key has a value of another type.
    pub fn from_yaml(text: &str) -> Result<Self, String> {
        let keys: Mapping = serde_yaml::from_str(text).map_err(|e| e.to_string())?;
        Self::try_from(keys)
    }

    /// Review sheets in a folder or file of the archive.
    ///
    /// # Errors
    /// Those of [`Reading::from_yaml`].
    pub(crate) fn of_sheets(place: &str) -> Result<Self, String> {
        let keys = [("format", layouts::review::NAME), ("folder", place)];
        Self::try_from(keys.into_iter().map(|(key, value)| (key.into(), value.into())).collect::<Mapping>())
    }

    /// The layout.
    pub fn layout(&self) -> &'static dyn Layout {
        self.layout
    }

    /// Folder or file within the archive that holds the annotations.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Extensions of the annotation files; `None` where the recordings' paths are the annotations.
    pub(crate) fn extensions(&self) -> Option<&'static [&'static str]> {
        self.layout.files().map(|files| files.extensions)
    }

    /// How label texts are written.
    pub fn label_text(&self) -> LabelText {
        self.label_text
    }

    /// All settings as text: files that were read with other settings have to be read again.
    pub(crate) fn settings(&self) -> &str {
        &self.settings
    }

    /// The content of an annotation file.
    pub fn read(&self, bytes: &[u8]) -> Contents {
        let Reader::File(read) = &self.reader else { return Contents::default() };
        if bytes.trim_ascii().is_empty() {
            // There is not even a header. An empty file of a complete layout says that nothing was heard.
            return if self.layout.is_complete() { Contents::default().or_silence() } else { Contents::default() };
        }
        read(bytes)
    }

    /// The label of a recording by its path; `None` where annotation files hold the labels.
    pub fn label_of_path(&self, recording: &str) -> Option<Event> {
        match self.reader {
            Reader::Path(read) => Some(read(recording)),
            Reader::File(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_says_that_nothing_was_heard_and_a_file_of_another_kind_says_nothing() {
        for format in ["raven", "csv", "clips", "anuraset_processed", "audacity", "anuraset_raw"] {
            let reading = Reading::from_yaml(&format!("format: {format}")).unwrap();
            for bytes in [&b""[..], b"\n"] {
                assert_eq!(reading.read(bytes), Contents { by_recording: [(None, vec![])].into(), ..Contents::default() });
            }
        }
        for format in ["raven", "csv", "clips", "anuraset_processed"] {
            let found = Reading::from_yaml(&format!("format: {format}")).unwrap().read(b"read me");
            assert!(found.events().count() == 1 && found.fault.is_some(), "{format}: {found:?}");
        }
        assert_eq!(Reading::from_yaml("format: review").unwrap().read(b"\n"), Contents::default());
    }

    #[test]
    fn settings_of_a_layout_and_its_usual_ones() {
        let usual = Reading::from_yaml("format: anuraset_raw").unwrap();
        assert_eq!((usual.place(), usual.label_text()), ("strong_labels", LabelText::CodeQuality));
        let own = Reading::from_yaml("{format: anuraset_raw, folder: tracks, label_text: plain}").unwrap();
        assert_eq!((own.place(), own.label_text()), ("tracks", LabelText::Plain));
        assert_ne!(usual.settings(), own.settings());
        assert_eq!(Reading::of_sheets("heard").unwrap().place(), "heard");
        let refused = Reading::from_yaml("format: ravn").err().unwrap();
        assert!(refused.contains("`ravn`, expected anuraset_raw, anuraset_processed, raven"), "{refused}");
        assert!(Reading::from_yaml("{format: csv, start_column: [a]}").is_err());
    }
}
