//! Parts of SQL that DataFusion would ignore, or that it cannot do. The words say what to write instead.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Fetch, JoinConstraint, JoinOperator, LimitClause, Query, Select, SetExpr, TableFactor, Visitor,
};

use super::{parts::unsupported, scope::constraint, unknown};
use crate::QueryError;
use crate::walk::{Break, outcome, walk};

/// Refuses what cannot be answered.
///
/// # Errors
/// [`QueryError::Unsupported`].
pub(super) fn refuse(query: &Query) -> Result<(), QueryError> {
    outcome(walk(query, &mut Refuse))
}

struct Refuse;

type Flow = ControlFlow<Break>;

fn no(detail: &str, hint: &str) -> Flow {
    ControlFlow::Break(Some(Box::new(unsupported(detail, hint))))
}

impl Visitor for Refuse {
    type Break = Break;

    fn pre_visit_query(&mut self, query: &Query) -> Flow {
        if matches!(&query.fetch, Some(Fetch { with_ties, percent, .. }) if *with_ties || *percent) {
            return no(
                "FETCH with PERCENT or WITH TIES",
                "number the rows with RANK() OVER (ORDER BY …) and filter with QUALIFY",
            );
        }
        if let Some(LimitClause::LimitOffset { limit_by, .. }) = &query.limit_clause
            && !limit_by.is_empty()
        {
            return no("LIMIT … BY", "number the rows with ROW_NUMBER() OVER (PARTITION BY …) and filter with QUALIFY");
        }
        if matches!(query.body.as_ref(), SetExpr::Select(s) if s.into.is_some()) {
            return no("SELECT INTO", "leave INTO out");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> Flow {
        for join in select.from.iter().flat_map(|f| &f.joins) {
            match &join.join_operator {
                JoinOperator::CrossJoin(_) => {}
                operator if matches!(constraint(operator), Some(JoinConstraint::None)) => {
                    return no("JOIN without a condition", "add ON or USING, or write CROSS JOIN");
                }
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Flow {
        match factor {
            TableFactor::Pivot { .. } => no("PIVOT", unknown::PIVOT),
            TableFactor::Unpivot { .. } => no("UNPIVOT", unknown::UNPIVOT),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Flow {
        match expr {
            Expr::Collate { .. } => no("COLLATE", "compare with ILIKE, or LOWER(…) of both sides"),
            _ => ControlFlow::Continue(()),
        }
    }
}
