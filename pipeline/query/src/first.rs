//! The first rows of each group. A condition such as `ROW_NUMBER() OVER (PARTITION BY site ORDER BY score DESC) <= 3` asks for three rows of each
//! site. The engine keeps the first rows of each group (`PartitionedTopKExec`), but before that it hands every row of the table to the thread
//! of its group, and encodes it. [`Candidates`] stands where rows are read. It compares numbers, and leaves out a row when so many rows of its
//! group are better by the first key of the order.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{SortOptions, cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, UInt64Type};
use datafusion::common::Result as EngineResult;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::window_topn::WindowTopN;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::partitioned_topk::PartitionedTopKExec;

use crate::fewer::{Fewer, LeavesOut, Trial, above};

/// Of more rows than these of each group it is quicker to let the engine sort them out.
const MOST: usize = 32;
/// The most that groups and their best values may take, in bytes, for each thread.
const LARGEST: usize = 64 << 20;

/// The engine's rule that keeps the first rows of each group, for conditions in each form. By itself it passes over a filter that hands on some
/// of its columns only, such as one of QUALIFY, and over `= 1`.
#[derive(Debug)]
pub(crate) struct FirstByAnyFilter;

impl FirstByAnyFilter {
    /// The rules of the engine, with the one replaced.
    pub(crate) fn among(rules: Vec<Rule>) -> Vec<Rule> {
        let replaced = |rule: Rule| if rule.name() == WindowTopN::new().name() { Arc::new(Self) as Rule } else { rule };
        rules.into_iter().map(replaced).collect()
    }
}

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

impl PhysicalOptimizerRule for FirstByAnyFilter {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> EngineResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(filter) = node.downcast_ref::<FilterExec>().filter(|filter| filter.fetch().is_none()) else {
                return Ok(Transformed::no(node));
            };
            let whole = FilterExec::try_new(at_most(filter.predicate()), Arc::clone(filter.input()))?;
            let first = WindowTopN::new().optimize(Arc::new(whole), config)?;
            if first.downcast_ref::<FilterExec>().is_some() {
                return Ok(Transformed::no(node));
            }
            let Some(columns) = filter.projection() else { return Ok(Transformed::yes(first)) };
            let schema = first.schema();
            let column = |place: &usize| {
                let name = schema.field(*place).name().clone();
                ProjectionExpr { expr: Arc::new(Column::new(&name, *place)), alias: name }
            };
            let columns: Vec<ProjectionExpr> = columns.iter().map(column).collect();
            Ok(Transformed::yes(Arc::new(ProjectionExec::try_new(columns, first)?)))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "first_by_any_filter"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A condition `= 1` as `<= 1`, which is the same of a row's number and of its rank. The engine's rule takes it of nothing else.
fn at_most(condition: &Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
    let is_one = |side: &Arc<dyn PhysicalExpr>| {
        let value = side.downcast_ref::<Literal>().map(|literal| literal.value().clone());
        value.is_some_and(|value| value.data_type().is_integer() && value.to_string() == "1")
    };
    let Some(equal) = condition.downcast_ref::<BinaryExpr>().filter(|both| *both.op() == Operator::Eq) else {
        return Arc::clone(condition);
    };
    let (left, right) = (Arc::clone(equal.left()), Arc::clone(equal.right()));
    if is_one(&right) {
        Arc::new(BinaryExpr::new(left, Operator::LtEq, right))
    } else if is_one(&left) {
        Arc::new(BinaryExpr::new(left, Operator::GtEq, right))
    } else {
        Arc::clone(condition)
    }
}

/// The rule that puts [`Candidates`] into plans. It comes after the engine's own.
#[derive(Debug)]
pub(crate) struct FirstRows;

impl PhysicalOptimizerRule for FirstRows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> EngineResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(top) = node.downcast_ref::<PartitionedTopKExec>() else { return Ok(Transformed::no(node)) };
            let exchange = top.input();
            let is_exchange = exchange.downcast_ref::<RepartitionExec>().is_some();
            let rows = exchange.children().first().filter(|_| is_exchange).map_or(exchange, |rows| *rows);
            let Some(candidates) = Candidates::of(top)? else { return Ok(Transformed::no(node)) };
            let fewer = Fewer::of(rows, candidates);
            let fewer = if is_exchange { above(exchange, fewer)? } else { fewer };
            above(&node, fewer).map(Transformed::yes)
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "first_rows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Rows that cannot be among the first of their group are left out.
#[derive(Debug, Clone)]
struct Candidates {
    /// What groups have in common.
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// The first key of the order within groups.
    order: PhysicalSortExpr,
    /// How many rows of each group are wanted.
    wanted: usize,
}

impl Candidates {
    /// What an operator needs of its rows; `None` where its order does not begin with a number or a time, or where it wants many rows.
    fn of(top: &PartitionedTopKExec) -> EngineResult<Option<Self>> {
        let (keys, order) = top.expr().split_at(top.partition_prefix_len());
        let Some(order) = order.first().filter(|_| (1..=MOST).contains(&top.fetch())) else { return Ok(None) };
        if comparable(&order.expr.data_type(&top.input().schema())?).is_none() {
            return Ok(None);
        }
        let keys = keys.iter().map(|key| Arc::clone(&key.expr)).collect();
        Ok(Some(Self { keys, order: order.clone(), wanted: top.fetch() }))
    }
}

impl fmt::Display for Candidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        write!(f, "first={}, groups=[{}], order=[{}]", self.wanted, keys.join(", "), self.order)
    }
}

