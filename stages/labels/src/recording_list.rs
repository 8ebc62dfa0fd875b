//! Lists that come with an archive and give one value for each recording: its subset, its fold, its group.
//!
//! Fields are separated by commas, semicolons or tabs. Columns are found by name, in any order and any case. Recordings are named
//! by the first column of [`NAME_COLUMNS`] that names any recording of the archive: one list may name whole recordings (`fname`)
//! and clips of them (`sample_name`), and the archive decides. A name is the name of a file, with its extension, another one or
//! none, and optionally with folders before it. Where a column `site` is filled, the site has to be the recording's. A name that
//! fits recordings of several sites is refused, since it was probably meant for one of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::error::LabelsError;
use crate::strict_csv::{StrictCsv, column_of};
use crate::text::{composed, file_name, folded, some_of};

/// Columns that may name recordings.
const NAME_COLUMNS: [&str; 6] = ["recording", "path", "filename", "file", "sample_name", "fname"];
/// Longest extension of a file name. A longer last part belongs to the name.
const LONGEST_EXTENSION: usize = 4;

/// The content of a list.
#[derive(Debug)]
pub struct RecordingList {
    path: String,
    /// Names of the columns, [`folded`].
    header: Vec<String>,
    rows: Vec<ListRow>,
}

#[derive(Debug)]
struct ListRow {
    line: u64,
    fields: Vec<String>,
}

/// A recording that a list may name.
pub trait ListedRecording {
    /// Path relative to the archive, with forward slashes.
    fn path(&self) -> &str;
    /// The site.
    fn site(&self) -> &str;
}

/// The values that a list has for the recordings of an archive.
#[derive(Debug, PartialEq)]
pub struct ListedValues {
    /// For each recording, in the order of the recordings: the value and its line; `None` where the list does not name it.
    pub by_recording: Vec<Option<(String, u64)>>,
    /// Number of different names in the list.
    pub names: usize,
    /// Names without a recording, in the order of the list.
    pub unmatched: Vec<String>,
}

impl RecordingList {
    /// Reads a list. `bytes` is the content of `path`.
    ///
    /// # Errors
    /// A row has more or fewer fields than the header.
    pub fn read(path: &str, bytes: &[u8]) -> Result<Self, LabelsError> {
        let mut table = StrictCsv::open(path, bytes)?;
        let mut list = Self { path: path.to_owned(), header: table.header().to_vec(), rows: Vec::new() };
        while let Some(row) = table.next_row()? {
            list.rows.push(ListRow { line: row.line, fields: row.into_fields() });
        }
        Ok(list)
    }

    /// The file's name.
    pub(crate) fn name(&self) -> String {
        file_name(&self.path).to_owned()
    }

