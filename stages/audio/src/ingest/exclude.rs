//! Which folders and files of the archive are skipped: the key `archive.exclude`.

use std::iter::successors;
use std::sync::atomic::{AtomicBool, Ordering};

use chorus_archive::{composed, is_within, plain};
use globset::{GlobBuilder, GlobMatcher};

/// The entries of `archive.exclude`.
#[derive(Debug, Default)]
pub(super) struct Exclude(Vec<Entry>);

/// A path or a pattern, and whether it has matched anything of a listing.
#[derive(Debug)]
struct Entry {
    written: String,
    /// The plain form of the path.
    path: String,
    /// `None` where the text is no pattern that can be used; as a path it still counts.
    pattern: Option<GlobMatcher>,
    has_matched: AtomicBool,
}

impl Exclude {
    pub(super) fn new(entries: &[String]) -> Self {
        Self(entries.iter().map(|entry| Entry::new(entry)).collect())
    }

    /// Whether a folder or file of the archive is skipped. `path` is in the plain form.
    pub(super) fn covers(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        // As the entries, which come from a configuration or from a listing.
        let path = composed(path);
        let mut is_covered = false;
        for entry in self.0.iter().filter(|entry| entry.matches(&path)) {
            entry.has_matched.store(true, Ordering::Relaxed);
            is_covered = true;
        }
        is_covered
    }

    /// A remark for each entry that matched nothing in a listing.
    pub(super) fn remarks(&self) -> Vec<String> {
        // What is below a skipped folder is not listed, so an entry for it matches nothing and is right all the same.
        let is_below_another =
            |entry: &Entry| self.0.iter().any(|other| other.has_matched.load(Ordering::Relaxed) && other.matches(&entry.path));
        let unmatched = self.0.iter().filter(|entry| !entry.has_matched.load(Ordering::Relaxed) && !is_below_another(entry));
        let remark = |entry: &Entry| {
            format!(
                "archive.exclude: `{}` matches no folder and no recording; expected a path relative to archive.path, such as \
                 raw_data/tests, or a pattern, such as **/*_test.wav",
                entry.written
            )
        };
        unmatched.map(remark).collect()
    }
}

impl Entry {
    fn new(written: &str) -> Self {
        let path = composed(&plain(written).unwrap_or_else(|| written.to_owned())).into_owned();
        // Names of files may hold a backslash.
        let glob = GlobBuilder::new(&path).literal_separator(true).backslash_escape(false).build();
        let pattern = glob.ok().map(|glob| glob.compile_matcher());
        Self { written: written.to_owned(), path, pattern, has_matched: AtomicBool::new(false) }
    }

    /// Whether the entry means this path, or a folder that holds it.
    fn matches(&self, path: &str) -> bool {
        let mut with_parents = successors(Some(path), |path| path.rsplit_once('/').map(|(parent, _)| parent));
        is_within(path, &self.path) || self.pattern.as_ref().is_some_and(|glob| with_parents.any(|path| glob.is_match(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_paths_or_patterns() {
        let covers = |entry: &str, path: &str| Exclude::new(&[entry.to_owned()]).covers(path);
        for (entry, path) in [
            ("raw/old", "raw/old"),
            ("./raw//old/", "raw/old/1.wav"),
            ("**/*.wav", "raw/A/1.wav"),
            ("**/*.wav", "1.wav"),
            ("*.wav", "1.wav"),
            ("raw/*/tests", "raw/A/tests/x/1.wav"),
            ("**/{test,calibration}_*", "raw/A/test_1.wav"),
            ("raw/A[1]", "raw/A[1]/1.wav"),
            ("raw/[A", "raw/[A/1.wav"),
            ("raw/\u{e9}t\u{e9}", "raw/e\u{301}te\u{301}/1.wav"),
            ("raw/e\u{301}t*", "raw/\u{e9}te/1.wav"),
            (r"raw/\xE9*", r"raw/\xE9t.wav"),
        ] {
            assert!(covers(entry, path), "{entry} {path}");
        }
        for (entry, path) in
            [("raw/old", "raw/older"), ("*.wav", "raw/1.wav"), ("raw/*/1.wav", "raw/A/B/1.wav"), (".", "raw"), ("", "raw")]
        {
            assert!(!covers(entry, path), "{entry} {path}");
        }
    }

    #[test]
    fn an_entry_that_matches_nothing_is_named_unless_another_covers_it() {
        let exclude = Exclude::new(&["raw", "raw/old", "raw/old/*.wav", "**/*.flac", "none", "/abs/raw"].map(str::to_owned));
        for path in ["raw", "sound", "sound/1.wav", "sound/2.flac"] {
            exclude.covers(path);
        }
        let remarks = exclude.remarks();
        assert!(remarks.len() == 2 && remarks[0].contains("`none`") && remarks[1].contains("`/abs/raw`"), "{remarks:?}");
        assert_eq!(Exclude::new(&["raw".to_owned(), "raw".to_owned()]).remarks().len(), 2, "neither has matched");
    }
}
