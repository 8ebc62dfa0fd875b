//! A checked configuration.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chorus_archive::{Local, is_url};
use chorus_card::Card;
use chorus_keys::{Base, Declarations, Finding, Key, Keys, Values};
use chorus_text::in_shell;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::evolution::KnownKeys;
use super::parse;
use super::problem::{ConfigError, Problem};
use crate::sync::locked;

/// The keys that the card of a network records under `settings`.
pub const MODEL_KEYS: [&str; 2] = ["featurize.*", "segment.window_s"];
/// The keys that the card of a head on embeddings records under `settings`.
pub const HEAD_KEYS: [&str; 6] = ["embed.hop_s", "embed.map", "embed.pool", "head.context", "head.context_s", "segment.window_s"];
/// The key that says what a classifier learns from. It follows from the kind of model, so cards need not record it.
pub(super) const LEARNS_FROM: &str = "train.on";

/// Name of the file in which a run records its configuration, every key with its value. A key that the file lacks did not exist yet.
pub(crate) const RESOLVED: &str = "config.resolved.yaml";

/// Where the value of a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `--set`.
    Set,
    /// This file and line.
    File(String),
    /// This card of a model.
    Model(String),
    /// This contract of a backbone.
    Contract(String),
    /// The word of this other key, which stands for values of several.
    Preset(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set => f.write_str(parse::SET),
            Self::File(place) | Self::Model(place) | Self::Contract(place) | Self::Preset(place) => f.write_str(place),
        }
    }
}

/// A checked configuration: a value for every key.
#[derive(Debug, Clone)]
pub struct Config {
    pub(super) values: Values,
    /// Where values come from that are not defaults.
    pub(super) origins: BTreeMap<String, Origin>,
    /// The file.
    pub(super) file: String,
    /// What the run is called when no key names it: the file's stem.
    pub(super) stem: String,
    /// None for a configuration that was checked before it was written, see [`Config::resolved`].
    pub(super) declarations: Option<&'static Declarations>,
    /// What a file means that was written before a key existed.
    pub(super) known: KnownKeys,
    pub(super) made: Made,
}

/// Structs made of the values, so that each is made once and not for every unit of a pass.
#[derive(Default)]
pub(super) struct Made(Mutex<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Made")
    }
}

impl Clone for Made {
    /// Empty: a copy of a configuration is made to change values.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Config {
    /// Reads a file that [`Config::to_yaml`] wrote: it was checked before, and every key has its value, so that no declarations are
    /// needed. A key that the writing program did not have reads as null.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read or is no YAML.
    pub fn resolved(path: &Path) -> Result<Self, ConfigError> {
        Self::resolved_text(&text_of(path)?, path)
    }

    /// The same from the text of such a file.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when the text is no YAML.
    pub fn resolved_text(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let place = path.display().to_string();
        let entries = parse::file(text, &place, &Declarations::default(), &mut problems);
        if !problems.is_empty() {
            return Err(ConfigError::Invalid { problems });
        }
        Ok(Self {
            values: entries.into_iter().map(|entry| (entry.key, entry.value)).collect(),
            origins: BTreeMap::new(),
            file: place,
            stem: stem_of(path),
            known: KnownKeys::default(),
            declarations: None,
            made: Made::default(),
        })
    }

    /// The same for another run, which takes what it can from `base`.
    #[must_use]
    pub fn for_run(mut self, run: &Path, base: Option<&Path>) -> Self {
        for (key, path) in [("run.path", Some(run)), ("run.base", base)] {
            self.values.set(key, path.map_or(Value::Null, |path| Value::from(path.to_string_lossy())));
            // As if `--set` had named them: neither the file nor a default gives these values.
            self.origins.insert(key.to_owned(), Origin::Set);
        }
        self.made = Made::default();
        self
    }

    /// The value that a file and `--set` give to one key, whatever else they lack; `None` where they give none.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read, or when the key does not take the value.
    pub fn given(
        path: &Path,
        sets: &[String],
        key: &str,
        declarations: &'static Declarations,
    ) -> Result<Option<Value>, ConfigError> {
        let mut others = Vec::new();
        let mut given = parse::file(&text_of(path)?, &path.display().to_string(), declarations, &mut others);
        given.extend(sets.iter().filter_map(|set| parse::set(set, &mut others)));
        let Some(entry) = given.into_iter().rfind(|entry| entry.key == key) else { return Ok(None) };
        match parse::check(&entry, declarations) {
            Some(problem) => Err(ConfigError::Invalid { problems: vec![problem] }),
            None => Ok(Some(entry.value)),
        }
    }

