//! JSON lines.

use std::io::{self, Write};

use polars::prelude::DataFrame;
use serde_json::Value;

use crate::QueryError;
use crate::value::{each_row, names};

/// Writes one object per row and line, with the columns in order.
pub(crate) fn write(frame: &DataFrame, out: &mut impl Write) -> Result<(), QueryError> {
    let keys: Vec<String> = names(frame).into_iter().map(|name| Value::from(name).to_string()).collect();
    each_row(frame, |row| Ok(line(&keys, row, out)?))
}

fn line(keys: &[String], row: &[Value], out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{")?;
    for (i, (key, value)) in keys.iter().zip(row).enumerate() {
        let comma = if i == 0 { "" } else { "," };
        write!(out, "{comma}{key}:{value}")?;
    }
    out.write_all(b"}\n")
}
