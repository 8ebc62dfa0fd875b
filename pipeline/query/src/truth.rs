//! `IS TRUE` and its like as columns. DataFusion 55.2 plans such a test as one that is never null, and computes it by `IS NOT DISTINCT FROM`, of
//! which it says that it may be null where its argument may. Groups, which DISTINCT and UNION make too, compare what is said of their columns
//! before and after, and end in an internal error where a column that is never null may be null after all. So such columns are planned as what
//! they are computed by.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result as EngineResult};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, Union, binary_expr, lit};
use datafusion::optimizer::AnalyzerRule;

/// The rule. It comes after the engine's own, when arguments have their types.
#[derive(Debug)]
pub(crate) struct TruthTests;

impl AnalyzerRule for TruthTests {
    fn name(&self) -> &str {
        "truth_tests"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> EngineResult<LogicalPlan> {
        let planned = plan.transform_up_with_subqueries(|node| {
            let node = match node {
                LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => in_columns(node)?,
                LogicalPlan::Union(union) => Transformed::yes(LogicalPlan::Union(widened(union)?)),
                // Tests in conditions are no columns, and the engine knows what to make of them.
                node => Transformed::no(node),
            };
            // What stands above has its own copy of what is known of the columns.
            node.map_data(LogicalPlan::recompute_schema)
        });
        Ok(planned?.data)
    }
}

/// A union whose columns may be null where one of its inputs may be. It does not find that out again by itself.
fn widened(union: Union) -> EngineResult<Union> {
    let may_be_null = |place: usize| {
        let of = |input: &Arc<LogicalPlan>| input.schema().fields().get(place).is_some_and(|field| field.is_nullable());
        union.inputs.iter().any(of)
    };
    if union.schema.fields().iter().enumerate().all(|(place, field)| field.is_nullable() || !may_be_null(place)) {
        return Ok(union);
    }
    let columns = union.schema.iter().enumerate().map(|(place, (table, field))| {
        let is_nullable = field.is_nullable() || may_be_null(place);
        (table.cloned(), Arc::new(field.as_ref().clone().with_nullable(is_nullable)))
    });
    let schema = DFSchema::new_with_metadata(columns.collect(), union.schema.metadata().clone())?;
    Ok(Union { inputs: union.inputs, schema: Arc::new(schema) })
}

/// The same with other tests in the columns of a node, which keep their names.
fn in_columns(node: LogicalPlan) -> EngineResult<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&node);
    node.map_expressions(|expr| {
        if is_kept(&expr) {
            return Ok(Transformed::no(expr));
        }
        let name = names.save(&expr);
        expr.transform_up(|expr| Ok(computed(expr)))?.map_data(|expr| Ok(name.restore(expr)))
    })
}

/// Whether an expression of a node is no column of its own, or one that may be null in any case.
fn is_kept(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_kept(&alias.expr),
        Expr::AggregateFunction(_) | Expr::GroupingSet(_) => true,
        _ => false,
    }
}

/// A test as it is computed; any other expression stays as it is.
fn computed(expr: Expr) -> Transformed<Expr> {
    let (argument, operator, value) = match expr {
        Expr::IsTrue(argument) => (argument, Operator::IsNotDistinctFrom, true),
        Expr::IsNotTrue(argument) => (argument, Operator::IsDistinctFrom, true),
        Expr::IsFalse(argument) => (argument, Operator::IsNotDistinctFrom, false),
        Expr::IsNotFalse(argument) => (argument, Operator::IsDistinctFrom, false),
        Expr::IsUnknown(argument) => return Transformed::yes(Expr::IsNull(argument)),
        Expr::IsNotUnknown(argument) => return Transformed::yes(Expr::IsNotNull(argument)),
        expr => return Transformed::no(expr),
    };
    Transformed::yes(binary_expr(*argument, operator, lit(value)))
}
