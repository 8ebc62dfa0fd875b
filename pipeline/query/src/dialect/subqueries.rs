//! `x IN (SELECT …)` and `x >= ALL (SELECT …)` with their three truth values.
//!
//! DataFusion joins a subquery that stands alone in WHERE correctly. Elsewhere it forgets that a null among the rows makes the
//! answer null. There the rows are counted instead.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, UnaryOperator, VisitMut,
};

use super::{
    correlated,
    parts::{expr_of, finds, number, unsupported},
    scope::{Scope, name_of},
};
use crate::QueryError;
use crate::walk::{Step, walk_own_exprs};

/// Rewrites the subqueries in conditions.
///
/// # Errors
/// [`QueryError::Unsupported`] for an aggregate that is compared with the rows of a subquery, and for a key of GROUP BY with one.
pub(super) fn rewrite(select: &mut Select, scope: &Scope) -> Result<(), QueryError> {
    for condition in [&mut select.selection, &mut select.having].into_iter().flatten() {
        in_condition(condition, scope)?;
    }
    let in_aggregate = |e: &Expr| scope.is_aggregate(e) && finds(e, is_rows);
    if finds(&select.projection, in_aggregate) || finds(&select.having, in_aggregate) {
        return Err(unsupported(
            "IN (SELECT …) or EXISTS within an aggregate",
            "compute the condition as a column in WITH or in a subquery of FROM, and aggregate this column",
        ));
    }
    if (0..select.projection.len()).any(|i| is_key(select, i)) || finds(&select.group_by, is_rows) {
        return Err(unsupported(
            "IN (SELECT …) or EXISTS as a key of GROUP BY",
            "compute the condition as a column in WITH or in a subquery of FROM, and group by this column",
        ));
    }
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            everywhere(expr, true, scope)?;
        }
    }
    everywhere(&mut select.group_by, true, scope)?;
    select.qualify.as_mut().map_or(Ok(()), |q| everywhere(q, true, scope))
}

fn is_rows(expr: &Expr) -> bool {
    matches!(expr, Expr::InSubquery { .. } | Expr::Exists { .. } | Expr::AnyOp { .. } | Expr::AllOp { .. })
}

/// Whether an item of a SELECT has a subquery in a condition and is a key of GROUP BY.
fn is_key(select: &Select, item: usize) -> bool {
    let (expr, alias) = match &select.projection[item] {
        SelectItem::UnnamedExpr(expr) => (expr, name_of(expr)),
        SelectItem::ExprWithAlias { expr, alias } => (expr, alias.value.clone()),
        _ => return false,
    };
    let named = |key: &Expr| *key == number(item + 1) || matches!(key, Expr::Identifier(name) if name.value == alias);
    finds(expr, is_rows)
        && match &select.group_by {
            GroupByExpr::Expressions(keys, _) => keys.iter().any(named),
            GroupByExpr::All(_) => true,
        }
}

/// Rewrites the parts of a condition that do not stand alone.
fn in_condition(condition: &mut Expr, scope: &Scope) -> Result<(), QueryError> {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            in_condition(left, scope)?;
            in_condition(right, scope)
        }
        Expr::Nested(inner) => in_condition(inner, scope),
        // DataFusion takes the rows for the whole table's where NOT IN uses the row around it.
        Expr::InSubquery { expr, subquery, negated } if !(*negated && correlated::is_correlated(subquery)) => {
            let Expr::Tuple(parts) = expr.as_ref() else { return everywhere(expr.as_mut(), false, scope) };
            *condition = if *negated { Err(several_columns()) } else { some_row(parts, subquery, scope) }?;
            Ok(())
        }
        Expr::Exists { .. } => Ok(()),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } if matches!(**expr, Expr::Exists { .. }) => Ok(()),
        other => everywhere(other, false, scope),
    }
}

/// Rewrites all subqueries of an expression, and with `exists` also EXISTS.
pub(super) fn everywhere(expr: &mut impl VisitMut, exists: bool, scope: &Scope) -> Result<(), QueryError> {
    walk_own_exprs(expr, &mut |step, expr| {
        if step == Step::After
            && let Some(new) = counted(expr, exists, scope)?
        {
            *expr = new;
        }
        Ok(())
    })
}

fn counted(expr: &Expr, exists: bool, scope: &Scope) -> Result<Option<Expr>, QueryError> {
    match expr {
        Expr::InSubquery { expr, subquery, negated } => in_rows(expr, subquery, *negated, scope).map(Some),
        Expr::Exists { subquery, negated } if exists => {
            let sign = if *negated { "=" } else { ">" };
            expr_of(&format!("({} {sign} 0)", correlated::count(subquery, scope)?)).map(Some)
        }
        Expr::Subquery(query) => correlated::first(query, scope),
        Expr::AnyOp { left, compare_op, right, .. } | Expr::AllOp { left, compare_op, right } => {
            let Some(rows) = subquery_of(right) else { return Ok(None) };
            let all = matches!(expr, Expr::AllOp { .. });
            compared(left, compare_op, rows, all, scope).map(Some)
        }
        _ => Ok(None),
    }
}

