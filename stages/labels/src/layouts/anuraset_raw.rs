//! The raw layout of AnuraSet (Cañas et al. 2023): `raw_data/SITE/NAME.wav` with Audacity tracks in
//! `strong_labels/SITE/NAME.txt`, some of them in `strong_labels/strong_labels/`.
//!
//! Paths are relative to the archive, with `/`. A label file belongs to the recording with the same site, which is the folder's
//! name, and the same stem. [`Match`] lists the two other ways in which a label file may be named.

use std::collections::BTreeMap;

use super::audacity;
use crate::contents::Contents;
use crate::label::LabelText;
use crate::layout::{AnnotationFiles, FindRecording, Layout, LayoutKeys, Proposal, Reader, Settings};
use crate::look::ArchiveLook;
use crate::text::composed;

const DATE_DIGITS: usize = 8;
const TIME_DIGITS: usize = 6;
/// The folder of the label files.
const LABELS: &str = "strong_labels";

/// The layout `anuraset_raw`.
pub(super) struct AnurasetRaw;

impl Layout for AnurasetRaw {
    fn name(&self) -> &'static str {
        "anuraset_raw"
    }

    fn about(&self) -> &'static str {
        "AnuraSet's raw release: an Audacity track for each recording, in a folder of the same site."
    }

    fn files(&self) -> Option<AnnotationFiles> {
        Some(AnnotationFiles { place: LABELS, extensions: &["txt"] })
    }

    fn keys(&self) -> LayoutKeys {
        LayoutKeys { used: &[&["annotate.folder"]], ..LayoutKeys::default() }
    }

    fn label_text(&self) -> LabelText {
        LabelText::CodeQuality
    }

    fn reader(&self, _settings: &Settings) -> Result<Reader, serde_yaml::Error> {
        Ok(Reader::of_files(|bytes| Contents::of_one(audacity::parse(bytes))))
    }

    fn pairing<'a>(&self, recordings: &[&'a str], files: &[&'a str]) -> FindRecording<'a> {
        let pairing = pair(recordings, files);
        let of_file: BTreeMap<String, String> =
            pairing.labels.into_iter().map(|(recording, file)| (file.path, recording)).collect();
        Box::new(move |file, _| match of_file.get(file) {
            Some(recording) => Ok(recording.clone()),
            None => Err(pairing.unmatched.get(file).cloned().unwrap_or_default()),
        })
    }

    fn propose(&self, look: &ArchiveLook<'_>) -> Option<Proposal> {
        let audio = look.has_folder("raw_data").then_some("raw_data");
        look.has_folder(LABELS).then(|| Proposal { audio, ..Proposal::of(self) })
    }
}

/// How a label file was found to belong to a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// Same site, same stem.
    Name,
    /// The same but for leading zeros in the site's number, in folder or name: INCT04 for INCT4.
    SiteAlias,
    /// One of the two names has one part more than `SITE_DATE_TIME`, as names of a second recorder have.
    ExtraPart,
}

/// The label file of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFile {
    /// Its path.
    pub path: String,
    /// How it was found.
    pub matched: Match,
}

/// Which label file belongs to which recording.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairing {
    /// By recording; a recording that isn't here has not been reviewed.
    pub labels: BTreeMap<String, LabelFile>,
    /// Label files without a recording, and why.
    pub unmatched: BTreeMap<String, String>,
}

/// Finds the label file of each recording.
///
/// Equal names are paired first, then site aliases, then names with an extra part. Of two label files for a recording the one in
/// fewer folders is taken. A label file that fits several recordings is paired with none of them.
pub fn pair<S: AsRef<str>>(recordings: &[S], label_files: &[S]) -> Pairing {
    let mut pairing = Pairing::default();
    let mut left: Vec<&str> = label_files.iter().map(AsRef::as_ref).collect();
    left.sort_by_key(|path| (path.matches('/').count(), *path));
    for matched in [Match::Name, Match::SiteAlias, Match::ExtraPart] {
        let mut named: BTreeMap<SiteAndStem, Vec<&str>> = BTreeMap::new();
        for recording in recordings.iter().map(AsRef::as_ref) {
            if let Some(name) = name(recording, matched) {
                named.entry(name).or_default().push(recording);
            }
        }
        left.retain(|path| {
            let wanted = name(path, matched)
                .map(|name| SiteAndStem { extra_part: name.extra_part != (matched == Match::ExtraPart), ..name });
            let found = wanted.and_then(|name| named.get(&name));
            found.is_none_or(|found| {
                pairing.add(path, found, matched);
                false
            })
        });
    }
    let without = left.into_iter().map(|path| (path.to_owned(), "no recording of that site and name".to_owned()));
    pairing.unmatched.extend(without);
    pairing
}

