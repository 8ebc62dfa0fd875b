//! The values of the section `annotate` as layouts take them.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

/// The values of the section `annotate`, of which each layout takes its own keys.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Settings(Mapping);

impl Settings {
    /// The keys of a layout as a struct. Keys that the struct lacks are left alone.
    ///
    /// # Errors
    /// A value has another type than its field.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, serde_yaml::Error> {
        serde_yaml::from_value(Value::Mapping(self.0.clone()))
    }
}

impl From<Mapping> for Settings {
    fn from(mapping: Mapping) -> Self {
        Self(mapping)
    }
}
