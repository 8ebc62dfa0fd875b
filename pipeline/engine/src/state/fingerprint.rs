//! The fingerprint of a unit: everything that its outputs depend on, part by part, so that a rerun can say what changed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::hashes::Hashes;
use crate::config::evolution::{Known, KnownKeys, REMOVED, Removed, is_same};
use crate::files::hash::hash_bytes;

/// What stands for the hash of a file of a model that is not there.
pub(crate) const ABSENT: &str = "absent";

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
pub type Keys = Shared<BTreeMap<String, Value>>;
/// Ids of schemas.
pub type Schemas = Shared<Vec<String>>;
/// What the executing program adds.
pub type Runtime = Shared<Hashes>;
/// Everything that a unit's outputs depend on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Version of the pass's code.
    pub code_version: u32,
    /// Declared keys with their values.
    pub keys: Keys,
    /// Inputs with hashes of their content: tables and files of the run.
    pub inputs: Hashes,
    /// What lies outside of the run, with hashes.
    pub external: Hashes,
    /// Ids of the schemas of all tables in play.
    pub schemas: Schemas,
    /// What the executing program adds: libtorch's version, the kind of device, and what `auto` amounts to, by its key.
    pub runtime: Runtime,
}

impl Fingerprint {
    /// In words, how it differs from the recorded fingerprint; `None` when it does not. A recorded fingerprint may come from another
    /// version of chorus, with other keys: see [`crate::config::evolution`]. An empty runtime (the program that plans is not the one
    /// that executes) matches any recorded one.
    pub(crate) fn difference(&self, recorded: &Self, known: &KnownKeys) -> Option<String> {
        if self.code_version != recorded.code_version {
            return Some(format!("code version {} -> {}", recorded.code_version, self.code_version));
        }
        changed_key(&self.keys, &recorded.keys, known, REMOVED)
            .or_else(|| changed_schema(&self.schemas, &recorded.schemas).map(|changed| changed.to_string()))
            .or_else(|| changed("input", &self.inputs, &recorded.inputs))
            .or_else(|| changed("", &self.external, &recorded.external))
            .or_else(|| if self.runtime.is_empty() { None } else { changed("", &self.runtime, &recorded.runtime) })
    }

    /// A hash of all of it.
    pub fn digest(&self) -> String {
        hash_bytes(&serde_json::to_vec(self).expect("maps of texts are JSON"))
    }
}

/// In words, the first key that differs. A key that one of the sides lacks did not exist there.
fn changed_key(
    now: &BTreeMap<String, Value>,
    then: &BTreeMap<String, Value>,
    known: &KnownKeys,
    removed: &[Removed],
) -> Option<String> {
    let differing = |(name, value): (&String, &Value)| {
        let before = || match known.look_up(name, removed) {
            Known::Key(before) => before.clone(),
            Known::Removed(_) | Known::Nothing => Value::Null,
        };
        // This is asked for every key of every unit, so values are not copied.
        let then = then.get(name).map_or_else(|| Cow::Owned(before()), Cow::Borrowed);
        (!is_same(value, &then)).then(|| format!("{name} {then} -> {value}"))
    };
    let left = |(name, value): (&String, &Value)| match known.look_up(name, removed) {
        // The pass no longer depends on the key. Had its outputs changed with that, its code version would have.
        Known::Key(_) => None,
        Known::Removed(removed) => {
            let fixed = removed.fixed();
            (!is_same(value, &fixed)).then(|| format!("{name} {value} -> {fixed}, since the key was removed"))
        }
        Known::Nothing => Some(format!("{name} is a key that this version does not know")),
    };
    now.iter().find_map(differing).or_else(|| then.iter().filter(|(name, _)| !now.contains_key(*name)).find_map(left))
}

/// A table whose schema has another version than was recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ChangedSchema {
    pub(crate) table: String,
    /// The recorded version.
    pub(crate) then: String,
    pub(crate) now: String,
}

impl fmt::Display for ChangedSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the schema of the table {} changed from version {} to {}", self.table, self.then, self.now)
    }
}

/// The first table whose schema has another version. Tables that only one side knows do not count here: a table that a pass
/// begins or ceases to read is an input, and a pass that writes other tables has another code version.
pub(crate) fn changed_schema(now: &[String], then: &[String]) -> Option<ChangedSchema> {
    let versions: BTreeMap<&str, &str> = then.iter().filter_map(|id| id.rsplit_once('/')).collect();
    now.iter().filter_map(|id| id.rsplit_once('/')).find_map(|(table, now)| {
        let then = versions.get(table).filter(|then| **then != now)?;
        Some(ChangedSchema { table: table.to_owned(), then: (*then).to_owned(), now: now.to_owned() })
    })
}

