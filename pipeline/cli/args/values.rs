//! Readers of single values, with what is expected of each.

use std::convert::Infallible;

use chorus_archive::composed;

/// Reads a whole number above 0.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "expected a whole number of at least 1".to_owned())
}

/// Reads a number from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value| (0.0..=1.0).contains(value)).ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

/// Reads a strength, a number above 0.
pub(super) fn strength(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| format!("found `{text}`, expected a number above 0"))
}

/// Reads a number of seconds.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|value: &f64| value.is_finite() && *value >= 0.0)
        .ok_or_else(|| "expected 0 or more seconds".to_owned())
}

/// Reads the seconds of sound to add before and after a clip.
pub(super) fn context(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value| (0.0..=60.0).contains(value)).ok_or_else(|| "expected 0 to 60 seconds".to_owned())
}

/// Reads the name of a site or a class in the form in which tables have it: a name that was copied from a file manager may have its accents as
/// characters of their own.
pub(super) fn composed_name(text: &str) -> Result<String, Infallible> {
    Ok(composed(text).into_owned())
}
