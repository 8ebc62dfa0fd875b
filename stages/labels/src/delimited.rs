//! Tables as people and programs save them: a header, then rows of fields, with commas, semicolons or tabs between them.
//!
//! The reader is lenient, since a bad row of an annotation file is reported and not an error: rows may be shorter or longer
//! than the header, and blank lines are skipped. Byte order marks, CRLF and Windows-1252 are read.

use std::borrow::Cow;

use csv::{ByteRecord, ReaderBuilder, Terminator};

use crate::text::{UTF8_BOM, cleaned, column_name, composed, delimiter, typed};

/// Characters of a header that a message shows.
const LONGEST_LIST: usize = 200;

/// What separates fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Tabs; a quotation mark is a character like any other.
    Tabs,
    /// The most frequent of comma, semicolon and tab in the header; fields may be quoted.
    Detect,
}

/// A table of texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Delimited {
    /// Names of the columns as written, trimmed.
    pub(crate) header: Vec<String>,
    /// The same in the form in which they are compared.
    plain_header: Vec<String>,
    pub(crate) rows: Vec<DelimitedRow>,
}

/// A row of a [`Delimited`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DelimitedRow {
    /// Line in the file, from 1.
    pub(crate) line: u32,
    /// Texts of the fields, trimmed, one after the other: a file may have half as many fields as bytes, and a `String` has 24 bytes.
    texts: String,
    /// Where each field ends in them.
    ends: Vec<u32>,
}

impl DelimitedRow {
    fn of(line: u32, record: &ByteRecord) -> Self {
        let (mut texts, mut ends) = (String::new(), Vec::with_capacity(record.len()));
        for field in record {
            texts.push_str(&typed(field));
            // Files of lists are not so large (files.rs).
            ends.push(u32::try_from(texts.len()).unwrap_or(u32::MAX));
        }
        Self { line, texts, ends }
    }

    /// The texts of all fields.
    fn fields(&self) -> impl Iterator<Item = &str> {
        (0..self.width()).map(|column| self.text(Some(column)))
    }

    /// Number of fields.
    pub(crate) fn width(&self) -> usize {
        self.ends.len()
    }

    /// The text of a field; empty where the row is too short or there is no such column.
    pub(crate) fn text(&self, column: Option<usize>) -> &str {
        let place = |column: usize| {
            let start = column.checked_sub(1).map_or(0, |before| self.ends[before]);
            self.texts.get(start as usize..*self.ends.get(column)? as usize)
        };
        column.filter(|column| *column < self.width()).and_then(place).unwrap_or_default()
    }

    /// The whole row as text, for a row that can't be used.
    pub(crate) fn all(&self) -> String {
        self.fields().collect::<Vec<_>>().join("\t").trim_end().to_owned()
    }
}

impl Delimited {
    /// Reads a table.
    pub(crate) fn read(bytes: &[u8], dialect: Dialect) -> Self {
        let bytes = &with_line_feeds(bytes.strip_prefix(UTF8_BOM).unwrap_or(bytes))[..];
        // With an odd number of quotation marks one of them opens a field that never ends, and would swallow all later rows.
        let quoted = dialect == Dialect::Detect && bytes.iter().filter(|&&byte| byte == b'"').count().is_multiple_of(2);
        let delimiter = if dialect == Dialect::Detect { delimiter(bytes) } else { b'\t' };
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(delimiter).quoting(quoted);
        // With this terminator a carriage return within a line is a character, so every row has a line of its own.
        builder.terminator(Terminator::Any(b'\n'));
        let mut reader = builder.from_reader(bytes);
        let mut table = Self::default();
        let mut lines = Lines { bytes, at: 0, line: 1 };
        let mut record = ByteRecord::new();
        while reader.read_byte_record(&mut record).unwrap_or(false) {
            let line = lines.of(record.position().map_or(0, |position| position.byte() as usize));
            let row = DelimitedRow::of(line, &record);
            if row.texts.is_empty() || (table.header.is_empty() && is_mark_of_excel(&row)) {
                continue;
            }
            if table.header.is_empty() {
                table.header = row.fields().map(str::to_owned).collect();
                table.plain_header = row.fields().map(column_name).collect();
            } else {
                table.rows.push(row);
            }
        }
        table
    }

    /// The wanted column; without a wanted name, the first of the usual names that the table has. Spaces, dots, underscores and
    /// case don't matter.
    ///
    /// # Errors
    /// The wanted column is not there; the error lists the columns. Two columns of one name hold different texts.
    pub(crate) fn find(&self, wanted: Option<&str>, usual: &[&str]) -> Result<Option<usize>, String> {
        let Some(name) = wanted else { return self.find_but(usual, &[]) };
        let mut exact = (0..self.header.len()).filter(|&column| composed(&self.header[column]) == composed(name));
        match (exact.next(), exact.next()) {
            (Some(column), None) => Ok(Some(column)),
            _ => self.called(name, &[])?.map(Some).ok_or_else(|| format!("no column {name}; {}", self.columns())),
        }
    }

