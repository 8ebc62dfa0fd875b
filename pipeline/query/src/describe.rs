//! Answers to `SHOW TABLES` and `DESCRIBE`.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::Schema;
use chorus_tables::{ColumnType, TableSchema};

use crate::VIEWS;
use crate::names::{OWN_RUN, RUN};

/// The answer to `SHOW TABLES`: tables of the run with their stages, and views.
pub(crate) fn tables(present: &[&'static TableSchema]) -> RecordBatch {
    let tables = present.iter().map(|t| [&t.name, &t.stage, &t.about].map(|text| Some(text.clone())));
    let views = VIEWS.iter().map(|v| [v.name, "view", v.about()].map(|text| Some(text.to_owned())));
    rows(["table", "stage", "about"], tables.chain(views).collect())
}

/// The answer to `DESCRIBE` for a view or the table `params`.
pub(crate) fn found(schema: &Schema) -> RecordBatch {
    let row = |field: &Arc<arrow::datatypes::Field>| [Some(field.name().clone()), Some(ColumnType::name_of(field.data_type()))];
    rows(["column", "type"], schema.fields().iter().map(row).collect())
}

/// The answer to `DESCRIBE` for a table: columns with types and units.
/// With `several` runs, there is a column `run` with the name of the row's run.
pub(crate) fn columns(schema: &TableSchema, several: bool) -> RecordBatch {
    let own = schema.columns.iter().map(|c| [&c.name, c.kind.name(), &c.about].map(|t| Some(t.to_owned())));
    let mut lines: Vec<_> =
        (own.zip(&schema.columns)).map(|([name, kind, about], c)| [name, kind, c.unit.clone(), about]).collect();
    let added = |name: &str, kind: &str, about: &str| [Some(name.into()), Some(kind.into()), None, Some(about.into())];
    if schema.partitioned {
        lines.push(added("site", "utf8", "The site"));
        lines.push(added("date", "date32", "Local date of the recording's start; null where the time is not known"));
    }
    if several {
        for line in lines.iter_mut().filter(|line| line[0].as_deref() == Some(RUN)) {
            line[0] = Some(OWN_RUN.into());
        }
        lines.push(added(RUN, "utf8", "The run: the name of its folder"));
    }
    rows(["column", "type", "unit", "about"], lines)
}

/// Columns of text, given by rows.
fn rows<const N: usize>(names: [&str; N], rows: Vec<[Option<String>; N]>) -> RecordBatch {
    let column = |i: usize| -> ArrayRef { Arc::new(rows.iter().map(|row| row[i].as_deref()).collect::<StringArray>()) };
    let columns = names.iter().enumerate().map(|(i, name)| (*name, column(i), true));
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length and of different names")
}
