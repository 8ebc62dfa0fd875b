//! A line of the site sheet, and what it is compared with.

use std::borrow::Cow;
use std::fmt;

use chorus_archive::composed;
use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::ingest::sites::{SiteSource, folders};

/// What of a recording is compared with lines of the sheet.
pub(in crate::ingest) struct Subject<'a> {
    pub(super) path: &'a str,
    /// The folders on the way to it.
    pub(super) way: Vec<Cow<'a, str>>,
    pub(super) stem: Cow<'a, str>,
    pub(super) serial: Option<&'a str>,
    pub(super) site: (String, SiteSource),
}

impl<'a> Subject<'a> {
    /// A recording by its path in the archive, its name without the extension, its recorder, and its site where no line gives
    /// another.
    pub(in crate::ingest) fn new(path: &'a str, stem: &'a str, serial: Option<&'a str>, site: (String, SiteSource)) -> Self {
        // Names are compared in one form of accents, since Macs write another than people type.
        Self { path, way: folders(path).map(composed).collect(), stem: composed(stem), serial, site }
    }
}

/// A line of the sheet.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Line {
    /// Where it stands in the file, from 1.
    pub(super) number: u64,
    pub(super) site: String,
    pub(super) position: Option<(f64, f64)>,
    pub(super) zone: Option<TimeZone>,
    /// Folders that follow each other on the path of a recording; empty where the line names none.
    pub(super) folders: Vec<String>,
    pub(super) name: Option<Name>,
    pub(super) serial: Option<String>,
    /// The local time from which on it holds.
    pub(super) from: Option<DateTime>,
    /// The local time from which on it no longer holds.
    pub(super) until: Option<DateTime>,
    pub(super) start: Option<DateTime>,
}

impl Line {
    /// Whether the line assigns recordings to the site, rather than only describing the site.
    pub(super) fn assigns(&self) -> bool {
        !self.folders.is_empty() || self.name.is_some() || self.serial.is_some()
    }

    /// The recordings that the line is about: by folders, name and serial number, or else those of the site.
    pub(super) fn recordings(&self) -> (&[String], Option<&str>, Option<&str>, Option<&str>) {
        let site = (!self.assigns()).then_some(self.site.as_str());
        (&self.folders, self.name.as_ref().map(Name::as_str), self.serial.as_deref(), site)
    }

    pub(super) fn fits(&self, subject: &Subject<'_>) -> bool {
        is_on_the_way(&self.folders, &subject.way)
            && self.name.as_ref().is_none_or(|name| name.fits(&subject.stem))
            && self.serial.as_ref().is_none_or(|serial| subject.serial.is_some_and(|own| own.eq_ignore_ascii_case(serial)))
    }

    pub(super) fn holds_at(&self, clock: Option<DateTime>) -> bool {
        match (self.from, self.until, clock) {
            (None, None, _) => true,
            (_, _, None) => false,
            (from, until, Some(clock)) => from.is_none_or(|from| from <= clock) && until.is_none_or(|until| clock < until),
        }
    }

    /// Whether there is a time at which both hold.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let before = |a: Option<DateTime>, b: Option<DateTime>| a.zip(b).is_none_or(|(from, until)| from < until);
        before(self.from, other.until) && before(other.from, self.until)
    }
}

/// Whether the folders `wanted` follow each other on the path of a recording. No folders are on every path.
fn is_on_the_way(wanted: &[String], way: &[Cow<'_, str>]) -> bool {
    wanted.is_empty() || way.windows(wanted.len()).any(|part| part == wanted)
}

/// A name without its extension, with `*` for anything. A sheet may have a line for each of many recordings, so a
/// name without `*` is compared as it is.
#[derive(Clone)]
pub(super) struct Name {
    written: String,
    pattern: Option<GlobMatcher>,
}

impl Name {
    /// # Errors
    /// A sentence, when the pattern is too long to be used.
    pub(super) fn new(written: &str) -> Result<Self, String> {
        let parts: Vec<String> = written.split('*').filter(|part| !part.is_empty()).map(globset::escape).collect();
        // Only `*` has a meaning in a sheet. Several in a row mean the same as one.
        let (first, last) = (if written.starts_with('*') { "*" } else { "" }, if written.ends_with('*') { "*" } else { "" });
        let pattern = match parts.as_slice() {
            [] => "*".to_owned(),
            parts => format!("{first}{}{last}", parts.join("*")),
        };
        // `globset::escape` leaves a backslash as it is, so it must not escape what follows.
        let compile = || {
            let glob = GlobBuilder::new(&pattern).backslash_escape(false).build();
            glob.map_err(|e| format!("name `{written}`, which cannot be used as a pattern ({e})"))
        };
        let pattern = written.contains('*').then(compile).transpose()?.map(|glob| glob.compile_matcher());
        Ok(Self { written: written.to_owned(), pattern })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.written
    }

    pub(super) fn fits(&self, name: &str) -> bool {
        self.pattern.as_ref().map_or(self.written == name, |pattern| pattern.is_match(name))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fits(pattern: &str, name: &str) -> bool {
        Name::new(pattern).unwrap().fits(name)
    }

    #[test]
    fn a_star_fits_anything_and_nothing_else_is_special() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("**", "a", true),
            ("a*", "a", true),
            ("*b", "aab", true),
            ("a*b*c", "a-b-b-c", true),
            ("a**b", "axb", true),
            ("a*b*c", "a-c-b", false),
            ("aba*aba", "aba", false),
            ("é*é", "éxé", true),
            ("REC[1]?*", "REC[1]?_x", true),
            ("REC[1]*", "REC1", false),
            ("{a,b}*", "a", false),
            ("a\\*", "a\\b", true),
            ("a*", "a\nb", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn stars_agree_with_a_regular_expression(pattern in "[ab*]{0,8}", name in "[ab]{0,8}") {
            let expression = format!("^{}$", pattern.replace('*', ".*"));
            prop_assert_eq!(fits(&pattern, &name), regex::Regex::new(&expression).unwrap().is_match(&name));
        }

        #[test]
        fn any_other_character_fits_itself_alone(text in "[^*]{0,12}") {
            let pattern = format!("*{text}");
            prop_assert!(fits(&pattern, &text) && fits(&text, &text));
        }
    }
}
