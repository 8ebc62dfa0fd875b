//! Queries that polars 0.55 answers wrongly without an error. They were found by comparing about two hundred queries with SQLite.
//! Each is refused here, with what to write instead. A check can be removed when an upgrade of polars fixes its case.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, GroupByExpr, JoinConstraint, JoinOperator, OrderByKind, Query, Select, SelectItem, SetExpr,
    TableFactor, TableWithJoins, Visit, Visitor, WindowType,
};

use crate::QueryError;

/// The aggregate functions of polars.
const AGGREGATES: &[&str] = &[
    "array_agg",
    "avg",
    "corr",
    "count",
    "covar",
    "covar_pop",
    "covar_samp",
    "first",
    "group_concat",
    "last",
    "listagg",
    "max",
    "median",
    "min",
    "quantile_cont",
    "quantile_disc",
    "stddev",
    "stddev_samp",
    "stdev",
    "stdev_samp",
    "string_agg",
    "sum",
    "total",
    "var",
    "var_samp",
    "variance",
];

/// The functions that, with ORDER BY inside OVER, use only the rows up to the current one.
const RUNNING: &[&str] =
    &["count", "dense_rank", "first_value", "lag", "last_value", "lead", "max", "min", "rank", "row_number", "sum"];

/// Refuses a query that polars would answer wrongly.
///
/// # Errors
/// [`QueryError::Misread`].
pub(crate) fn refuse(query: &Query) -> Result<(), QueryError> {
    match query.visit(&mut Pitfalls) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// Whether an expression calls a function for which `wanted` is true. Subqueries are not searched.
pub(crate) fn calls(expr: &impl Visit, wanted: fn(&Function) -> bool) -> bool {
    finds(expr, |e| matches!(e, Expr::Function(f) if wanted(f)))
}

/// Whether a call is an aggregate, not a window function.
pub(crate) fn is_aggregate(function: &Function) -> bool {
    function.over.is_none() && AGGREGATES.contains(&name(function).as_str())
}

/// Whether a SELECT has GROUP BY.
pub(crate) fn is_grouped(select: &Select) -> bool {
    !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty())
}

/// Whether a join condition is an equality with a column on both sides, which polars can use as a key.
pub(crate) fn equates_columns(condition: &Expr) -> bool {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => finds(&**left, is_column) && finds(&**right, is_column),
        _ => false,
    }
}

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}

fn name(function: &Function) -> String {
    function.name.to_string().to_lowercase()
}

/// Whether an expression contains a part for which `wanted` is true. Subqueries are not searched.
fn finds(expr: &impl Visit, wanted: impl Fn(&Expr) -> bool) -> bool {
    expr.visit(&mut Find { wanted, depth: 0 }).is_break()
}

struct Find<F> {
    wanted: F,
    depth: usize,
}

impl<F: Fn(&Expr) -> bool> Visitor for Find<F> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.depth == 0 && (self.wanted)(expr) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

type Flow = ControlFlow<Box<QueryError>>;

fn misread(what: impl Into<String>, instead: &'static str) -> Flow {
    ControlFlow::Break(Box::new(QueryError::Misread { what: what.into(), instead }))
}

struct Pitfalls;

impl Visitor for Pitfalls {
    type Break = Box<QueryError>;

    fn pre_visit_query(&mut self, query: &Query) -> Flow {
        order(query)
    }

