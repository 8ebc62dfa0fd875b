//! The fingerprint of a unit: everything that its outputs depend on, part by part, so that a rerun can say what changed.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::files::hash::hash_bytes;

/// A value that most units of a pass have in common, held in memory once for all of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shared<T>(Arc<T>);

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Shared<T> {
    fn from(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::from)
    }
}

/// Declared keys with their values.
pub type Keys = Shared<BTreeMap<String, serde_json::Value>>;
/// Ids of schemas.
pub type Schemas = Shared<Vec<String>>;
/// Everything that a unit's outputs depend on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Version of the pass's code.
    pub code_version: u32,
    /// Declared keys with their values.
    pub keys: Keys,
    /// Inputs with hashes of their content: tables and files of the run.
    pub inputs: BTreeMap<String, String>,
    /// What lies outside of the run, with hashes.
    pub external: BTreeMap<String, String>,
    /// Ids of the schemas of all tables in play.
    pub schemas: Schemas,
    /// What the executing program adds: libtorch's version and the kind of device.
    pub runtime: BTreeMap<String, String>,
}

impl Fingerprint {
    /// How it differs from the recorded one, for people; `None` when it does not. An empty runtime (the program that
    /// plans is not the one that executes) matches any recorded one.
    pub fn difference(&self, recorded: &Self) -> Option<String> {
        if self.code_version != recorded.code_version {
            return Some(format!("code version {} -> {}", recorded.code_version, self.code_version));
        }
        let none = serde_json::Value::Null;
        if let Some((key, value)) = self.keys.iter().find(|(k, v)| recorded.keys.get(*k) != Some(v)) {
            return Some(format!("{key} {} -> {value}", recorded.keys.get(key).unwrap_or(&none)));
        }
        if self.keys.len() != recorded.keys.len() {
            return Some("the stage depends on other keys now".into());
        }
        if self.schemas != recorded.schemas {
            return Some("the schema of a table changed".into());
        }
        changed("input", &self.inputs, &recorded.inputs)
            .or_else(|| changed("", &self.external, &recorded.external))
            .or_else(|| if self.runtime.is_empty() { None } else { changed("", &self.runtime, &recorded.runtime) })
    }

    /// A hash of all of it.
    pub fn digest(&self) -> String {
        hash_bytes(&serde_json::to_vec(self).expect("maps of texts are JSON"))
    }
}

fn changed(what: &str, now: &BTreeMap<String, String>, then: &BTreeMap<String, String>) -> Option<String> {
    let what = if what.is_empty() { String::new() } else { format!("{what} ") };
    if let Some(name) = now.iter().find(|(k, v)| then.get(*k).is_some_and(|t| t != *v)).map(|(k, _)| k) {
        return Some(format!("{what}{name} changed"));
    }
    if let Some(name) = now.keys().find(|k| !then.contains_key(*k)) {
        return Some(format!("{what}{name} is new"));
    }
    then.keys().find(|k| !now.contains_key(*k)).map(|name| format!("{what}{name} is gone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_says_what_changed() {
        let then = Fingerprint {
            code_version: 1,
            keys: BTreeMap::from([("featurize.n_mels".to_owned(), 64.into())]).into(),
            inputs: [("segments".to_owned(), "aa".to_owned())].into(),
            ..Fingerprint::default()
        };
        assert_eq!(then.difference(&then), None);
        let mut now = then.clone();
        now.keys = BTreeMap::from([("featurize.n_mels".to_owned(), 128.into())]).into();
        assert_eq!(now.difference(&then).unwrap(), "featurize.n_mels 64 -> 128");
        let mut now = then.clone();
        now.inputs.insert("segments".into(), "bb".into());
        assert_eq!(now.difference(&then).unwrap(), "input segments changed");
        let mut now = then.clone();
        now.external.insert("a.txt".into(), "cc".into());
        assert_eq!(now.difference(&then).unwrap(), "a.txt is new");
        assert_eq!(then.difference(&now).unwrap(), "a.txt is gone");
        let mut now = then.clone();
        now.code_version = 2;
        assert_eq!(now.difference(&then).unwrap(), "code version 1 -> 2");
    }

    #[test]
    fn the_runtime_counts_only_where_it_is_known() {
        let then = Fingerprint { runtime: [("libtorch".to_owned(), "2.12".to_owned())].into(), ..Fingerprint::default() };
        assert_eq!(Fingerprint::default().difference(&then), None);
        let now = Fingerprint { runtime: [("libtorch".to_owned(), "2.13".to_owned())].into(), ..Fingerprint::default() };
        assert_eq!(now.difference(&then).unwrap(), "libtorch changed");
    }
}
