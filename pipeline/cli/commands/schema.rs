//! `chorus schema`.

use std::process::ExitCode;

use chorus_query::View;
use chorus_tables::{Column, PARTITIONS, TableSchema, all, schema};

use crate::args::{SchemaArgs, UsageError};
use crate::output::{self, aligned};

pub(crate) fn run(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let text = match &args.table {
        None => {
            let rows: Vec<[String; 3]> = all().iter().map(|t| [t.name.clone(), t.stage.clone(), t.about.clone()]).collect();
            aligned(&rows)
        }
        Some(name) => match View::named(name) {
            Some(view) => {
                format!(
                    "{}: {}\na view for `chorus query`, which is used like a table\n\n{}",
                    view.name,
                    view.about(),
                    view.sql()
                )
            }
            None => table(schema(name).map_err(|e| UsageError(e.to_string()))?),
        },
    };
    output::line(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn table(table: &TableSchema) -> String {
    let mut rows = vec![["column", "type", "unit", "null", "range", "meaning"].map(str::to_owned)];
    if table.partitioned {
        let about = [
            "The site; part of the path",
            "Local date of the recording's start; part of the path; null where the time is not known",
        ];
        let kinds = [("utf8", ""), ("date32", "yes")];
        rows.extend(
            PARTITIONS
                .iter()
                .zip(about)
                .zip(kinds)
                .map(|((name, about), (kind, null))| [name, kind, "", null, "", about].map(str::to_owned)),
        );
    }
    rows.extend(table.columns.iter().map(row));
    format!(
        "{}: {}\nwritten by {}{}; schema version {}; key: {}\n\n{}",
        table.name,
        table.about,
        table.stage,
        table.needs.as_ref().map(|needs| format!(", where the run has {needs}")).unwrap_or_default(),
        table.version,
        table.key.join(", "),
        aligned(&rows)
    )
}

fn row(column: &Column) -> [String; 6] {
    let range = match (column.min, column.max) {
        _ if !column.allowed.is_empty() => column.allowed.join(" | "),
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("from {min}"),
        (None, Some(max)) => format!("to {max}"),
        (None, None) => String::new(),
    };
    let null = if column.nullable { "yes" } else { "" };
    let unit = column.unit.clone().unwrap_or_default();
    [column.name.clone(), column.kind.name().to_owned(), unit, null.to_owned(), range, column.about.clone()]
}
