//! The one error type of this crate.

/// A head cannot be fitted or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// There is nothing to learn from.
    #[error("found {found}, expected {expected}; {next}")]
    Examples {
        /// What was found.
        found: String,
        /// What is needed.
        expected: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// The minimiser failed.
    #[error("{method}: the fit does not succeed: {found}; choose another head.method, or stronger regularisation")]
    Fit {
        /// The method.
        method: &'static str,
        /// What the minimiser says.
        found: String,
    },
    /// The file of weights is not that of the head.
    #[error("found {found}, expected {expected}; copy the model's folder as a whole")]
    Weights {
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
}
