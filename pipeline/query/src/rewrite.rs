//! Rewrites queries into forms that polars understands. Answers stay the same except for the names of columns.

use std::mem;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Distinct, Expr, Function, Ident, JoinConstraint, JoinOperator, OrderByKind, Query, Select, SelectItem,
    SetExpr, SetQuantifier, TableWithJoins, VisitMut, VisitorMut,
};

use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use crate::pitfalls::{calls, equates_columns, is_aggregate, is_grouped};

/// Functions that give several columns, each with its own name.
const SEVERAL: &[&str] = &["columns", "unnest"];

/// Rewrites a query and its subqueries:
/// - Computed columns without AS are named by their text, such as `COUNT(*)` and `MAX(score)`. polars would call the first `len`
///   and the second `score`, and refuse `SELECT MIN(score), MAX(score)`.
/// - ORDER BY uses the names of columns in SELECT. polars 0.55 does not sort by aggregates, and beside GROUP BY it does not find
///   `b.x` of a joined table.
/// - All parts of a UNION get the column names of the first part, because polars sorts each part and needs the names in each.
/// - Conditions of an inner join that do not equate columns are moved to WHERE. polars 0.55 fails on `ON a.id = b.id AND b.x = 1`
///   when the answer does not contain `b.x`, and confuses `a.x` with `b.x` in `ON a.y < b.y AND b.x = 1`.
/// - An aggregate over all rows in a subquery gets DISTINCT. When no column of one side of a CROSS JOIN is used, polars 0.55 drops
///   the aggregate, and that side then has as many rows as its table.
pub(crate) fn rewrite(query: &mut Query) {
    // The visitor never stops early.
    let _ = query.visit(&mut Rewriter { depth: 0 });
}

struct Rewriter {
    /// Nesting depth of the query; 1 for the outermost.
    depth: usize,
}

impl VisitorMut for Rewriter {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if self.depth > 1 {
            keep_one_row(select);
        }
        select.projection.iter_mut().for_each(name_column);
        for from in &mut select.from {
            move_conditions(from, &mut select.selection);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        align_names(&mut query.body);
        if let (SetExpr::Select(select), Some(order_by)) = (&*query.body, &mut query.order_by)
            && let OrderByKind::Expressions(orders) = &mut order_by.kind
        {
            let grouped = is_grouped(select);
            for order in orders.iter_mut().filter(|o| grouped || calls(&o.expr, is_aggregate)) {
                let _ = order.expr.visit(&mut ByName(select));
            }
        }
        ControlFlow::Continue(())
    }
}

/// Adds DISTINCT to a query that has one row anyway.
fn keep_one_row(select: &mut Select) {
    if select.distinct.is_none() && !is_grouped(select) && calls(&select.projection, is_aggregate) {
        select.distinct = Some(Distinct::Distinct);
    }
}

fn name_column(item: &mut SelectItem) {
    let SelectItem::UnnamedExpr(expr) = item else { return };
    let several = |f: &Function| SEVERAL.contains(&f.name.to_string().to_lowercase().as_str());
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => {}
        Expr::Function(function) if several(function) => {}
        expr => {
            let name = Ident::with_quote('"', expr.to_string());
            rename(item, name);
        }
    }
}

/// Gives a column of a SELECT this name; stars stay as they are.
fn rename(item: &mut SelectItem, name: Ident) {
    match item {
        SelectItem::UnnamedExpr(expr) => *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: name },
        SelectItem::ExprWithAlias { alias, .. } => *alias = name,
        _ => {}
    }
}

fn name_of(item: &SelectItem) -> Option<&Ident> {
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(name)) | SelectItem::ExprWithAlias { alias: name, .. } => Some(name),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last(),
        _ => None,
    }
}

