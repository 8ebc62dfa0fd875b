//! Means, sums and counts over neighbouring rows, such as `AVG(score) OVER (PARTITION BY recording_id ORDER BY start_s ROWS BETWEEN 1 PRECEDING
//! AND 1 FOLLOWING)`, which smooths scores. The engine adds the row that enters a frame and takes away the one that leaves it. So one infinite
//! value or NaN spoils all later rows of a recording, and small values are lost beside large ones. It also keeps a state for each recording.
//! [`Neighbours`] adds up each frame anew, and needs no state. Other functions, and all that stand beside them over the same rows, are the
//! engine's, and so are long frames.

use std::fmt;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result as EngineResult, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{WindowFrameBound, WindowFrameUnits};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::window::{SlidingAggregateWindowExpr, WindowExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, apply_expression_roots};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::BoundedWindowAggExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, InputOrderMode, PlanProperties};
use futures::{StreamExt, stream};

use crate::repeats::{differ, is_simple};

/// The farthest row of a frame. Longer frames are left to the engine, whose time does not grow with them.
const FARTHEST: usize = 64;

/// The rule that puts [`Neighbours`] into plans. It comes after the engine's own.
#[derive(Debug)]
pub(crate) struct SmallFrames;

impl PhysicalOptimizerRule for SmallFrames {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> EngineResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let neighbours = node.downcast_ref::<BoundedWindowAggExec>().and_then(Neighbours::of);
            Ok(neighbours.map_or_else(|| Transformed::no(node), |neighbours| Transformed::yes(Arc::new(neighbours))))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "small_frames"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// What is made of the values of a frame that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Mean,
    Sum,
    Count,
}

/// A function over a frame of rows.
#[derive(Debug, Clone)]
struct Frame {
    function: Function,
    value: Arc<dyn PhysicalExpr>,
    /// The first and the last row of the frame, counted from the row itself.
    first: isize,
    last: isize,
}

impl Frame {
    /// `None` for other functions and frames, and for means and sums of other values than real numbers.
    fn of(window: &dyn WindowExpr, schema: &SchemaRef) -> Option<Self> {
        let sliding = window.as_any().downcast_ref::<SlidingAggregateWindowExpr>()?;
        // The engine tells in no other way whether there is a FILTER.
        let has_filter = !format!("{sliding:?}").ends_with("filter: None }");
        let (aggregate, frame) = (sliding.get_aggregate_expr(), sliding.get_window_frame());
        let function = match aggregate.fun().name() {
            "avg" => Function::Mean,
            "sum" => Function::Sum,
            "count" => Function::Count,
            _ => return None,
        };
        let arguments = aggregate.expressions();
        let [value] = arguments.as_slice() else { return None };
        let is_real = value.data_type(schema).ok()? == DataType::Float64 && *aggregate.field().data_type() == DataType::Float64;
        if has_filter
            || aggregate.is_distinct()
            || !(is_real || function == Function::Count)
            || frame.units != WindowFrameUnits::Rows
        {
            return None;
        }
        let (first, last) = (place(&frame.start_bound)?, place(&frame.end_bound)?);
        Some(Self { function, value: Arc::clone(value), first, last })
    }

    /// Its value for these rows, of which each partition has one range.
    fn values(&self, batch: &RecordBatch, rows: Range<usize>, partitions: &[Range<usize>]) -> EngineResult<ArrayRef> {
        let values = self.value.evaluate(batch)?.into_array(batch.num_rows())?;
        let is_there = |at: &usize| values.is_valid(*at);
        let frames = partitions.iter().flat_map(|partition| {
            let of_partition = rows.start.max(partition.start)..rows.end.min(partition.end);
            of_partition.map(move |row| {
                let start = row.saturating_add_signed(self.first).max(partition.start);
                let end = row.saturating_add_signed(self.last + 1).min(partition.end);
                (start..end).filter(is_there)
            })
        });
        if self.function == Function::Count {
            let counts = frames.map(|frame| frame.count() as i64);
            return Ok(Arc::new(Int64Array::from_iter_values(counts)));
        }
        let reals = values.as_primitive::<Float64Type>();
        let sums = frames.map(|frame| frame.fold((0.0, 0_u32), |(sum, count), at| (sum + reals.value(at), count + 1)));
        let of_frame = |(sum, count)| {
            let divisor = if self.function == Function::Mean { f64::from(count) } else { 1.0 };
            (count > 0).then_some(sum / divisor)
        };
        Ok(Arc::new(sums.map(of_frame).collect::<Float64Array>()))
    }
}

