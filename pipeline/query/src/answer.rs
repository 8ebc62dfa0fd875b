//! The answer to a query.

use std::io::{BufWriter, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chorus_text::Cells;

use crate::rows::Rows;
use crate::write::{TableStyle, binary, csv, json, table};
use crate::{Format, QueryError};

/// Columns, and rows that come while the query runs. It is an iterator over batches of rows.
#[derive(Debug)]
pub struct Answer {
    rows: Rows,
    cells: Cells,
}

impl Answer {
    pub(crate) fn new(rows: Rows) -> Self {
        Self { rows, cells: Cells::default() }
    }

    /// Rows that are there already, so that they can be written in the same formats.
    pub fn of_batch(rows: RecordBatch) -> Self {
        Self::new(Rows::of_batch(rows))
    }

    /// The same with texts written so as CSV.
    #[must_use]
    pub fn with_cells(self, cells: Cells) -> Self {
        Self { cells, ..self }
    }

    /// Names of the columns, in order.
    pub fn columns(&self) -> Vec<&str> {
        self.rows.columns()
    }

    /// The columns with their types.
    pub fn schema(&self) -> &SchemaRef {
        self.rows.schema()
    }

    /// Writes every row in a format, as the rows come. Dates and times are ISO 8601 in all text formats, and bytes show as `<N bytes>`.
    /// As CSV, texts that a spreadsheet would take for a formula get an apostrophe, unless [`Answer::with_cells`] says otherwise.
    ///
    /// # Errors
    /// Those of the query; [`QueryError::SameName`] where columns of one name are asked for in a format that needs names;
    /// [`QueryError::Write`] when the sink fails, a closed pipe included.
    pub fn write(self, format: Format, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        if format.needs_names() {
            self.rows.check_names()?;
        }
        let mut out = BufWriter::new(out);
        match format {
            Format::Table => table::write(self.rows, &TableStyle::default(), &mut out),
            Format::Csv => csv::write(self.rows, self.cells, &mut out),
            Format::Json => json::write(self.rows, &mut out),
            Format::Parquet => binary::parquet(self.rows, &mut out),
            Format::Arrow => binary::arrow(self.rows, &mut out),
        }?;
        Ok(out.flush()?)
    }

    /// Writes as [`Format::Table`], to a width and with a limit of rows.
    ///
    /// # Errors
    /// As [`Answer::write`].
    pub fn write_table(self, style: &TableStyle, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        let mut out = BufWriter::new(out);
        table::write(self.rows, style, &mut out)?;
        Ok(out.flush()?)
    }
}

impl Iterator for Answer {
    type Item = Result<RecordBatch, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next()
    }
}
