//! Lists that come with an archive as CSV (commas, semicolons or tabs). The reader is strict: every row has as many fields as the
//! header, and an error names the line.
//!
//! Columns are found by name, in any order and any case. Other columns are ignored.

use chorus_engine::counted;
use csv::{ByteRecord, ReaderBuilder};

use crate::error::LabelsError;
use crate::text::{UTF8_BOM, delimiter, folded, typed};

/// A CSV file with a header.
pub(crate) struct StrictCsv<'a> {
    path: &'a str,
    reader: csv::Reader<&'a [u8]>,
    header: Vec<String>,
}

/// A row of a [`StrictCsv`].
pub(crate) struct StrictRow<'a> {
    path: &'a str,
    pub(crate) line: u64,
    header: &'a [String],
    fields: Vec<String>,
}

impl<'a> StrictCsv<'a> {
    pub(crate) fn open(path: &'a str, bytes: &'a [u8]) -> Result<Self, LabelsError> {
        let bytes = bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes);
        let mut reader = ReaderBuilder::new().delimiter(delimiter(bytes)).from_reader(bytes);
        let header = reader.byte_headers().map_err(|error| malformed(path, &error))?;
        let header = texts(header).into_iter().map(|name| folded(&name)).collect();
        Ok(Self { path, reader, header })
    }

    /// The names of the columns, [`folded`].
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// The column with that name.
    ///
    /// # Errors
    /// Those of [`column_of`].
    pub(crate) fn find(&self, name: &str) -> Result<Option<usize>, LabelsError> {
        column_of(self.path, &self.header, name)
    }

    /// The column with that name, which has to be there.
    ///
    /// # Errors
    /// There is none, or those of [`column_of`].
    pub(crate) fn column(&self, name: &str) -> Result<usize, LabelsError> {
        self.find(name)?.ok_or_else(|| LabelsError::Csv {
            path: self.path.to_owned(),
            line: 1,
            found: format!("columns {}", self.header.join(", ")),
            expected: format!("a column {name}"),
        })
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// The row has more or fewer fields than the header.
    pub(crate) fn next_row(&mut self) -> Result<Option<StrictRow<'_>>, LabelsError> {
        let mut record = ByteRecord::new();
        let more = self.reader.read_byte_record(&mut record).map_err(|error| malformed(self.path, &error))?;
        Ok(more.then(|| StrictRow {
            path: self.path,
            line: record.position().map_or(0, csv::Position::line),
            header: &self.header,
            fields: texts(&record),
        }))
    }
}

impl StrictRow<'_> {
    /// All fields, trimmed.
    pub(crate) fn into_fields(self) -> Vec<String> {
        self.fields
    }

    /// A field, trimmed.
    pub(crate) fn field(&self, column: usize) -> String {
        self.fields[column].clone()
    }

    /// A field that must not be empty.
    ///
    /// # Errors
    /// The field is empty.
    pub(crate) fn filled(&self, column: usize) -> Result<String, LabelsError> {
        let text = self.field(column);
        if text.is_empty() {
            let name = &self.header[column];
            return Err(self.error(format!("an empty {name}"), format!("a {name} in each row")));
        }
        Ok(text)
    }

    /// An error of this row.
    pub(crate) fn error(&self, found: String, expected: String) -> LabelsError {
        LabelsError::Csv { path: self.path.to_owned(), line: self.line, found, expected }
    }
}

/// The column with that name in the `header` of the file `path`.
///
/// # Errors
/// Several columns have the name.
pub(crate) fn column_of(path: &str, header: &[String], name: &str) -> Result<Option<usize>, LabelsError> {
    let columns: Vec<usize> = (0..header.len()).filter(|&column| header[column] == name).collect();
    match columns[..] {
        [] => Ok(None),
        [column] => Ok(Some(column)),
        _ => Err(LabelsError::Csv {
            path: path.to_owned(),
            line: 1,
            found: format!("{} columns {name}", columns.len()),
            expected: "one of them, since their values may differ".to_owned(),
        }),
    }
}

fn texts(record: &ByteRecord) -> Vec<String> {
    record.iter().map(typed).collect()
}

fn malformed(path: &str, error: &csv::Error) -> LabelsError {
    let (found, expected) = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let fields = |n: &u64| counted(*n, "field");
            (fields(len), format!("{} as in the header", fields(expected_len)))
        }
        _ => (error.to_string(), "values separated by commas, semicolons or tabs".to_owned()),
    };
    LabelsError::Csv { path: path.to_owned(), line: error.position().map_or(1, csv::Position::line), found, expected }
}
