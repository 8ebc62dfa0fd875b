//! Small parts that the passes share.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::{
    ast::{
        BinaryOperator, Distinct, ExcludeSelectItem, Expr, Function, Ident, ObjectName, OrderBy, OrderByKind, Query, Select,
        TableAlias, TableFactor, Value, Visit, VisitMut, Visitor, WildcardAdditionalOptions,
    },
    parser::Parser,
};

use super::grammar::Grammar;
use crate::QueryError;
use crate::walk::{Break, Step, walk, walk_own_exprs};

/// An error for something that cannot be answered, with another way to write it.
pub(super) fn unsupported(detail: impl Into<String>, hint: &str) -> QueryError {
    QueryError::Unsupported { detail: detail.into(), hint: Some(hint.to_owned()) }
}

/// The expression that a text is.
pub(super) fn expr_of(text: &str) -> Result<Expr, QueryError> {
    Parser::new(&Grammar).try_with_sql(text).and_then(|mut p| p.parse_expr()).map_err(|e| internal(&e.to_string()))
}

/// The query that a text is.
pub(super) fn query_of(text: &str) -> Result<Query, QueryError> {
    Parser::new(&Grammar).try_with_sql(text).and_then(|mut p| p.parse_query()).map(|q| *q).map_err(|e| internal(&e.to_string()))
}

fn internal(detail: &str) -> QueryError {
    QueryError::Unsupported { detail: format!("a part of the query could not be rewritten: {detail}"), hint: None }
}

/// The name of a called function, without a schema.
pub(super) fn call_name(function: &Function) -> String {
    function.name.0.last().and_then(|p| p.as_ident()).map(|i| i.value.to_lowercase()).unwrap_or_default()
}

/// The name of a relation, if it has one part.
pub(super) fn single(name: &ObjectName) -> Option<&str> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(|i| i.value.as_str()),
        _ => None,
    }
}

/// An identifier that may be any text.
pub(super) fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

/// A whole number.
pub(super) fn number(value: usize) -> Expr {
    Expr::Value(Value::Number(value.to_string(), false).with_empty_span())
}

/// The text of ORDER BY with a space before it, or no text without keys. `None` for ORDER BY ALL.
pub(super) fn order_text(order: Option<&OrderBy>) -> Option<String> {
    match order.map(|o| &o.kind) {
        Some(OrderByKind::Expressions(keys)) => {
            Some(format!(" ORDER BY {}", keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))
        }
        Some(OrderByKind::All(_)) => None,
        None => Some(String::new()),
    }
}

/// The columns that EXCLUDE takes out of `*`.
pub(super) fn excluded(options: &WildcardAdditionalOptions) -> Vec<&str> {
    match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => single(name).into_iter().collect(),
        Some(ExcludeSelectItem::Multiple(names)) => names.iter().filter_map(single).collect(),
        None => Vec::new(),
    }
}

/// The name that a table, or a query in brackets, has in a SELECT.
pub(super) fn factor_name(factor: &TableFactor) -> Option<String> {
    let alias = |a: &Option<TableAlias>| a.as_ref().map(|a| a.name.value.clone());
    match factor {
        TableFactor::Table { name, alias: a, .. } => alias(a).or_else(|| single(name).map(str::to_owned)),
        TableFactor::Derived { alias: a, .. }
        | TableFactor::Function { alias: a, .. }
        | TableFactor::TableFunction { alias: a, .. }
        | TableFactor::UNNEST { alias: a, .. } => alias(a),
        _ => None,
    }
}

/// The parts of a condition that AND joins.
pub(super) fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => [conjuncts(left), conjuncts(right)].concat(),
        Expr::Nested(inner) => conjuncts(inner),
        other => vec![other],
    }
}

/// Whether an expression has a part for which `wanted` is true. Subqueries are not searched.
pub(super) fn finds(expr: &impl Visit, wanted: impl Fn(&Expr) -> bool) -> bool {
    walk(expr, &mut Find { wanted: &wanted, depth: 0 }).is_break()
}

struct Find<'a> {
    wanted: &'a dyn Fn(&Expr) -> bool,
    depth: usize,
}

impl Visitor for Find<'_> {
    type Break = Break;

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<Break> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Break> {
        if self.depth == 0 && (self.wanted)(expr) { ControlFlow::Break(None) } else { ControlFlow::Continue(()) }
    }
}

/// Puts expressions in place of columns without a table. Subqueries are left as they are.
pub(super) fn substitute(target: &mut impl VisitMut, of: &dyn Fn(&str) -> Option<Expr>) {
    substitute_outside(target, of, &|_| false);
}

/// [`substitute`], but not within the expressions that are `closed`.
pub(super) fn substitute_outside(target: &mut impl VisitMut, of: &dyn Fn(&str) -> Option<Expr>, closed: &dyn Fn(&Expr) -> bool) {
    let mut inside = 0;
    // Nothing in it fails.
    let _ = walk_own_exprs(target, &mut |step, expr| {
        match step {
            Step::Before => inside += usize::from(closed(expr)),
            Step::After => inside -= usize::from(closed(expr)),
        }
        if step == Step::After
            && inside == 0
            && let Expr::Identifier(name) = expr
            && let Some(new) = of(&name.value)
        {
            *expr = new;
        }
        Ok(())
    });
}

/// [`substitute`] in all parts of a SELECT but FROM.
pub(super) fn substitute_all(select: &mut Select, of: &dyn Fn(&str) -> Option<Expr>) {
    substitute(&mut select.projection, of);
    substitute(&mut select.selection, of);
    substitute(&mut select.group_by, of);
    substitute(&mut select.having, of);
    substitute(&mut select.qualify, of);
    substitute(&mut select.named_window, of);
    if let Some(Distinct::On(keys)) = &mut select.distinct {
        substitute(keys, of);
    }
}
