//! Values of keys, and the structs made of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};
use serde_yaml::{Mapping, Value};

use crate::Keys;

/// Values by the full names of their keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values(BTreeMap<String, Value>);

impl FromIterator<(String, Value)> for Values {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// A value in the form in which serde's maps take it.
struct Borrowed<'a>(&'a Value);

impl<'a> IntoDeserializer<'a, serde_yaml::Error> for Borrowed<'a> {
    type Deserializer = &'a Value;

    fn into_deserializer(self) -> &'a Value {
        self.0
    }
}

static NULL: Value = Value::Null;

impl Values {
    /// Whether there is a value for the key.
    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The value; null where there is none.
    pub fn get(&self, key: &str) -> &Value {
        self.0.get(key).unwrap_or(&NULL)
    }

    /// A text; `None` for null and all that is no text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).as_str()
    }

    /// A number, whole or not; NaN for null and all that is no number.
    pub fn number(&self, key: &str) -> f64 {
        self.get(key).as_f64().unwrap_or(f64::NAN)
    }

    /// A path, or a list of paths.
    pub fn paths(&self, key: &str) -> Vec<PathBuf> {
        let value = self.get(key);
        let paths = value.as_sequence().map_or(std::slice::from_ref(value), Vec::as_slice);
        paths.iter().filter_map(Value::as_str).map(PathBuf::from).collect()
    }

    /// Sets a value.
    pub fn set(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    /// All keys with their values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// These keys in the form of a configuration file: sections of keys, in this order.
    pub fn nested<'a>(&self, keys: impl IntoIterator<Item = &'a str>) -> Mapping {
        let mut top = Mapping::new();
        for key in keys {
            let value = self.get(key).clone();
            match key.split_once('.') {
                None => {
                    top.insert(key.into(), value);
                }
                Some((section, name)) => {
                    let section = top.entry(section.into()).or_insert_with(|| Mapping::new().into());
                    if let Some(section) = section.as_mapping_mut() {
                        section.insert(name.into(), value);
                    }
                }
            }
        }
        top
    }

    /// The struct of these keys.
    ///
    /// # Errors
    /// What serde says when a key has no value, or one that the struct does not take.
    pub fn settings<S: Keys + DeserializeOwned>(&self) -> Result<S, serde_yaml::Error> {
        let short = |name: &'static str| name.split_once('.').map_or(name, |(_, short)| short);
        let entries = S::names().into_iter().filter_map(|name| Some((short(name), Borrowed(self.0.get(name)?))));
        S::deserialize(MapDeserializer::new(entries))
    }

    /// One value in the type of its field.
    ///
    /// # Errors
    /// What serde says when the value is of another type.
    pub fn value<'a, T: Deserialize<'a>>(&'a self, key: &str) -> Result<T, serde_yaml::Error> {
        T::deserialize(self.get(key))
    }
}

/// The struct with every key at its default. A struct whose `Default` this is may not have serde's `default`, which would ask for this
/// again.
///
/// # Panics
/// When a declared default does not fit the field: a fault of the program.
pub fn defaults<S: Keys + DeserializeOwned>() -> S {
    let values: Values = S::keys().into_iter().map(|key| (key.name.to_owned(), key.default_value())).collect();
    values.settings().unwrap_or_else(|e| panic!("the declared defaults of the section {} do not fit: {e}", S::SECTION))
}

/// A value that its key does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: found `{found}`; allowed: {allowed}")]
pub struct NotAllowed {
    /// The key.
    pub key: &'static str,
    /// Its value, as JSON.
    pub found: String,
    /// What it takes.
    pub allowed: String,
}

/// Checks a struct that was not read from a configuration against the declaration of its keys.
///
/// # Errors
/// [`NotAllowed`] with the first value that its key does not take.
///
/// # Panics
/// When the struct does not serialise to a mapping of its keys: a fault of the program.
pub fn validate<S: Keys + Serialize>(settings: &S) -> Result<(), NotAllowed> {
    let fields = serde_yaml::to_value(settings).expect("a struct of keys serialises");
    for key in S::keys() {
        let value = fields.get(key.short()).unwrap_or(&NULL);
        if !key.allows(value) {
            let found = serde_json::to_string(value).unwrap_or_else(|_| format!("{value:?}"));
            return Err(NotAllowed { key: key.name, found, allowed: key.allowed() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_list_of_one() {
        let values: Values = [("one", "a"), ("several", "[a, b]"), ("none", "null")]
            .map(|(key, value)| (key.to_owned(), serde_yaml::from_str(value).unwrap()))
            .into_iter()
            .collect();
        let paths = |key| values.paths(key).iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        assert_eq!((paths("one"), paths("several"), paths("none")), (vec!["a".into()], vec!["a".into(), "b".into()], vec![]));
    }
}