impl LeavesOut for Candidates {
    const NAME: &'static str = "Candidates";

    fn expressions(&self) -> impl Iterator<Item = &Arc<dyn PhysicalExpr>> {
        self.keys.iter().chain([&self.order.expr])
    }

    fn start(&self, schema: &Schema) -> EngineResult<impl FnMut(RecordBatch) -> EngineResult<RecordBatch> + Send + 'static> {
        let mut best = Best::new(self.keys.clone(), self.order.clone(), self.wanted, schema)?;
        Ok(move |batch| best.candidates(batch))
    }
}

/// The best values so far of each group.
struct Best {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    order: PhysicalSortExpr,
    wanted: usize,
    /// `None` from when on it did not pay.
    known: Option<Known>,
}

/// What is known of the groups.
struct Known {
    groups: Box<dyn GroupValues>,
    /// The group of each row of a batch.
    group: Vec<usize>,
    /// As many ranks as are wanted for each group, the best first. There are [`u128::MAX`] in place of rows that did not come yet.
    ranks: Vec<u128>,
    trial: Trial,
}

impl Best {
    fn new(keys: Vec<Arc<dyn PhysicalExpr>>, order: PhysicalSortExpr, wanted: usize, schema: &Schema) -> EngineResult<Self> {
        let field = |key: &Arc<dyn PhysicalExpr>| Ok(Field::new("key", key.data_type(schema)?, key.nullable(schema)?));
        let fields = keys.iter().map(field).collect::<EngineResult<Vec<_>>>()?;
        let groups = new_group_values(Arc::new(Schema::new(fields)), &GroupOrdering::None)?;
        let known = Known { groups, group: Vec::new(), ranks: Vec::new(), trial: Trial::default() };
        Ok(Self { keys, order, wanted, known: Some(known) })
    }

    /// The rows of a batch that may be among the first of their group. Rows that equal the last of these by the first key may.
    fn candidates(&mut self, batch: RecordBatch) -> EngineResult<RecordBatch> {
        let Some(known) = &mut self.known else { return Ok(batch) };
        let value = |key: &Arc<dyn PhysicalExpr>| key.evaluate(&batch)?.into_array(batch.num_rows());
        let keys = self.keys.iter().map(value).collect::<EngineResult<Vec<_>>>()?;
        known.groups.intern(&keys, &mut known.group)?;
        known.ranks.resize(known.groups.len() * self.wanted, u128::MAX);
        let order = ranks(&value(&self.order.expr)?, self.order.options)?;
        let may_be_first = |(&group, rank): (&usize, u128)| {
            let best = &mut known.ranks[group * self.wanted..][..self.wanted];
            let last = best[self.wanted - 1];
            if rank < last {
                let place = best.partition_point(|earlier| *earlier <= rank);
                best[place..].rotate_right(1);
                best[place] = rank;
            }
            rank <= last
        };
        let chosen: BooleanArray = known.group.iter().zip(order).map(may_be_first).map(Some).collect();
        let candidates = filter_record_batch(&batch, &chosen)?;
        if !known.pays(batch.num_rows(), candidates.num_rows()) {
            self.known = None;
        }
        Ok(candidates)
    }
}

impl Known {
    /// Whether it takes little memory, and leaves out enough rows. Where most groups have hardly more rows than are wanted, it does not.
    fn pays(&mut self, before: usize, after: usize) -> bool {
        self.groups.size() + size_of_val(self.ranks.as_slice()) <= LARGEST && self.trial.pays(before, after)
    }
}

/// The type in which values are compared; `None` of texts and lists.
fn comparable(kind: &DataType) -> Option<DataType> {
    use DataType::{
        Date32, Date64, Float16, Float32, Float64, Int8, Int16, Int32, Int64, Timestamp, UInt8, UInt16, UInt32, UInt64,
    };
    match kind {
        Float16 | Float32 | Float64 => Some(Float64),
        UInt8 | UInt16 | UInt32 | UInt64 => Some(UInt64),
        Int8 | Int16 | Int32 | Int64 | Date32 | Date64 | Timestamp(..) => Some(Int64),
        _ => None,
    }
}

