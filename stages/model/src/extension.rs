//! What the open sets of this crate have in common: networks, mixing methods, losses and optimisers.
//!
//! A member of a set is one file. It holds a struct whose fields are configuration keys of the section `train`, the code, and an
//! [`Entry`] with name and description, which the set's `mod.rs` lists.

use std::fmt::Debug;
use std::sync::Arc;

use chorus_keys::{Key, Keys, Word};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{Error, Result};

/// A member of an open set together with its options.
pub trait Extension: Debug + Send + Sync {
    /// Its name in the configuration and in the cards of models.
    fn name(&self) -> &'static str;

    /// Its options, by the names of their configuration keys.
    fn options(&self) -> Settings;

    /// Refuses options out of range.
    ///
    /// # Errors
    /// [`Error::Option`], which names the option.
    fn validate(&self) -> Result<()> {
        Ok(())
    }
}

/// An extension whose own fields are its options and stand alone: a name is all that it adds to [`Extension`].
pub trait OwnOptions: Debug + Keys + Serialize + Send + Sync {
    /// Its name in the configuration and in the cards of models.
    const NAME: &'static str;
}

impl<T: OwnOptions> Extension for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn options(&self) -> Settings {
        Settings::of(self)
    }

    fn validate(&self) -> Result<()> {
        Ok(chorus_keys::validate(self)?)
    }
}

/// A line of a registry: how the configuration names an extension, and how to make one.
#[derive(Debug)]
pub struct Entry<E: ?Sized + 'static> {
    /// The name in the configuration.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub about: &'static str,
    /// Its options, which are keys of the section `train`.
    pub keys: fn() -> Vec<Key>,
    /// Makes one from the section's settings, of which it reads its own keys. Keys that are missing have their defaults.
    pub configure: fn(&Settings) -> Result<Arc<E>>,
}

impl<E: Extension + ?Sized> Entry<E> {
    /// One with these settings.
    ///
    /// # Errors
    /// [`Error::Settings`] where a value is of another kind than the option; [`Error::Option`] where it is out of range.
    pub fn with(&self, settings: &Settings) -> Result<Arc<E>> {
        let extension = (self.configure)(settings)?;
        extension.validate()?;
        Ok(extension)
    }
}

/// The words of the configuration key that names an extension.
pub fn words<E: ?Sized>(registry: &'static [&'static Entry<E>]) -> Vec<Word> {
    registry.iter().map(|entry| Word { name: entry.name, about: entry.about }).collect()
}

/// The options of all extensions of a registry. Some belong to several.
pub fn keys<E: ?Sized>(registry: &'static [&'static Entry<E>]) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for key in registry.iter().flat_map(|entry| (entry.keys)()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The entry of a registry that has this name; `key` is the configuration key that names it.
///
/// # Errors
/// [`Error::Unknown`] with the names that there are.
pub fn find<E: ?Sized>(key: &'static str, registry: &'static [&'static Entry<E>], name: &str) -> Result<&'static Entry<E>> {
    registry.iter().find(|entry| entry.name == name).copied().ok_or_else(|| Error::Unknown {
        key,
        found: name.to_owned(),
        known: registry.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", "),
    })
}

/// Writes an extension as its name and its options, for the header of a checkpoint.
///
/// # Errors
/// The serialiser's own.
pub fn serialize<E: Extension + ?Sized, S: Serializer>(
    extension: &Arc<E>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    (extension.name(), extension.options()).serialize(serializer)
}

/// The same for one that there may be.
///
/// # Errors
/// The serialiser's own.
pub fn serialize_some<E: Extension + ?Sized, S: Serializer>(
    extension: &Option<Arc<E>>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    extension.as_ref().map(|extension| (extension.name(), extension.options())).serialize(serializer)
}

/// Values of configuration keys by name, without the name of the section.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(Map<String, Value>);

impl Settings {
    /// The settings that a struct holds, whose fields are keys.
    ///
    /// # Panics
    /// Where the struct is no object in JSON, which every struct with named fields is.
    pub fn of(options: &impl Serialize) -> Self {
        match serde_json::to_value(options) {
            Ok(Value::Object(map)) => Self(map),
            other => unreachable!("options are structs with named fields, found {other:?}"),
        }
    }

    /// The options of the extension `name`, among whatever else the settings hold. Options that are missing have their defaults.
    ///
    /// # Errors
    /// [`Error::Settings`] where a value is of another kind than the option.
    pub fn read<T: Keys + DeserializeOwned>(&self, name: &'static str) -> Result<T> {
        let failed = |e: serde_json::Error| Error::Settings { name, found: e.to_string() };
        let mut options = Map::new();
        for key in T::keys() {
            let value = match self.0.get(key.short()) {
                Some(value) => value.clone(),
                None => serde_json::to_value(key.default_value()).map_err(failed)?,
            };
            options.insert(key.short().to_owned(), value);
        }
        serde_json::from_value(Value::Object(options)).map_err(failed)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// These settings and others; where both have a key, the others' value.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The names of the keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.shift_remove(key)
    }

    /// Sets a key.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, Keys)]
    #[keys(section = "train")]
    struct Options {
        /// Width.
        #[key(default = "1")]
        width: f64,
        /// Name.
        name: Option<String>,
    }

    #[test]
    fn settings_hold_more_than_an_extension_reads_and_less() {
        let settings: Settings = serde_yaml::from_str("{width: 2, other: [1, 2]}").unwrap();
        assert_eq!(settings.read::<Options>("it").unwrap(), Options { width: 2.0, name: None });
        let defaults = Options { width: 1.0, name: None };
        assert_eq!(Settings::default().read::<Options>("it").unwrap(), defaults);
        let both = settings.and(Settings::of(&defaults));
        assert_eq!(both.keys().collect::<Vec<_>>(), ["width", "other", "name"]);
        let wrong: Settings = serde_yaml::from_str("{width: wide}").unwrap();
        let refusal = wrong.read::<Options>("it").unwrap_err().to_string();
        assert!(refusal.starts_with("it: ") && refusal.contains("wide"), "{refusal}");
    }
}
