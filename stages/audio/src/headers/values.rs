//! Values in the texts of headers.

use chorus_engine::Exact;
use chorus_text::western;

use super::header::HeaderFormat;

/// Characters of a value that a message shows.
const LONGEST_SHOWN: usize = 40;
/// The largest expansion that detectors use is 32; a larger one is a mistake.
const MAX_TIME_EXPANSION: f64 = 100.0;

/// Bytes as text: UTF-8 (perhaps cut within a character), and else Windows-1252, which holds Latin-1, without the blanks and zeros that pad it.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned(),
        Err(_) => western(bytes),
    };
    text.trim_matches(|c: char| c == '\0' || c == '\u{FEFF}' || c.is_whitespace()).to_owned()
}

/// What a value is that cannot be read, as far as it fits a message.
pub(super) fn unread(format: HeaderFormat, key: &str, text: &str, expected: &str) -> String {
    let shown: String = text.chars().take(LONGEST_SHOWN).collect();
    format!("the {}'s {key} is `{shown}`, expected {expected}: it was passed over", format.name())
}

/// A text that is not empty.
pub(super) fn said(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    (!text.is_empty()).then(|| text.to_owned())
}

/// The number that a text begins with, whatever its unit; finite.
pub(super) fn leading_number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+')).unwrap_or(text.len());
    text[..end].parse().ok().filter(|number: &f64| number.is_finite())
}

/// A battery's voltage, where it is one.
pub(super) fn volts(text: &str) -> Option<Exact> {
    leading_number(text).filter(|volts| (0.0..=100.0).contains(volts)).map(Exact)
}

/// A temperature that occurs outdoors, °C.
pub(super) fn celsius(text: &str) -> Option<Exact> {
    leading_number(text).filter(|degrees| (-100.0..=150.0).contains(degrees)).map(Exact)
}

/// A position on Earth. Receivers without a fix state 0, 0.
pub(super) fn position(latitude: f64, longitude: f64) -> Option<(Exact, Exact)> {
    let is_there = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    (is_there && (latitude, longitude) != (0.0, 0.0)).then_some((Exact(latitude), Exact(longitude)))
}

/// Whether a detector may state such a factor of time expansion; 1 means that there is none.
pub(super) fn is_factor(factor: f64) -> bool {
    (1.0..=MAX_TIME_EXPANSION).contains(&factor)
}

/// A factor of time expansion other than 1.
pub(super) fn expansion(factor: f64) -> Option<Exact> {
    (is_factor(factor) && factor > 1.0).then_some(Exact(factor))
}
