//! Finds recordings by name.
//!
//! Annotation files name recordings as the annotator's computer did: by a path of Windows or Unix, or by a part of a path, with
//! another extension or none. Label files are named like their recordings. Case and the form of accents don't matter. Among
//! recordings with the same name the one in the most similar folders is taken. A folder that the archive has must be the
//! recording's own, so that the night of one site is not taken for the night of another.

use std::collections::{BTreeMap, BTreeSet};

use crate::text::{composed, file_name, folded, parts, stem};

/// Recordings that a message names before it says "and more".
const NAMED: usize = 3;

/// Words that Raven and BirdNET put between a recording's name and the extension.
const TABLE_WORDS: &[&str] = &["selections", "selection", "table", "birdnet", "results"];

/// The recordings of an archive by name.
pub(crate) struct RecordingIndex<'a> {
    /// By stem, folded.
    by_stem: BTreeMap<String, Vec<&'a str>>,
    /// Folders that hold recordings, folded.
    folders: BTreeSet<String>,
}

impl<'a> RecordingIndex<'a> {
    /// An index of recordings. Paths are relative to the archive.
    pub(crate) fn new(recordings: impl Iterator<Item = &'a str>) -> Self {
        let mut index = Self { by_stem: BTreeMap::new(), folders: BTreeSet::new() };
        for recording in recordings {
            if let [folders @ .., name] = &parts(recording)[..] {
                index.by_stem.entry(folded(stem(name))).or_default().push(recording);
                index.folders.extend(folders.last().map(|folder| folded(folder)));
            }
        }
        index
    }