/// A bound of a frame as rows behind the current one.
fn place(bound: &WindowFrameBound) -> Option<isize> {
    let rows = |rows: &ScalarValue| match rows {
        ScalarValue::UInt64(Some(rows)) => usize::try_from(*rows).ok().filter(|rows| *rows <= FARTHEST).map(usize::cast_signed),
        _ => None,
    };
    match bound {
        WindowFrameBound::Preceding(before) => rows(before).map(|rows| -rows),
        WindowFrameBound::CurrentRow => Some(0),
        WindowFrameBound::Following(behind) => rows(behind),
    }
}

/// The rows of the input, with a column for each frame behind theirs. The input is sorted by partition, and in each partition as the frames
/// want it.
#[derive(Debug, Clone)]
struct Neighbours {
    input: Arc<dyn ExecutionPlan>,
    partition_by: Vec<Arc<dyn PhysicalExpr>>,
    frames: Vec<Frame>,
    /// Those of the operator of the engine. No rule comes after this one that would change the input.
    properties: Arc<PlanProperties>,
}

impl Neighbours {
    /// What does the same as an operator of the engine; `None` where a frame is of another kind.
    fn of(windows: &BoundedWindowAggExec) -> Option<Self> {
        let schema = windows.input().schema();
        let frame = |window: &Arc<dyn WindowExpr>| Frame::of(window.as_ref(), &schema);
        let frames = windows.window_expr().iter().map(frame).collect::<Option<Vec<_>>>()?;
        let partition_by = windows.window_expr().first()?.partition_by().to_vec();
        let simple = partition_by.iter().all(|key| key.data_type(&schema).is_ok_and(|kind| is_simple(&kind)));
        let sorted = windows.input_order_mode == InputOrderMode::Sorted;
        let properties = Arc::clone(windows.properties());
        (sorted && simple).then(|| Self { input: Arc::clone(windows.input()), partition_by, frames, properties })
    }
}

impl DisplayAs for Neighbours {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partition_by: Vec<String> = self.partition_by.iter().map(ToString::to_string).collect();
        write!(f, "Neighbours: partition_by=[{}], frames=[", partition_by.join(", "))?;
        for (i, Frame { function, value, first, last }) in self.frames.iter().enumerate() {
            write!(f, "{}{function:?}({value}) of rows {first} to {last}", if i == 0 { "" } else { ", " })?;
        }
        write!(f, "]")
    }
}

