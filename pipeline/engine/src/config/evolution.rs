//! The contract of evolution for configuration keys: what a file means that was written before a key existed, or before it was removed.
//! ARCHITECTURE.md describes it under "Contract of evolution".
//!
//! - A key that a card, a fingerprint or a run's recorded configuration lacks had the value of [`Key::value_before`].
//! - A key that was removed is listed in [`REMOVED`] with the value whose behaviour stayed.

use serde_json::Value;

use super::keys::{self, Key};

/// A key that no longer exists. Its behaviour is fixed now.
#[derive(Debug, Clone, Copy)]
pub struct Removed {
    /// The name that the key had.
    pub name: &'static str,
    /// The value that had today's behaviour, as YAML.
    pub value: &'static str,
}

/// Every key that was removed since version 0.1.
pub static REMOVED: &[Removed] = &[];

/// What this version knows of a key by its name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known {
    /// It is a key.
    Key(&'static Key),
    /// It was a key.
    Removed(Removed),
    /// It never was a key: a newer version of chorus wrote it, or it is misspelt.
    Nothing,
}

impl Known {
    /// Looks a name up; `removed` is [`REMOVED`] except in tests.
    pub(crate) fn of(name: &str, removed: &[Removed]) -> Self {
        let gone = || removed.iter().find(|removed| removed.name == name);
        match keys::find(name) {
            Some(key) => Self::Key(key),
            None => gone().map_or(Self::Nothing, |removed| Self::Removed(*removed)),
        }
    }
}

impl Removed {
    /// The value that had today's behaviour.
    pub(crate) fn fixed(&self) -> Value {
        parsed(self.value)
    }
}

impl Key {
    /// The default.
    pub(crate) fn default_value(&self) -> Value {
        parsed(self.default)
    }

    /// The value that held before the key existed: [`Key::before`], or the default.
    pub(crate) fn value_before(&self) -> Value {
        parsed(self.before.unwrap_or(self.default))
    }
}

/// A value of a declaration. Tests parse all of them.
fn parsed(yaml: &str) -> Value {
    serde_yaml::from_str(yaml).unwrap_or_default()
}

/// Whether two values are the same. 3 and 3.0 are: one may have been typed, and the other computed.
pub(crate) fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        // Whole numbers are compared as such: a float does not tell large seeds apart.
        (Value::Number(x), Value::Number(y)) if x.is_f64() || y.is_f64() => x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::keys::KEYS;

    #[test]
    fn every_value_of_a_declaration_is_yaml() {
        for key in KEYS.iter() {
            let before = key.before.unwrap_or(key.default);
            assert!(serde_yaml::from_str::<Value>(before).is_ok(), "{}", key.name);
        }
        for removed in REMOVED {
            assert!(serde_yaml::from_str::<Value>(removed.value).is_ok(), "{}", removed.name);
            assert!(keys::find(removed.name).is_none(), "{} is a key and removed", removed.name);
        }
    }

    #[test]
    fn a_key_of_an_older_version_means_its_value_before() {
        let key = keys::find("featurize.n_mels").unwrap();
        assert_eq!(key.value_before(), 128);
        assert_eq!(Key { before: Some("64"), ..*key }.value_before(), 64);
    }

    #[test]
    fn numbers_are_the_same_by_value_and_seeds_to_the_last_digit() {
        assert!(is_same(&json!(3), &json!(3.0)) && is_same(&json!([1, 2.5]), &json!([1.0, 2.5])));
        assert!(!is_same(&json!(3), &json!(3.5)) && !is_same(&json!([1]), &json!([1, 1])) && !is_same(&json!(null), &json!(0)));
        assert!(!is_same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
    }
}
