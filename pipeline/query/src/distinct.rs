//! Counts of distinct values beside sums. DataFusion 55.2 turns `COUNT(DISTINCT x), SUM(y)` into two aggregations, the second of which sums
//! up sums. A sum of whole numbers is a decimal with more digits than its terms, and a sum of sums has more digits still. What was planned
//! with the type of the sum before, such as a condition in HAVING, then fails. Such a query keeps its one aggregation.

use std::sync::Arc;

use datafusion::common::Result as EngineResult;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{Optimizer, OptimizerConfig, OptimizerRule};

/// The engine's rule.
const RULE: &str = "single_distinct_aggregation_to_group_by";

type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// The rules of the engine, with the one replaced.
pub(crate) fn optimizer_rules() -> Vec<Rule> {
    let replaced = |rule: Rule| if rule.name() == RULE { Arc::new(WithoutSums(rule)) as Rule } else { rule };
    Optimizer::new().rules.into_iter().map(replaced).collect()
}

/// The rule where nothing is summed up.
#[derive(Debug)]
struct WithoutSums(Rule);

impl OptimizerRule for WithoutSums {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> EngineResult<Transformed<LogicalPlan>> {
        match &plan {
            LogicalPlan::Aggregate(aggregate) if aggregate.aggr_expr.iter().any(is_sum) => Ok(Transformed::no(plan)),
            _ => self.0.rewrite(plan, config),
        }
    }
}

fn is_sum(expression: &Expr) -> bool {
    matches!(expression, Expr::AggregateFunction(call) if !call.params.distinct && call.func.name() == "sum")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_has_the_rule_that_is_replaced() {
        assert_eq!(Optimizer::new().rules.iter().filter(|rule| rule.name() == RULE).count(), 1);
        assert_eq!(optimizer_rules().len(), Optimizer::new().rules.len());
    }
}
