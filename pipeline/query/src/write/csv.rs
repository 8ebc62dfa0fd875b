//! Comma-separated values: quoted as in RFC 4180, lines end with `\n`, which all readers accept and shell tools expect.

use std::io::{self, Write};

use csv::{ErrorKind, WriterBuilder};

use crate::QueryError;
use crate::rows::Rows;
use crate::value::{each_row, text};

/// Writes a line of names and a line per row; null is an empty field.
pub(crate) fn write(rows: Rows, out: &mut impl Write) -> Result<(), QueryError> {
    let mut csv = WriterBuilder::new().from_writer(out);
    csv.write_record(rows.columns()).map_err(failed)?;
    for batch in rows {
        each_row(&batch?, |row| {
            row.iter().try_for_each(|v| csv.write_field(text(v).unwrap_or_default().as_bytes())).map_err(failed)?;
            csv.write_record(None::<&[u8]>).map_err(failed)
        })?;
    }
    Ok(csv.flush()?)
}

fn failed(error: csv::Error) -> QueryError {
    let text = error.to_string();
    match error.into_kind() {
        ErrorKind::Io(error) => QueryError::Write(error),
        _ => QueryError::Write(io::Error::other(text)),
    }
}