    /// The arguments that give a command this configuration, to be pasted into a shell: the file or the run, and each `--set`.
    pub fn typed(&self) -> String {
        let file = Path::new(&self.file);
        let recorded = file.parent().filter(|run| is_recorded(file) && self.run_path() == **run);
        let source = match recorded {
            Some(run) => format!("--run {}", in_shell(&run.to_string_lossy())),
            None => format!("-c {}", in_shell(&self.file)),
        };
        // `--run` stands for this key.
        let is_set = |(key, origin): &(&String, &Origin)| **origin == Origin::Set && (recorded.is_none() || *key != "run.path");
        let set = |(key, _): (&String, &Origin)| {
            format!(" --set {}", in_shell(&format!("{key}={}", parse::typed(self.values.get(key)))))
        };
        source + &self.origins.iter().filter(is_set).map(set).collect::<String>()
    }

    /// Where the value of a key comes from: the file and line, `--set`, the card of a model, or the default.
    pub fn place(&self, key: &str) -> String {
        self.origins.get(key).map_or_else(|| format!("{} (default)", self.file), Origin::to_string)
    }

    /// Whether the file or `--set` gives a key.
    pub(super) fn is_given(&self, key: &str) -> bool {
        matches!(self.origins.get(key), Some(Origin::Set | Origin::File(_)))
    }

    /// Whether the value of a key is to come from the card of the model and did not, because there is no card.
    pub(crate) fn lacks_from_model(&self, key: &str) -> bool {
        self.declarations.is_some() && !self.origins.contains_key(key) && self.model_keys().iter().any(|name| name == key)
    }

    /// The keys whose values come from the card of the model.
    pub fn brought(&self) -> impl Iterator<Item = &str> {
        self.origins.iter().filter(|(_, origin)| matches!(origin, Origin::Model(_))).map(|(key, _)| key.as_str())
    }