    /// The first of the usual names that the table has in a column that is not `taken`.
    ///
    /// # Errors
    /// Two columns of one name hold different texts.
    pub(crate) fn find_but(&self, usual: &[&str], taken: &[usize]) -> Result<Option<usize>, String> {
        usual.iter().find_map(|name| self.called(name, taken).transpose()).transpose()
    }

    /// The column of this name.
    fn called(&self, name: &str, taken: &[usize]) -> Result<Option<usize>, String> {
        let name = column_name(name);
        let is_called = |&column: &usize| self.plain_header[column] == name && !taken.contains(&column);
        let mut found = (0..self.header.len()).filter(is_called);
        let Some(first) = found.next() else { return Ok(None) };
        for other in found {
            let differs = |row: &&DelimitedRow| cleaned(row.text(Some(first))) != cleaned(row.text(Some(other)));
            if let Some(row) = self.rows.iter().find(differs) {
                let name = &self.header[first];
                return Err(format!(
                    "columns {} and {} are both called {name} and differ on line {}; rename or remove one of them",
                    first + 1,
                    other + 1,
                    row.line
                ));
            }
        }
        Ok(Some(first))
    }

    /// Why a table without a column that has to be there cannot be read. `key` names the key of the configuration.
    pub(crate) fn lacks(&self, usual: &[&str], what: &str, key: &str) -> String {
        format!("no column for the {what}, such as {}; {}; name one in annotate.{key}", usual[0], self.columns())
    }

    /// A list of the columns for a message. It is cut, since each row of `annotations` may hold it.
    pub(crate) fn columns(&self) -> String {
        let named: Vec<&str> = self.header.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        if named.is_empty() {
            return "it has no columns".to_owned();
        }
        let list = named.join(", ");
        match list.char_indices().nth(LONGEST_LIST) {
            Some((end, _)) => format!("its columns are {}…", &list[..end]),
            None => format!("its columns are {list}"),
        }
    }

    /// Why a row that is longer than the header can't be used.
    pub(crate) fn too_long(&self, row: &DelimitedRow) -> Option<String> {
        let beyond = row.fields().skip(self.header.len()).any(|field| !field.is_empty());
        beyond.then(|| format!("{} fields under a header of {}", row.width(), self.header.len()))
    }
}

/// Whether a row is `sep=;`, by which a table tells Excel its separator. The separator itself is between its two fields.
fn is_mark_of_excel(row: &DelimitedRow) -> bool {
    row.width() == 2 && row.texts.eq_ignore_ascii_case("sep=")
}

/// The text with line feeds: lines of old Macs end with a carriage return alone.
fn with_line_feeds(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.contains(&b'\n') || !bytes.contains(&b'\r') {
        return Cow::Borrowed(bytes);
    }
    bytes.iter().map(|&byte| if byte == b'\r' { b'\n' } else { byte }).collect()
}

