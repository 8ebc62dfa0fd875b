//! What an export is: the trait that each format implements, and what formats have in common.

use std::collections::BTreeMap;
use std::path::Path;

use chorus_engine::counted;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::destination::Destination;
use super::error::ExportError;
use super::filter::Filter;
use super::run::Run;

/// A format of other programs. Name, options and code are in one file; one line in [`super::EXPORTS`] registers it.
///
/// Memory must grow with sites, nights and classes, and not with detections: a survey has millions of these.
pub trait Export: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// What it writes and which programs read that, in one sentence without a full stop.
    fn about(&self) -> &'static str;

    /// The options that it takes besides those of all exports.
    fn options(&self) -> &'static [ExportOption] {
        &[]
    }

    /// The tables that it reads besides `recordings`, `detections`, `classes` and `taxa`.
    fn tables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Writes the files.
    ///
    /// # Errors
    /// [`ExportError`]; nothing is published then.
    fn write(&self, run: &Run, filter: &Filter, options: &Options, destination: &Destination) -> Result<Summary, ExportError>;
}

/// An option of an export on the command line, such as `--metadata FILE` or `--acoustic`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportOption {
    /// Its name without the two hyphens.
    pub name: &'static str,
    /// What stands for its value in the help; empty for a switch, which has none and is `true` where it is given.
    pub value: &'static str,
    /// What it is for.
    pub about: &'static str,
}

/// Values of options, by name, as they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// These values.
    pub fn new(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(values.into_iter().collect())
    }

    /// Refuses options that a format does not take; `known` are all formats, to name the ones that do.
    pub(super) fn check(&self, format: &dyn Export, known: &[&dyn Export]) -> Result<(), ExportError> {
        let takes = |format: &dyn Export, name: &str| format.options().iter().any(|option| option.name == name);
        let Some(name) = self.0.keys().find(|name| !takes(format, name)) else { return Ok(()) };
        let others: Vec<&str> = known.iter().filter(|other| takes(**other, name)).map(|other| other.name()).collect();
        Err(ExportError::Option { name: name.clone(), format: format.name(), others: others.join(", ") })
    }

    /// The values as a struct with a field for each option.
    ///
    /// # Errors
    /// [`ExportError::OptionValue`].
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ExportError> {
        let values = self.0.iter().map(|(name, value)| (name.replace('-', "_"), Value::String(value.clone()))).collect();
        serde_json::from_value(Value::Object(values)).map_err(|e| ExportError::OptionValue { detail: e.to_string() })
    }
}

/// What was exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Readable recordings that were looked at.
    pub recordings: u64,
    /// Detections that were written.
    pub detections: u64,
    /// What a person should know about the files, in sentences.
    pub notes: Vec<String>,
    /// The classes that nobody looked for, as [`chorus_score::Told::lines`] tells them.
    pub left_out: Vec<String>,
}

/// A sentence about what a format could not hold; `None` when it held everything.
pub(super) fn left_out(detections: u64, recordings: u64, why: &str) -> Option<String> {
    (recordings > 0)
        .then(|| format!("{} in {} left out: {why}", counted(detections, "detection"), counted(recordings, "recording")))
}

/// The path of a file about a recording: the recording's own path with a suffix.
pub(super) fn beside(path: &Path, suffix: &str) -> String {
    format!("{}{suffix}", path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_counted() {
        assert_eq!(left_out(0, 0, "x"), None);
        assert_eq!(left_out(1, 2, "no start is known").unwrap(), "1 detection in 2 recordings left out: no start is known");
    }
}
