//! The species list that comes with an archive as CSV.
//!
//! Columns are found by name, in any order and whatever their case; those not named here are passed over.

use std::collections::BTreeMap;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use crate::error::LabelsError;
use crate::text::decode;

/// A species of the code table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Species {
    /// The code that label files use.
    pub code: String,
    /// Genus and species.
    pub scientific_name: String,
    /// Common name, where the list has a column `english`.
    pub english: Option<String>,
}

/// Reads a species list: `code`, `scientific_name` and perhaps `english`. `bytes` is the content of `path`.
///
/// # Errors
/// A column is missing, a code or a name is empty, or a code occurs twice.
pub fn species(path: &Path, bytes: &[u8]) -> Result<Vec<Species>, LabelsError> {
    let mut table = Table::open(path, bytes)?;
    let code = table.column(&["code"])?;
    let scientific_name = table.column(&["scientific_name"])?;
    let english = table.find(&["english"]);
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    let mut species = Vec::new();
    while let Some(row) = table.next_row()? {
        let found = Species {
            code: row.filled(code)?,
            scientific_name: row.filled(scientific_name)?,
            english: english.map(|column| row.field(column)).filter(|name| !name.is_empty()),
        };
        if let Some(line) = lines.insert(found.code.clone(), row.line) {
            return Err(row.error(format!("code {} again", found.code), format!("each code once (it is on line {line})")));
        }
        species.push(found);
    }
    Ok(species)
}

/// A CSV file with a header.
struct Table<'a> {
    path: &'a Path,
    reader: csv::Reader<&'a [u8]>,
    header: Vec<String>,
}

struct Row<'a> {
    path: &'a Path,
    line: u64,
    header: &'a [String],
    fields: Vec<String>,
}

impl<'a> Table<'a> {
    fn open(path: &'a Path, bytes: &'a [u8]) -> Result<Self, LabelsError> {
        let mut reader = ReaderBuilder::new().from_reader(bytes);
        let header = reader.byte_headers().map_err(|error| malformed(path, &error))?;
        let header = texts(header).into_iter().map(|name| name.to_lowercase()).collect();
        Ok(Self { path, reader, header })
    }

    /// The first of `names` that the header has.
    fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.header.iter().position(|column| column == name))
    }

    fn column(&self, names: &[&str]) -> Result<usize, LabelsError> {
        self.find(names).ok_or_else(|| LabelsError::Csv {
            path: self.path.to_owned(),
            line: 1,
            found: format!("columns {}", self.header.join(", ")),
            expected: format!("a column {}", names.join(" or ")),
        })
    }

    fn next_row(&mut self) -> Result<Option<Row<'_>>, LabelsError> {
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
    fn field(&self, column: usize) -> String {
        self.fields[column].clone()
    }

    fn filled(&self, column: usize) -> Result<String, LabelsError> {
        let text = self.field(column);
        if text.is_empty() {
            let name = &self.header[column];
            return Err(self.error(format!("an empty {name}"), format!("a {name} in each row")));
        }
        Ok(text)
    }

    fn error(&self, found: String, expected: String) -> LabelsError {
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
    fn species_by_name_of_column() {
        let text = "\u{feff}Scientific_Name,code, english ,order\r\nBoana faber,BOAFAB,Smith frog,1\r\nHyla x,HYLXUS,,2\r\n";
        let found = read(species, text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].code.as_str(), found[0].scientific_name.as_str()), ("BOAFAB", "Boana faber"));
        assert_eq!(found[0].english.as_deref(), Some("Smith frog"));
        assert_eq!(found[1].english, None);
        let latin1 = species(Path::new("x"), b"code,scientific_name\nA,Gr\xE4s\n").unwrap();
        assert_eq!(latin1[0].scientific_name, "Gräs");
    }

    #[test]
    fn errors_name_file_line_found_and_expected() {
        for (found, parts) in [
            (read(species, "code,name\nA,b\n").unwrap_err(), ["a/list.csv:1:", "columns code, name", "scientific_name"]),
            (read(species, "code,scientific_name\n,b\n").unwrap_err(), ["a/list.csv:2:", "an empty code", "a code in"]),
            (read(species, "code,scientific_name\nA,b\nA,c\n").unwrap_err(), [":3:", "code A again", "line 2"]),
            (read(species, "code,scientific_name\nA\n").unwrap_err(), [":2:", "1 fields", "2 fields"]),
            (read(species, "").unwrap_err(), [":1:", "columns ", "a column code"]),
        ] {
            assert!(parts.iter().all(|part| found.contains(part)), "{found}");
        }
    }
}