fn changed(what: &str, now: &Hashes, then: &Hashes) -> Option<String> {
    let what = if what.is_empty() { String::new() } else { format!("{what} ") };
    if let Some((name, hash)) = now.iter().find(|(name, hash)| then.get(name).is_some_and(|then| then != *hash)) {
        return Some(format!("{what}{name} {}", if hash == ABSENT { "is missing" } else { "changed" }));
    }
    if let Some(name) = now.names().find(|name| then.get(name).is_none()) {
        return Some(format!("{what}{name} is new"));
    }
    then.names().find(|name| now.get(name).is_none()).map(|name| format!("{what}{name} is gone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> KnownKeys {
        KnownKeys::of(crate::test_keys::keys())
    }

    fn keys(of: &[(&str, Value)]) -> BTreeMap<String, Value> {
        of.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn a_key_that_was_added_means_what_held_before() {
        let then = keys(&[("featurize.n_mels", 64.into())]);
        let with = |value: Value| keys(&[("featurize.n_mels", 64.into()), ("archive.timezone", value)]);
        assert_eq!(changed_key(&with(Value::Null), &then, &known(), &[]), None);
        assert_eq!(changed_key(&with("UTC".into()), &then, &known(), &[]).unwrap(), "archive.timezone null -> \"UTC\"");
    }

    #[test]
    fn a_key_that_was_removed_counts_when_it_had_another_value() {
        let removed = [Removed { name: "featurize.dither", value: "0" }];
        let then = |value: Value| keys(&[("featurize.n_mels", 64.into()), ("featurize.dither", value)]);
        let now = keys(&[("featurize.n_mels", 64.into())]);
        assert_eq!(changed_key(&now, &then(0.into()), &known(), &removed), None);
        let reason = changed_key(&now, &then(1.into()), &known(), &removed).unwrap();
        assert_eq!(reason, "featurize.dither 1 -> 0, since the key was removed");
        let reason = changed_key(&now, &then(0.into()), &known(), &[]).unwrap();
        assert_eq!(reason, "featurize.dither is a key that this version does not know");
        // The pass ceased to depend on a key that is still there.
        assert_eq!(changed_key(&keys(&[]), &now, &known(), &removed), None);
    }

    #[test]
    fn a_schema_counts_by_the_version_of_its_table() {
        let ids = |of: &[&str]| of.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let then = ids(&["features/1", "segments/1"]);
        assert_eq!(changed_schema(&ids(&["features/1", "labels/3"]), &then), None);
        let reason = changed_schema(&ids(&["segments/2"]), &then).unwrap();
        assert_eq!(reason.to_string(), "the schema of the table segments changed from version 1 to 2");
    }

    #[test]
    fn a_difference_says_what_changed() {
        let then = Fingerprint {
            code_version: 1,
            keys: BTreeMap::from([("featurize.n_mels".to_owned(), 64.into())]).into(),
            inputs: [("segments".to_owned(), "aa".to_owned())].into(),
            ..Fingerprint::default()
        };
        assert_eq!(then.difference(&then, &known()), None);
        let mut now = then.clone();
        now.keys = BTreeMap::from([("featurize.n_mels".to_owned(), 128.into())]).into();
        assert_eq!(now.difference(&then, &known()).unwrap(), "featurize.n_mels 64 -> 128");
        let mut now = then.clone();
        now.inputs = now.inputs.with([("segments", "bb")]);
        assert_eq!(now.difference(&then, &known()).unwrap(), "input segments changed");
        now.inputs = now.inputs.with([("segments", ABSENT)]);
        assert_eq!(now.difference(&then, &known()).unwrap(), "input segments is missing");
        let mut now = then.clone();
        now.external = now.external.with([("a.txt", "cc")]);
        assert_eq!(now.difference(&then, &known()).unwrap(), "a.txt is new");
        assert_eq!(then.difference(&now, &known()).unwrap(), "a.txt is gone");
        let mut now = then.clone();
        now.code_version = 2;
        assert_eq!(now.difference(&then, &known()).unwrap(), "code version 1 -> 2");
    }

    #[test]
    fn the_runtime_counts_only_where_it_is_known() {
        let then = Fingerprint { runtime: Hashes::from([("libtorch", "2.12")]).into(), ..Fingerprint::default() };
        assert_eq!(Fingerprint::default().difference(&then, &known()), None);
        let now = Fingerprint { runtime: Hashes::from([("libtorch", "2.13")]).into(), ..Fingerprint::default() };
        assert_eq!(now.difference(&then, &known()).unwrap(), "libtorch changed");
    }
}