impl Pairing {
    fn add(&mut self, path: &str, recordings: &[&str], matched: Match) {
        let reason = match *recordings {
            [recording] => match self.labels.get(recording) {
                Some(other) => format!("{recording} has {}", other.path),
                None => {
                    let path = path.to_owned();
                    self.labels.insert(recording.to_owned(), LabelFile { path, matched });
                    return;
                }
            },
            _ => format!("fits {} recordings: {}", recordings.len(), recordings.join(", ")),
        };
        self.unmatched.insert(path.to_owned(), reason);
    }
}

/// The parts of a path that have to be equal for a match; `extra_part` has to differ for [`Match::ExtraPart`].
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SiteAndStem {
    site: String,
    stem: String,
    extra_part: bool,
}

fn name(path: &str, matched: Match) -> Option<SiteAndStem> {
    let path = composed(path);
    let (folders, file) = path.rsplit_once('/')?;
    let site = folders.rsplit('/').next()?;
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let (site, stem, extra_part) = match matched {
        Match::Name => (site.to_owned(), stem.to_owned(), false),
        Match::SiteAlias => (without_zeros(site), alias_stem(stem), false),
        Match::ExtraPart => {
            let (core, extra_part) = core(&alias_stem(stem))?;
            (without_zeros(site), core, extra_part)
        }
    };
    Some(SiteAndStem { site, stem, extra_part })
}

/// `INCT04` as `INCT4`: letters and a number, whose leading zeros go.
fn without_zeros(site: &str) -> String {
    let letters = site.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = site[letters.len()..].trim_start_matches('0');
    format!("{letters}{number}")
}

/// The stem without leading zeros in the number of the site, which is its first part.
fn alias_stem(stem: &str) -> String {
    let (site, rest) = stem.split_at(stem.find('_').unwrap_or(stem.len()));
    without_zeros(site) + rest
}

