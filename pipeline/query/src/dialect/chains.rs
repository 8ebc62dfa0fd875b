//! Long chains of AND and OR, which the parser gives as deep trees.

use std::{mem, ops::ControlFlow};

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Query, Value, VisitorMut};

use crate::walk::{Break, walk_mut};

/// Gives each chain of AND or OR the least depth. The meaning stays: both operators are associative. Planning takes time in proportion
/// to the size of a tree times its depth, which is the square of the length of a chain that is left as it is.
pub(super) fn balance(query: &mut Query) {
    let _ = walk_mut(query, &mut Balance);
}

struct Balance;

impl VisitorMut for Balance {
    type Break = Break;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Break> {
        if let Expr::BinaryOp { op, left, .. } = expr
            && matches!(op, BinaryOperator::And | BinaryOperator::Or)
            && matches!(&**left, Expr::BinaryOp { op: below, .. } if below == op)
        {
            let op = op.clone();
            let mut links = links(expr, &op);
            if let Some(balanced) = tree(&mut links, &op) {
                *expr = balanced;
            }
        }
        ControlFlow::Continue(())
    }
}

/// What a chain connects, in order. Takes it out of the tree.
fn links(chain: &mut Expr, operator: &BinaryOperator) -> Vec<Expr> {
    let (mut found, mut open) = (Vec::new(), vec![take(chain)]);
    while let Some(next) = open.pop() {
        match next {
            Expr::BinaryOp { left, op, right } if op == *operator => open.extend([*right, *left]),
            link => found.push(link),
        }
    }
    found
}

/// A tree of the least depth; `None` of nothing.
fn tree(links: &mut [Expr], op: &BinaryOperator) -> Option<Expr> {
    match links {
        [] => None,
        [one] => Some(take(one)),
        many => {
            let (left, right) = many.split_at_mut(many.len() / 2);
            let (left, right) = (Box::new(tree(left, op)?), Box::new(tree(right, op)?));
            Some(Expr::BinaryOp { left, op: op.clone(), right })
        }
    }
}

fn take(expr: &mut Expr) -> Expr {
    mem::replace(expr, Expr::Value(Value::Null.with_empty_span()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use datafusion::sql::sqlparser::{ast::Statement, parser::Parser};

    use super::*;
    use crate::dialect::{Grammar, adapt};

    fn depth(expr: &Expr) -> usize {
        match expr {
            Expr::BinaryOp { left, right, .. } => 1 + depth(left).max(depth(right)),
            _ => 0,
        }
    }

    #[test]
    fn a_chain_keeps_its_text_and_loses_its_depth() {
        for op in [" AND ", " OR "] {
            let chain = (0..100).map(|i| format!("a{i}")).collect::<Vec<_>>().join(op);
            let text = format!("SELECT 1 AS x FROM t WHERE {chain}");
            let Statement::Query(mut query) = Parser::parse_sql(&Grammar, &text).unwrap().remove(0) else { panic!("no query") };
            adapt(&mut query, &|_| None, &|_| false).unwrap();
            assert_eq!(query.to_string(), text);
            assert_eq!(depth(query.body.as_select().unwrap().selection.as_ref().unwrap()), 7);
        }
    }
}
