//! All keys of a program, with the checks between them.

use std::fmt;

use crate::key::parsed;
use crate::{Key, Keys, Preset, Values};

/// Something wrong with the values of several keys together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The key to change.
    pub key: String,
    /// What was found.
    pub found: String,
    /// What is allowed, or what to do.
    pub allowed: String,
}

impl Finding {
    /// A finding about a key.
    pub fn new(key: &str, found: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { key: key.to_owned(), found: found.into(), allowed: allowed.into() }
    }
}

/// Looks for combinations of values that cannot work. A key that the program does not have reads as null.
pub type Check = fn(&Values) -> Vec<Finding>;

/// How many edits (insert, delete, replace, swap neighbours) lead from a word to a typed one; `None` for more than can be a slip.
fn edits(word: &str, typed: &str) -> Option<usize> {
    let allowed = 1 + typed.len() / 4;
    // Comparing takes time and memory of the product of two lengths.
    let is_alike = word.len().abs_diff(typed.len()) <= allowed;
    is_alike.then(|| strsim::damerau_levenshtein(word, typed)).filter(|edits| *edits <= allowed)
}

/// All keys of a program by section, and the checks between keys. Each stage contributes its own; the program adds them up.
#[derive(Clone, Default)]
pub struct Declarations {
    keys: Vec<Key>,
    checks: Vec<Check>,
    purposes: Vec<Check>,
    remarks: Vec<Check>,
    presets: Vec<(&'static str, &'static [Preset])>,
}

impl fmt::Debug for Declarations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declarations").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Declarations {
    /// Adds the keys of a struct. Keys of a section that is there already go to its end; a key that is there already with the same
    /// declaration is left alone.
    ///
    /// # Panics
    /// When a key is declared in two ways, or when it does not take its own default, example or former value: a fault of the program.
    #[must_use]
    pub fn section<S: Keys>(self) -> Self {
        S::keys().into_iter().fold(self, Self::key)
    }

    /// Adds one key.
    ///
    /// # Panics
    /// As [`Declarations::section`].
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        if let Some(same) = self.find(key.name) {
            assert!(*same == key, "{} is declared twice", key.name);
            return self;
        }
        for yaml in [Some(key.default), key.example, key.before].into_iter().flatten() {
            assert!(key.allows(&parsed(key.name, yaml)), "{}: `{yaml}` is declared, and allowed is {}", key.name, key.allowed());
        }
        let end = self.keys.iter().rposition(|other| other.section() == key.section()).map_or(self.keys.len(), |last| last + 1);
        self.keys.insert(end, key);
        self
    }

    /// Adds a check of every configuration.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Adds a check of configurations with which more is done than to look at recordings.
    #[must_use]
    pub fn purpose(mut self, check: Check) -> Self {
        self.purposes.push(check);
        self
    }

    /// Adds a check whose findings are warnings, such as keys that have no effect.
    #[must_use]
    pub fn remark(mut self, check: Check) -> Self {
        self.remarks.push(check);
        self
    }

    /// Says that the words of a key stand for values of other keys.
    ///
    /// # Panics
    /// When there is no such key, when a key does not take the value of a preset, or when two presets do not name the same keys: a fault of
    /// the program. Each has to name them all, so that nothing of one preset remains when another takes its place.
    #[must_use]
    pub fn presets(mut self, key: &'static str, presets: &'static [Preset]) -> Self {
        assert!(self.find(key).is_some(), "{key} is not declared");
        let names = |preset: &Preset| preset.values().map(|(name, _)| name).collect::<Vec<_>>();
        for preset in presets {
            assert!(
                names(preset) == names(&presets[0]),
                "{key}: {} does not name the keys that {} does",
                preset.name,
                presets[0].name
            );
            for (name, value) in preset.values() {
                let takes = self.find(name).is_some_and(|key| key.allows(&value));
                assert!(takes, "{key}: {}: {name} does not take {value:?}", preset.name);
            }
        }
        self.presets.push((key, presets));
        self
    }

    /// The keys whose words stand for values of other keys, and what they stand for.
    pub fn all_presets(&self) -> impl Iterator<Item = (&'static str, &'static [Preset])> {
        self.presets.iter().copied()
    }

    /// Adds all that another part of the program declares.
    ///
    /// # Panics
    /// As [`Declarations::section`].
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut all = other.keys.into_iter().fold(self, Self::key);
        all.checks.extend(other.checks);
        all.purposes.extend(other.purposes);
        all.remarks.extend(other.remarks);
        all.presets.extend(other.presets);
        all
    }

    /// The same for as long as the program runs, for tests and programs that collect once.
    #[must_use]
    pub fn into_static(self) -> &'static Self {
        Box::leak(Box::new(self))
    }

    /// All keys, those of a section one after the other.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The key of that full name.
    pub fn find(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Whether there are keys in such a section.
    pub fn is_section(&self, name: &str) -> bool {
        !name.is_empty() && self.keys.iter().any(|key| key.section() == name)
    }

    /// The declared name nearest to a misspelt one, when one is near. Section and key have to be near each by itself: otherwise a long
    /// section spelt right would make room for any key.
    pub fn nearest(&self, name: &str) -> Option<&'static str> {
        let distance = |key: &str| match (key.split_once('.'), name.split_once('.')) {
            (Some((section, key)), Some((typed_section, typed_key))) => {
                Some(edits(section, typed_section)? + edits(key, typed_key)?)
            }
            _ => edits(key, name),
        };
        let near = self.keys.iter().filter_map(|key| Some((distance(key.name)?, key.name)));
        near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
    }

    /// The default of every key.
    pub fn defaults(&self) -> Values {
        self.keys.iter().map(|key| (key.name.to_owned(), key.default_value())).collect()
    }

    /// What is wrong with these values, each of which is allowed by itself.
    pub fn findings(&self, values: &Values) -> Vec<Finding> {
        self.checks.iter().flat_map(|check| check(values)).collect()
    }

    /// What is wrong with these values where more is done than to look at recordings.
    pub fn missing_purpose(&self, values: &Values) -> Vec<Finding> {
        self.purposes.iter().flat_map(|check| check(values)).collect()
    }

    /// What deserves a warning.
    pub fn remarks(&self, values: &Values) -> Vec<Finding> {
        self.remarks.iter().flat_map(|check| check(values)).collect()
    }
}