    /// The file.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Whether it has a column with this name.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.find(column).is_some()
    }

    /// The values of a column for each recording.
    ///
    /// # Errors
    /// There is no such column or none that names recordings, or one of them occurs twice; no name is in the archive, or one fits
    /// recordings of several sites; a field is empty, or the list has two values for one recording.
    pub fn values(&self, column: &str, recordings: &[impl ListedRecording]) -> Result<ListedValues, LabelsError> {
        for name in NAME_COLUMNS.into_iter().chain(["site", column]) {
            column_of(&self.path, &self.header, &folded(name))?;
        }
        let value = self.find(column).ok_or_else(|| self.without(column))?;
        let named: Vec<usize> = NAME_COLUMNS.iter().filter(|name| **name != column).filter_map(|name| self.find(name)).collect();
        if named.is_empty() {
            return Err(self.without(&NAME_COLUMNS.join(" or ")));
        }
        let index = named.into_iter().find_map(|column| self.index(column, recordings));
        let index = index.ok_or_else(|| self.no_match())?;
        self.agree(&index, value)?;
        self.refuse_several_sites(&index, recordings)?;
        let row_of: Vec<Option<usize>> = recordings.iter().map(|recording| index.row(recording)).collect();
        let matched: BTreeSet<&ListedName> = row_of.iter().flatten().map(|&at| &index.names[at]).collect();
        let mut names = BTreeSet::new();
        let different: Vec<&ListedName> = index.names.iter().filter(|name| names.insert(*name)).collect();
        let unmatched = different.iter().filter(|name| !matched.contains(*name)).map(|name| name.text()).collect();
        let value_of = |at: usize| (self.rows[at].fields[value].clone(), self.rows[at].line);
        Ok(ListedValues {
            by_recording: row_of.into_iter().map(|at| at.map(value_of)).collect(),
            names: different.len(),
            unmatched,
        })
    }

    /// The names of a column, when the archive has any of them.
    fn index(&self, column: usize, recordings: &[impl ListedRecording]) -> Option<NameIndex> {
        let index = NameIndex::new(self.rows.iter().map(|row| ListedName::new(&row.fields[column], self.site(row))).collect());
        recordings.iter().any(|recording| index.row(recording).is_some()).then_some(index)
    }

    /// Checks that rows with one name have one value.
    fn agree(&self, index: &NameIndex, value: usize) -> Result<(), LabelsError> {
        let mut before: BTreeMap<&ListedName, &ListRow> = BTreeMap::new();
        for (name, row) in index.names.iter().zip(&self.rows) {
            let (found, of) = (&row.fields[value], &self.header[value]);
            if found.is_empty() {
                return Err(self.wrong(row.line, format!("an empty {of}"), format!("a {of} in each row")));
            }
            let first = before.entry(name).or_insert(row);
            if first.fields[value] != *found {
                let expected = format!("{of} {}, as on line {}", first.fields[value], first.line);
                return Err(self.wrong(row.line, format!("{} with {of} {found}", name.text()), expected));
            }
        }
        Ok(())
    }

    /// Checks that no row fits recordings of several sites.
    fn refuse_several_sites(&self, index: &NameIndex, recordings: &[impl ListedRecording]) -> Result<(), LabelsError> {
        let mut taken: BTreeMap<usize, BTreeMap<&str, &str>> = BTreeMap::new();
        for recording in recordings {
            if let Some(at) = index.row(recording) {
                taken.entry(at).or_default().entry(recording.site()).or_insert(recording.path());
            }
        }
        let Some((&at, paths)) = taken.iter().find(|(_, paths)| paths.len() > 1) else { return Ok(()) };
        let (row, name) = (&self.rows[at], &index.names[at]);
        let paths: Vec<String> = paths.values().map(|path| (*path).to_owned()).collect();
        let expected = format!(
            "the name of one: its path, such as {}, or the name and its site in a column site, with a row for each of them",
            paths[0]
        );
        let found = format!("{}, which fits recordings of {} sites ({})", name.text(), paths.len(), some_of(&paths));
        Err(self.wrong(row.line, found, expected))
    }

    fn find(&self, column: &str) -> Option<usize> {
        let column = folded(column);
        self.header.iter().position(|name| *name == column)
    }

    fn site<'a>(&self, row: &'a ListRow) -> Option<&'a str> {
        self.find("site").map(|column| row.fields[column].as_str()).filter(|site| !site.is_empty())
    }

    /// An error of one line.
    pub(crate) fn wrong(&self, line: u64, found: String, expected: String) -> LabelsError {
        LabelsError::Csv { path: self.path.clone(), line, found, expected }
    }

    fn without(&self, column: &str) -> LabelsError {
        self.wrong(1, format!("columns {}", self.header.join(", ")), format!("a column {column}"))
    }

    fn no_match(&self) -> LabelsError {
        let column = NAME_COLUMNS.iter().find_map(|name| self.find(name)).unwrap_or(0);
        let first = self.rows.first().map(|row| row.fields[column].clone()).unwrap_or_default();
        LabelsError::NoMatch { path: self.path.clone(), rows: self.rows.len(), first }
    }
}