    fn pre_visit_select(&mut self, select: &Select) -> Flow {
        grouping(select)?;
        select.from.iter().try_for_each(joins)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Flow {
        match factor {
            TableFactor::NestedJoin { table_with_joins, .. } => joins(table_with_joins),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Flow {
        match expr {
            Expr::Function(function) => running(function),
            Expr::InSubquery { subquery, .. } => membership(subquery),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// ORDER BY. polars takes an aggregate that `rewrite` could not name as one value for the whole answer, and a table's column as
/// the answer's column of the same name.
fn order(query: &Query) -> Flow {
    let Some(OrderByKind::Expressions(orders)) = query.order_by.as_ref().map(|o| &o.kind) else {
        return ControlFlow::Continue(());
    };
    if orders.iter().any(|o| calls(&o.expr, is_aggregate)) {
        return misread(
            "ORDER BY uses an aggregate that is not in SELECT",
            "name the aggregate in SELECT with AS, and use that name in ORDER BY",
        );
    }
    if let SetExpr::Select(select) = &*query.body
        && let Some(order) = orders.iter().find(|o| select.projection.iter().any(|item| hides(item, &o.expr)))
    {
        return misread(
            format!("ORDER BY {} would use the computed column of that name in the answer", order.expr),
            "give that column of the answer another name with AS",
        );
    }
    ControlFlow::Continue(())
}

/// Whether a column of the answer is computed and has the same name as this column of a table.
fn hides(item: &SelectItem, ordered: &Expr) -> bool {
    match (item, ordered) {
        (SelectItem::ExprWithAlias { expr, alias }, Expr::CompoundIdentifier(parts)) => {
            expr != ordered && !is_column(expr) && parts.last().is_some_and(|name| name.value == alias.value)
        }
        _ => false,
    }
}

/// GROUP BY. Beside an aggregate, polars computes a window function over the ungrouped rows, and repeats a column for every row.
fn grouping(select: &Select) -> Flow {
    let grouped = is_grouped(select);
    let aggregated = calls(&select.projection, is_aggregate);
    let windows = calls(&select.projection, |f| f.over.is_some()) || calls(&select.qualify, |f| f.over.is_some());
    if windows && (grouped || aggregated) {
        return misread(
            "a window function (OVER) is used beside GROUP BY or an aggregate",
            "group in WITH first, and apply the window function to the result",
        );
    }
    let rows = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            !calls(expr, is_aggregate) && finds(expr, is_column)
        }
        _ => true,
    };
    if aggregated && !grouped && select.projection.iter().any(rows) {
        return misread("a column is used beside an aggregate without GROUP BY", "add the column to GROUP BY");
    }
    ControlFlow::Continue(())
}

/// Window functions with ORDER BY. polars applies other functions to the whole partition.
fn running(function: &Function) -> Flow {
    let ordered = match &function.over {
        Some(WindowType::WindowSpec(window)) => !window.order_by.is_empty(),
        Some(WindowType::NamedWindow(_)) => true,
        None => false,
    };
    if ordered && !RUNNING.contains(&name(function).as_str()) {
        return misread(
            format!("{} ignores ORDER BY inside OVER", function.name),
            "SUM, COUNT, MIN and MAX respect it; for a running mean divide a running SUM by a running COUNT",
        );
    }
    ControlFlow::Continue(())
}

/// IN with a subquery. polars computes an aggregate once, not for each row of the outer query.
fn membership(subquery: &Query) -> Flow {
    let SetExpr::Select(select) = &*subquery.body else { return ControlFlow::Continue(()) };
    let mut inner = Relations::default();
    let _ = select.from.visit(&mut inner);
    let outer = |e: &Expr| matches!(e, Expr::CompoundIdentifier(parts) if !inner.0.contains(&parts[0].value));
    if calls(&select.projection, is_aggregate) && finds(&select.selection, outer) {
        return misread(
            "the subquery of IN needs an aggregate for each row of the outer query",
            "group in WITH, and join the result",
        );
    }
    ControlFlow::Continue(())
}

/// The names or aliases of the tables in FROM.
#[derive(Default)]
struct Relations(Vec<String>);

impl Visitor for Relations {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
                self.0.push(alias.name.value.clone());
            }
            TableFactor::Table { name, .. } => {
                self.0.extend(name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.clone()));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Outer joins, which keep rows without a match. With conditions other than equal columns, polars drops these rows. With USING,
/// it loses the keys of rows from the right table.
fn joins(from: &TableWithJoins) -> Flow {
    for join in &from.joins {
        match &join.join_operator {
            JoinOperator::Left(JoinConstraint::On(on))
            | JoinOperator::LeftOuter(JoinConstraint::On(on))
            | JoinOperator::Right(JoinConstraint::On(on))
            | JoinOperator::RightOuter(JoinConstraint::On(on))
            | JoinOperator::FullOuter(JoinConstraint::On(on))
            | JoinOperator::Semi(JoinConstraint::On(on))
            | JoinOperator::LeftSemi(JoinConstraint::On(on))
            | JoinOperator::RightSemi(JoinConstraint::On(on))
            | JoinOperator::Anti(JoinConstraint::On(on))
            | JoinOperator::LeftAnti(JoinConstraint::On(on))
            | JoinOperator::RightAnti(JoinConstraint::On(on))
                if !only_keys(on) =>
            {
                return misread(
                    format!("an outer, semi or anti join has conditions other than equal columns: ON {on}"),
                    "filter the joined table in WITH first, and join the result",
                );
            }
            JoinOperator::Right(JoinConstraint::Using(_))
            | JoinOperator::RightOuter(JoinConstraint::Using(_))
            | JoinOperator::FullOuter(JoinConstraint::Using(_)) => {
                return misread("RIGHT or FULL JOIN with USING", "write ON a.x = b.x, and COALESCE(a.x, b.x) in SELECT");
            }
            _ => {}
        }
    }
    ControlFlow::Continue(())
}

fn only_keys(on: &Expr) -> bool {
    match on {
        Expr::Nested(on) => only_keys(on),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => only_keys(left) && only_keys(right),
        other => equates_columns(other),
    }
}
