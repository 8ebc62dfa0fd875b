//! One session of the engine: its settings, its functions and the tables of a query.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::Result as EngineResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::expr::WindowFunctionParams;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::{Query, Statement};

use crate::QueryError;
use crate::distinct::optimizer_rules;
use crate::first::{FirstByAnyFilter, FirstRows};
use crate::limits::Limits;
use crate::neighbours::SmallFrames;
use crate::repair::repair;
use crate::repeats::EachRowOnce;
use crate::truth::TruthTests;
use crate::{dialect, functions};

/// The resources that all sessions of a query share. Temporary files go to `folder`, or to the system's folder for them.
///
/// # Errors
/// Those of the engine.
pub(crate) fn resources(limits: &Limits, folder: Option<PathBuf>) -> EngineResult<Arc<RuntimeEnv>> {
    let mode = folder.map_or(DiskManagerMode::OsTmpDirectory, |folder| DiskManagerMode::Directories(vec![folder]));
    let memory = usize::try_from(limits.memory).unwrap_or(usize::MAX);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
        .build_arc()
}

/// The rule that moves filters of a plan towards the files. It finds columns by their names, and takes the wrong one where both sides of a
/// join have the name. Filters that belong to one table are there already ([`RunTable`](crate::provider::RunTable)).
const UNSAFE: &str = "FilterPushdown";

/// A session, and the columns of its tables.
pub(crate) struct Session {
    context: SessionContext,
    columns: HashMap<String, Vec<String>>,
}

impl Session {
    /// A session without tables.
    pub(crate) fn new(resources: Arc<RuntimeEnv>) -> Self {
        let mut config = SessionConfig::new();
        let options = config.options_mut();
        // As in DuckDB.
        "nulls_last".clone_into(&mut options.sql_parser.default_null_ordering);
        options.execution.time_zone = Some("UTC".to_owned());
        // MIN (x) FILTER (…) leaves out rows that the filter of another aggregate passes.
        options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        let mut builder = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(resources)
            .with_default_features()
            .with_analyzer_rule(Arc::new(TruthTests))
            .with_optimizer_rules(optimizer_rules())
            .with_physical_optimizer_rules(FirstByAnyFilter::among(
                PhysicalOptimizer::new().rules.into_iter().filter(|rule| rule.name() != UNSAFE).collect(),
            ))
            .with_physical_optimizer_rule(Arc::new(FirstRows))
            .with_physical_optimizer_rule(Arc::new(EachRowOnce))
            .with_physical_optimizer_rule(Arc::new(SmallFrames));
        let planners = builder.expr_planners().get_or_insert_default();
        // The first planner that knows an operator decides.
        planners.splice(0..0, dialect::planners());
        let context = SessionContext::new_with_state(builder.build());
        functions::register(&context);
        Self { context, columns: HashMap::new() }
    }

    /// A plan that can run.
    ///
    /// # Errors
    /// Those of the engine.
    pub(crate) fn frame(&self, plan: LogicalPlan) -> EngineResult<DataFrame> {
        let mut state = self.context.state();
        // Filters that a running query finds move in the same way as [`UNSAFE`] does it.
        let optimizer = &mut state.config_mut().options_mut().optimizer;
        optimizer.enable_dynamic_filter_pushdown = scans(&plan)? < 2;
        // The first rows of each group, by ROW_NUMBER or RANK, without a sort of all rows.
        optimizer.enable_window_topn = may_leave_rows_out(&plan)?;
        Ok(DataFrame::new(state, plan))
    }

    /// Rows that are there already.
    ///
    /// # Errors
    /// Those of the engine.
    pub(crate) fn rows(&self, rows: RecordBatch) -> EngineResult<DataFrame> {
        self.context.read_batch(rows)
    }

    /// Adds a table.
    ///
    /// # Errors
    /// Those of the engine.
    pub(crate) fn add(&mut self, name: &str, table: Arc<dyn TableProvider>) -> EngineResult<()> {
        let columns = table.schema().fields().iter().map(|field| field.name().clone()).collect();
        self.columns.insert(name.to_owned(), columns);
        self.context.register_table(name, table).map(drop)
    }

    /// Plans a query over the tables that were added.
    ///
    /// # Errors
    /// [`QueryError::Unsupported`] for what the engine cannot do; those of the engine, not yet explained.
    pub(crate) async fn plan(&self, mut tree: Query) -> Result<EngineResult<LogicalPlan>, QueryError> {
        let state = self.context.state();
        let aggregates = |name: &str| state.aggregate_functions().contains_key(name);
        dialect::adapt(&mut tree, &|table| self.columns.get(table).cloned(), &aggregates)?;
        let statement = EngineStatement::Statement(Box::new(Statement::Query(Box::new(tree))));
        Ok(state.statement_to_plan(statement).await.and_then(repair))
    }
}

/// How many tables a plan reads, those of its subqueries included.
fn scans(plan: &LogicalPlan) -> EngineResult<usize> {
    let mut scans = 0;
    plan.apply_with_subqueries(|node| {
        scans += usize::from(matches!(node, LogicalPlan::TableScan(_)));
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(scans)
}

/// Whether a plan may read the first rows of each group alone. Other window functions over the same groups, such as LEAD, would miss the others,
/// and the engine panics where a function orders its rows by nothing but what they have in common.
fn may_leave_rows_out(plan: &LogicalPlan) -> EngineResult<bool> {
    let is_idle = |expr: &Expr| match expr.clone().unalias() {
        Expr::WindowFunction(function) => {
            let WindowFunctionParams { order_by, partition_by, .. } = &function.params;
            !order_by.is_empty() && order_by.iter().all(|key| partition_by.contains(&key.expr))
        }
        _ => false,
    };
    let mut may = true;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Window(window) = node {
            may &= window.window_expr.len() == 1 && !window.window_expr.iter().any(is_idle);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(may)
}