impl ListedValues {
    /// A sentence about the names of the list `name` without a recording, where there are any.
    pub(crate) fn note(&self, name: &str) -> Option<String> {
        let count = self.unmatched.len();
        (count > 0).then(|| format!("{count} of {} names in {name} match no recording: {}", self.names, some_of(&self.unmatched)))
    }
}

/// A recording's name in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ListedName {
    site: Option<String>,
    folders: Vec<String>,
    file: String,
}

impl ListedName {
    fn new(text: &str, site: Option<&str>) -> Self {
        let text = composed(text);
        let mut folders: Vec<String> =
            text.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect();
        let file = folders.pop().unwrap_or_default();
        Self { site: site.map(|site| composed(site).into_owned()), folders, file }
    }

    fn text(&self) -> String {
        let path = [&self.folders[..], std::slice::from_ref(&self.file)].concat().join("/");
        self.site.as_ref().map_or_else(|| path.clone(), |site| format!("{path} of {site}"))
    }

    /// The file's name without what may be an extension.
    fn bare(&self) -> &str {
        let parts = self.file.rsplit_once('.').filter(|(_, extension)| extension.len() <= LONGEST_EXTENSION);
        parts.map_or(&self.file, |(stem, _)| stem)
    }
}

/// Rows by the names in them.
struct NameIndex {
    /// The name of each row.
    names: Vec<ListedName>,
    by_file: BTreeMap<String, Vec<usize>>,
}

