//! The contract of evolution for configuration keys: what a file means that was written before a key existed, or before it was removed.
//! ARCHITECTURE.md describes it under "Contract of evolution".
//!
//! - A key that a card, a fingerprint or a run's recorded configuration lacks had the value of [`Key::before_value`].
//! - A key that was removed is listed in [`REMOVED`] with the value whose behaviour stayed.

use std::collections::BTreeMap;

use chorus_keys::{Declarations, Key};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
pub(crate) enum Known<'a> {
    /// It is a key. Before it existed, this value held.
    Key(&'a Value),
    /// It was a key.
    Removed(Removed),
    /// It never was a key: a newer version of chorus wrote it, or it is misspelt.
    Nothing,
}

/// All keys of this version with the values that held before they existed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct KnownKeys(BTreeMap<String, Value>);

impl KnownKeys {
    /// Those that are declared.
    pub(crate) fn of(declarations: &Declarations) -> Self {
        let before = |key: &Key| serde_json::to_value(key.before_value()).unwrap_or_default();
        Self(declarations.keys().iter().map(|key| (key.name.to_owned(), before(key))).collect())
    }

    /// Looks a name up; `removed` is [`REMOVED`] except in tests.
    pub(crate) fn look_up(&self, name: &str, removed: &[Removed]) -> Known<'_> {
        let gone = || removed.iter().find(|removed| removed.name == name);
        match self.0.get(name) {
            Some(before) => Known::Key(before),
            None => gone().map_or(Known::Nothing, |removed| Known::Removed(*removed)),
        }
    }
}

impl Removed {
    /// The value that had today's behaviour.
    pub(crate) fn fixed(&self) -> Value {
        parsed(self.value)
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
    #[test]
    fn every_value_of_a_removed_key_is_yaml() {
        for removed in REMOVED {
            assert!(serde_yaml::from_str::<Value>(removed.value).is_ok(), "{}", removed.name);
        }
    }

    #[test]
    fn a_key_of_an_older_version_means_its_value_before() {
        let declared = crate::test_keys::keys().find("featurize.n_mels").unwrap();
        let before = |key: &Key| {
            let known = KnownKeys::of(&Declarations::default().key(key.clone()));
            match known.look_up("featurize.n_mels", REMOVED) {
                Known::Key(before) => before.clone(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(before(declared), 128);
        assert_eq!(before(&Key { before: Some("64"), ..declared.clone() }), 64);
    }

    #[test]
    fn numbers_are_the_same_by_value_and_seeds_to_the_last_digit() {
        assert!(is_same(&json!(3), &json!(3.0)) && is_same(&json!([1, 2.5]), &json!([1.0, 2.5])));
        assert!(!is_same(&json!(3), &json!(3.5)) && !is_same(&json!([1]), &json!([1, 1])) && !is_same(&json!(null), &json!(0)));
        assert!(!is_same(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
    }
}
