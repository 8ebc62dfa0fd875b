//! The walk over all SELECTs of a query, with the columns that each can see.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{OrderByKind, Query, Select, VisitorMut};

use super::{joins, lateral, scope::Scope, sets, shape, subqueries};
use crate::QueryError;
use crate::walk::{Break, outcome, walk_mut};

/// Rewrites all SELECTs of a query.
///
/// # Errors
/// [`QueryError::Unsupported`].
pub(super) fn rewrite(query: &mut Query, scope: Scope) -> Result<(), QueryError> {
    outcome(walk_mut(query, &mut Selects { scopes: vec![scope] }))
}

struct Selects<'a> {
    /// The scope of each query around the current place.
    scopes: Vec<Scope<'a>>,
}

impl Selects<'_> {
    fn query(&self, scope: &Scope, query: &mut Query) -> Result<(), QueryError> {
        sets::count_rows(&mut query.body, scope)?;
        shape::ends(query, scope)?;
        if let Some(select) = shape::only_select(&mut query.body) {
            joins::name_tables(select);
            lateral::number_rows(select, scope)?;
            joins::merge(select, query.order_by.as_mut(), scope)?;
        }
        match query.order_by.as_mut().map(|o| &mut o.kind) {
            Some(OrderByKind::Expressions(keys)) => {
                keys.iter_mut().try_for_each(|k| subqueries::everywhere(&mut k.expr, true, scope))
            }
            _ => Ok(()),
        }
    }

    fn select(&self, scope: &Scope, select: &mut Select) -> Result<(), QueryError> {
        joins::sides(select);
        joins::name_tables(select);
        lateral::number_rows(select, scope)?;
        joins::merge(select, None, scope)?;
        shape::fill(select, scope, self.scopes.len() > 2)?;
        subqueries::rewrite(select, scope)
    }
}

impl VisitorMut for Selects<'_> {
    type Break = Break;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Break> {
        let Some(scope) = self.scopes.last().map(|s| s.inside(query)) else { return ControlFlow::Continue(()) };
        let done = self.query(&scope, query);
        self.scopes.push(scope);
        flow(done)
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Break> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Break> {
        match self.scopes.last() {
            Some(scope) => flow(self.select(scope, select)),
            None => ControlFlow::Continue(()),
        }
    }
}

fn flow(result: Result<(), QueryError>) -> ControlFlow<Break> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Some(Box::new(error))),
    }
}
