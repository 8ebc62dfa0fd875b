//! The order of nulls: last in both directions, unless the query says otherwise.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArgumentClause, FunctionArguments, NamedWindowExpr, OrderByExpr, OrderByKind, OrderByOptions, Query, Select,
    VisitorMut, WindowSpec, WindowType,
};

use crate::walk::{Break, walk_mut};

/// Says NULLS LAST wherever a query orders rows.
pub(super) fn last(query: &mut Query) {
    let _ = walk_mut(query, &mut NullsLast);
}

struct NullsLast;

impl VisitorMut for NullsLast {
    type Break = Break;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Break> {
        match query.order_by.as_mut().map(|o| &mut o.kind) {
            Some(OrderByKind::All(options)) => set(options),
            Some(OrderByKind::Expressions(keys)) => all(keys),
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Break> {
        for window in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                of_window(spec);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Break> {
        if let Expr::Function(function) = expr {
            if let Some(WindowType::WindowSpec(spec)) = &mut function.over {
                of_window(spec);
            }
            all(&mut function.within_group);
            if let FunctionArguments::List(list) = &mut function.args {
                for clause in &mut list.clauses {
                    if let FunctionArgumentClause::OrderBy(keys) = clause {
                        all(keys);
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn of_window(spec: &mut WindowSpec) {
    all(&mut spec.order_by);
}

fn all(keys: &mut [OrderByExpr]) {
    keys.iter_mut().for_each(|k| set(&mut k.options));
}

fn set(options: &mut OrderByOptions) {
    options.nulls_first.get_or_insert(false);
}
