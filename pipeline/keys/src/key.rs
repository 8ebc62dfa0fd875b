//! One key, and what a struct of keys implements.

use serde_yaml::Value;

use crate::Kind;

/// One configuration key.
#[derive(Debug, Clone, PartialEq)]
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
    /// An example, as YAML.
    pub example: Option<&'static str>,
    /// The value that held before the key existed, as YAML: what a model or a state without the key was made with.
    pub before: Option<&'static str>,
    /// What a value that is a path is relative to.
    pub base: Base,
    /// Meaning, in sentences.
    pub about: &'static str,
}

/// What a value that is a path is relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The value is no path.
    None,
    /// The current folder.
    Current,
    /// The folder that another key names. The path has to stay inside it.
    Within(&'static str),
}

/// A struct whose fields are configuration keys of one section; derived by [`macro@crate::Keys`].
pub trait Keys {
    /// The section, empty at the top level.
    const SECTION: &'static str;

    /// The keys in the order of the fields.
    fn keys() -> Vec<Key>;

    /// Their full names in the same order.
    fn names() -> Vec<&'static str>;
}

impl Key {
    /// The section; empty at the top level.
    pub fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// The name within the section.
    pub fn short(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, name)| name)
    }

    /// The values it takes, in words.
    pub fn allowed(&self) -> String {
        let kind = self.kind.allowed();
        if self.nullable { format!("{kind}, or null") } else { kind }
    }

    /// Whether it takes this value.
    pub fn allows(&self, value: &Value) -> bool {
        if value.is_null() { self.nullable } else { self.kind.allows(value) }
    }

    /// The default.
    ///
    /// # Panics
    /// When the declared default is not YAML: a fault of the program, which [`crate::Declarations`] finds when it is collected.
    pub fn default_value(&self) -> Value {
        parsed(self.name, self.default)
    }

    /// The value that held before the key existed, where one is declared, else the default.
    ///
    /// # Panics
    /// As [`Key::default_value`].
    pub fn before_value(&self) -> Value {
        parsed(self.name, self.before.unwrap_or(self.default))
    }
}

/// A value that the program itself declares.
pub(crate) fn parsed(name: &str, yaml: &str) -> Value {
    serde_yaml::from_str(yaml).unwrap_or_else(|e| panic!("{name}: the declared value `{yaml}` is not YAML: {e}"))
}