/// `SITE_DATE_TIME` of a stem, and whether the stem has one part more; `None` for any other number of parts.
fn core(stem: &str) -> Option<(String, bool)> {
    let parts: Vec<&str> = stem.split('_').collect();
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let date =
        (1..parts.len().saturating_sub(1)).find(|&at| digits(parts[at], DATE_DIGITS) && digits(parts[at + 1], TIME_DIGITS))?;
    let core = [parts[0], parts[date], parts[date + 1]].join("_");
    match parts.len() {
        3 => Some((core, false)),
        4 => Some((core, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn paired(recordings: &[&str], labels: &[&str]) -> (Vec<(String, String, Match)>, Vec<(String, String)>) {
        let pairing = pair(recordings, labels);
        let pairs = pairing.labels.into_iter().map(|(r, l)| (r, l.path, l.matched)).collect();
        (pairs, pairing.unmatched.into_iter().collect())
    }

    #[test]
    fn pairs_by_site_and_stem() {
        let recordings = ["raw_data/POND01/POND01_20200301_190000.WAV", "raw_data/POND01/same.wav", "raw_data/POND1/same.wav"];
        let labels = [
            "strong_labels/POND01/POND01_20200301_190000.txt",
            "strong_labels/strong_labels/POND1/same.txt",
            "strong_labels/POND02/same.txt",
        ];
        let (pairs, unmatched) = paired(&recordings, &labels);
        assert_eq!(
            pairs,
            [(recordings[0].into(), labels[0].into(), Match::Name), (recordings[2].into(), labels[1].into(), Match::Name)]
        );
        assert_eq!(unmatched, [(labels[2].into(), "no recording of that site and name".into())]);
    }

    #[test]
    fn accents_of_macs_and_of_tables_are_the_same() {
        let recording = "raw_data/Ac\u{327}ude/1.wav";
        assert_eq!(paired(&[recording], &["strong_labels/A\u{e7}ude/1.txt"]).0[0].0, recording);
    }

    #[test]
    fn the_outer_of_two_label_files_wins() {
        let labels = ["strong_labels/strong_labels/S/n.txt", "strong_labels/S/n.txt"];
        let (pairs, unmatched) = paired(&["raw_data/S/n.wav"], &labels);
        assert_eq!(pairs[0].1, labels[1]);
        assert_eq!(unmatched, [(labels[0].into(), format!("raw_data/S/n.wav has {}", labels[1]))]);
    }

    #[test]
    fn zeros_in_a_site_are_an_alias_where_nothing_is_equal() {
        let recordings = ["raw_data/INCT4/INCT4_20191005_173000.wav", "raw_data/INCT4/INCT4_20191005_180000.wav"];
        let labels = [
            "strong_labels/INCT04/INCT04_20191005_173000.txt",
            "strong_labels/INCT04/INCT4_20191005_180000.txt",
            "strong_labels/INCT4/INCT4_20191005_180000.txt",
        ];
        let (pairs, unmatched) = paired(&recordings, &labels);
        let how: Vec<_> = pairs.iter().map(|p| (p.1.as_str(), p.2)).collect();
        assert_eq!(how, [(labels[0], Match::SiteAlias), (labels[2], Match::Name)]);
        assert_eq!(unmatched[0].0, labels[1]);
    }

    #[test]
    fn an_extra_part_on_either_side() {
        let recordings = ["raw_data/S/S_20191118_174500.wav", "raw_data/S/S_X_20191118_180000.wav"];
        let labels = ["strong_labels/S/S_20191118_174500_000.txt", "strong_labels/S/S_20191118_180000.txt"];
        let (pairs, unmatched) = paired(&recordings, &labels);
        assert_eq!(pairs.iter().map(|p| p.2).collect::<Vec<_>>(), [Match::ExtraPart; 2]);
        assert_eq!(unmatched, []);
    }

    #[test]
    fn a_second_recorder_is_not_the_first() {
        let recordings = ["raw_data/S/S_20191118_174500_1.wav", "raw_data/S/S_20191118_174500_2.wav"];
        let (pairs, unmatched) = paired(&recordings, &["strong_labels/S/S_20191118_174500.txt"]);
        assert_eq!(pairs, []);
        assert!(unmatched[0].1.starts_with("fits 2 recordings: raw_data/S/S_20191118_174500_1.wav, "));
        // Two different extra parts are two recorders; so are names without date and time.
        let labels = ["strong_labels/S/S_20191118_174500_3.txt", "strong_labels/S/rec_1_2.txt"];
        assert_eq!(paired(&recordings, &labels).0, []);
        assert_eq!(paired(&["raw_data/S/rec_1.wav"], &labels).0, []);
        let both = ["raw_data/S/S_20191118_174500.wav", "raw_data/S/S_20191118_174500_2.wav"];
        let own = ["strong_labels/S/S_20191118_174500.txt", "strong_labels/S/S_20191118_174500_2.txt"];
        assert_eq!(paired(&both, &own).0.iter().map(|p| p.2).collect::<Vec<_>>(), [Match::Name; 2]);
        let other = ["strong_labels/S/S_20191118_174500.txt", "strong_labels/S/S_20191118_174500_3.txt"];
        assert_eq!(paired(&both[..1], &other).1[0].0, other[1]);
    }

    proptest! {
        #[test]
        fn every_label_file_is_paired_or_explained(
            recordings in prop::collection::btree_set("r/S0?[12]/S0?[12]_2020010[12]_000000(_[12])?[.]wav", 0..12),
            labels in prop::collection::btree_set("(strong_labels/){1,2}S0?[12]/S0?[12]_2020010[12]_000000(_[12])?[.]txt", 0..12),
        ) {
            let (recordings, labels) = (Vec::from_iter(recordings), Vec::from_iter(labels));
            let pairing = pair(&recordings, &labels);
            prop_assert!(pairing.labels.keys().all(|recording| recordings.contains(recording)));
            let mut found: Vec<_> = pairing.labels.values().map(|file| &file.path).chain(pairing.unmatched.keys()).collect();
            found.sort();
            prop_assert_eq!(found, labels.iter().collect::<Vec<_>>());
            let reversed: Vec<_> = labels.iter().rev().cloned().collect();
            prop_assert_eq!(pair(&recordings, &reversed), pairing);
        }
    }
}
