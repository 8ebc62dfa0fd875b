//! Answers about the tables themselves.

use chorus_tables::TableSchema;
use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, Series};

/// The tables of a run with the stages that make them: the answer to `SHOW TABLES`.
pub(crate) fn tables(present: &[&'static TableSchema]) -> DataFrame {
    frame(
        ["table", "stage", "about"],
        present.iter().map(|t| [Some(t.name.clone()), Some(t.stage.clone()), Some(t.about.clone())]).collect(),
    )
}

/// The columns of a table with their types and units: the answer to `DESCRIBE table`.
pub(crate) fn columns(schema: &TableSchema) -> DataFrame {
    let own = schema.columns.iter().map(|c| [&c.name, c.kind.name(), &c.about].map(|t| Some(t.to_owned())));
    let mut rows: Vec<_> =
        (own.zip(&schema.columns)).map(|([name, kind, about], c)| [name, kind, c.unit.clone(), about]).collect();
    if schema.partitioned {
        let partition = |name: &str, kind: &str, about: &str| [Some(name.into()), Some(kind.into()), None, Some(about.into())];
        rows.push(partition("site", "utf8", "The site"));
        rows.push(partition("date", "date32", "Local date of the recording's start; null where the time is not known"));
    }
    frame(["column", "type", "unit", "about"], rows)
}

/// A frame of texts, row by row.
fn frame<const N: usize>(names: [&str; N], rows: Vec<[Option<String>; N]>) -> DataFrame {
    let column = |i: usize| -> Column {
        Series::new(names[i].into(), rows.iter().map(|r| r[i].as_deref()).collect::<Vec<_>>()).into_column()
    };
    DataFrame::new(rows.len(), (0..N).map(column).collect()).expect("columns of one length and of different names")
}
