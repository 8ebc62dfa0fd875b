//! Loads and checks a configuration: the file, `--set`, the settings of a model, the defaults.

use std::collections::BTreeMap;
use std::path::Path;

use chorus_keys::{Base, Declarations, Key};
use serde_yaml::Value;

use super::checked::{Config, Made, Origin, is_recorded, stem_of, text_of};
use super::evolution::KnownKeys;
use super::problem::ConfigError;
use super::{from_contract, from_model, from_preset, parse};

impl Config {
    /// Reads a file, puts `--set key=value` over it, fills in the settings of the model that `model.path` names and the defaults, and
    /// checks everything.
    ///
    /// # Errors
    /// [`ConfigError`], with every problem at once.
    pub fn load(path: &Path, sets: &[String], declarations: &'static Declarations) -> Result<Self, ConfigError> {
        let lacking = if is_recorded(path) { Key::before_value } else { Key::default_value };
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
        if is_recorded(Path::new(place)) {
            from_preset::leave_out(&mut given, declarations);
        }
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
            } else if let Some(key) = declarations.find(&entry.key) {
                // A file system may know another form of a path.
                let value = if key.base == Base::None { parse::composed_texts(entry.value) } else { entry.value };
                config.values.set(&entry.key, value);
                config.origins.insert(entry.key, if entry.place == parse::SET { Origin::Set } else { Origin::File(entry.place) });
            }
        }
        if problems.is_empty() {
            from_preset::take(&mut config, declarations);
            from_model::take(&mut config, declarations, &mut problems);
            from_contract::take(&mut config);
        }
        if problems.is_empty() {
            problems = config.conflicts(declarations);
        }
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Invalid { problems }) }
    }
}