impl NameIndex {
    fn new(names: Vec<ListedName>) -> Self {
        let mut by_file: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, name) in names.iter().enumerate().filter(|(_, name)| !name.file.is_empty()) {
            by_file.entry(name.file.clone()).or_default().push(at);
            if name.bare() != name.file {
                by_file.entry(name.bare().to_owned()).or_default().push(at);
            }
        }
        Self { names, by_file }
    }

    /// The row whose name fits a recording best: with its site before without, then with more folders, then with its extension.
    fn row(&self, recording: &impl ListedRecording) -> Option<usize> {
        let (path, own_site) = (composed(recording.path()), composed(recording.site()));
        let mut folders: Vec<&str> = path.split('/').collect();
        let file = folders.pop().unwrap_or_default();
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let rows = [file, stem].into_iter().filter_map(|key| self.by_file.get(key)).flatten().copied();
        let fits = |&at: &usize| {
            let name = &self.names[at];
            name.site.as_deref().is_none_or(|site| site == own_site)
                && name.folders.len() <= folders.len()
                && name.folders.iter().rev().zip(folders.iter().rev()).all(|(a, b)| a == b)
        };
        rows.filter(fits).max_by_key(|&at| {
            let name = &self.names[at];
            (name.site.is_some(), name.folders.len(), name.file == file, name.file == stem, Reverse(at))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl ListedRecording for (&str, &str) {
        fn path(&self) -> &str {
            self.1
        }
        fn site(&self) -> &str {
            self.0
        }
    }

    const ARCHIVE: [(&str, &str); 4] =
        [("A", "audio/A/x_0_3.wav"), ("A", "audio/A/x_1_4.wav"), ("B", "audio/B/x_0_3.wav"), ("B", "audio/B/y.2020.flac")];

    fn say(text: &str, column: &str) -> Result<ListedValues, String> {
        let list = RecordingList::read("a/list.csv", text.as_bytes());
        list.and_then(|list| list.values(column, &ARCHIVE)).map_err(|error| error.to_string())
    }

    fn values(text: &str, column: &str) -> [Option<String>; 4] {
        say(text, column)
            .unwrap()
            .by_recording
            .into_iter()
            .map(|said| said.map(|(value, _)| value))
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    }

    fn some<const N: usize>(values: [&str; N]) -> [Option<String>; N] {
        values.map(|value| (value != "-").then(|| value.to_owned()))
    }

    #[test]
    fn a_recording_is_named_by_stem_file_or_path_and_the_closest_name_counts() {
        let text = "\u{feff}Recording,site,Subset\r\nx_0_3,,train\r\nx_0_3,B,test\r\nA/x_1_4.mp3,,val\r\ny.2020,,unused\r\n";
        assert_eq!(values(text, "subset"), some(["train", "val", "test", "unused"]));
        assert_eq!(values("path\tfold\naudio/A/x_0_3.wav\t1\nx_0_3\t2\n", "fold"), some(["1", "-", "2", "-"]));
        assert_eq!(values("file;fold\nC/x_0_3.wav;1\ny.2020.wav;3\n", "fold"), some(["-", "-", "-", "3"]));
        // The accent of the column is a character of its own, and that of the key is not.
        assert_eq!(values("file,E\u{301}tang\ny.2020,3\n", "\u{e9}tang"), some(["-", "-", "-", "3"]));
    }

    #[test]
    fn a_list_of_clips_names_clips_or_their_recordings_as_the_archive_has_them() {
        let text = "sample_name,fname,site,subset\nx_0_3,x,A,test\nx_1_4,x,A,test\nx_0_3,x,B,test\nz_0_3,z,A,train\n";
        assert_eq!(values(text, "fname"), some(["x", "x", "x", "-"]));
        let text = "sample_name,fname,subset\nx_0_3,x,test\nx_1_4,x,test\nz_0_3,z,train\n";
        let whole = RecordingList::read("m.csv", text.as_bytes()).unwrap();
        let said = whole.values("subset", &[("A", "raw/x.wav")]).unwrap();
        assert_eq!((said.by_recording, said.names, said.unmatched), (vec![Some(("test".into(), 2))], 2, vec!["z".to_owned()]));
    }

    #[test]
    fn a_name_of_several_sites_is_refused_with_what_it_fits() {
        let error = say("recording,subset\nx_1_4,train\nx_0_3,test\n", "subset").unwrap_err();
        let parts = ["a/list.csv:3:", "x_0_3", "2 sites", "audio/A/x_0_3.wav, audio/B/x_0_3.wav", "column site"];
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        assert_eq!(values("recording,subset\nA/x_0_3,train\nB/x_0_3,test\n", "subset"), some(["train", "-", "test", "-"]));
    }

    #[test]
    fn accents_of_macs_and_of_tables_are_the_same() {
        let list = RecordingList::read("m.csv", "file,site,subset\n\u{e9}tang,Rivi\u{e8}re,test\n".as_bytes()).unwrap();
        let said = list.values("subset", &[("Rivie\u{300}re", "raw/Rivie\u{300}re/e\u{301}tang.wav")]).unwrap();
        assert_eq!(said.by_recording, [Some(("test".to_owned(), 2))]);
    }

    #[test]
    fn names_without_a_recording_are_told() {
        let said = say("recording,site,subset\nx_0_3,A,train\nq,A,test\nq,A,test\nx_0_3,C,test\n", "subset").unwrap();
        assert_eq!((said.names, said.unmatched), (3, vec!["q of A".to_owned(), "x_0_3 of C".to_owned()]));
    }

    #[test]
    fn errors_name_file_line_found_and_expected() {
        for (text, parts) in [
            ("recording,subset\nx_0_3,a\nx_0_3,b\n", ["a/list.csv:3:", "x_0_3 with subset b", "subset a, as on line 2"]),
            ("recording,subset\nx_0_3,\n", [":2:", "an empty subset", "a subset in each row"]),
            ("recording,fold\nx_0_3,1\n", [":1:", "columns recording, fold", "a column subset"]),
            ("name,subset\nx_0_3,a\n", [":1:", "columns name, subset", "a column recording or path"]),
            ("recording,subset\nx_0_3\n", [":2:", "found 1 field,", "2 fields"]),
            ("recording,subset\nother,a\n", ["a/list.csv", "none of its 1", "`other`"]),
            ("recording,subset,Subset\nx_0_3,a,b\n", [":1:", "2 columns subset", "one of them"]),
            ("", [":1:", "columns ", "a column subset"]),
        ] {
            let error = say(text, "subset").unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
