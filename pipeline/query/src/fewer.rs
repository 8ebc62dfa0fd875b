//! An operator of a plan that leaves out rows which do not change the answer.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use datafusion::common::Result as EngineResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::apply_expression_roots;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures::TryStreamExt;
use futures::future::ready;

/// After so many rows it is looked at whether it pays.
pub(crate) const TRIAL: usize = 1 << 20;

/// Which rows are left out. It is displayed as EXPLAIN shows it.
pub(crate) trait LeavesOut: fmt::Debug + fmt::Display + Clone + Send + Sync + 'static {
    const NAME: &'static str;

    /// What is looked at of a row.
    fn expressions(&self) -> impl Iterator<Item = &Arc<dyn PhysicalExpr>>;

    /// What gives of each batch of a stream the rows that stay.
    ///
    /// # Errors
    /// Those of the engine, here and for each batch.
    fn start(&self, schema: &Schema) -> EngineResult<impl FnMut(RecordBatch) -> EngineResult<RecordBatch> + Send + 'static>;
}

/// The rows of the input but for those that are left out.
#[derive(Debug, Clone)]
pub(crate) struct Fewer<L> {
    input: Arc<dyn ExecutionPlan>,
    rule: L,
}

impl<L: LeavesOut> Fewer<L> {
    pub(crate) fn of(input: &Arc<dyn ExecutionPlan>, rule: L) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self { input: Arc::clone(input), rule })
    }
}

impl<L: LeavesOut> DisplayAs for Fewer<L> {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", L::NAME, self.rule)
    }
}

impl<L: LeavesOut> ExecutionPlan for Fewer<L> {
    fn name(&self) -> &'static str {
        L::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        apply_expression_roots(self.rule.expressions(), f)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { input: children.swap_remove(0), rule: self.rule.clone() }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> EngineResult<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let schema = input.schema();
        let mut rows_that_stay = self.rule.start(&schema)?;
        let rows = input
            .try_filter_map(move |batch| ready(rows_that_stay(batch).map(|rows| Some(rows).filter(|rows| rows.num_rows() > 0))));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

/// A node of a plan over another input.
pub(crate) fn above(node: &Arc<dyn ExecutionPlan>, input: Arc<dyn ExecutionPlan>) -> EngineResult<Arc<dyn ExecutionPlan>> {
    Arc::clone(node).replace_children(vec![input], ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
}

/// Whether leaving out rows pays: what is left out is counted.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    seen: usize,
    left_out: usize,
}

impl Trial {
    /// Whether half of the rows at least are left out, as far as is known.
    pub(crate) fn pays(&mut self, before: usize, after: usize) -> bool {
        self.seen += before;
        self.left_out += before - after;
        if self.seen < TRIAL {
            return true;
        }
        let pays = self.left_out >= self.seen / 2;
        *self = Self::default();
        pays
    }
}
