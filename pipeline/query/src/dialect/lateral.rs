//! LATERAL subqueries with LIMIT: the first rows for each row of the tables before. DataFusion has no plan for them. The rows are
//! numbered within each value of the columns that tie the subquery to the tables before, and joined on these columns.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, LimitClause, Query, Select, SelectItem, SetExpr, TableAlias,
    TableFactor, TableWithJoins,
};

use super::{
    parts::{conjuncts, expr_of, factor_name, finds, order_text, query_of, unsupported},
    scope::{Scope, Source},
};
use crate::QueryError;

/// Rewrites the LATERAL subqueries of a SELECT that have LIMIT.
///
/// # Errors
/// [`QueryError::Unsupported`] for one that is not tied by equalities of columns alone.
pub(super) fn number_rows(select: &mut Select, scope: &Scope) -> Result<(), QueryError> {
    let stars = select.projection.iter().any(|i| matches!(i, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
    let mut from: Vec<TableWithJoins> = Vec::new();
    let mut before: Vec<Source> = Vec::new();
    for mut tables in std::mem::take(&mut select.from) {
        let source = scope.source(&tables.relation);
        let rewritten = rewrite(&mut tables.relation, &before, scope, stars)?;
        before.push(source);
        for join in &mut tables.joins {
            let source = scope.source(&join.relation);
            if let Some(condition) = rewrite(&mut join.relation, &before, scope, stars)? {
                restrict(join, condition)?;
            }
            before.push(source);
        }
        match (rewritten, from.last_mut()) {
            (Some(condition), Some(last)) => {
                let join_operator = JoinOperator::Inner(JoinConstraint::On(condition));
                last.joins.push(Join { relation: tables.relation, global: false, join_operator });
                last.joins.extend(tables.joins);
            }
            _ => from.push(tables),
        }
    }
    select.from = from;
    Ok(())
}

/// Adds a condition to a join.
fn restrict(join: &mut Join, condition: Expr) -> Result<(), QueryError> {
    match &mut join.join_operator {
        operator @ JoinOperator::CrossJoin(_) => *operator = JoinOperator::Inner(JoinConstraint::On(condition)),
        JoinOperator::Join(JoinConstraint::On(on))
        | JoinOperator::Inner(JoinConstraint::On(on))
        | JoinOperator::Left(JoinConstraint::On(on))
        | JoinOperator::LeftOuter(JoinConstraint::On(on)) => *on = expr_of(&format!("({on}) AND {condition}"))?,
        _ => return Err(no("this kind of join")),
    }
    Ok(())
}

/// Rewrites a LATERAL subquery with LIMIT. Gives the condition of its join.
fn rewrite(factor: &mut TableFactor, before: &[Source], scope: &Scope, stars: bool) -> Result<Option<Expr>, QueryError> {
    let TableFactor::Derived { lateral, subquery, alias: Some(alias), .. } = factor else { return Ok(None) };
    if !*lateral || subquery.limit_clause.is_none() {
        return Ok(None);
    }
    if stars {
        return Err(unsupported("`*` next to a LATERAL subquery with LIMIT", "name the columns"));
    }
    let (query, ties, limit) = numbered(subquery, before, scope)?;
    let name = &alias.name;
    let equal = ties.iter().enumerate().map(|(i, outer)| format!("{name}.\":tie{i}\" = {outer}"));
    let condition = equal.chain([format!("{name}.\":row\" <= {limit}")]).collect::<Vec<_>>().join(" AND ");
    if !alias.columns.is_empty() {
        return Err(no("names of columns after its alias"));
    }
    let alias: Option<TableAlias> = Some(alias.clone());
    *factor = TableFactor::Derived { lateral: false, subquery: Box::new(query), alias, sample: None };
    expr_of(&format!("({condition})")).map(Some)
}

/// The subquery with numbered rows, the columns of the tables before that tie it, and its limit.
fn numbered(query: &Query, before: &[Source], scope: &Scope) -> Result<(Query, Vec<Expr>, Expr), QueryError> {
    let Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, .. }) = &query.limit_clause else {
        return Err(no("OFFSET"));
    };
    let SetExpr::Select(select) = query.body.as_ref() else { return Err(no("UNION or another set operation")) };
    if query.with.is_some() || scope.is_grouped(select) || select.distinct.is_some() || select.qualify.is_some() {
        return Err(no("WITH, GROUP BY, aggregates, DISTINCT or QUALIFY"));
    }
    let inside = scope.inside(query);
    let own: Vec<String> = inside.sources(select).into_iter().filter_map(|s| s.name).collect();
    let outer = |expr: &Expr| match expr {
        Expr::CompoundIdentifier(parts) if parts.len() == 2 => {
            let table = &parts[0].value;
            !own.contains(table) && before.iter().any(|s| s.name.as_ref() == Some(table))
        }
        _ => false,
    };
    let mut select = select.clone();
    let mut ties = Vec::new();
    let mut keys = Vec::new();
    let mut kept = Vec::new();
    for part in select.selection.as_ref().map(conjuncts).unwrap_or_default() {
        match part {
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if outer(left) && !finds(&**right, outer) => {
                ties.push((**left).clone());
                keys.push(right.to_string());
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if outer(right) && !finds(&**left, outer) => {
                ties.push((**right).clone());
                keys.push(left.to_string());
            }
            other if finds(other, outer) => return Err(no("a condition other than an equality with the tables before")),
            other => kept.push(format!("({other})")),
        }
    }
    select.selection = if kept.is_empty() { None } else { Some(expr_of(&kept.join(" AND "))?) };
    let order = order_text(query.order_by.as_ref()).ok_or_else(|| no("ORDER BY ALL"))?;
    let partition = if keys.is_empty() { String::new() } else { format!("PARTITION BY {}", keys.join(", ")) };
    let tied = keys.iter().enumerate().map(|(i, key)| format!(", {key} AS \":tie{i}\"")).collect::<String>();
    let extra = query_of(&format!("SELECT 1{tied}, ROW_NUMBER() OVER ({partition}{order}) AS \":row\""))?;
    if let SetExpr::Select(extra) = *extra.body {
        select.projection.extend(extra.projection.into_iter().skip(1));
    }
    if finds(&*select, outer) || select.from.iter().any(|f| factor_name(&f.relation).is_none()) {
        return Err(no("columns of the tables before outside of WHERE"));
    }
    Ok((query_of(&select.to_string())?, ties, limit.clone()))
}

fn no(what: &str) -> QueryError {
    unsupported(
        format!("{what} with a LATERAL subquery that has LIMIT"),
        "number the rows with ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) in a subquery, and join it",
    )
}
