//! The formats of an answer.

use std::fmt;
use std::str::FromStr;

use crate::QueryError;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns for people.
    Table,
    /// Comma-separated values, quoted as in RFC 4180, each line ended by `\n`; null is an empty field.
    Csv,
    /// One JSON object per row and line, columns in order.
    Json,
    /// An Apache Parquet file.
    Parquet,
    /// An Apache Arrow IPC file.
    Arrow,
}

impl Format {
    /// The names that [`Format::from_str`] knows.
    pub const NAMES: [&str; 5] = ["table", "csv", "json", "parquet", "arrow"];

    const ALL: [Self; 5] = [Self::Table, Self::Csv, Self::Json, Self::Parquet, Self::Arrow];

    /// Whether readers find columns by their names, so that each name may stand once.
    pub(crate) fn needs_names(self) -> bool {
        matches!(self, Self::Json | Self::Parquet)
    }
}

impl FromStr for Format {
    type Err = QueryError;

    fn from_str(name: &str) -> Result<Self, QueryError> {
        let position = Self::NAMES.iter().position(|n| *n == name);
        let unknown = || QueryError::UnknownFormat { name: name.to_owned(), known: Self::NAMES.join(", ") };
        position.map(|i| Self::ALL[i]).ok_or_else(unknown)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES[*self as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_format_and_back() {
        for name in Format::NAMES {
            assert_eq!(name.parse::<Format>().unwrap().to_string(), name);
        }
        assert_eq!(
            "xls".parse::<Format>().unwrap_err().to_string(),
            "no format is called `xls`; expected one of: table, csv, json, parquet, arrow"
        );
    }
}