/// Gives the columns of each part of a UNION, EXCEPT or INTERSECT the names of the first part.
fn align_names(body: &mut SetExpr) {
    if let SetExpr::SetOperation { left, right, set_quantifier, .. } = body {
        align_names(left);
        let by_name = matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName);
        if let (Some(names), false) = (names_of(left), by_name) {
            take_names(right, &names);
        }
    }
}

/// The names of all columns; `None` where stars hide them.
fn names_of(body: &SetExpr) -> Option<Vec<Ident>> {
    match body {
        SetExpr::Select(select) => select.projection.iter().map(|item| name_of(item).cloned()).collect(),
        SetExpr::SetOperation { left, .. } => names_of(left),
        SetExpr::Query(query) => names_of(&query.body),
        _ => None,
    }
}

fn take_names(body: &mut SetExpr, names: &[Ident]) {
    match body {
        SetExpr::Select(select) if select.projection.len() == names.len() => {
            let differs = |(item, name): (&SelectItem, &Ident)| name_of(item).is_some_and(|n| n.value != name.value);
            if is_grouped(select) && select.projection.iter().zip(names).any(differs) {
                // GROUP BY and HAVING may use its own names: it keeps them inside, and the names are given around it.
                *body = renamed(body, names);
                return;
            }
            for (item, name) in select.projection.iter_mut().zip(names) {
                if name_of(item).is_some_and(|n| n.value != name.value) {
                    rename(item, name.clone());
                }
            }
        }
        SetExpr::SetOperation { left, right, .. } => {
            take_names(left, names);
            take_names(right, names);
        }
        // A part in parentheses may have its own ORDER BY, which uses its own names.
        _ => {}
    }
}

/// `SELECT own AS name, … FROM (this SELECT)`.
fn renamed(body: &SetExpr, names: &[Ident]) -> SetExpr {
    let own = names_of(body).into_iter().flatten();
    let columns: Vec<String> = own.zip(names).map(|(own, name)| format!("{own} AS {name}")).collect();
    let sql = format!("SELECT {} FROM ({body}) AS part", columns.join(", "));
    let parsed = Parser::new(&GenericDialect).try_with_sql(&sql).and_then(|mut parser| parser.parse_query());
    parsed.map_or_else(|_| body.clone(), |query| *query.body)
}

/// Replaces an expression with the name of the column of this SELECT that holds it.
struct ByName<'a>(&'a Select);

impl VisitorMut for ByName<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, found: &mut Expr) -> ControlFlow<()> {
        // What is the name of a column of the answer already means that column.
        let is_name =
            |item| matches!((name_of(item), &*found), (Some(name), Expr::Identifier(ident)) if name.value == ident.value);
        if self.0.projection.iter().any(is_name) {
            return ControlFlow::Continue(());
        }
        let shown = self.0.projection.iter().find(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr == found,
            _ => false,
        });
        if let Some(name) = shown.and_then(name_of) {
            *found = Expr::Identifier(name.clone());
        }
        ControlFlow::Continue(())
    }
}

/// Moves conditions of inner joins to WHERE, and drops parentheses around ON, which polars does not take.
fn move_conditions(from: &mut TableWithJoins, filter: &mut Option<Expr>) {
    // After a RIGHT or FULL JOIN the rows without a match would meet the condition too.
    let keeps_right =
        |op: &JoinOperator| matches!(op, JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::FullOuter(_));
    if from.joins.iter().any(|j| keeps_right(&j.join_operator)) {
        return;
    }
    for join in &mut from.joins {
        let (JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on))) = &mut join.join_operator
        else {
            continue;
        };
        let (keys, others): (Vec<Expr>, Vec<Expr>) = conjuncts(on.clone()).into_iter().partition(equates_columns);
        match keys.into_iter().reduce(and) {
            Some(keys) => *on = keys,
            None => join.join_operator = JoinOperator::CrossJoin(JoinConstraint::None),
        }
        *filter = others.into_iter().fold(mem::take(filter), |filter, other| match filter {
            Some(filter) => Some(and(Expr::Nested(filter.into()), Expr::Nested(other.into()))),
            None => Some(other),
        });
    }
}

