//! Configuration: a YAML file and `--set` over the declared defaults, checked all at once.

mod combine;
pub mod evolution;
mod from_model;
pub mod keys;
mod parse;

pub use from_model::MODEL_KEYS;
pub(crate) use from_model::{at_training, contradictions, same_setting, unknown_setting};

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

use keys::{KEYS, Key, find};

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The file and line, or `--set`.
    pub place: String,
    /// The key.
    pub key: String,
    /// What was found.
    pub found: String,
    /// What is allowed, or what to do.
    pub allowed: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: found {}; {}", self.place, self.key, self.found, self.allowed)
    }
}

/// A configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}; name a configuration file with -c, or write one with `chorus init ARCHIVE`", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Keys are unknown, values wrong, or combinations impossible. All problems are listed.
    #[error("the configuration has {}:\n{}\n`chorus config` prints every key with its meaning and range", count(.problems.len()), list(.problems))]
    Invalid {
        /// Every problem found.
        problems: Vec<Problem>,
    },
}

fn count(n: usize) -> String {
    if n == 1 { "a problem".into() } else { format!("{n} problems") }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n")
}

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

/// A checked configuration: a value for every declared key.
#[derive(Debug, Clone)]
pub struct Config {
    values: BTreeMap<&'static str, Value>,
    /// Where values come from that are not defaults.
    origins: BTreeMap<&'static str, Origin>,
    /// The file.
    file: String,
    /// What the run is called when nothing says so: the file's stem.
    stem: String,
}

