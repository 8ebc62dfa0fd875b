//! The answer to a query.

use std::io::{BufWriter, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::rows::Rows;
use crate::write::{TableStyle, binary, csv, json, table};
use crate::{Format, QueryError};

/// Columns, and rows that come while the query runs. It is an iterator over batches of rows.
#[derive(Debug)]
pub struct Answer(Rows);

impl Answer {
    pub(crate) fn new(rows: Rows) -> Self {
        Self(rows)
    }

    /// Rows that are there already, so that they can be written in the same formats.
    pub fn of_batch(rows: RecordBatch) -> Self {
        Self(Rows::of_batch(rows))
    }

    /// Names of the columns, in order.
    pub fn columns(&self) -> Vec<&str> {
        self.0.columns()
    }

    /// The columns with their types.
    pub fn schema(&self) -> &SchemaRef {
        self.0.schema()
    }

    /// Writes every row in a format, as the rows come. Dates and times are ISO 8601 in all text formats, and bytes show as `<N bytes>`.
    ///
    /// # Errors
    /// Those of the query; [`QueryError::SameName`] where columns of one name are asked for in a format that needs names;
    /// [`QueryError::Write`] when the sink fails, a closed pipe included.
    pub fn write(self, format: Format, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        if format.needs_names() {
            self.0.check_names()?;
        }
        let mut out = BufWriter::new(out);
        match format {
            Format::Table => table::write(self.0, &TableStyle::default(), &mut out),
            Format::Csv => csv::write(self.0, &mut out),
            Format::Json => json::write(self.0, &mut out),
            Format::Parquet => binary::parquet(self.0, &mut out),
            Format::Arrow => binary::arrow(self.0, &mut out),
        }?;
        Ok(out.flush()?)
    }

    /// Writes as [`Format::Table`], to a width and with a limit of rows.
    ///
    /// # Errors
    /// As [`Answer::write`].
    pub fn write_table(self, style: &TableStyle, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        let mut out = BufWriter::new(out);
        table::write(self.0, style, &mut out)?;
        Ok(out.flush()?)
    }
}

impl Iterator for Answer {
    type Item = Result<RecordBatch, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}
