//! Lists that come with an archive as CSV: the subset of each recording, and what such lists have in common.
//!
//! Columns are found by name, in any order and whatever their case; those not named here are passed over.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use crate::error::LabelsError;
use crate::subset::Subset;
use crate::text::decode;

/// The subset of a recording, as the archive has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubsetRow {
    /// The recording as it is named in the file.
    pub recording: String,
    /// Its site, where the file says.
    pub site: Option<String>,
    /// The subset.
    pub subset: Subset,
}

/// Reads the subsets of recordings: `recording` (or else `fname` and `sample_name`), `subset` and perhaps `site`, one row per
/// recording and site in the order of the file. AnuraSet's `metadata.csv` names a clip's recording as well as the clip, and an archive holds
/// one or the other: both are given. `bytes` is the content of `path`.
///
/// # Errors
/// A column is missing, a recording is empty, a subset is unknown, or a recording is in two subsets.
pub fn subsets(path: &Path, bytes: &[u8]) -> Result<Vec<SubsetRow>, LabelsError> {
    let mut table = Table::open(path, bytes)?;
    let recording = table.column(&["recording", "fname", "sample_name"])?;
    let clip = if table.find(&["recording"]).is_some() { None } else { table.find(&["sample_name"]) };
    let columns: BTreeSet<usize> = [Some(recording), clip].into_iter().flatten().collect();
    let subset = table.column(&["subset"])?;
    let site = table.find(&["site"]);
    let mut seen: BTreeMap<(Option<String>, String), (Subset, u64)> = BTreeMap::new();
    let mut rows = Vec::new();
    while let Some(row) = table.next_row()? {
        let name = row.field(subset);
        let subset = name.parse().map_err(|expected| row.error(format!("subset `{name}`"), expected))?;
        let site = site.map(|column| row.field(column)).filter(|site| !site.is_empty());
        for &column in &columns {
            let found = SubsetRow { recording: row.filled(column)?, site: site.clone(), subset };
            match seen.entry((found.site.clone(), found.recording.clone())) {
                Entry::Vacant(entry) => {
                    entry.insert((found.subset, row.line));
                    rows.push(found);
                }
                Entry::Occupied(entry) => {
                    let &(before, line) = entry.get();
                    if before != found.subset {
                        let expected = format!("{}, as on line {line}", before.as_str());
                        return Err(row.error(format!("{} in {}", found.recording, found.subset.as_str()), expected));
                    }
                }
            }
        }
    }
    Ok(rows)
}

/// A CSV file with a header.
pub(crate) struct Table<'a> {
    path: &'a Path,
    reader: csv::Reader<&'a [u8]>,
    header: Vec<String>,
}

/// A row of it.
pub(crate) struct Row<'a> {
    path: &'a Path,
    pub(crate) line: u64,
    header: &'a [String],
    fields: Vec<String>,
}

impl<'a> Table<'a> {
    pub(crate) fn open(path: &'a Path, bytes: &'a [u8]) -> Result<Self, LabelsError> {
        let mut reader = ReaderBuilder::new().from_reader(bytes);
        let header = reader.byte_headers().map_err(|error| malformed(path, &error))?;
        let header = texts(header).into_iter().map(|name| name.to_lowercase()).collect();
        Ok(Self { path, reader, header })
    }

    /// The first of `names` that the header has.
    pub(crate) fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.header.iter().position(|column| column == name))
    }

    pub(crate) fn column(&self, names: &[&str]) -> Result<usize, LabelsError> {
        self.find(names).ok_or_else(|| LabelsError::Csv {
            path: self.path.to_owned(),
            line: 1,
            found: format!("columns {}", self.header.join(", ")),
            expected: format!("a column {}", names.join(" or ")),
        })
    }

    pub(crate) fn next_row(&mut self) -> Result<Option<Row<'_>>, LabelsError> {
        let mut record = ByteRecord::new();
        let more = self.reader.read_byte_record(&mut record).map_err(|error| malformed(self.path, &error))?;
        Ok(more.then(|| Row {
            path: self.path,
            line: record.position().map_or(0, csv::Position::line),
            header: &self.header,
            fields: texts(&record),
        }))
    }
}

impl Row<'_> {
    pub(crate) fn field(&self, column: usize) -> String {
        self.fields[column].clone()
    }

    pub(crate) fn filled(&self, column: usize) -> Result<String, LabelsError> {
        let text = self.field(column);
        if text.is_empty() {
            let name = &self.header[column];
            return Err(self.error(format!("an empty {name}"), format!("a {name} in each row")));
        }
        Ok(text)
    }

    pub(crate) fn error(&self, found: String, expected: String) -> LabelsError {
        LabelsError::Csv { path: self.path.to_owned(), line: self.line, found, expected }
    }
}

fn texts(record: &ByteRecord) -> Vec<String> {
    record.iter().map(|field| decode(field).trim().to_owned()).collect()
}

fn malformed(path: &Path, error: &csv::Error) -> LabelsError {
    let expected = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, .. } => format!("{expected_len} fields as in the header"),
        _ => "comma-separated values".to_owned(),
    };
    let found = match error.kind() {
        csv::ErrorKind::UnequalLengths { len, .. } => format!("{len} fields"),
        _ => error.to_string(),
    };
    LabelsError::Csv { path: path.to_owned(), line: error.position().map_or(1, csv::Position::line), found, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(of: fn(&Path, &[u8]) -> Result<T, LabelsError>, text: &str) -> Result<T, String> {
        of(Path::new("a/list.csv"), text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn subsets_of_recordings_and_of_windows() {
        let found = read(subsets, "recording,site,subset\nA_1,POND01,test\nA_2,,Train\n").unwrap();
        assert_eq!(found[0], SubsetRow { recording: "A_1".into(), site: Some("POND01".into()), subset: Subset::Test });
        assert_eq!((found[1].site.as_deref(), found[1].subset), (None, Subset::Train));
        let windows = "sample_name,fname,min_t,site,subset\nA_0_3,A,0,X,val\nA_1_4,A,1,X,validation\nA_0_3,A,0,Y,test\n";
        let found = read(subsets, windows).unwrap();
        let rows: Vec<_> = found.iter().map(|r| (r.recording.as_str(), r.site.as_deref(), r.subset)).collect();
        let (x, y) = (Some("X"), Some("Y"));
        assert_eq!(
            rows,
            [
                ("A_0_3", x, Subset::Validation),
                ("A", x, Subset::Validation),
                ("A_1_4", x, Subset::Validation),
                ("A_0_3", y, Subset::Test),
                ("A", y, Subset::Test)
            ]
        );
    }

    #[test]
    fn errors_name_file_line_found_and_expected() {
        for (found, parts) in [
            (
                read(subsets, "recording,subset\nA,dev\n").unwrap_err(),
                [":2:", "subset `dev`", "train, validation, test or unused"],
            ),
            (read(subsets, "fname,subset\nA,test\nA,train\n").unwrap_err(), [":3:", "A in train", "test, as on line 2"]),
            (read(subsets, "name,subset\n").unwrap_err(), [":1:", "columns name, subset", "recording or fname or sample_name"]),
        ] {
            assert!(parts.iter().all(|part| found.contains(part)), "{found}");
        }
    }
}
