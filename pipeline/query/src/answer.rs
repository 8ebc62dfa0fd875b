//! The answer to a query.

use std::io::{BufWriter, Write};

use polars::prelude::{DataFrame, ParquetWriter};

use crate::guard::guard;
use crate::value::names;
use crate::write::{TableStyle, csv, json, table};
use crate::{Format, QueryError};

/// Rows and columns, held in memory.
#[derive(Debug, Clone)]
pub struct Answer {
    frame: DataFrame,
}

impl Answer {
    pub(crate) fn new(frame: DataFrame) -> Self {
        Self { frame }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.frame.height()
    }

    /// Names of the columns, in order.
    pub fn columns(&self) -> Vec<&str> {
        names(&self.frame)
    }

    /// Writes every row in a format. Dates and times are ISO 8601 in all text formats, and bytes show as `<N bytes>`.
    ///
    /// # Errors
    /// [`QueryError::Write`] when the sink fails, a closed pipe included.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> Result<(), QueryError> {
        let mut out = BufWriter::new(out);
        guard(|| match format {
            Format::Table => table::write(&self.frame, &TableStyle::default(), &mut out),
            Format::Csv => csv::write(&self.frame, &mut out),
            Format::Json => json::write(&self.frame, &mut out),
            Format::Parquet => parquet(&self.frame, &mut out),
        })?;
        Ok(out.flush()?)
    }

    /// Writes as [`Format::Table`], to a width and with a limit of rows.
    ///
    /// # Errors
    /// As [`Answer::write`].
    pub fn write_table(&self, style: &TableStyle, out: &mut dyn Write) -> Result<(), QueryError> {
        let mut out = BufWriter::new(out);
        guard(|| table::write(&self.frame, style, &mut out))?;
        Ok(out.flush()?)
    }
}

fn parquet(frame: &DataFrame, out: &mut impl Write) -> Result<(), QueryError> {
    // Into memory first: polars turns an error of the sink into text, which would hide that a pipe was closed.
    let mut bytes = Vec::new();
    let written = ParquetWriter::new(&mut bytes).finish(&mut frame.clone());
    written.map_err(|e| QueryError::Failed { detail: e.to_string(), hint: None })?;
    Ok(out.write_all(&bytes)?)
}