impl ExecutionPlan for Neighbours {
    fn name(&self) -> &'static str {
        "Neighbours"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        apply_expression_roots(self.partition_by.iter().chain(self.frames.iter().map(|frame| &frame.value)), f)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { input: children.swap_remove(0), ..Self::clone(&*self) }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> EngineResult<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let schema = self.schema();
        let mut rows = Rows {
            held: RecordBatch::new_empty(input.schema()),
            done: 0,
            partition_by: self.partition_by.clone(),
            frames: self.frames.clone(),
            schema: Arc::clone(&schema),
        };
        // The end of the input lets the last rows go.
        let ended = stream::once(std::future::ready(None));
        let batches = input.map(Some).chain(ended).filter_map(move |batch| {
            let answer = match batch {
                Some(batch) => batch.and_then(|batch| rows.next(&batch, false)),
                None => rows.next(&RecordBatch::new_empty(rows.held.schema()), true),
            };
            std::future::ready(Some(answer).filter(|answer| !answer.as_ref().is_ok_and(|rows| rows.num_rows() == 0)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// Rows on their way.
struct Rows {
    /// Rows that wait for those behind them, and before them those that their frames reach back to.
    held: RecordBatch,
    /// How many of these were handed on.
    done: usize,
    partition_by: Vec<Arc<dyn PhysicalExpr>>,
    frames: Vec<Frame>,
    schema: SchemaRef,
}

impl Rows {
    /// The rows that are complete with a further batch.
    fn next(&mut self, batch: &RecordBatch, is_last: bool) -> EngineResult<RecordBatch> {
        let rows =
            if self.held.num_rows() == 0 { batch.clone() } else { concat_batches(&self.held.schema(), [&self.held, batch])? };
        let all = rows.num_rows();
        let keys = self.partition_by.iter().map(|key| key.evaluate(&rows)?.into_array(all));
        let keys = keys.collect::<EngineResult<Vec<_>>>()?;
        let differ = differ(&keys, all)?;
        let starts = iter::once(0).chain(differ.set_indices().map(|before| before + 1));
        let ends = differ.set_indices().map(|before| before + 1).chain([all]);
        let partitions: Vec<Range<usize>> = starts.zip(ends).map(|(start, end)| start..end).collect();
        // More rows of the last partition may come.
        let open = partitions.last().map_or(0, |last| last.start);
        let ahead = self.frames.iter().map(|frame| frame.last.max(0).unsigned_abs()).max().unwrap_or(0);
        let back = self.frames.iter().map(|frame| frame.first.min(0).unsigned_abs()).max().unwrap_or(0);
        let complete = if is_last { all } else { all.saturating_sub(ahead).max(open).max(self.done) };
        let mut columns = rows.slice(self.done, complete - self.done).columns().to_vec();
        for frame in &self.frames {
            columns.push(frame.values(&rows, self.done..complete, &partitions)?);
        }
        let kept = complete.saturating_sub(back).max(open).min(complete);
        self.held = compact(&rows.slice(kept, all - kept))?;
        self.done = complete - kept;
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// Rows without the texts of others: views of texts keep the memory of the batches that they come from.
fn compact(rows: &RecordBatch) -> EngineResult<RecordBatch> {
    let column = |column: &ArrayRef| match column.as_string_view_opt() {
        Some(texts) => Arc::new(texts.gc()),
        None => Arc::clone(column),
    };
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(rows.schema(), rows.columns().iter().map(column).collect(), &options)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{StringArray, StringViewArray};
    use arrow::datatypes::{Field, Schema};
    use datafusion::physical_expr::expressions::Column;

    fn frame(function: Function, first: isize, last: isize) -> Frame {
        Frame { function, value: Arc::new(Column::new("value", 1)), first, last }
    }

    fn batch(rows: &[(String, Option<f64>)]) -> RecordBatch {
        let keys: ArrayRef = Arc::new(rows.iter().map(|(key, _)| Some(key)).collect::<StringArray>());
        let values: ArrayRef = Arc::new(rows.iter().map(|(_, value)| *value).collect::<Float64Array>());
        RecordBatch::try_from_iter_with_nullable([("key", keys, false), ("value", values, true)]).unwrap()
    }

    /// The values of frames, where rows come in batches of a size.
    fn values(rows: &[(String, Option<f64>)], frames: &[Frame], size: usize) -> Vec<Vec<Option<f64>>> {
        let input = batch(&[]).schema();
        let added = frames.iter().enumerate().map(|(i, _)| Arc::new(Field::new(i.to_string(), DataType::Float64, true)));
        let schema = Arc::new(Schema::new(input.fields().iter().cloned().chain(added).collect::<Vec<_>>()));
        let partition_by: Vec<Arc<dyn PhysicalExpr>> = vec![Arc::new(Column::new("key", 0))];
        let mut state = Rows { held: batch(&[]), done: 0, partition_by, frames: frames.to_vec(), schema: Arc::clone(&schema) };
        let mut answers: Vec<RecordBatch> = rows.chunks(size).map(|rows| state.next(&batch(rows), false).unwrap()).collect();
        answers.push(state.next(&batch(&[]), true).unwrap());
        let answer = concat_batches(&schema, &answers).unwrap();
        assert_eq!(answer.columns()[..2], batch(rows).columns()[..2]);
        (0..frames.len()).map(|i| answer.column(2 + i).as_primitive::<Float64Type>().iter().collect()).collect()
    }

    #[test]
    fn each_frame_holds_its_rows_whatever_the_batches() {
        // Partitions of 1 to 12 rows; every fifth value is missing.
        let mut rows = Vec::new();
        for key in 1..=12 {
            (0..key).for_each(|i| rows.push((format!("{key:02}"), (i % 5 != 4).then_some(f64::from(key * 100 + i)))));
        }
        let bounds = [(-1, 1), (0, 0), (-2, 0), (0, 3), (-3, -1), (1, 2), (-7, 9)];
        let frames: Vec<Frame> = bounds.iter().map(|(first, last)| frame(Function::Sum, *first, *last)).collect();
        let wanted: Vec<Vec<Option<f64>>> = bounds
            .iter()
            .map(|(first, last)| {
                let of_row = |i: isize| {
                    let near = |j: isize| usize::try_from(j).ok().and_then(|j| rows.get(j));
                    let key = &rows[i.unsigned_abs()].0;
                    let in_frame = (i + first..=i + last).filter_map(near).filter(|row| row.0 == *key).filter_map(|row| row.1);
                    let values: Vec<f64> = in_frame.collect();
                    (!values.is_empty()).then(|| values.iter().sum())
                };
                (0..rows.len().cast_signed()).map(of_row).collect()
            })
            .collect();
        for size in [1, 2, 3, 5, 8, 1000] {
            assert_eq!(values(&rows, &frames, size), wanted, "batches of {size}");
        }
    }

    #[test]
    fn what_waits_holds_no_memory_of_what_went() {
        let row = |i: usize| (format!("a key that no view holds in itself, {}", i / 3), Some(1.0));
        let mut state = Rows {
            held: RecordBatch::new_empty(views(&[]).schema()),
            done: 0,
            partition_by: vec![Arc::new(Column::new("key", 0))],
            frames: vec![frame(Function::Mean, -1, 1)],
            schema: Arc::new(Schema::new(vec![
                Field::new("key", DataType::Utf8View, false),
                Field::new("value", DataType::Float64, true),
                Field::new("mean", DataType::Float64, true),
            ])),
        };
        let mut handed_on = 0;
        for i in 0..100 {
            let rows: Vec<_> = (i * 50..(i + 1) * 50).map(row).collect();
            handed_on += state.next(&views(&rows), false).unwrap().num_rows();
            assert!(state.held.num_rows() <= 2 && state.held.column(0).as_string_view().data_buffers().len() <= 1);
        }
        assert_eq!(handed_on + state.held.num_rows() - state.done, 5000);
    }

    /// A batch whose keys are views.
    fn views(rows: &[(String, Option<f64>)]) -> RecordBatch {
        let keys: ArrayRef = Arc::new(rows.iter().map(|(key, _)| Some(key)).collect::<StringViewArray>());
        RecordBatch::try_from_iter_with_nullable([("key", keys, false), ("value", Arc::clone(batch(rows).column(1)), true)])
            .unwrap()
    }

    #[test]
    fn a_mean_is_of_the_values_that_are_there() {
        let rows: Vec<(String, Option<f64>)> =
            [Some(1.0), None, Some(4.0), Some(f64::INFINITY), Some(2.0), Some(6.0)].map(|value| ("a".to_owned(), value)).to_vec();
        let means = values(&rows, &[frame(Function::Mean, -1, 1)], 4).swap_remove(0);
        let infinite = Some(f64::INFINITY);
        assert_eq!(means, [Some(1.0), Some(2.5), infinite, infinite, infinite, Some(4.0)]);
        assert_eq!(values(&rows[1..2], &[frame(Function::Mean, 0, 0)], 1), [[None]]);
    }
}
