//! From the error messages of polars to messages with a next step.

use chorus_engine::Partition;
use chorus_tables::TableError;
use polars::prelude::PolarsError;

use crate::QueryError;
use crate::error::nearest;
use crate::names::columns;
use crate::scan::Named;

/// The name that polars gives to the column for the result of a subquery.
const PLACEHOLDER: &str = "_POLARS_TMP";

/// Parts of polars' messages, each with a hint what to write instead.
const WAYS_AROUND: &[(&str, &str)] = &[
    ("date_trunc", "CAST(t AS DATE) truncates a time to its day, and STRFTIME(t, '%Y-%m-%d %H:00') to any unit"),
    ("AtTimeZone", "the table recordings has the local time in start_local, and utc_offset_min to convert other times"),
    ("subquery", "put the subquery into WITH, and CROSS JOIN it if it has one row"),
    ("unsupported function", "EXTRACT(hour FROM t) gives parts of times; CASE and joins replace many other functions"),
    ("join constraint", "write ON without parentheses, as comparisons combined with AND"),
    ("different file extensions", "remove files that are not tables from the run's folder tables"),
    ("relation '", "put WITH at the beginning of the whole query"),
    ("mixed asc/desc", "a minus reverses the order of a number, as in ORDER BY -score, segment_id"),
    ("ambiguous reference", "write the table's name and a dot before the column"),
    (
        "to a string value",
        "write dates as '2020-03-01' and times as '2020-03-01T05:00:00', and put the column first in the comparison",
    ),
];

/// Explains an error of polars.
pub(crate) fn explain(error: &PolarsError, tables: &[Named]) -> QueryError {
    let error = root(error);
    let detail = plain(&error.to_string());
    if detail.contains(PLACEHOLDER) {
        let hint = "put the subquery into WITH and join it, or compare with it in WHERE".to_owned();
        return QueryError::Unsupported { detail: "a subquery in SELECT".into(), hint: Some(hint) };
    }
    if let Some(unknown) = unknown_column(&error.to_string(), tables) {
        return unknown;
    }
    let hint = WAYS_AROUND.iter().find(|(said, _)| detail.contains(said)).map(|(_, hint)| (*hint).to_owned());
    match error {
        PolarsError::Duplicate(text) => QueryError::SameName { column: text.split('\'').nth(1).unwrap_or("").to_owned() },
        PolarsError::SQLInterface(_) | PolarsError::SQLSyntax(_) => QueryError::Unsupported { detail, hint },
        error if speaks_of_files(error) => damaged(tables).unwrap_or(QueryError::Failed { detail, hint }),
        _ => QueryError::Failed { detail, hint },
    }
}

/// The error without the plan steps that polars adds as context.
fn root(error: &PolarsError) -> &PolarsError {
    match error {
        PolarsError::Context { error, .. } | PolarsError::ExprContext { error, .. } => root(error),
        error => error,
    }
}

/// The text without the query plan, which follows a blank line, and without dumps of the syntax tree.
fn plain(text: &str) -> String {
    let text = text.split("\n\n").next().unwrap_or(text);
    let text = text.replace('\n', " ");
    let end = if text.contains(" { ") { text.find(['{', '(']) } else { None };
    end.map_or_else(|| text.clone(), |end| text[..end].trim_end().replace('\'', ""))
}

/// Reads the unknown column, and the valid ones, from the two messages that polars has for this.
fn unknown_column(text: &str, tables: &[Named]) -> Option<QueryError> {
    let quoted = |after: &str, quote: char| text.split_once(after)?.1.split(quote).nth(1).map(str::to_owned);
    let column = quoted("unable to find column", '"').or_else(|| quoted("no column named", '\''))?;
    // The list is in Rust's debug format, which is valid JSON for all but very unusual names.
    let listed = text.split_once("valid columns: ").and_then(|(_, list)| {
        let mut lists = serde_json::Deserializer::from_str(list).into_iter::<Vec<String>>();
        lists.next()?.ok()
    });
    let mut known = listed.unwrap_or_else(|| tables.iter().flat_map(|named| columns(named.schema)).map(str::to_owned).collect());
    known.sort();
    known.dedup();
    let nearest = nearest(&column, known.iter().map(String::as_str));
    Some(QueryError::UnknownColumn { column, nearest, known: known.join(", ") })
}

/// Whether a damaged file may be the cause. Only then are files checked: it takes time, and an unrelated damaged file must not be
/// blamed for a wrong query.
fn speaks_of_files(error: &PolarsError) -> bool {
    match error {
        PolarsError::IO { .. } | PolarsError::SchemaMismatch(_) | PolarsError::ColumnNotFound(_) => true,
        other => other.to_string().to_lowercase().contains("parquet"),
    }
}

/// The first file of these tables that is not a table of this version, or else the first file with unreadable rows. polars does
/// not always name the file, and never the stage that makes it. Footers are checked before rows, because that is fast and says
/// more.
fn damaged(tables: &[Named]) -> Option<QueryError> {
    let footer: Check = |file| file.open().map(drop);
    let mut checks = [footer, read_through].into_iter();
    let files = || tables.iter().flat_map(|named| &named.files);
    checks.find_map(|check| files().find_map(|file| check(file).err())).map(QueryError::Table)
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
    fn dumps_and_plans_are_removed_from_messages_of_polars() {
        for (text, plain_text) in [
            ("unsupported function 'date_trunc'", "unsupported function 'date_trunc'"),
            ("cannot compare (a)\n\nResolved plan until failure:\n\nFILTER", "cannot compare (a)"),
            ("expression AtTimeZone { timestamp: Identifier(x) } is not currently supported", "expression AtTimeZone"),
            ("join type 'Anti(On(BinaryOp { left: x }))' not currently supported", "join type Anti"),
        ] {
            assert_eq!(plain(text), plain_text);
        }
    }

    #[test]
    fn the_columns_of_the_place_are_listed() {
        let text = "unable to find column \"scor\"; valid columns: [\"site\", \"score\"]\n\nDid you mean \"score\"?";
        assert_eq!(
            explain(&PolarsError::ColumnNotFound(text.into()), &[]).to_string(),
            "no column is called `scor`; did you mean `score`? There are: score, site"
        );
    }
}
