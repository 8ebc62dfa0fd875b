//! How a head is fitted. A method is one file, which [`METHODS`] lists.

pub mod gradient;
pub mod lda;
pub mod linear;
pub mod logistic;
mod method;
pub mod prototypes;

use chorus_keys::{Key, Keys};

use crate::HeadError;

pub use method::{ClassWeight, Fit, Fitting, Head, Method, MethodSettings};

/// The methods, in the order in which `chorus config` lists them.
pub const METHODS: &[&dyn Method] = &[&logistic::Logistic, &lda::Lda, &prototypes::Prototypes, &gradient::Gradient];

/// The method of a name.
///
/// # Errors
/// [`HeadError::Weights`] with the names that there are.
pub fn find(name: &str) -> Result<&'static dyn Method, HeadError> {
    METHODS.iter().find(|method| method.name() == name).copied().ok_or_else(|| HeadError::Weights {
        found: format!("the head `{name}`"),
        expected: METHODS.iter().map(|method| method.name()).collect::<Vec<_>>().join(", "),
    })
}

impl Keys for MethodSettings {
    const SECTION: &'static str = "head";

    fn keys() -> Vec<Key> {
        METHODS.iter().flat_map(|method| method.keys()).collect()
    }

    fn names() -> Vec<&'static str> {
        Self::keys().into_iter().map(|key| key.name).collect()
    }
}