    /// The keys with their meanings; `None` for a configuration that was read by [`Config::resolved`].
    pub fn declarations(&self) -> Option<&'static Declarations> {
        self.declarations
    }

    /// What this version of the program knows of keys, for files of other versions.
    pub(crate) fn known(&self) -> &KnownKeys {
        &self.known
    }

    /// The same with what another process knows of keys.
    pub(crate) fn with_known(mut self, known: KnownKeys) -> Self {
        self.known = known;
        self
    }

    /// Values that cannot work together.
    pub(super) fn conflicts(&self, declarations: &Declarations) -> Vec<Problem> {
        let paths = outside_paths(&self.values, declarations);
        self.placed(paths.into_iter().chain(declarations.findings(&self.values)))
    }

    fn placed(&self, findings: impl IntoIterator<Item = Finding>) -> Vec<Problem> {
        let placed = |Finding { key, found, allowed }: Finding| Problem { place: self.place(&key), key, found, allowed };
        findings.into_iter().map(placed).collect()
    }

    /// Refuses a configuration with which recordings can be looked at and no more.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub(crate) fn require_purpose(&self) -> Result<(), ConfigError> {
        let findings = self.declarations.map(|all| all.missing_purpose(&self.values)).unwrap_or_default();
        let problems = self.placed(findings);
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::Invalid { problems }) }
    }

    /// What deserves a warning: keys that were given and have no effect.
    pub fn warnings(&self) -> Vec<Problem> {
        let Some(all) = self.declarations else { return Vec::new() };
        let is_default =
            |finding: &Finding| all.find(&finding.key).is_some_and(|key| key.default_value() == *self.values.get(&finding.key));
        self.placed(all.remarks(&self.values).into_iter().filter(|finding| !is_default(finding)))
    }

    /// All values.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The value of a key.
    ///
    /// # Panics
    /// When no such key is declared: a fault of the program.
    pub fn get(&self, key: &str) -> &Value {
        assert!(self.declarations.is_none() || self.values.has(key), "{key} is not a declared key");
        self.values.get(key)
    }

    /// A text, `None` when null.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).as_str()
    }

    /// Whether a key is true. A key that this configuration does not have, as that of an older run, is not.
    pub fn is_on(&self, key: &str) -> bool {
        self.values.get(key).as_bool() == Some(true)
    }

    /// A number, whole or not; NaN when null.
    pub fn number(&self, key: &str) -> f64 {
        self.get(key).as_f64().unwrap_or(f64::NAN)
    }

    /// A path, or a list of paths.
    pub fn paths(&self, key: &str) -> Vec<PathBuf> {
        self.values.paths(key)
    }

    /// The seeds, by key.
    pub(crate) fn seeds(&self) -> BTreeMap<&str, serde_json::Value> {
        let seeds = self.values.iter().filter(|(name, _)| name.ends_with(".seed"));
        seeds.map(|(name, value)| (name, serde_json::to_value(value).unwrap_or_default())).collect()
    }

    /// The run's folder, as typed.
    pub fn run_path(&self) -> PathBuf {
        self.text("run.path").map_or_else(|| Path::new("runs").join(&self.stem), PathBuf::from)
    }

    /// The full names that patterns match: `section.*` matches the whole section.
    ///
    /// # Panics
    /// When a pattern matches no key: a fault of the program.
    pub fn expand(&self, patterns: &[&str]) -> Vec<String> {
        let matching = |pattern: &&str| -> Vec<String> {
            let names = self.values.iter().map(|(name, _)| name);
            let found: Vec<String> = match pattern.strip_suffix('*') {
                Some(prefix) => names.filter(|name| name.starts_with(prefix)).map(str::to_owned).collect(),
                None => names.filter(|name| name == pattern).map(str::to_owned).collect(),
            };
            assert!(!found.is_empty(), "{pattern} is not a declared key");
            found
        };
        patterns.iter().flat_map(matching).collect()
    }

    /// The full names of the keys that a model's card brings, whatever the kind of model, as far as this program has such keys.
    pub(crate) fn model_keys(&self) -> Vec<String> {
        self.matching(&[&MODEL_KEYS[..], &HEAD_KEYS, &[LEARNS_FROM]].concat())
    }

    /// The full names of the keys that this card brings.
    pub(crate) fn keys_of(&self, card: &Card) -> Vec<String> {
        let own: &[&str] = if card.backbone.is_some() { &HEAD_KEYS } else { &MODEL_KEYS };
        self.matching(&[own, &[LEARNS_FROM]].concat())
    }

    fn matching(&self, patterns: &[&str]) -> Vec<String> {
        let is_one = |name: &&str| {
            patterns.iter().any(|pattern| pattern.strip_suffix('*').map_or(*name == *pattern, |prefix| name.starts_with(prefix)))
        };
        self.values.iter().map(|(name, _)| name).filter(is_one).map(str::to_owned).collect()
    }

    /// The struct of a section's keys, made once for each configuration.
    ///
    /// # Errors
    /// What serde says when the struct and the keys do not fit: a fault of the program.
    pub fn settings<S: Keys + DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<S>, serde_yaml::Error> {
        let mut made = locked(&self.made.0);
        if let Some(Ok(settings)) = made.get(&TypeId::of::<S>()).map(|made| Arc::clone(made).downcast::<S>()) {
            return Ok(settings);
        }
        let settings = Arc::new(self.values.settings::<S>()?);
        made.insert(TypeId::of::<S>(), settings.clone());
        Ok(settings)
    }

    /// The value of one key in the type of its field.
    ///
    /// # Errors
    /// What serde says when the type does not take the value: a fault of the program.
    pub fn value<'a, T: Deserialize<'a>>(&'a self, key: &str) -> Result<T, serde_yaml::Error> {
        self.values.value(key)
    }

    /// The whole configuration as YAML, every key with its value, in the order of the declarations.
    pub fn to_yaml(&self) -> String {
        let mut nested = match self.declarations {
            Some(declarations) => self.values.nested(declarations.keys().iter().map(|key| key.name)),
            None => self.values.nested(self.values.iter().map(|(name, _)| name)),
        };
        let run_path = Value::from(self.run_path().to_string_lossy());
        if let Some(Value::Mapping(run)) = nested.get_mut("run") {
            run.insert("path".into(), run_path);
        }
        serde_yaml::to_string(&nested).expect("values that came from YAML go back to it")
    }

    /// The same with all paths that are relative to the current folder made absolute, so that it means the same from every folder.
    #[must_use]
    pub fn with_absolute_paths(&self) -> Self {
        let mut config = self.clone();
        let run = Value::from(self.run_path().to_string_lossy());
        config.values.set("run.path", run);
        let absolute = |path: &str| match std::path::absolute(path) {
            Ok(path_here) if !is_url(path) => path_here.to_string_lossy().into_owned(),
            _ => path.to_owned(),
        };
        let keys = self.declarations.into_iter().flat_map(Declarations::keys);
        for key in keys.filter(|key| key.base == Base::Current) {
            let value = match config.values.get(key.name) {
                Value::String(path) => Value::String(absolute(path)),
                Value::Sequence(paths) => {
                    paths.iter().filter_map(Value::as_str).map(|path| Value::String(absolute(path))).collect()
                }
                _ => continue,
            };
            config.values.set(key.name, value);
        }
        config
    }
}

pub(super) fn text_of(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| {
        let path = path.to_owned();
        if is_recorded(&path) { ConfigError::Unrecorded { path, source } } else { ConfigError::Unreadable { path, source } }
    })
}

/// Whether a path is that of a run's recorded configuration.
pub(super) fn is_recorded(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == RESOLVED)
}

pub(super) fn stem_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Paths that leave the folder that they are relative to.
fn outside_paths(values: &Values, declarations: &Declarations) -> Vec<Finding> {
    let outside = |key: &Key| {
        let Base::Within(folder) = key.base else { return None };
        let folder_path = values.text(folder)?;
        let path = values.text(key.name).filter(|path| Local::new(folder_path).plain(path).is_none())?;
        let found = format!("`{path}`, which is outside of the archive");
        Some(Finding::new(key.name, found, format!("allowed: a path within {folder}, relative to it; copy the file there")))
    };
    declarations.keys().iter().filter_map(outside).collect()
}
