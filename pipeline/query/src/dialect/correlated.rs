//! Subqueries that use the row of the query around them. DataFusion can only answer those that are aggregates.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, LimitClause, Query, Select, SelectItem, SetExpr, TableFactor, Value, Visitor,
};

use super::{
    parts::{conjuncts, expr_of, factor_name, finds, order_text, unsupported},
    scope::Scope,
};
use crate::QueryError;
use crate::walk::{Break, walk};

/// Whether a query uses a column of a table that it does not read. Columns without a table count as its own.
pub(super) fn is_correlated(query: &Query) -> bool {
    let mut names = Names::default();
    let _ = walk(query, &mut names);
    names.used.iter().any(|table| !names.tables.contains(table))
}

/// Refuses a query whose rows are tied to the row around it by anything but equalities.
///
/// # Errors
/// [`QueryError::Unsupported`].
fn tied(query: &Query) -> Result<(), QueryError> {
    let SetExpr::Select(select) = query.body.as_ref() else { return Ok(()) };
    let mut names = Names::default();
    let _ = walk(query, &mut names);
    let outer =
        |e: &Expr| matches!(e, Expr::CompoundIdentifier(parts) if parts.len() == 2 && !names.tables.contains(&parts[0].value));
    for part in select.selection.as_ref().map(conjuncts).unwrap_or_default() {
        let equal = match part {
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => finds(&**left, outer) != finds(&**right, outer),
            other => !finds(other, outer),
        };
        let within = matches!(part, Expr::BinaryOp { left, right, .. } if !finds(&**left, outer) && !finds(&**right, outer));
        if !equal && !within {
            return Err(unsupported(
                format!("`{part}` in a subquery of one value that uses the row around it"),
                "join the two tables with this condition in ON, and count or sum with GROUP BY",
            ));
        }
    }
    Ok(())
}

#[derive(Default)]
struct Names {
    tables: Vec<String>,
    used: Vec<String>,
}

impl Visitor for Names {
    type Break = Break;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Break> {
        self.tables.extend(factor_name(factor));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Break> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let [table, _] = parts.as_slice()
        {
            self.used.push(table.value.clone());
        }
        ControlFlow::Continue(())
    }
}

/// The SELECT of a query without groups, windows, WITH, OFFSET and set operations, and the limit of the query.
fn simple<'q>(query: &'q Query, scope: &Scope) -> Option<(&'q Select, Option<&'q str>)> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let limit = match &query.limit_clause {
        None => None,
        Some(LimitClause::LimitOffset { limit: Some(Expr::Value(v)), offset: None, limit_by }) if limit_by.is_empty() => {
            match &v.value {
                Value::Number(digits, _) => Some(digits.as_str()),
                _ => return None,
            }
        }
        Some(_) => return None,
    };
    let plain =
        query.with.is_none() && select.qualify.is_none() && !scope.is_grouped(select) && !scope.gathers(&select.projection);
    plain.then_some((select, limit))
}

/// A SELECT with other columns, without DISTINCT.
fn with_item(select: &Select, item: Expr) -> Select {
    let projection = vec![SelectItem::UnnamedExpr(item)];
    Select { distinct: None, projection, group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()), ..select.clone() }
}

/// The number of rows of a query, as text. The number may be too large if the query has DISTINCT, but it is not zero then.
///
/// # Errors
/// [`QueryError::Unsupported`] if DataFusion has no plan for it.
pub(super) fn count(query: &Query, scope: &Scope) -> Result<String, QueryError> {
    tied(query)?;
    match simple(query, scope) {
        Some((select, limit)) if limit != Some("0") => Ok(format!("({})", with_item(select, expr_of("COUNT(*)")?))),
        _ => Ok(format!("(SELECT COUNT(*) FROM ({query}) AS \":rows\")")),
    }
}

/// The number of rows of a correlated query of one column that meet a condition, as text. `condition` makes it from the column.
///
/// # Errors
/// [`QueryError::Unsupported`] if DataFusion has no plan for it.
pub(super) fn count_where(
    query: &Query,
    value: &Expr,
    condition: &dyn Fn(&Expr) -> String,
    scope: &Scope,
) -> Result<String, QueryError> {
    let bare = finds(value, |e| matches!(e, Expr::Identifier(_)));
    match (simple(query, scope), bare) {
        (Some((select, None)), false) => {
            let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] = select.projection.as_slice()
            else {
                return Err(cannot("IN with `*`"));
            };
            let mut counted = with_item(select, expr_of("COUNT(*)")?);
            let before = select.selection.as_ref().map_or_else(|| "TRUE".to_owned(), |s| format!("({s})"));
            counted.selection = Some(expr_of(&format!("{before} AND {}", condition(item)))?);
            Ok(format!("({counted})"))
        }
        _ => Err(cannot("IN with a subquery that uses the row around it")),
    }
}

/// A correlated subquery of one value as an aggregate, or nothing if it can stay.
///
/// # Errors
/// [`QueryError::Unsupported`] if it may have several rows.
pub(super) fn first(query: &Query, scope: &Scope) -> Result<Option<Expr>, QueryError> {
    tied(query)?;
    let Some((select, limit)) = simple(query, scope) else { return Ok(None) };
    if select.from.is_empty() || !is_correlated(query) {
        return Ok(None);
    }
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] = select.projection.as_slice() else {
        return Ok(None);
    };
    if limit != Some("1") {
        return Err(cannot("a subquery of one value that uses the row around it and may have several rows"));
    }
    let Some(order) = order_text(query.order_by.as_ref()) else { return Ok(None) };
    let item = expr_of(&format!("FIRST_VALUE({item}{order})"))?;
    expr_of(&format!("({})", with_item(select, item))).map(Some)
}

fn cannot(what: &str) -> QueryError {
    unsupported(what, "use a join, EXISTS, or an aggregate such as MIN, MAX or FIRST in the subquery")
}
