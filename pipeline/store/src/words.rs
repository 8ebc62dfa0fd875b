//! Errors of object stores in words.

use object_store::Error;

/// An error of a store with its causes, in one line.
pub(crate) fn in_words(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let own = next.to_string();
        if !text.contains(&own) {
            text = format!("{text}: {own}");
        }
        cause = next.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
