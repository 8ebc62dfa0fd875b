//! What a unit depends on, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So many names are held in memory once for all units.
const SHARED: usize = 64;

/// Names of what a unit depends on, such as tables, each with a hash of its content, in the order of the names. Hundreds of thousands of
/// these are held in memory, and a map would take ten times the room of its one or two entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hashes(Box<[(Arc<str>, Box<str>)]>);

/// Names that are held in memory once for all that have them.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<Arc<str>>);

impl Hashes {
    /// No names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The hash that a name has.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.binary_search_by(|(own, _)| (**own).cmp(name)).ok().map(|at| &*self.0[at].1)
    }

    /// Whether there are no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All names with their hashes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, hash)| (&**name, &**hash))
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// These and others. Of several hashes with one name the last one counts.
    #[must_use]
    pub fn with<N: Into<Arc<str>>, H: Into<Box<str>>>(&self, others: impl IntoIterator<Item = (N, H)>) -> Self {
        let others = others.into_iter().map(|(name, hash)| (name.into(), hash.into()));
        self.0.iter().cloned().chain(others).collect()
    }

    /// Adds a name, or gives it another hash.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, hash: impl Into<Box<str>>) {
        *self = self.with([(name, hash)]);
    }

    /// The same as a map.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.iter().map(|(name, hash)| (name.to_owned(), hash.to_owned())).collect()
    }

    /// Takes names that are in memory already in place of its own.
    pub(crate) fn share(&mut self, names: &mut Names) {
        for (name, _) in self.0.iter_mut() {
            let known = names.0.iter().find(|known| **known == *name).cloned();
            match known {
                Some(known) => *name = known,
                None if names.0.len() < SHARED => names.0.push(Arc::clone(name)),
                None => {}
            }
        }
    }
}

impl<N: Into<Arc<str>>, H: Into<Box<str>>> FromIterator<(N, H)> for Hashes {
    fn from_iter<I: IntoIterator<Item = (N, H)>>(hashes: I) -> Self {
        let mut hashes: Vec<(Arc<str>, Box<str>)> = hashes.into_iter().map(|(name, hash)| (name.into(), hash.into())).collect();
        // Of several with one name the last one comes first, and stays.
        hashes.reverse();
        hashes.sort_by(|a, b| a.0.cmp(&b.0));
        hashes.dedup_by(|a, b| a.0 == b.0);
        Self(hashes.into())
    }
}

impl<N: Into<Arc<str>>, H: Into<Box<str>>, const K: usize> From<[(N, H); K]> for Hashes {
    fn from(hashes: [(N, H); K]) -> Self {
        hashes.into_iter().collect()
    }
}

impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfNames;
        impl<'de> Visitor<'de> for OfNames {
            type Value = Hashes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names with hashes")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hashes, A::Error> {
                std::iter::from_fn(|| map.next_entry::<String, String>().transpose()).collect()
            }
        }
        deserializer.deserialize_map(OfNames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_a_map_by_name() {
        let hashes = Hashes::from([("b", "2"), ("a", "1"), ("b", "3")]);
        assert_eq!((hashes.get("a"), hashes.get("b"), hashes.get("c")), (Some("1"), Some("3"), None));
        assert_eq!(hashes.names().collect::<Vec<_>>(), ["a", "b"]);
        let text = serde_json::to_string(&hashes).unwrap();
        assert_eq!(text, r#"{"a":"1","b":"3"}"#);
        assert_eq!(text, serde_json::to_string(&hashes.to_map()).unwrap());
        assert_eq!(serde_json::from_str::<Hashes>(&text).unwrap(), hashes);
        assert_eq!(hashes.with([("a", "4"), ("c", "5")]), Hashes::from([("a", "4"), ("b", "3"), ("c", "5")]));
        let mut more = hashes;
        more.insert("c", "6");
        assert_eq!(more.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(Hashes::new().is_empty() && !more.is_empty());
    }

    #[test]
    fn equal_names_are_held_once() {
        let mut names = Names::default();
        let mut both = [Hashes::from([("a", "1")]), Hashes::from([("a", "2")])];
        both.iter_mut().for_each(|hashes| hashes.share(&mut names));
        assert!(Arc::ptr_eq(&both[0].0[0].0, &both[1].0[0].0));
        assert_eq!((both[0].get("a"), both[1].get("a")), (Some("1"), Some("2")));
    }
}
