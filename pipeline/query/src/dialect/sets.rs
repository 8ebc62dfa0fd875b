//! EXCEPT ALL and INTERSECT ALL, which DataFusion answers without regard to how often a row occurs: equal rows are numbered
//! first, and the numbers are compared too.

use datafusion::sql::sqlparser::ast::{SetExpr, SetOperator, SetQuantifier};

use super::{
    parts::{query_of, quoted, unsupported},
    scope::Scope,
};
use crate::QueryError;

/// Rewrites the body of a query.
///
/// # Errors
/// [`QueryError::Unsupported`] if the columns of a side are not known.
pub(super) fn count_rows(body: &mut SetExpr, scope: &Scope) -> Result<(), QueryError> {
    let SetExpr::SetOperation { op, left, right, set_quantifier } = body else { return Ok(()) };
    count_rows(left, scope)?;
    count_rows(right, scope)?;
    if *set_quantifier != SetQuantifier::All || !matches!(op, SetOperator::Except | SetOperator::Intersect) {
        return Ok(());
    }
    let Some(names) = scope.outputs_of(left) else {
        return Err(unsupported(format!("{op} ALL of unknown columns"), "name the columns instead of `*`"));
    };
    let columns = (1..=names.len()).map(|i| format!("\":{i}\"")).collect::<Vec<_>>().join(", ");
    let shown = names.iter().enumerate().map(|(i, name)| format!("\":{}\" AS {}", i + 1, quoted(name)));
    let shown = shown.collect::<Vec<_>>().join(", ");
    let numbered = |side: &SetExpr| {
        format!(
            "SELECT {columns}, ROW_NUMBER() OVER (PARTITION BY {columns}) AS \":number\" FROM ({side}) AS \":side\" ({columns})"
        )
    };
    let text = format!("SELECT {shown} FROM ({} {op} {}) AS \":both\"", numbered(left), numbered(right));
    *body = SetExpr::Query(Box::new(query_of(&text)?));
    Ok(())
}
