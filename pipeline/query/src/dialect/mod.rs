//! SQL as DuckDB means it, where Apache DataFusion means something else.
//!
//! [`adapt`] rewrites a parsed query before it is planned; every file here is one pass. [`planners`] decides the meaning of the
//! operators when the types of their operands are known. [`Grammar`] decides which operator binds first.

mod chains;
mod correlated;
mod functions;
mod grammar;
mod intervals;
mod joins;
mod lateral;
mod names;
mod operators;
mod parts;
mod planner;
mod refuse;
mod scope;
mod selects;
mod sets;
mod shape;
mod star;
mod subqueries;
mod unknown;

use std::sync::Arc;

use datafusion::{logical_expr::planner::ExprPlanner, sql::sqlparser::ast::Query};

pub(crate) use grammar::Grammar;

use crate::QueryError;
use scope::Scope;

/// Rewrites a query so that DataFusion answers it as DuckDB does. Identifiers are in lower case.
/// `columns` lists the columns of a table or view, and `aggregates` says whether a function of this name, in lower case, is an
/// aggregate.
///
/// # Errors
/// [`QueryError::Unsupported`] for a query that DataFusion cannot answer, or would answer wrongly.
pub(crate) fn adapt(
    query: &mut Query,
    columns: &dyn Fn(&str) -> Option<Vec<String>>,
    aggregates: &dyn Fn(&str) -> bool,
) -> Result<(), QueryError> {
    refuse::refuse(query)?;
    names::in_lower_case(query);
    selects::rewrite(query, Scope::new(columns, aggregates))?;
    operators::rewrite(query);
    chains::balance(query);
    Ok(())
}

/// Plans operators as DuckDB does.
pub(crate) fn planners() -> Vec<Arc<dyn ExprPlanner>> {
    vec![Arc::new(planner::Operators)]
}

#[cfg(test)]
mod tests;
