//! Repairs of plans: what DataFusion 55 plans from right SQL and would answer wrongly, without an error.

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result as EngineResult, ScalarValue, plan_err};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Unnest, Volatility, WindowFrameBound, WindowFrameUnits,
};

/// Repairs a plan and its subqueries.
///
/// # Errors
/// Those of the engine; for a frame over times whose bound is a number.
pub(crate) fn repair(plan: LogicalPlan) -> EngineResult<LogicalPlan> {
    let repaired = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Unnest(unnest) if has_keys(&unnest) => without_keys(unnest).map(Transformed::yes),
        LogicalPlan::Window(_) => in_days(node),
        // What stands above has its own copy of what is known of the columns.
        node => node.recompute_schema().map(Transformed::no),
    });
    Ok(repaired?.data)
}

/// Whether a column of the input is known to be unique. `Unnest` hands this on, though it multiplies rows: then joins lose rows, and
/// orders lose columns.
fn has_keys(unnest: &Unnest) -> bool {
    !unnest.input.schema().functional_dependencies().is_empty()
}

/// The same over columns of which nothing is known, because a function that nobody sees through computes them.
fn without_keys(unnest: Unnest) -> EngineResult<LogicalPlan> {
    let same = Arc::new(ScalarUDF::from(Same::default()));
    let schema = Arc::clone(unnest.input.schema());
    let opaque = schema.iter().map(|(table, field)| {
        let column = Expr::Column((table, field).into());
        Expr::ScalarFunction(datafusion::logical_expr::expr::ScalarFunction::new_udf(Arc::clone(&same), vec![column]))
            .alias_qualified(table.cloned(), field.name())
    });
    LogicalPlanBuilder::from(Arc::unwrap_or_clone(unnest.input))
        .project(opaque.collect::<Vec<_>>())?
        .unnest_columns_with_options(unnest.exec_columns, unnest.options)?
        .build()
}

/// Its argument.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Same(Signature);

impl Default for Same {
    fn default() -> Self {
        Self(Signature::any(1, Volatility::Immutable))
    }
}

impl ScalarUDFImpl for Same {
    fn name(&self) -> &'static str {
        "same"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, types: &[DataType]) -> EngineResult<DataType> {
        Ok(types[0].clone())
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        Ok(args.args.swap_remove(0))
    }
}

/// `RANGE 3 PRECEDING` over dates: days, and not months as the engine reads it.
fn in_days(node: LogicalPlan) -> EngineResult<Transformed<LogicalPlan>> {
    let LogicalPlan::Window(window) = &node else { return Ok(Transformed::no(node)) };
    let schema = Arc::clone(window.input.schema());
    let repaired = node.map_expressions(|expr| {
        let name = expr.schema_name().to_string();
        let Expr::WindowFunction(mut function) = expr else { return Ok(Transformed::no(expr)) };
        let is_range = function.params.window_frame.units == WindowFrameUnits::Range;
        let key = match &function.params.order_by[..] {
            [key] if is_range => key.expr.get_type(&schema)?,
            _ => return Ok(Transformed::no(Expr::WindowFunction(function))),
        };
        let changed = bounds_in_days(&mut function, &key)?;
        let expr = Expr::WindowFunction(function);
        // The parts above know the column by its name.
        Ok(if changed { Transformed::yes(expr.alias(name)) } else { Transformed::no(expr) })
    })?;
    repaired.map_data(LogicalPlan::recompute_schema)
}

/// Puts days in place of numbers in the bounds of a frame over dates, and says whether it did.
fn bounds_in_days(function: &mut WindowFunction, key: &DataType) -> EngineResult<bool> {
    let frame = &mut function.params.window_frame;
    let mut changed = false;
    for bound in [&mut frame.start_bound, &mut frame.end_bound] {
        let (WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value)) = bound else { continue };
        let text = value.to_string();
        let Ok(number) = text.parse::<i32>() else { continue };
        match key {
            DataType::Date32 => {
                *value = ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(0, number, 0)));
                changed = true;
            }
            DataType::Timestamp(..) => {
                return plan_err!("RANGE {number} over a time needs a unit; write INTERVAL '{number} days'");
            }
            _ => {}
        }
    }
    Ok(changed)
}