/// Counts lines. The reader's own count is of where the record before ended: blank lines, and the second half of CRLF, come
/// after it.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl Lines<'_> {
    /// The line of the record that begins at `byte`, or behind line ends from there on.
    fn of(&mut self, byte: usize) -> u32 {
        let rest = self.bytes.get(byte..).unwrap_or_default();
        let start = byte + rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let passed = self.bytes.get(self.at..start).unwrap_or_default();
        let ends = passed.iter().filter(|&&b| b == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        self.at = self.at.max(start);
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::decode;
    use proptest::prelude::*;

    #[test]
    fn delimiters_are_found_and_odd_rows_are_kept() {
        let table = Delimited::read(b"\xEF\xBB\xBFa;Start.Time;\r\n1;2,5\r\n\r\n\"x;y\";3;4;5\r\n", Dialect::Detect);
        assert_eq!(table.header, ["a", "Start.Time", ""]);
        assert_eq!(table.rows.iter().map(|r| (r.line, r.text(Some(0)))).collect::<Vec<_>>(), [(2, "1"), (4, "x;y")]);
        assert_eq!((table.rows[0].text(Some(1)), table.rows[0].text(Some(7)), table.rows[0].text(None)), ("2,5", "", ""));
        assert_eq!(table.too_long(&table.rows[0]), None);
        assert!(table.too_long(&table.rows[1]).unwrap().contains("4 fields"));
        assert_eq!(table.find(None, &["start_time"]), Ok(Some(1)));
        assert_eq!(table.find(Some("b"), &["a"]).unwrap_err(), "no column b; its columns are a, Start.Time");
        let tabs = Delimited::read(b"a\tb\n1\t\"2\n3\t4\n", Dialect::Tabs);
        assert_eq!(tabs.rows.iter().map(|r| r.text(Some(1))).collect::<Vec<_>>(), ["\"2", "4"]);
        assert_eq!(Delimited::read(b"", Dialect::Detect), Delimited::default());
        let marked = Delimited::read(b"class\n'=1+1\n'-x\n-5\n'tis\n", Dialect::Detect);
        assert_eq!(marked.rows.iter().map(|r| r.text(Some(0))).collect::<Vec<_>>(), ["=1+1", "-x", "-5", "'tis"]);
        let mac = Delimited::read(b"a\tb\r1\t2\r3\t4", Dialect::Tabs);
        assert_eq!(mac.rows.iter().map(|r| (r.line, r.text(Some(1)))).collect::<Vec<_>>(), [(2, "2"), (3, "4")]);
    }

    #[test]
    fn the_line_that_tells_excel_the_separator_is_no_header() {
        for mark in [',', ';', '\t'] {
            let text = format!("sep={mark}\r\na{mark}b\r\n1{mark}2\r\n");
            let table = Delimited::read(text.as_bytes(), Dialect::Detect);
            assert_eq!((table.header.join(" "), table.rows[0].line, table.rows[0].text(Some(1))), ("a b".to_owned(), 3, "2"));
        }
        assert_eq!(Delimited::read(b"sep=\n1\n", Dialect::Detect).header, ["sep="]);
    }

    #[test]
    fn quotation_marks_of_windows_are_those_of_unicode() {
        let labels = |bytes: &[u8]| {
            let table = Delimited::read(bytes, Dialect::Detect);
            table.rows.iter().map(|row| row.text(Some(0)).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            labels(b"label,x\nSwainson\x92s \x93R\xE3\x94,1\n"),
            labels("label,x\nSwainson\u{2019}s \u{201c}R\u{e3}\u{201d},1\n".as_bytes())
        );
    }

    /// A million columns, and rows of nothing but separators, cost some bytes a field.
    #[test]
    fn fields_without_end_cost_no_more_than_a_multiple_of_the_file() {
        let wide = "a,".repeat(1 << 20);
        let table = Delimited::read(format!("{wide}\n{wide}\n").as_bytes(), Dialect::Detect);
        assert_eq!((table.header.len(), table.rows.len(), table.rows[0].width()), ((1 << 20) + 1, 1, (1 << 20) + 1));
        let held = table.rows[0].texts.len() + table.rows[0].ends.capacity() * size_of::<u32>();
        assert!(held < 4 * wide.len(), "{held} bytes for {}", wide.len());
        assert_eq!((table.rows[0].text(Some(1 << 19)), table.rows[0].text(Some(1 << 21))), ("a", ""));
        let blank = Delimited::read(format!("a,b\n{}\n", ",".repeat(1 << 20)).as_bytes(), Dialect::Detect);
        assert_eq!((blank.header.len(), blank.rows.len()), (2, 0));
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_swallows_no_rows() {
        let table = Delimited::read(b"file,label\na.wav,\"frog\nb.wav,toad\nc.wav,newt\n", Dialect::Detect);
        assert_eq!(
            table.rows.iter().map(|r| (r.line, r.text(Some(1)))).collect::<Vec<_>>(),
            [(2, "\"frog"), (3, "toad"), (4, "newt")]
        );
    }

    #[test]
    fn a_stray_carriage_return_makes_no_second_row_on_a_line() {
        let table = Delimited::read(b"\r\na;b\r\n1;\r2;3\r\n\r\n4;\"5\"\r\n", Dialect::Detect);
        assert_eq!(table.header, ["a", "b"]);
        let rows: Vec<_> = table.rows.iter().map(|row| (row.line, row.all())).collect();
        assert_eq!(rows, [(3, "1\t2\t3".to_owned()), (5, "4\t5".to_owned())]);
    }

    #[test]
    fn a_list_of_columns_fits_a_message() {
        let header = (0..1000).map(|i| format!("é{i}")).collect::<Vec<_>>().join(",");
        let columns = Delimited::read(header.as_bytes(), Dialect::Detect).columns();
        assert!(columns.starts_with("its columns are é0, é1, ") && columns.ends_with('…') && columns.len() < 400);
    }

    proptest! {
        #[test]
        fn every_line_that_is_not_blank_is_header_or_row(
            lines in prop::collection::vec("[a-c,;\t \"\u{e9}\r]{0,8}", 0..12),
            noise in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            for bytes in [lines.join("\n").into_bytes(), noise] {
                let table = Delimited::read(&bytes, Dialect::Tabs);
                let body = &with_line_feeds(bytes.strip_prefix(UTF8_BOM).unwrap_or(&bytes))[..];
                let blank = |line: &[u8]| decode(line).trim().is_empty();
                let filled = body.split(|&b| b == b'\n').filter(|line| !blank(line)).count();
                let header = usize::from(table.header.iter().any(|name| !name.is_empty()));
                prop_assert_eq!(table.rows.len() + header, filled);
                let lines: Vec<u32> = (1..).zip(body.split(|&b| b == b'\n')).filter(|(_, l)| !blank(l)).map(|(n, _)| n).collect();
                let found: Vec<u32> = table.rows.iter().map(|row| row.line).collect();
                prop_assert_eq!(&found[..], &lines[header..]);
                Delimited::read(&bytes, Dialect::Detect);
            }
        }
    }
}
