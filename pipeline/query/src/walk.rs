//! Visits the tree of a query.
//!
//! sqlparser compiles its walk through the tree, which has hundreds of types, for each type of visitor. Here all visitors share one, which
//! takes minutes off the build.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, Select, Statement, TableFactor, ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};

use crate::QueryError;

/// Why a walk ends early.
pub(crate) type Break = Option<Box<QueryError>>;

/// Visits all parts.
pub(crate) fn walk(tree: &impl Visit, visitor: &mut dyn Visitor<Break = Break>) -> ControlFlow<Break> {
    tree.visit(&mut Shared(visitor))
}

/// Visits all parts, and changes them.
pub(crate) fn walk_mut(tree: &mut impl VisitMut, visitor: &mut dyn VisitorMut<Break = Break>) -> ControlFlow<Break> {
    tree.visit(&mut SharedMut(visitor))
}

/// Visits the expressions of a tree before and after their parts, and changes them. Those of subqueries are passed over.
///
/// # Errors
/// The first of `visit`, which ends the walk.
pub(crate) fn walk_own_exprs(
    tree: &mut impl VisitMut,
    visit: &mut dyn FnMut(Step, &mut Expr) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    outcome(walk_mut(tree, &mut OwnExprs { visit, depth: 0 }))
}

/// Where a walk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Before the parts of an expression.
    Before,
    /// After them.
    After,
}

struct OwnExprs<'a> {
    visit: &'a mut dyn FnMut(Step, &mut Expr) -> Result<(), QueryError>,
    /// How many subqueries are open.
    depth: usize,
}

impl OwnExprs<'_> {
    fn step(&mut self, step: Step, expr: &mut Expr) -> ControlFlow<Break> {
        let visited = if self.depth == 0 { (self.visit)(step, expr) } else { Ok(()) };
        visited.map_or_else(|error| ControlFlow::Break(Some(Box::new(error))), ControlFlow::Continue)
    }
}

impl VisitorMut for OwnExprs<'_> {
    type Break = Break;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Break> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Break> {
        self.step(Step::Before, expr)
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Break> {
        self.step(Step::After, expr)
    }
}

/// The error with which a walk ended, if it did.
///
/// # Errors
/// That error.
pub(crate) fn outcome(walked: ControlFlow<Break>) -> Result<(), QueryError> {
    match walked {
        ControlFlow::Break(Some(error)) => Err(*error),
        ControlFlow::Break(None) | ControlFlow::Continue(()) => Ok(()),
    }
}

struct Shared<'a>(&'a mut dyn Visitor<Break = Break>);
struct SharedMut<'a>(&'a mut dyn VisitorMut<Break = Break>);

macro_rules! forward {
    ($($name:ident: $part:ty),* $(,)?) => {
        $(fn $name(&mut self, part: $part) -> ControlFlow<Break> {
            self.0.$name(part)
        })*
    };
}

impl Visitor for Shared<'_> {
    type Break = Break;

    forward! {
        pre_visit_query: &Query, post_visit_query: &Query, pre_visit_select: &Select, post_visit_select: &Select,
        pre_visit_relation: &ObjectName, post_visit_relation: &ObjectName,
        pre_visit_table_factor: &TableFactor, post_visit_table_factor: &TableFactor,
        pre_visit_expr: &Expr, post_visit_expr: &Expr, pre_visit_statement: &Statement, post_visit_statement: &Statement,
        pre_visit_value: &ValueWithSpan, post_visit_value: &ValueWithSpan,
    }
}

impl VisitorMut for SharedMut<'_> {
    type Break = Break;

    forward! {
        pre_visit_query: &mut Query, post_visit_query: &mut Query, pre_visit_select: &mut Select, post_visit_select: &mut Select,
        pre_visit_relation: &mut ObjectName, post_visit_relation: &mut ObjectName,
        pre_visit_table_factor: &mut TableFactor, post_visit_table_factor: &mut TableFactor,
        pre_visit_expr: &mut Expr, post_visit_expr: &mut Expr,
        pre_visit_statement: &mut Statement, post_visit_statement: &mut Statement,
        pre_visit_value: &mut ValueWithSpan, post_visit_value: &mut ValueWithSpan,
    }
}
