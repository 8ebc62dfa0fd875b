//! Configuration: a YAML file and `--set` over the declared defaults, checked all at once.
//!
//! Which keys there are comes from outside, see [`Declarations`]: each stage declares its own, and the program adds them up.

pub mod evolution;
mod from_model;
mod parse;
mod problem;
mod sections;

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

use chorus_keys::{Base, Declarations, Finding, Key, Keys, Values};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use crate::sync::locked;

use evolution::KnownKeys;
pub use from_model::MODEL_KEYS;
pub(crate) use from_model::{at_training, contradictions, same_setting, unknown_setting};
pub use problem::{ConfigError, Problem};
pub use sections::{ArchiveFolder, DeviceSettings, ModelFolder, RunSettings, UnitSettings, declarations};

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
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set => f.write_str(parse::SET),
            Self::File(place) | Self::Model(place) => f.write_str(place),
        }
    }
}

/// A checked configuration: a value for every key.
#[derive(Debug, Clone)]
pub struct Config {
    values: Values,
    /// Where values come from that are not defaults.
    origins: BTreeMap<String, Origin>,
    /// The file.
    file: String,
    /// What the run is called when no key names it: the file's stem.
    stem: String,
    /// None for a configuration that was checked before it was written, see [`Config::resolved`].
    declarations: Option<&'static Declarations>,
    /// What a file means that was written before a key existed.
    known: KnownKeys,
    made: Made,
}

