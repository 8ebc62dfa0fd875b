//! From the errors of the engine to messages with a next step.

use std::collections::BTreeSet;

use arrow::error::ArrowError;
use chorus_engine::Partition;
use chorus_tables::TableError;
use datafusion::common::{Column, DataFusionError, SchemaError, TableReference};

use crate::QueryError;
use crate::error::nearest;
use crate::reader::Files;

/// Explains an error of a query. `read` lists the files that it reads, where the error may lie in one of them.
pub(crate) fn explain(error: DataFusionError, files: &Files, read: impl FnOnce() -> Vec<Partition>) -> QueryError {
    if let Some(table) = files.failure() {
        return table.into();
    }
    let text = error.strip_backtrace();
    match root(error) {
        DataFusionError::SchemaError(error, _) => schema(*error),
        DataFusionError::ParquetError(_) => damaged(&read(), text),
        DataFusionError::ArrowError(_, _) if text.to_lowercase().contains("parquet") => damaged(&read(), text),
        DataFusionError::Plan(text) => QueryError::Invalid { detail: first_line(&text) },
        DataFusionError::SQL(error, _) => QueryError::Syntax { detail: error.to_string() },
        DataFusionError::NotImplemented(text) => QueryError::Unsupported { detail: first_line(&text), hint: None },
        DataFusionError::ResourcesExhausted(text) => {
            let hint = "allow more memory with --memory, or read fewer rows with WHERE on site and date";
            QueryError::Failed { detail: first_line(&text), hint: Some(hint.to_owned()) }
        }
        DataFusionError::ArrowError(error, _) => match *error {
            ArrowError::CastError(text)
            | ArrowError::ParseError(text)
            | ArrowError::ComputeError(text)
            | ArrowError::ArithmeticOverflow(text) => QueryError::Value { detail: first_line(&text) },
            other => QueryError::Failed { detail: first_line(&other.to_string()), hint: None },
        },
        DataFusionError::Execution(text) => QueryError::Failed { detail: first_line(&text), hint: None },
        DataFusionError::External(error) => match error.downcast::<TableError>() {
            Ok(table) => QueryError::Table(*table),
            Err(error) => QueryError::Failed { detail: first_line(&error.to_string()), hint: None },
        },
        _ => QueryError::Failed { detail: first_line(&text), hint: None },
    }
}

/// The error without what the engine wraps around it. Where it has words for users, those.
fn root(error: DataFusionError) -> DataFusionError {
    match error {
        DataFusionError::Context(_, inner) => root(*inner),
        DataFusionError::Diagnostic(diagnostic, inner) => match root(*inner) {
            DataFusionError::Plan(_) => {
                let helps = diagnostic.helps.iter().map(|help| help.message.as_str());
                DataFusionError::Plan(std::iter::once(diagnostic.message.as_str()).chain(helps).collect::<Vec<_>>().join("; "))
            }
            other => other,
        },
        DataFusionError::Collection(mut errors) if !errors.is_empty() => root(errors.swap_remove(0)),
        DataFusionError::Shared(shared) => match std::sync::Arc::try_unwrap(shared) {
            Ok(inner) => root(inner),
            Err(shared) => DataFusionError::Execution(shared.strip_backtrace()),
        },
        DataFusionError::External(inner) => match inner.downcast::<DataFusionError>() {
            Ok(inner) => root(*inner),
            Err(inner) => DataFusionError::External(inner),
        },
        other => other,
    }
}

/// An error about a column.
fn schema(error: SchemaError) -> QueryError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => unknown(&field, &valid_fields),
        SchemaError::AmbiguousReference { field } => QueryError::Ambiguous { column: field.name },
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            QueryError::SameName { column: name }
        }
    }
}

/// The error of a column that is not among these.
fn unknown(field: &Column, valid: &[Column]) -> QueryError {
    let tables = listed(valid.iter().filter_map(|column| column.relation.as_ref()).map(TableReference::table));
    let own = field.relation.as_ref().map(TableReference::table);
    if let Some(table) = own.filter(|table| !tables.contains(table)) {
        return QueryError::UnknownQualifier { table: table.to_owned(), known: tables.join(", ") };
    }
    // Columns of tables, and not those that the query itself computes, where there are both.
    let is_meant = |column: &&Column| match (&column.relation, own) {
        (Some(table), Some(own)) => table.table() == own,
        (None, _) => tables.is_empty(),
        (Some(_), None) => true,
    };
    let known = listed(valid.iter().filter(is_meant).map(|column| column.name.as_str()));
    let column = own.map_or_else(|| field.name.clone(), |table| format!("{table}.{}", field.name));
    let nearest = nearest(&field.name, known.iter().copied());
    QueryError::UnknownColumn { column, text: None, nearest, known: known.join(", ") }
}

/// Names in their order, each once.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The text up to the engine's remarks, which follow on further lines or make it very long.
fn first_line(text: &str) -> String {
    const LONGEST: usize = 200;
    const WRAPPED: &str = "Error during planning: ";
    let text = text.rsplit_once(WRAPPED).map_or(text, |(_, inner)| inner);
    let line = text.lines().next().unwrap_or(text).trim_end_matches('.');
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// The first of these files that is not a table of this version, or else the first file with unreadable rows. The engine does not name
/// the file, and never the stage that makes it. Footers are checked before rows, because that is fast and says more.
fn damaged(read: &[Partition], text: String) -> QueryError {
    let footer: Check = |file| file.open().map(drop);
    let mut checks = [footer, read_through].into_iter();
    let found = checks.find_map(|check| read.iter().find_map(|file| check(file).err()));
    found.map_or(QueryError::Failed { detail: first_line(&text), hint: None }, QueryError::Table)
}

/// A check of one file of a table.
type Check = fn(&Partition) -> Result<(), TableError>;

/// Reads every row of a file.
fn read_through(file: &Partition) -> Result<(), TableError> {
    file.open()?.batches(&[])?.try_for_each(|batch| batch.map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_the_place_are_listed() {
        let valid_fields = ["site", "score"].map(|name| Column::new(Some("predictions"), name)).to_vec();
        let error = SchemaError::FieldNotFound { field: Box::new(Column::from_name("scor")), valid_fields };
        let error = DataFusionError::SchemaError(Box::new(error), Box::new(None)).context("while planning");
        assert_eq!(
            explain(error, &Files::default(), Vec::new).to_string(),
            "no column is called `scor`; did you mean `score`? There are: score, site"
        );
    }

    #[test]
    fn a_table_that_the_query_does_not_name_is_told_apart_from_a_column() {
        let valid_fields = vec![Column::new(Some("d"), "site"), Column::new(Some("r"), "path")];
        let said =
            |field: Column| schema(SchemaError::FieldNotFound { field: Box::new(field), valid_fields: valid_fields.clone() });
        assert_eq!(said(Column::new(Some("d"), "path")).to_string(), "no column is called `d.path`. There are: site");
        assert_eq!(said(Column::new(Some("x"), "path")).to_string(), "no table of the query is called `x`. There are: d, r");
    }

    #[test]
    fn remarks_of_the_engine_are_left_out() {
        let error = DataFusionError::Plan("Invalid function 'whale'.\nDid you mean 'floor'?".into());
        assert_eq!(explain(error, &Files::default(), Vec::new).to_string(), "the query is not valid: Invalid function 'whale'");
    }
}