fn conjuncts(condition: Expr) -> Vec<Expr> {
    match condition {
        Expr::Nested(inner) => conjuncts(*inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => [conjuncts(*left), conjuncts(*right)].concat(),
        other => vec![other],
    }
}

fn and(left: Expr, right: Expr) -> Expr {
    Expr::BinaryOp { left: left.into(), op: BinaryOperator::And, right: right.into() }
}

#[cfg(test)]
mod tests {
    use crate::statement::Statement;

    fn rewritten(sql: &str) -> String {
        match Statement::parse(sql).unwrap() {
            Statement::Query(query) => query.sql,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn computed_columns_get_their_text_as_name() {
        for (sql, named) in [
            ("SELECT site, a.date, * FROM a", "SELECT site, a.date, * FROM a"),
            ("select count(*), MAX(x) AS m from a", "SELECT count(*) AS \"count(*)\", MAX(x) AS m FROM a"),
            ("SELECT \"a b\" || 'c' FROM a", "SELECT \"a b\" || 'c' AS \"\"\"a b\"\" || 'c'\" FROM a"),
            (
                "WITH w AS (SELECT 1 + 1 FROM a) (SELECT 1 + 1 FROM w) UNION SELECT x FROM a",
                "WITH w AS (SELECT 1 + 1 AS \"1 + 1\" FROM a) (SELECT 1 + 1 AS \"1 + 1\" FROM w) \
                 UNION SELECT x AS \"1 + 1\" FROM a",
            ),
            ("EXPLAIN SELECT -x FROM a", "EXPLAIN SELECT -x AS \"-x\" FROM a"),
            ("SELECT COLUMNS('x') FROM a", "SELECT COLUMNS('x') FROM a"),
        ] {
            assert_eq!(rewritten(sql), named);
        }
    }

    #[test]
    fn aggregates_within_a_query_keep_their_row() {
        for (sql, kept) in [
            (
                "WITH w AS (SELECT COUNT(*) AS n FROM a) SELECT COUNT(*) AS m FROM b CROSS JOIN w",
                "WITH w AS (SELECT DISTINCT COUNT(*) AS n FROM a) SELECT COUNT(*) AS m FROM b CROSS JOIN w",
            ),
            ("SELECT x FROM (SELECT MAX(x) AS x FROM a) AS t", "SELECT x FROM (SELECT DISTINCT MAX(x) AS x FROM a) AS t"),
            (
                "WITH w AS (SELECT x, COUNT(*) AS n FROM a GROUP BY x) SELECT n FROM w",
                "WITH w AS (SELECT x, COUNT(*) AS n FROM a GROUP BY x) SELECT n FROM w",
            ),
            ("SELECT MAX(x) AS m FROM a WHERE x IN (SELECT y FROM b)", "SELECT MAX(x) AS m FROM a WHERE x IN (SELECT y FROM b)"),
        ] {
            assert_eq!(rewritten(sql), kept);
        }
    }

    #[test]
    fn order_by_takes_the_names_of_aggregates() {
        for (order, named) in [
            ("COUNT(*)", "n"),
            ("COUNT(*) DESC, site", "n DESC, site"),
            ("QUANTILE_CONT(x, 0.9)", "\"QUANTILE_CONT(x, 0.9)\""),
            ("QUANTILE_CONT(x, 0.9) / COUNT(*)", "\"QUANTILE_CONT(x, 0.9)\" / n"),
            ("x * 2", "d"),
            ("a.x + 1", "a.x + 1"),
        ] {
            let select = "SELECT site, x * 2 AS d, COUNT(*) AS n, QUANTILE_CONT(x, 0.9) AS \"QUANTILE_CONT(x, 0.9)\" FROM a GROUP BY site, d ORDER BY ";
            assert_eq!(rewritten(&format!("{select}{order}")), format!("{select}{named}"));
        }
        let joined = "SELECT b.x, COUNT(*) AS n FROM a JOIN b ON a.x = b.x";
        assert_eq!(rewritten(&format!("{joined} GROUP BY b.x ORDER BY b.x")), format!("{joined} GROUP BY b.x ORDER BY x"));
        let crossed = "SELECT site AS x, MAX(x) AS site FROM a GROUP BY site ORDER BY ";
        assert_eq!(rewritten(&format!("{crossed}site, MAX(x)")), format!("{crossed}site, site"));
        assert_eq!(rewritten("SELECT x * 2 AS d FROM a ORDER BY x * 2"), "SELECT x * 2 AS d FROM a ORDER BY x * 2");
    }

    #[test]
    fn the_parts_of_a_union_take_the_names_of_the_first() {
        for (sql, aligned) in [
            ("SELECT 1 AS n, x FROM a UNION SELECT 2, y FROM b", "SELECT 1 AS n, x FROM a UNION SELECT 2 AS n, y AS x FROM b"),
            ("SELECT a.x FROM a EXCEPT SELECT b.x FROM b", "SELECT a.x FROM a EXCEPT SELECT b.x FROM b"),
            (
                "SELECT x FROM a UNION ALL SELECT y AS z FROM b UNION ALL SELECT * FROM c",
                "SELECT x FROM a UNION ALL SELECT y AS x FROM b UNION ALL SELECT * FROM c",
            ),
            (
                "SELECT x AS k, COUNT(*) AS n FROM a GROUP BY k UNION ALL SELECT y AS l, SUM(z) AS m FROM b GROUP BY l HAVING m > 1",
                "SELECT x AS k, COUNT(*) AS n FROM a GROUP BY k UNION ALL \
                 SELECT l AS k, m AS n FROM (SELECT y AS l, SUM(z) AS m FROM b GROUP BY l HAVING m > 1) AS part",
            ),
            ("SELECT * FROM a UNION SELECT y FROM b", "SELECT * FROM a UNION SELECT y FROM b"),
            ("SELECT x FROM a UNION BY NAME SELECT y FROM b", "SELECT x FROM a UNION BY NAME SELECT y FROM b"),
        ] {
            assert_eq!(rewritten(sql), aligned);
        }
    }

    #[test]
    fn conditions_of_inner_joins_move_to_where() {
        for (from, moved) in [
            ("a JOIN b ON a.x = b.x", "a JOIN b ON a.x = b.x"),
            ("a JOIN b ON (a.x = b.x)", "a JOIN b ON a.x = b.x"),
            ("a JOIN b ON a.x = b.x AND b.y = 1", "a JOIN b ON a.x = b.x WHERE b.y = 1"),
            (
                "a JOIN b ON (a.x = b.x AND (b.y = 1 OR a.y > 2)) WHERE a.z OR b.z",
                "a JOIN b ON a.x = b.x WHERE (a.z OR b.z) AND (b.y = 1 OR a.y > 2)",
            ),
            ("a JOIN b ON a.x < b.x", "a CROSS JOIN b WHERE a.x < b.x"),
            ("a JOIN b ON a.x < b.x AND b.y = 1 WHERE a.z", "a CROSS JOIN b WHERE ((a.z) AND (a.x < b.x)) AND (b.y = 1)"),
            ("a LEFT JOIN b ON a.x = b.x", "a LEFT JOIN b ON a.x = b.x"),
            (
                "a JOIN b ON a.x = b.x AND b.y = 1 FULL JOIN c ON a.x = c.x",
                "a JOIN b ON a.x = b.x AND b.y = 1 FULL JOIN c ON a.x = c.x",
            ),
        ] {
            assert_eq!(rewritten(&format!("SELECT a.z FROM {from}")), format!("SELECT a.z FROM {moved}"));
        }
    }
}
