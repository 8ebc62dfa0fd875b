//! Rows that repeat the row before. `COUNT(DISTINCT segment_id)`, `SELECT DISTINCT` and a GROUP BY without sums need each row once. Rows of a
//! window are one after the other in the tables, one for each class. [`Repeats`] leaves out all but the first of them, before the engine makes a
//! hash of each.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::cmp::distinct;
use arrow::datatypes::{DataType, Schema};
use datafusion::common::Result as EngineResult;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode};

use crate::fewer::{Fewer, LeavesOut, Trial, above};

/// The rule that puts [`Repeats`] into plans. It comes after the engine's own.
#[derive(Debug)]
pub(crate) struct EachRowOnce;

impl PhysicalOptimizerRule for EachRowOnce {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> EngineResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(groups) = node.downcast_ref::<AggregateExec>() else { return Ok(Transformed::no(node)) };
            let Some(repeats) = Repeats::of(groups) else { return Ok(Transformed::no(node)) };
            above(&node, Fewer::of(groups.input(), repeats)).map(Transformed::yes)
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "each_row_once"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Rows whose keys are those of the row before are left out.
#[derive(Debug, Clone)]
struct Repeats {
    keys: Vec<Arc<dyn PhysicalExpr>>,
}

impl Repeats {
    /// What groups of rows are told apart by; `None` where more than that is wanted of rows, where keys have to be computed, and of lists.
    fn of(groups: &AggregateExec) -> Option<Self> {
        let (by, schema) = (groups.group_expr(), groups.input().schema());
        let keys = by.input_exprs();
        let is_column = |key: &Arc<dyn PhysicalExpr>| {
            key.downcast_ref::<Column>().is_some() && key.data_type(&schema).is_ok_and(|kind| is_simple(&kind))
        };
        let are_columns = !keys.is_empty() && keys.iter().all(is_column);
        let reads_rows = groups.mode().input_mode() == AggregateInputMode::Raw;
        (groups.aggr_expr().is_empty() && by.is_single() && are_columns && reads_rows).then_some(Self { keys })
    }
}

impl fmt::Display for Repeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        write!(f, "keys=[{}]", keys.join(", "))
    }
}

impl LeavesOut for Repeats {
    const NAME: &'static str = "WithoutRepeats";

    fn expressions(&self) -> impl Iterator<Item = &Arc<dyn PhysicalExpr>> {
        self.keys.iter()
    }

    fn start(&self, _: &Schema) -> EngineResult<impl FnMut(RecordBatch) -> EngineResult<RecordBatch> + Send + 'static> {
        let (keys, mut trial, mut pays) = (self.keys.clone(), Trial::default(), true);
        Ok(move |batch: RecordBatch| {
            if !pays {
                return Ok(batch);
            }
            let value = |key: &Arc<dyn PhysicalExpr>| key.evaluate(&batch)?.into_array(batch.num_rows());
            let keys = keys.iter().map(value).collect::<EngineResult<Vec<_>>>()?;
            let rows = filter_record_batch(&batch, &first_of_repeats(&keys, batch.num_rows())?)?;
            pays = trial.pays(batch.num_rows(), rows.num_rows());
            Ok(rows)
        })
    }
}

/// Whether values of this type are compared by [`differ`].
pub(crate) fn is_simple(kind: &DataType) -> bool {
    kind.is_primitive() || matches!(kind, DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Whether a row differs from the one before it. The first row counts as different.
fn first_of_repeats(keys: &[ArrayRef], rows: usize) -> EngineResult<BooleanArray> {
    let differ = differ(keys, rows)?;
    Ok(BooleanArray::from_iter(std::iter::once(true).chain(&differ).take(rows).map(Some)))
}

/// Whether each row but the first differs from the one before it.
///
/// # Errors
/// Those of the engine, of types that are not [simple](is_simple).
pub(crate) fn differ(keys: &[ArrayRef], rows: usize) -> EngineResult<BooleanBuffer> {
    let mut differ = BooleanBuffer::new_unset(rows.saturating_sub(1));
    for key in keys.iter().filter(|_| rows > 1) {
        differ = &differ | &values_differ(key)?;
    }
    Ok(differ)
}

fn values_differ(values: &ArrayRef) -> EngineResult<BooleanBuffer> {
    if let Some(texts) = values.as_string_view_opt().filter(|texts| texts.null_count() == 0) {
        // Equal views are equal texts, and those of neighbours in a file are equal.
        let views = texts.views();
        let differ = |i: usize| views[i] != views[i + 1] && texts.value(i) != texts.value(i + 1);
        return Ok(BooleanBuffer::collect_bool(views.len() - 1, differ));
    }
    let differ = distinct(&values.slice(1, values.len() - 1), &values.slice(0, values.len() - 1))?;
    Ok(differ.values().clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float32Array, StringViewArray};

    const LONG: &str = "a text that no view holds in itself";

    fn kept(keys: &[ArrayRef]) -> Vec<usize> {
        let kept = first_of_repeats(keys, keys[0].len()).unwrap();
        (0..kept.len()).filter(|row| kept.value(*row)).collect()
    }

    #[test]
    fn the_first_of_equal_neighbours_stays() {
        let one: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), Some("a"), None, None, Some("b"), Some("a")]));
        assert_eq!(kept(&[Arc::clone(&one)]), [0, 2, 4, 5]);
        let other: ArrayRef = Arc::new(Float32Array::from(vec![1.0, 1.0, 1.0, 2.0, 2.0, 2.0]));
        assert_eq!(kept(&[one, other]), [0, 2, 3, 4, 5]);
        assert_eq!(kept(&[Arc::new(Float32Array::from(vec![1.0])) as ArrayRef]), [0]);
        assert!(kept(&[Arc::new(Float32Array::from(Vec::<f32>::new())) as ArrayRef]).is_empty());
        let nan: ArrayRef = Arc::new(Float32Array::from(vec![f32::NAN, f32::NAN, 0.0, -0.0]));
        assert_eq!(kept(&[nan]), [0, 2, 3]);
    }

    #[test]
    fn long_texts_repeat_wherever_they_lie() {
        let texts = StringViewArray::from(vec![LONG, "short", LONG, "a text that no view holds in itself either"]);
        let repeated = arrow::compute::take(&texts, &arrow::array::UInt32Array::from(vec![0, 0, 1, 1, 2, 0, 3]), None).unwrap();
        assert_eq!(kept(&[repeated]), [0, 2, 4, 6]);
    }

    #[test]
    fn it_stops_where_nothing_repeats() {
        let keys: ArrayRef = Arc::new(Float32Array::from_iter_values((0..1000_u16).map(f32::from)));
        let batch = RecordBatch::try_from_iter([("key", keys)]).unwrap();
        let twice = RecordBatch::try_from_iter([("key", Arc::new(Float32Array::from(vec![1.0; 1000])) as ArrayRef)]).unwrap();
        let repeats = Repeats { keys: vec![Arc::new(Column::new("key", 0))] };
        let mut rows = repeats.start(&batch.schema()).unwrap();
        assert_eq!(rows(twice.clone()).unwrap().num_rows(), 1);
        for _ in 0..=crate::fewer::TRIAL / 1000 {
            assert_eq!(rows(batch.clone()).unwrap().num_rows(), 1000);
        }
        assert_eq!(rows(twice).unwrap().num_rows(), 1000);
    }
}
