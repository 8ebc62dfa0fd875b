//! Answers to `SHOW TABLES` and `DESCRIBE`.

use chorus_tables::TableSchema;
use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, Schema, Series};

use crate::VIEWS;
use crate::names::{OWN_RUN, RUN};

/// The answer to `SHOW TABLES`: tables of the run with their stages, and views.
pub(crate) fn tables(present: &[&'static TableSchema]) -> DataFrame {
    let tables = present.iter().map(|t| [&t.name, &t.stage, &t.about].map(|text| Some(text.clone())));
    let views = VIEWS.iter().map(|v| [v.name, "view", v.about()].map(|text| Some(text.to_owned())));
    frame(["table", "stage", "about"], tables.chain(views).collect())
}

/// The answer to `DESCRIBE` for a view or the table `params`, with the types of polars.
pub(crate) fn found(schema: &Schema) -> DataFrame {
    let rows = schema.iter().map(|(name, kind)| [Some(name.to_string()), Some(kind.to_string())]);
    frame(["column", "type"], rows.collect())
}

/// The answer to `DESCRIBE` for a table: columns with types and units.
/// With `several` runs, there is a column `run` with the name of the row's run.
pub(crate) fn columns(schema: &TableSchema, several: bool) -> DataFrame {
    let own = schema.columns.iter().map(|c| [&c.name, c.kind.name(), &c.about].map(|t| Some(t.to_owned())));
    let mut rows: Vec<_> =
        (own.zip(&schema.columns)).map(|([name, kind, about], c)| [name, kind, c.unit.clone(), about]).collect();
    let added = |name: &str, kind: &str, about: &str| [Some(name.into()), Some(kind.into()), None, Some(about.into())];
    if schema.partitioned {
        rows.push(added("site", "utf8", "The site"));
        rows.push(added("date", "date32", "Local date of the recording's start; null where the time is not known"));
    }
    if several {
        for row in rows.iter_mut().filter(|row| row[0].as_deref() == Some(RUN)) {
            row[0] = Some(OWN_RUN.into());
        }
        rows.push(added(RUN, "utf8", "The run: the name of its folder"));
    }
    frame(["column", "type", "unit", "about"], rows)
}

/// A frame of text columns, given by rows.
fn frame<const N: usize>(names: [&str; N], rows: Vec<[Option<String>; N]>) -> DataFrame {
    let column = |i: usize| -> Column {
        Series::new(names[i].into(), rows.iter().map(|r| r[i].as_deref()).collect::<Vec<_>>()).into_column()
    };
    DataFrame::new(rows.len(), (0..N).map(column).collect()).expect("columns of one length and of different names")
}