    /// The recording with this name or path.
    ///
    /// # Errors
    /// No recording fits, or several do.
    pub(crate) fn named(&self, name: &str) -> Result<&'a str, String> {
        let parts = parts(name);
        let Some((file, folders)) = parts.split_last() else { return Err("no recording is named".to_owned()) };
        // A name without an extension may hold a dot.
        let stems = BTreeSet::from([folded(stem(file)), folded(file)]);
        let found: Vec<&str> = stems.iter().filter_map(|stem| self.by_stem.get(stem)).flatten().copied().collect();
        self.nearest(&found, folders, file)
    }

    /// The recording after which an annotation file is named.
    ///
    /// # Errors
    /// No recording fits, or several do.
    pub(crate) fn of_file(&self, path: &str) -> Result<&'a str, String> {
        let parts = parts(path);
        let Some((file, folders)) = parts.split_last() else { return Err("no recording of that name".to_owned()) };
        let found = stems_of_file(file).find_map(|stem| self.by_stem.get(&folded(stem)));
        let found = found.map(Vec::as_slice).unwrap_or_default();
        // `x.wav.txt` belongs to x.wav, and not to x.flac beside it.
        let is_whole = |name: &&str| found.iter().any(|recording| folded(file_name(recording)) == folded(name));
        self.nearest(found, folders, stems_of_file(file).find(is_whole).unwrap_or(file))
    }

    /// Of recordings with the same stem, the one in the most similar folders and with the most similar name.
    fn nearest(&self, recordings: &[&'a str], folders: &[&str], file: &str) -> Result<&'a str, String> {
        if recordings.is_empty() {
            return Err("no recording of that name".to_owned());
        }
        let wanted = SearchedPath::new(folders, file);
        let similarity = |recording: &&str| wanted.similarity(recording);
        let best = recordings.iter().map(similarity).max().unwrap_or_default();
        if let Some(folder) = folders.last().filter(|folder| best.0 == 0 && self.folders.contains(&folded(folder))) {
            return Err(format!("no recording of that name in a folder {folder}"));
        }
        let found: Vec<&str> = recordings.iter().copied().filter(|recording| similarity(recording) == best).collect();
        match found[..] {
            [recording] => Ok(recording),
            _ => Err(several(&found)),
        }
    }
}

/// The path that recordings of one stem are compared with.
struct SearchedPath {
    /// Folded.
    folders: Vec<String>,
    file: String,
}

impl SearchedPath {
    fn new(folders: &[&str], file: &str) -> Self {
        Self { folders: folders.iter().copied().map(folded).collect(), file: composed(file).into_owned() }
    }

    /// How similar a recording's path is, the most important criterion first.
    fn similarity(&self, recording: &str) -> (usize, bool, bool, bool, bool, bool) {
        let recording = composed(recording);
        let parts = parts(&recording);
        let (own, own_folders) = parts.split_last().unwrap_or((&"", &[]));
        let pairs = own_folders.iter().rev().zip(self.folders.iter().rev());
        let shared = pairs.take_while(|(a, b)| folded(a) == **b).count();
        let to_the_root = shared == own_folders.len() && (shared > 0 || self.folders.is_empty());
        let wanted = folded(&self.file);
        let (same_name, same_stem) = (folded(own) == wanted, folded(stem(own)) == wanted);
        (shared, to_the_root, same_name, same_stem, stem(own) == stem(&self.file), *own == self.file)
    }
}

fn several(recordings: &[&str]) -> String {
    let named = recordings.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = if recordings.len() > NAMED { " and more" } else { "" };
    format!("fits {} recordings: {named}{more}", recordings.len())
}

/// The names that the recording of an annotation file may have, the longest first: `a.Table.1.selections.txt` may belong to
/// `a.Table.1.selections`, `a.Table.1` or `a`, and `a.wav.txt` to `a`.
fn stems_of_file(file: &str) -> impl Iterator<Item = &str> {
    let first = file.rsplit_once('.').map_or(file, |(rest, _)| rest);
    std::iter::successors(Some(first), |name| shorter(name))
}

/// A name without its last part, where that part is a word of tables, the number of a table, or an extension.
fn shorter(name: &str) -> Option<&str> {
    let (rest, last) = name.rsplit_once('.')?;
    let is_of_tables = |part: &str| TABLE_WORDS.contains(&part.to_lowercase().as_str());
    let numbers_a_table = last.bytes().all(|b| b.is_ascii_digit()) && rest.rsplit('.').next().is_some_and(is_of_tables);
    (is_of_tables(last) || numbers_a_table || stem(name) == rest).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ARCHIVE: [&str; 7] = [
        "raw/POND01/20200301_190000.WAV",
        "raw/POND02/20200301_190000.WAV",
        "raw/POND01/only.v2.flac",
        "raw/POND01/only.wav",
        "raw/a/x.wav",
        "raw/a/x.flac",
        "raw/POND02/lone.wav",
    ];

    fn index() -> RecordingIndex<'static> {
        RecordingIndex::new(ARCHIVE.into_iter())
    }

    #[test]
    fn names_paths_and_parts_of_paths() {
        let named = |name| index().named(name);
        assert_eq!(named(r"D:\field\2020\pond01\20200301_190000.wav"), Ok(ARCHIVE[0]));
        assert_eq!(named("POND02/20200301_190000"), Ok(ARCHIVE[1]));
        assert_eq!(named("raw/POND01/only.v2.flac"), Ok(ARCHIVE[2]));
        assert_eq!(named("only.v2"), Ok(ARCHIVE[2]));
        assert_eq!(named("/mnt/elsewhere/only.wav"), Ok(ARCHIVE[3]));
        assert_eq!(named("x.flac"), Ok(ARCHIVE[5]));
        assert!(named("x").unwrap_err().starts_with("fits 2 recordings"));
        assert!(named("20200301_190000.WAV").unwrap_err().contains(ARCHIVE[1]));
        assert_eq!(named(r"D:\POND01\lone.wav").unwrap_err(), "no recording of that name in a folder POND01");
        assert_eq!(named("none.wav").unwrap_err(), "no recording of that name");
    }

    #[test]
    fn accents_of_macs_and_of_tables_are_the_same() {
        let (apart, in_one) = ("raw/Rivie\u{300}re/e\u{301}tang.wav", "raw/Rivi\u{e8}re/\u{e9}tang.wav");
        for (archive, name) in [(apart, in_one), (in_one, apart)] {
            let index = RecordingIndex::new([archive, "raw/b/\u{e9}tang.wav"].into_iter());
            assert_eq!(index.named(name), Ok(archive));
            assert_eq!(index.of_file(&name.replace("wav", "txt")), Ok(archive));
        }
    }

    #[test]
    fn case_does_not_matter_in_any_alphabet() {
        let index = RecordingIndex::new(["raw/\u{c4}rger/\u{e4}.wav", "raw/B/\u{e4}.wav", "raw/B/\u{e4}.flac"].into_iter());
        for name in ["\u{e4}rger/\u{c4}.WAV", "a\u{308}RGER/A\u{308}.wav", "\u{c4}RGER/\u{e4}"] {
            assert_eq!(index.named(name), Ok("raw/\u{c4}rger/\u{e4}.wav"), "{name}");
        }
        assert_eq!(index.named("b/\u{c4}.Flac"), Ok("raw/B/\u{e4}.flac"), "by its extension");
    }

    #[test]
    fn files_called_after_recordings() {
        let of_file = |path| index().of_file(path);
        for file in
            ["POND01/20200301_190000.Table.1.selections.txt", "x/POND01/20200301_190000.txt", "POND01/20200301_190000.WAV.txt"]
        {
            assert_eq!(of_file(file), Ok(ARCHIVE[0]), "{file}");
        }
        assert_eq!(of_file("lone.BirdNET.selection.table.txt"), Ok(ARCHIVE[6]));
        assert_eq!(of_file("labels/only.v2.txt"), Ok(ARCHIVE[2]));
        assert!(of_file("raw/a/x.txt").unwrap_err().starts_with("fits 2 recordings"));
        assert_eq!(of_file("raw/a/x.flac.txt"), Ok(ARCHIVE[5]));
        assert_eq!(of_file("labels/raw/a/X.WAV.Table.1.selections.txt"), Ok(ARCHIVE[4]));
        assert_eq!(of_file("labels/lone.1.txt").unwrap_err(), "no recording of that name");
    }

    proptest! {
        #[test]
        fn every_recording_is_found_by_its_path_from_anywhere(
            recordings in prop::collection::btree_set("([ab]/){1,3}[xy]([.]1)?[.](wav|WAV|flac)", 1..12),
            prefix in prop::sample::select(vec!["", "/mnt/", r"C:\", "q/"]),
        ) {
            let index = RecordingIndex::new(recordings.iter().map(String::as_str));
            for recording in &recordings {
                let found = index.named(&format!("{prefix}{recording}"));
                if prefix.is_empty() {
                    prop_assert_eq!(found, Ok(recording.as_str()));
                } else {
                    prop_assert!(found == Ok(recording.as_str()) || found.as_ref().is_err_and(|e| e.starts_with("fits")), "{found:?}");
                }
            }
        }

        #[test]
        fn no_name_panics(name in any::<String>()) {
            let _ = index().named(&name);
            let _ = index().of_file(&name);
        }
    }
}