/// Numbers that are smaller, the earlier a value stands in an order. Floating-point numbers have the order of their bits, as in the engine: -0
/// before 0, and NaN behind all.
fn ranks(values: &ArrayRef, options: SortOptions) -> EngineResult<Vec<u128>> {
    const SIGN: u64 = 1 << 63;
    let kind = comparable(values.data_type()).unwrap_or(DataType::Int64);
    let values = cast(values, &kind)?;
    let bits: Vec<u64> = match kind {
        DataType::Float64 => {
            let of = |value: &f64| if value.is_sign_negative() { !value.to_bits() } else { value.to_bits() | SIGN };
            values.as_primitive::<Float64Type>().values().iter().map(of).collect()
        }
        DataType::UInt64 => values.as_primitive::<UInt64Type>().values().to_vec(),
        _ => values.as_primitive::<Int64Type>().values().iter().map(|value| value.cast_unsigned() ^ SIGN).collect(),
    };
    let above_values = 1 << 64;
    let null = if options.nulls_first { 0 } else { 2 * above_values };
    let of = |(row, bits): (usize, u64)| match (values.is_null(row), options.descending) {
        (true, _) => null,
        (false, true) => above_values + u128::from(!bits),
        (false, false) => above_values + u128::from(bits),
    };
    Ok(bits.into_iter().enumerate().map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float32Array, Int32Array, StringArray, TimestampMicrosecondArray};
    use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

    fn batch(groups: &[&str], values: ArrayRef) -> RecordBatch {
        let groups: ArrayRef = Arc::new(StringArray::from(groups.to_vec()));
        RecordBatch::try_from_iter_with_nullable([("group", groups, true), ("value", values, true)]).unwrap()
    }

    fn best(batch: &RecordBatch, wanted: usize, options: SortOptions) -> Best {
        let order = PhysicalSortExpr::new(Arc::new(Column::new("value", 1)), options);
        Best::new(vec![Arc::new(Column::new("group", 0))], order, wanted, &batch.schema()).unwrap()
    }

    #[test]
    fn the_engine_has_the_rule_that_is_replaced() {
        let rules = FirstByAnyFilter::among(PhysicalOptimizer::new().rules);
        assert_eq!(rules.iter().filter(|rule| rule.name() == FirstByAnyFilter.name()).count(), 1);
    }

    #[test]
    fn a_row_is_left_out_when_enough_of_its_group_are_better() {
        let descending = SortOptions { descending: true, nulls_first: false };
        let values = [0.1, 0.5, 0.3, 0.5, 0.4, 0.2, 0.5, 0.9];
        let rows = batch(&["a", "a", "a", "a", "b", "a", "a", "b"], Arc::new(Float32Array::from(values.to_vec())));
        let mut best = best(&rows, 2, descending);
        // 0.2 comes when two 0.5 are there; the third 0.5 equals them.
        let kept = best.candidates(rows.clone()).unwrap();
        assert_eq!(kept.column(1).as_primitive::<arrow::datatypes::Float32Type>().values(), &[0.1, 0.5, 0.3, 0.5, 0.4, 0.5, 0.9]);
        let again = best.candidates(rows).unwrap();
        assert_eq!(again.column(1).as_primitive::<arrow::datatypes::Float32Type>().values(), &[0.5, 0.5, 0.4, 0.5, 0.9]);
    }

    #[test]
    fn ranks_are_in_the_order_of_the_engine() {
        let reals: ArrayRef = Arc::new(Float32Array::from(vec![
            Some(f32::NEG_INFINITY),
            Some(-1.5),
            Some(-0.0),
            Some(0.0),
            Some(1.5),
            Some(f32::INFINITY),
            Some(f32::NAN),
            None,
        ]));
        let whole: ArrayRef = Arc::new(Int32Array::from(vec![Some(i32::MIN), Some(-1), Some(0), Some(i32::MAX), None]));
        let times: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![Some(-5), Some(0), Some(7), None]).with_timezone("UTC"));
        for values in [reals, whole, times] {
            for descending in [false, true] {
                for nulls_first in [false, true] {
                    let options = SortOptions { descending, nulls_first };
                    let ranks = ranks(&values, options).unwrap();
                    let mut by_rank: Vec<usize> = (0..ranks.len()).collect();
                    by_rank.sort_by_key(|row| ranks[*row]);
                    let sorted = arrow::compute::sort_to_indices(&values, Some(options), None).unwrap();
                    let wanted: Vec<usize> = sorted.values().iter().map(|row| *row as usize).collect();
                    assert_eq!(by_rank, wanted, "{values:?} {options:?}");
                }
            }
        }
    }

    #[test]
    fn it_stops_where_it_leaves_out_little() {
        let names: Vec<String> = (0..1000).map(|i| i.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut value = 0;
        let mut next = || {
            value += 1;
            batch(&names, Arc::new(Int32Array::from(vec![value; 1000])))
        };
        // Each batch is better than all before it.
        let mut rising = best(&next(), 1, SortOptions { descending: true, nulls_first: false });
        let mut falling = best(&next(), 1, SortOptions { descending: false, nulls_first: false });
        for _ in 0..=crate::fewer::TRIAL / 1000 {
            assert_eq!(rising.candidates(next()).unwrap().num_rows(), 1000);
            let _ = falling.candidates(next()).unwrap();
        }
        assert!(rising.known.is_none() && falling.known.is_some());
        assert_eq!(falling.candidates(next()).unwrap().num_rows(), 0);
        assert_eq!(rising.candidates(next()).unwrap().num_rows(), 1000);
    }
}
