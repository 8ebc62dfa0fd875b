//! Comma-separated values: quoted as in RFC 4180, lines end with `\n`, which all readers accept and shell tools expect.

use std::io::{self, Write};

use arrow::datatypes::DataType;
use chorus_text::Cells;
use csv::{ErrorKind, WriterBuilder};

use crate::QueryError;
use crate::rows::Rows;
use crate::value::{each_row, text};

/// Writes a line of names and a line per row; null is an empty field. Names are those of the query, and nobody else's.
pub(crate) fn write(rows: Rows, cells: Cells, out: &mut impl Write) -> Result<(), QueryError> {
    let mut csv = WriterBuilder::new().from_writer(out);
    csv.write_record(rows.columns()).map_err(failed)?;
    // Numbers, dates and times are no texts from elsewhere, however they begin.
    let cells: Vec<Cells> =
        rows.schema().fields().iter().map(|field| if is_text(field.data_type()) { cells } else { Cells::Raw }).collect();
    for batch in rows {
        each_row(&batch?, |row| {
            for (value, cells) in row.iter().zip(&cells) {
                csv.write_field(cells.field(&text(value).unwrap_or_default()).as_bytes()).map_err(failed)?;
            }
            csv.write_record(None::<&[u8]>).map_err(failed)
        })?;
    }
    Ok(csv.flush()?)
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn failed(error: csv::Error) -> QueryError {
    let text = error.to_string();
    match error.into_kind() {
        ErrorKind::Io(error) => QueryError::Write(error),
        _ => QueryError::Write(io::Error::other(text)),
    }
}
