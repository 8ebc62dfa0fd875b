//! JSON lines.

use std::io::{self, Write};

use chorus_text::shown_json;
use serde_json::Value;

use crate::QueryError;
use crate::rows::Rows;
use crate::value::each_row;

/// Writes one object per row and line, with the columns in order.
pub(crate) fn write(rows: Rows, out: &mut impl Write) -> Result<(), QueryError> {
    let keys: Vec<String> = rows.columns().into_iter().map(|name| Value::from(name).to_string()).collect();
    for batch in rows {
        each_row(&batch?, |row| Ok(line(&keys, row, out)?))?;
    }
    Ok(())
}

fn line(keys: &[String], row: &[Value], out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{")?;
    for (i, (key, value)) in keys.iter().zip(row).enumerate() {
        let comma = if i == 0 { "" } else { "," };
        write!(out, "{comma}{key}:")?;
        match value {
            Value::String(_) | Value::Array(_) | Value::Object(_) => out.write_all(shown_json(&value.to_string()).as_bytes())?,
            plain => write!(out, "{plain}")?,
        }
    }
    out.write_all(b"}\n")
}