/// Structs made of the values, so that each is made once and not for every unit of a pass.
#[derive(Default)]
struct Made(Mutex<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>>);

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
    /// Reads a file, puts `--set key=value` over it, fills in the settings of the model that `model.path` names and the defaults, and
    /// checks everything.
    ///
    /// # Errors
    /// [`ConfigError`], with every problem at once.
    pub fn load(path: &Path, sets: &[String], declarations: &'static Declarations) -> Result<Self, ConfigError> {
        let lacking = if path.file_name().is_some_and(|name| name == RESOLVED) { Key::before_value } else { Key::default_value };
        Self::build(&text_of(path)?, &path.display().to_string(), &stem_of(path), sets, declarations, lacking)
    }

    /// The same from a text; `place` names it in messages.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn from_text(
        text: &str,
        place: &str,
        stem: &str,
        sets: &[String],
        declarations: &'static Declarations,
    ) -> Result<Self, ConfigError> {
        Self::build(text, place, stem, sets, declarations, Key::default_value)
    }

    /// `lacking` is the value of a key that nothing gives.
    fn build(
        text: &str,
        place: &str,
        stem: &str,
        sets: &[String],
        declarations: &'static Declarations,
        lacking: fn(&Key) -> Value,
    ) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let mut given = parse::file(text, place, declarations, &mut problems);
        for set in sets {
            given.extend(parse::set(set, &mut problems));
        }
        let mut config = Self {
            values: declarations.keys().iter().map(|key| (key.name.to_owned(), lacking(key))).collect(),
            origins: BTreeMap::new(),
            file: place.to_owned(),
            stem: stem.to_owned(),
            known: KnownKeys::of(declarations),
            declarations: Some(declarations),
            made: Made::default(),
        };
        for entry in given {
            if let Some(problem) = parse::check(&entry, declarations) {
                problems.push(problem);
            } else if declarations.find(&entry.key).is_some() {
                config.values.set(&entry.key, entry.value);
                config.origins.insert(entry.key, if entry.place == parse::SET { Origin::Set } else { Origin::File(entry.place) });
            }
        }
        if problems.is_empty() {
            from_model::take(&mut config, declarations, &mut problems);
        }
        if problems.is_empty() {
            problems = config.conflicts(declarations);
        }
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Invalid { problems }) }
    }

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

    /// Where the value of a key comes from: the file and line, `--set`, the card of a model, or the default.
    pub fn place(&self, key: &str) -> String {
        self.origins.get(key).map_or_else(|| format!("{} (default)", self.file), Origin::to_string)
    }

    /// Whether the file or `--set` gives a key.
    fn is_given(&self, key: &str) -> bool {
        matches!(self.origins.get(key), Some(Origin::Set | Origin::File(_)))
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
    fn conflicts(&self, declarations: &Declarations) -> Vec<Problem> {
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

    /// A number, whole or not; NaN when null.
    pub fn number(&self, key: &str) -> f64 {
        self.get(key).as_f64().unwrap_or(f64::NAN)
    }

    /// A list of paths.
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

    /// The full names of the keys that a model's card records, as far as this program has such keys.
    pub(crate) fn model_keys(&self) -> Vec<String> {
        let names = self.values.iter().map(|(name, _)| name);
        let is_one = |name: &&str| {
            MODEL_KEYS
                .iter()
                .any(|pattern| pattern.strip_suffix('*').map_or(*name == *pattern, |prefix| name.starts_with(prefix)))
        };
        names.filter(is_one).map(str::to_owned).collect()
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
        let absolute = |path: &str| std::path::absolute(path).map_or_else(|_| path.into(), |path| path.to_string_lossy().into());
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

fn text_of(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

fn stem_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Paths that leave the folder that they are relative to.
fn outside_paths(values: &Values, declarations: &Declarations) -> Vec<Finding> {
    let outside = |key: &Key| {
        let Base::Within(folder) = key.base else { return None };
        let path = values.text(key.name).filter(|path| !is_within(values.text(folder), path))?;
        let found = format!("`{path}`, which is outside of the archive");
        Some(Finding::new(key.name, found, format!("allowed: a path within {folder}, relative to it; copy the file there")))
    };
    declarations.keys().iter().filter_map(outside).collect()
}

/// Whether a path, relative to a folder, stays within it. Links may lead wherever they do.
fn is_within(folder: Option<&str>, path: &str) -> bool {
    let (Some(folder), path) = (folder, Path::new(path)) else { return true };
    let below = match std::path::absolute(folder) {
        Ok(folder) if path.is_absolute() => path.strip_prefix(folder).ok(),
        _ => Some(path),
    };
    below.is_some_and(|below| depth(below).is_some())
}

/// How many folders down a path leads; `None` where it leads above its beginning on the way.
fn depth(path: &Path) -> Option<usize> {
    path.components().try_fold(0_usize, |depth, part| match part {
        Component::ParentDir => depth.checked_sub(1),
        Component::Normal(_) => Some(depth + 1),
        _ => Some(depth),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_keys::keys as all;

    const MODEL: &str = "model.path=m";

    fn load(text: &str, sets: &[&str]) -> Result<Config, String> {
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
        Config::from_text(text, "c.yaml", "c", &sets, all()).map_err(|e| e.to_string())
    }

    #[test]
    fn every_problem_is_listed_at_once_with_its_line() {
        let text = "segment:\n  window_s: long\n  hopp_s: 1\ndetect:\n  threshold: 2\nfeaturise:\n  n_mels: 64\n";
        let error = load(text, &["train.seed=-1", "nonsense"]).unwrap_err();
        for wanted in [
            "6 problems",
            "c.yaml:2: segment.window_s: found `long`; allowed: a number from 0.1 to 600",
            "c.yaml:3: segment.hopp_s: found an unknown key; did you mean segment.hop_s?",
            "c.yaml:5: detect.threshold: found `2`",
            "c.yaml:7: featurise.n_mels: found an unknown key; did you mean featurize.n_mels?",
            "--set: nonsense: found no `=`",
        ] {
            assert!(error.contains(wanted), "{wanted}\n{error}");
        }
    }

    #[test]
    fn a_text_that_is_no_yaml_is_refused_with_its_line() {
        let error = load("segment:\n  window_s: [1\n", &[]).unwrap_err();
        assert!(error.contains("c.yaml:"), "{error}");
        let error = load("- a\n- b\n", &[]).unwrap_err();
        assert!(error.contains("sections"), "{error}");
    }

    #[test]
    fn texts_that_would_take_all_memory_or_time_are_refused_with_their_line() {
        let aliases = format!("a: &a [{}1]\nb: [{}*a]\n", "1,".repeat(2000), "*a,".repeat(2000));
        let error = load(&aliases, &[]).unwrap_err();
        assert!(error.contains("c.yaml:2: (file): found an alias") && error.contains("write out"), "{error}");
        let nested = |levels: usize| load(&format!("a:\n  b: {}{}", "[".repeat(levels), "]".repeat(levels)), &[]).unwrap_err();
        assert!(nested(100).contains("c.yaml:2: (file): found more than 8 levels"), "{}", nested(100));
        // So many the parser itself refuses.
        assert!(nested(100_000).contains("c.yaml:2: (file): found"), "{}", nested(100_000));
        assert!(load("", &["evaluate.seed=[&a 1, *a]"]).unwrap_err().contains("alias"));
    }

    #[test]
    fn set_wins_over_the_file_and_the_file_over_the_default() {
        let config = load("segment: {window_s: 5}\n", &[MODEL, "segment.hop_s=2"]).unwrap();
        assert_eq!((config.number("segment.window_s"), config.number("segment.hop_s")), (5.0, 2.0));
        assert_eq!(config.number("segment.min_tail_s"), 1.0);
    }

    #[test]
    fn impossible_combinations_are_refused() {
        for (set, wanted) in [("device=gpu", "auto, cpu or cuda:N")] {
            let error = load("", &[MODEL, set]).unwrap_err();
            assert!(error.contains(wanted), "{set}: {error}");
        }
    }

    #[test]
    fn a_purpose_is_asked_for_only_where_more_is_done_than_to_look() {
        fn lacks(values: &Values) -> Vec<Finding> {
            let lacks = values.text("model.path").is_none();
            lacks.then(|| Finding::new("model.path", "nothing", "name a model")).into_iter().collect()
        }
        let all = all().clone().purpose(lacks).into_static();
        let config = |sets: &[String]| Config::from_text("", "c.yaml", "c", sets, all).unwrap();
        assert!(config(&[]).require_purpose().unwrap_err().to_string().contains("name a model"));
        assert!(config(&[MODEL.to_owned()]).require_purpose().is_ok());
    }

    #[test]
    fn paths_that_lead_out_of_the_archive_are_refused() {
        let refused = |key: &str, path: &str| {
            let text = "archive: {path: /data/ponds}\n";
            load(text, &[&format!("{key}={path}"), "annotate.format=raven"])
                .err()
                .is_some_and(|error| error.contains("outside of the archive"))
        };
        for key in ["archive.audio", "ingest.site_sheet", "annotate.folder"] {
            for path in ["../x", "a/../../x", "/data", "/data/ponds2/x", "/data/ponds/../x"] {
                assert!(refused(key, path), "{key}={path}");
            }
            for path in ["x", "./x", "a/../x", "/data/ponds/x", "..x"] {
                assert!(!refused(key, path), "{key}={path}");
            }
        }
    }

    #[test]
    fn values_without_effect_are_warned_of_where_they_are_given() {
        fn unused(_: &Values) -> Vec<Finding> {
            let unused = |key| Finding::new(key, "a value without effect", "it is used only with report.clips");
            ["report.title", "segment.hop_s"].map(unused).into()
        }
        let all = all().clone().remark(unused).into_static();
        let config = Config::from_text("segment:\n  hop_s: 1\n", "c.yaml", "c", &[MODEL.to_owned()], all).unwrap();
        let wanted = "c.yaml:2: segment.hop_s: found a value without effect; it is used only with report.clips";
        assert_eq!(config.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(), [wanted]);
    }

    #[test]
    fn what_is_printed_loads_to_the_same() {
        let config = load("segment: {window_s: 5}\narchive: {path: a}\n", &[MODEL]).unwrap();
        let again = load(&config.to_yaml(), &[]).unwrap();
        assert_eq!(config.to_yaml(), again.to_yaml());
        assert_eq!(again.run_path(), Path::new("runs/c"));
    }

    #[test]
    fn a_resolved_file_needs_no_declarations() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.resolved.yaml");
        let config = load("segment: {window_s: 5}\narchive: {path: a}\n", &[MODEL]).unwrap();
        std::fs::write(&path, config.with_absolute_paths().to_yaml()).unwrap();
        let resolved = Config::resolved(&path).unwrap();
        assert_eq!(resolved.values(), config.with_absolute_paths().values());
        assert!(Path::new(resolved.text("archive.path").unwrap()).is_absolute());
        assert_eq!(resolved.run_path(), std::path::absolute("runs/c").unwrap());
        assert_eq!(resolved.text("key.of_a_later_version"), None);
    }

    #[test]
    fn settings_are_made_once_and_anew_for_another_run() {
        #[derive(Deserialize, Keys)]
        #[keys(section = "run")]
        struct RunSettings {
            /// Folder.
            path: Option<String>,
        }
        let config = load("", &[MODEL]).unwrap();
        let first = config.settings::<RunSettings>().unwrap();
        assert!(Arc::ptr_eq(&first, &config.settings::<RunSettings>().unwrap()));
        let other = config.for_run(Path::new("other"), None);
        assert_eq!(other.settings::<RunSettings>().unwrap().path.as_deref(), Some("other"));
    }
}