impl Config {
    /// Reads a file, puts `--set key=value` over it, fills in the settings of the model that `model.path` names and the defaults, and
    /// checks everything.
    ///
    /// # Errors
    /// [`ConfigError`], with every problem at once.
    pub fn load(path: &Path, sets: &[String]) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let lacking = if path.file_name().is_some_and(|name| name == RESOLVED) { Key::value_before } else { Key::default_value };
        Self::build(&text, &path.display().to_string(), &stem, sets, lacking)
    }

    /// The same from a text; `place` names it in messages.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn from_text(text: &str, place: &str, stem: &str, sets: &[String]) -> Result<Self, ConfigError> {
        Self::build(text, place, stem, sets, Key::default_value)
    }

    /// `lacking` is the value of a key that nothing gives.
    fn build(
        text: &str,
        place: &str,
        stem: &str,
        sets: &[String],
        lacking: fn(&Key) -> serde_json::Value,
    ) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let mut given = parse::file(text, place, &mut problems);
        for set in sets {
            given.extend(parse::set(set, &mut problems));
        }
        let mut config =
            Self { values: BTreeMap::new(), origins: BTreeMap::new(), file: place.to_owned(), stem: stem.to_owned() };
        for key in KEYS.iter() {
            config.values.insert(key.name, serde_yaml::to_value(lacking(key)).unwrap_or_default());
        }
        for entry in given {
            if let Some(problem) = parse::check(&entry) {
                problems.push(problem);
            } else if let Some(key) = find(&entry.key) {
                config.values.insert(key.name, entry.value);
                config.origins.insert(key.name, if entry.place == parse::SET { Origin::Set } else { Origin::File(entry.place) });
            }
        }
        if problems.is_empty() {
            from_model::take(&mut config, &mut problems);
        }
        if problems.is_empty() {
            problems = combine::problems(&config, |key| config.place(key));
        }
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Invalid { problems }) }
    }

    /// The same for another run, which takes what it can from `base`.
    #[must_use]
    pub fn for_run(mut self, run: &Path, base: Option<&Path>) -> Self {
        for (key, path) in [("run.path", Some(run)), ("run.base", base)] {
            self.values.insert(key, path.map_or(Value::Null, |path| Value::from(path.to_string_lossy())));
        }
        self
    }

    /// What a file and `--set` say of one key, whatever else they lack; `None` where they say nothing.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read, or when the key has no value that it takes.
    pub fn said(path: &Path, sets: &[String], key: &str) -> Result<Option<Value>, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let mut others = Vec::new();
        let mut given = parse::file(&text, &path.display().to_string(), &mut others);
        given.extend(sets.iter().filter_map(|set| parse::set(set, &mut others)));
        let Some(entry) = given.into_iter().rfind(|entry| entry.key == key) else { return Ok(None) };
        match parse::check(&entry) {
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
    pub fn brought(&self) -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(|key| matches!(self.origins.get(key.name), Some(Origin::Model(_))))
    }

    /// Refuses a configuration with neither labels nor a model, with which recordings can be looked at and no more.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub(crate) fn require_purpose(&self) -> Result<(), ConfigError> {
        combine::lacks_purpose(self).map_or(Ok(()), |problem| Err(ConfigError::Invalid { problems: vec![problem] }))
    }

    /// Keys that were given and change nothing, each in a sentence.
    pub fn idle_keys(&self) -> Vec<String> {
        combine::idle(self)
    }

    /// The value of a key.
    ///
    /// # Panics
    /// When no such key is declared: a fault of the program.
    pub fn get(&self, key: &str) -> &Value {
        self.values.get(key).unwrap_or_else(|| panic!("{key} is not a declared key"))
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
        self.get(key).as_sequence().into_iter().flatten().filter_map(Value::as_str).map(PathBuf::from).collect()
    }

    /// The run's folder, as typed.
    pub fn run_path(&self) -> PathBuf {
        self.text("run.path").map_or_else(|| Path::new("runs").join(&self.stem), PathBuf::from)
    }

    /// The keys that a list of names stands for; `section.*` stands for the whole section.
    ///
    /// # Panics
    /// When a name matches no declared key: a fault of the program.
    pub fn expand(names: &[&str]) -> Vec<&'static Key> {
        let matching = |name: &&str| -> Vec<&'static Key> {
            let found: Vec<_> = match name.strip_suffix('*') {
                Some(prefix) => KEYS.iter().filter(|k| k.name.starts_with(prefix)).collect(),
                None => KEYS.iter().filter(|k| k.name == *name).collect(),
            };
            assert!(!found.is_empty(), "{name} is not a declared key");
            found
        };
        names.iter().flat_map(matching).collect()
    }

    /// These keys as a struct whose fields are sections that hold structs (or top-level keys): exactly what was asked for.
    ///
    /// # Errors
    /// What serde says when the struct and the keys do not fit: a fault of the program.
    pub fn params<P: DeserializeOwned>(&self, names: &[&str]) -> Result<P, serde_yaml::Error> {
        serde_yaml::from_value(Value::Mapping(self.nested(Self::expand(names).into_iter())))
    }

    /// The whole configuration as YAML, every key with its value.
    pub fn to_yaml(&self) -> String {
        let mut nested = self.nested(KEYS.iter());
        let run_path = Value::from(self.run_path().to_string_lossy());
        if let Some(Value::Mapping(run)) = nested.get_mut("run") {
            run.insert("path".into(), run_path);
        }
        serde_yaml::to_string(&nested).expect("values that came from YAML go back to it")
    }

    /// The same with the paths of archive, model and run made absolute, so that it means the same from every folder.
    #[must_use]
    pub fn with_absolute_paths(&self) -> Self {
        let mut config = self.clone();
        let run = Some(self.run_path());
        let absolute = |path: PathBuf| std::path::absolute(path).ok().map(|path| Value::from(path.to_string_lossy()));
        let paths = ["archive.path", "model.path", "run.base", "train.initial_weights"]
            .map(|key| (key, self.text(key).map(PathBuf::from)));
        for (key, path) in paths.into_iter().chain([("run.path", run)]) {
            if let Some(path) = path.and_then(absolute) {
                config.values.insert(key, path);
            }
        }
        let ensemble = self.paths("model.ensemble").into_iter().filter_map(absolute).collect();
        config.values.insert("model.ensemble", Value::Sequence(ensemble));
        config
    }

    fn nested(&self, keys: impl Iterator<Item = &'static Key>) -> Mapping {
        let mut top = Mapping::new();
        for key in keys {
            let value = self.get(key.name).clone();
            match key.name.split_once('.') {
                None => {
                    top.insert(key.name.into(), value);
                }
                Some((section, name)) => {
                    let section = top.entry(section.into()).or_insert_with(|| Mapping::new().into());
                    section.as_mapping_mut().expect("sections are mappings").insert(name.into(), value);
                }
            }
        }
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = "model.path=m";

    fn load(text: &str, sets: &[&str]) -> Result<Config, String> {
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
        Config::from_text(text, "c.yaml", "c", &sets).map_err(|e| e.to_string())
    }

    #[test]
    fn every_default_is_a_value_of_its_key() {
        for key in KEYS.iter() {
            let entry =
                parse::Entry { place: String::new(), key: key.name.into(), value: serde_yaml::from_str(key.default).unwrap() };
            assert_eq!(parse::check(&entry), None, "{}", key.name);
        }
    }

    #[test]
    fn every_problem_is_told_at_once_with_its_line() {
        let text = "segment:\n  window_s: long\n  hopp_s: 1\nsplit:\n  test_fraction: 2\nfeaturise:\n  n_mels: 64\n";
        let error = load(text, &["train.epochs=0", "nonsense"]).unwrap_err();
        for wanted in [
            "6 problems",
            "c.yaml:2: segment.window_s: found `long`; allowed: a number from 0.1 to 600",
            "c.yaml:3: segment.hopp_s: found a key that is not known; did you mean segment.hop_s?",
            "c.yaml:5: split.test_fraction: found `2`",
            "c.yaml:7: featurise.n_mels: found a key that is not known; did you mean featurize.n_mels?",
            "--set: nonsense: found no `=`",
        ] {
            assert!(error.contains(wanted), "{wanted}\n{error}");
        }
    }

    #[test]
    fn a_text_that_is_no_yaml_is_told_with_its_line() {
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
        assert!(load("", &["split.seed=[&a 1, *a]"]).unwrap_err().contains("alias"));
    }

    #[test]
    fn set_wins_over_the_file_and_the_file_over_the_default() {
        let config = load("segment: {window_s: 5}\n", &[MODEL, "segment.hop_s=2"]).unwrap();
        assert_eq!((config.number("segment.window_s"), config.number("segment.hop_s")), (5.0, 2.0));
        assert_eq!(config.text("segment.tail"), Some("drop"));
    }

    #[test]
    fn impossible_combinations_are_refused() {
        for (set, wanted) in [
            ("featurize.f_max_hz=9000", "half of featurize.sample_rate_hz"),
            ("featurize.win_length=1024", "featurize.n_fft"),
            ("featurize.f_min_hz=8000", "featurize.f_max_hz"),
            ("split.source=file", "split.file"),
            ("archive.timezone=Mars/Base", "IANA"),
            ("train.mix2_probabilities=[0.5, 0.5, 0.5]", "sum"),
            ("device=gpu", "auto, cpu or cuda:N"),
            ("featurize.high_pass_hz=8000", "less than half of featurize.sample_rate_hz, 8000 Hz"),
            ("evaluate.class_groups={polyphony_9: [A]}", "choose another"),
            ("evaluate.class_groups={rare: A}", "names, each with a list of texts"),
        ] {
            let error = load("", &[MODEL, set]).unwrap_err();
            assert!(error.contains(wanted), "{set}: {error}");
        }
        let looking = load("", &[]).unwrap();
        assert!(looking.require_purpose().unwrap_err().to_string().contains("neither labels nor a model"));
        assert!(load("", &[MODEL]).unwrap().require_purpose().is_ok());
    }

    #[test]
    fn paths_that_lead_out_of_the_archive_are_refused() {
        let refused = |key: &str, path: &str| {
            let text = "archive: {path: /data/ponds}\n";
            load(text, &[&format!("{key}={path}"), "annotate.format=raven"])
                .err()
                .is_some_and(|error| error.contains("outside of the archive"))
        };
        for key in [
            "archive.audio",
            "ingest.site_sheet",
            "annotate.folder",
            "annotate.code_table",
            "annotate.review_sheets",
            "split.file",
            "split.group_file",
        ] {
            for path in ["../x", "a/../../x", "/data", "/data/ponds2/x", "/data/ponds/../x"] {
                assert!(refused(key, path), "{key}={path}");
            }
            for path in ["x", "./x", "a/../x", "/data/ponds/x", "..x"] {
                assert!(!refused(key, path), "{key}={path}");
            }
        }
    }

    #[test]
    fn keys_of_another_split_are_told() {
        let idle = |sets: &[&str]| load("split:\n  fold: 2\n", sets).unwrap().idle_keys();
        let labels = "annotate.format=raven";
        let told = idle(&[labels]);
        assert_eq!(told, ["c.yaml:2: split.fold changes nothing here; it counts with split.source: folds or split.source: file"]);
        assert!(idle(&[labels, "split.source=folds"]).is_empty());
        assert!(idle(&[MODEL]).is_empty(), "without a split, none of its keys is missed");
        assert_eq!(idle(&[labels, "split.site=A", "split.folds=7", "split.source=file", "split.file=a.csv"]).len(), 2);
        assert!(idle(&[labels, "split.source=folds", "split.group=column", "split.file=a.csv"]).is_empty());
    }

    #[test]
    fn what_is_printed_loads_to_the_same() {
        let config = load("segment: {window_s: 5}\narchive: {path: a}\n", &[MODEL]).unwrap();
        let again = load(&config.to_yaml(), &[]).unwrap();
        assert_eq!(config.to_yaml(), again.to_yaml());
        assert_eq!(again.run_path(), Path::new("runs/c"));
    }
}
