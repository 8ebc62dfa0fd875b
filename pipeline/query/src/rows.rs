//! The rows of an answer, as they come from a query or as they are there already.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use crate::QueryError;
use crate::place::placed;
use crate::work::{Part, Work};

/// Columns, and batches of rows.
#[derive(Debug)]
pub(crate) struct Rows {
    schema: SchemaRef,
    rows: VecDeque<RecordBatch>,
    /// The query that gives further rows, and its text.
    work: Option<(Work, String)>,
}

impl Rows {
    /// The rows of a query that runs; waits until its columns are known. `titles` gives their names from the engine's.
    ///
    /// # Errors
    /// Those of the query before its first row.
    pub(crate) fn of(mut work: Work, sql: &str, titles: impl FnOnce(&[String]) -> Vec<String>) -> Result<Self, QueryError> {
        let schema = match work.next() {
            Ok(Some(Part::Columns(schema))) => schema,
            Ok(_) => Arc::new(Schema::empty()),
            Err(error) => return Err(placed(error, sql)),
        };
        let names = titles(&schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>());
        let field = |(field, name): (&FieldRef, String)| Field::new(name, plain(field.data_type()), field.is_nullable());
        let fields: Vec<Field> = schema.fields().iter().zip(names).map(field).collect();
        Ok(Self { schema: Arc::new(Schema::new(fields)), rows: VecDeque::new(), work: Some((work, sql.to_owned())) })
    }

    /// Rows that are there already.
    pub(crate) fn of_batch(rows: RecordBatch) -> Self {
        Self { schema: rows.schema(), rows: [rows].into(), work: None }
    }

    /// Names of the columns, in order.
    pub(crate) fn columns(&self) -> Vec<&str> {
        self.schema.fields().iter().map(|field| field.name().as_str()).collect()
    }

    /// The columns with their types.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Fails where two columns have one name.
    ///
    /// # Errors
    /// [`QueryError::SameName`].
    pub(crate) fn check_names(&self) -> Result<(), QueryError> {
        let names = self.columns();
        let twice = (1..names.len()).find(|&i| names[..i].contains(&names[i]));
        twice.map_or(Ok(()), |i| Err(QueryError::SameName { column: names[i].to_owned() }))
    }

    /// Rows of the engine as rows of the answer: its names, and types that every reader knows.
    fn rows_of(&self, rows: &RecordBatch) -> Result<RecordBatch, QueryError> {
        let cast_all = || {
            let columns = rows.columns().iter().zip(self.schema.fields()).map(|(column, field)| cast(column, field.data_type()));
            let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
        };
        cast_all().map_err(|e| QueryError::Failed { detail: e.to_string(), hint: None })
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(rows) = self.rows.pop_front() {
            return Some(Ok(rows));
        }
        let (work, sql) = self.work.as_mut()?;
        match work.next() {
            Ok(Some(Part::Rows(rows))) => Some(self.rows_of(&rows)),
            Ok(_) => None,
            Err(error) => {
                let error = placed(error, sql);
                self.work = None;
                Some(Err(error))
            }
        }
    }
}

/// The type with texts and bytes in one piece, not as views.
fn plain(kind: &DataType) -> DataType {
    let inner = |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(plain(field.data_type())));
    match kind {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(field) => DataType::List(inner(field)),
        DataType::LargeList(field) => DataType::LargeList(inner(field)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        other => other.clone(),
    }
}