fn subquery_of(expr: &Expr) -> Option<&Query> {
    match expr {
        Expr::Subquery(query) => Some(query),
        Expr::Nested(inner) => subquery_of(inner),
        _ => None,
    }
}

/// `value IN (rows)`.
fn in_rows(value: &Expr, rows: &Query, negated: bool, scope: &Scope) -> Result<Expr, QueryError> {
    plain(value, scope)?;
    if matches!(value, Expr::Tuple(_)) {
        return Err(several_columns());
    }
    let not = if negated { "NOT " } else { "" };
    let (hits, nulls, all) = if correlated::is_correlated(rows) {
        let hits = correlated::count_where(rows, value, &|column| format!("({column}) = ({value})"), scope)?;
        let nulls = correlated::count_where(rows, value, &|column| format!("({column}) IS NULL"), scope)?;
        (hits, nulls, correlated::count(rows, scope)?)
    } else {
        let rows = from(rows, "\":v\"");
        (
            format!("(SELECT COUNT(*) FROM {rows} WHERE \":v\" = ({value}))"),
            format!("(SELECT COUNT(*) FROM {rows} WHERE \":v\" IS NULL)"),
            format!("(SELECT COUNT(*) FROM {rows})"),
        )
    };
    expr_of(&format!(
        "({not}CASE WHEN {hits} > 0 THEN TRUE WHEN (({value}) IS NULL AND {all} > 0) OR {nulls} > 0 THEN NULL ELSE FALSE END)"
    ))
}

/// `value op ALL (rows)` or `value op ANY (rows)`. The largest or the smallest row decides.
fn compared(value: &Expr, op: &BinaryOperator, rows: &Query, all: bool, scope: &Scope) -> Result<Expr, QueryError> {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    match (op, all) {
        (Eq, false) => return in_rows(value, rows, false, scope),
        (NotEq, true) => return in_rows(value, rows, true, scope),
        _ => {}
    }
    plain(value, scope)?;
    if correlated::is_correlated(rows) {
        return Err(unsupported(
            format!("`{op}` with ALL or ANY of a subquery that uses the row around it"),
            "compare with MIN or MAX in the subquery, or use EXISTS",
        ));
    }
    let rows = from(rows, "\":v\"");
    let extreme = |name: &str| format!("({value}) {op} (SELECT {name}(\":v\") FROM {rows})");
    // The comparison that decides: false of ALL, or true of ANY.
    let decides = match (op, all) {
        (Gt | GtEq, true) | (Lt | LtEq, false) => extreme("MAX"),
        (Gt | GtEq, false) | (Lt | LtEq, true) => extreme("MIN"),
        (Eq, true) => format!("({} AND {})", extreme("MIN"), extreme("MAX")),
        (NotEq, false) => format!("({} OR {})", extreme("MIN"), extreme("MAX")),
        _ => return Err(unsupported(format!("`{op}` with ALL or ANY"), "use =, <>, <, <=, > or >=")),
    };
    let (decided, result, otherwise) =
        if all { (format!("NOT ({decides})"), "FALSE", "TRUE") } else { (decides, "TRUE", "FALSE") };
    expr_of(&format!(
        "(CASE WHEN (SELECT COUNT(*) FROM {rows}) = 0 THEN {otherwise} WHEN {decided} THEN {result} \
         WHEN ({value}) IS NULL OR (SELECT COUNT(*) - COUNT(\":v\") FROM {rows}) > 0 THEN NULL ELSE {otherwise} END)"
    ))
}

/// `(a, b) IN (rows)` as EXISTS, where a null is as good as false.
fn some_row(parts: &[Expr], rows: &Query, scope: &Scope) -> Result<Expr, QueryError> {
    parts.iter().try_for_each(|part| plain(part, scope))?;
    let columns = (0..parts.len()).map(|i| format!("\":{i}\"")).collect::<Vec<_>>();
    let equal = parts.iter().zip(&columns).map(|(part, column)| format!("\":rows\".{column} = ({part})"));
    let equal = equal.collect::<Vec<_>>().join(" AND ");
    expr_of(&format!("EXISTS (SELECT 1 FROM {} WHERE {equal})", from(rows, &columns.join(", "))))
}

/// A subquery as a table with these columns.
fn from(rows: &Query, columns: &str) -> String {
    let mut rows = rows.clone();
    if rows.limit_clause.is_none() && !matches!(*rows.body, SetExpr::Select(ref s) if s.distinct.is_some()) {
        rows.order_by = None;
    }
    format!("({rows}) AS \":rows\" ({columns})")
}

fn several_columns() -> QueryError {
    unsupported(
        "several columns in NOT IN (SELECT …), or in IN (SELECT …) that is not a condition of its own in WHERE",
        "use EXISTS or NOT EXISTS with one equality for each column",
    )
}

/// Refuses aggregates, which would be those of the subquery.
fn plain(value: &Expr, scope: &Scope) -> Result<(), QueryError> {
    if scope.gathers(value) {
        return Err(unsupported(
            "an aggregate compared with the rows of a subquery",
            "compute the aggregate in WITH or in a subquery of FROM, and compare its column",
        ));
    }
    Ok(())
}
