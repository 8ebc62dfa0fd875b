//! Every configuration key, declared once: meaning, unit, default and range. `chorus config` prints this list, the checks of a
//! configuration file read it, and the stages' parameters are made from it.

mod answers;
mod audio;
mod labels;
mod learning;

use std::sync::LazyLock;

/// The values that a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number in a range, both ends included.
    Int(i64, i64),
    /// A number in a range, both ends included.
    Float(f64, f64),
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A word, or a whole number in a range, both ends included.
    WordOrInt(&'static str, i64, i64),
    /// A list of texts.
    Texts,
    /// A name or a list of names; a whole number is a name too.
    Names,
    /// A list of so many numbers, each in a range.
    Floats(usize, f64, f64),
    /// A mapping from names to lists of texts.
    Groups,
}

/// One configuration key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// `section.name`, or a name alone at the top level.
    pub name: &'static str,
    /// The values it takes.
    pub kind: Kind,
    /// Whether `null` is a value too.
    pub nullable: bool,
    /// Unit of the value; empty where it has none.
    pub unit: &'static str,
    /// Default, as YAML.
    pub default: &'static str,
    /// What held before the key existed, as YAML, when that is not the default. Files that lack the key mean this value. A key whose
    /// default changes after it was introduced gets the former default here.
    pub before: Option<&'static str>,
    /// Meaning.
    pub about: &'static str,
}

impl Key {
    /// The values it takes, in words.
    pub fn allowed(&self) -> String {
        let kind = match self.kind {
            Kind::Bool => "true or false".to_owned(),
            Kind::Int(min, i64::MAX) => format!("a whole number from {min}"),
            Kind::Int(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Float(min, f64::MAX) => format!("a number from {min}"),
            Kind::Float(min, max) => format!("a number from {min} to {max}"),
            Kind::Text => "a text".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::WordOrInt(word, min, max) => format!("{word}, or a whole number from {min} to {max}"),
            Kind::Texts => "a list of texts".to_owned(),
            Kind::Names => "a name or a list of names".to_owned(),
            Kind::Floats(n, min, max) => format!("a list of {n} numbers from {min} to {max}"),
            Kind::Groups => "names, each with a list of texts: `{name: [A, B], other: [C]}`".to_owned(),
        };
        if self.nullable { format!("{kind}, or null") } else { kind }
    }
}

const fn key(name: &'static str, kind: Kind, unit: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, kind, nullable: false, unit, default, before: None, about }
}

const fn optional(name: &'static str, kind: Kind, unit: &'static str, about: &'static str) -> Key {
    Key { name, kind, nullable: true, unit, default: "null", before: None, about }
}

const ANY: i64 = i64::MAX;
const SEED: Kind = Kind::Int(0, ANY);
const FRACTION: Kind = Kind::Float(0.0, 1.0);
const POSITIVE: f64 = 1e-9;

/// All keys, by section in the order of the stages.
pub static KEYS: LazyLock<Vec<Key>> =
    LazyLock::new(|| [audio::SOURCES, labels::LABELS, audio::FEATURIZE, learning::LEARNING, answers::ANSWERS].concat());

/// The key of that name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.name == name)
}

/// The declared name nearest to a misspelt one, when one is near.
pub fn nearest(name: &str) -> Option<&'static str> {
    let distance = |k: &&Key| strsim::damerau_levenshtein(k.name, name);
    let allowed = 1 + name.len() / 4;
    // Comparing takes time and memory of the product of two lengths.
    let alike = KEYS.iter().filter(|k| k.name.len().abs_diff(name.len()) <= allowed);
    alike.min_by_key(distance).filter(|k| distance(k) <= allowed).map(|k| k.name)
}
