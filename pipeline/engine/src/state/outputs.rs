//! What a unit made: its files with their sizes and hashes.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::files::atomic::OutputState;

/// The files of a unit by path relative to the run, in the order of their paths. Hundreds of thousands of these are held in memory, and a
/// map would take ten times the room of its one or two entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outputs(Box<[(Box<str>, OutputState)]>);

impl Outputs {
    /// A file of the unit.
    pub fn get(&self, path: &str) -> Option<&OutputState> {
        self.0.binary_search_by(|(own, _)| (**own).cmp(path)).ok().map(|at| &self.0[at].1)
    }

    /// Whether a file is the unit's.
    pub fn contains(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    /// All files.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OutputState)> {
        self.0.iter().map(|(path, output)| (&**path, output))
    }

    /// The paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(path, _)| path)
    }

    /// Sizes and hashes of all files.
    pub fn values(&self) -> impl Iterator<Item = &OutputState> {
        self.iter().map(|(_, output)| output)
    }
}

impl<S: Into<Box<str>>> FromIterator<(S, OutputState)> for Outputs {
    fn from_iter<I: IntoIterator<Item = (S, OutputState)>>(files: I) -> Self {
        let mut files: Vec<(Box<str>, OutputState)> = files.into_iter().map(|(path, output)| (path.into(), output)).collect();
        files.sort_by(|a, b| a.0.cmp(&b.0));
        files.dedup_by(|a, b| a.0 == b.0);
        Self(files.into())
    }
}

impl Serialize for Outputs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Outputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Files;
        impl<'de> Visitor<'de> for Files {
            type Value = Outputs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("files with their sizes and hashes")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outputs, A::Error> {
                std::iter::from_fn(|| map.next_entry::<String, OutputState>().transpose()).collect()
            }
        }
        deserializer.deserialize_map(Files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_a_map_by_path() {
        let output = |bytes| OutputState { bytes, hash: "ab".into(), rows: None };
        let outputs: Outputs = [("b", output(2)), ("a", output(1))].into_iter().collect();
        assert_eq!(outputs.get("a"), Some(&output(1)));
        assert!(!outputs.contains("c"));
        assert_eq!(outputs.paths().collect::<Vec<_>>(), ["a", "b"]);
        let text = serde_json::to_string(&outputs).unwrap();
        assert_eq!(text, r#"{"a":{"bytes":1,"hash":"ab"},"b":{"bytes":2,"hash":"ab"}}"#);
        assert_eq!(serde_json::from_str::<Outputs>(&text).unwrap(), outputs);
    }
}
