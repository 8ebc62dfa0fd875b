//! `arg_max(x, by)` and `arg_min(x, by)`: the value of one column where another one is largest or smallest.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, make_comparator};
use arrow::buffer::NullBuffer;
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

/// The aggregates.
pub(super) fn functions() -> Vec<AggregateUDF> {
    let extreme = |name, aliases: [&str; 2], better| {
        let signature = Signature::any(2, Volatility::Immutable);
        AggregateUDF::new_from_impl(Extreme { name, aliases: aliases.map(String::from), better, signature })
    };
    vec![extreme("arg_max", ["argmax", "max_by"], Ordering::Greater), extreme("arg_min", ["argmin", "min_by"], Ordering::Less)]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    name: &'static str,
    /// Here, and not by `with_aliases`, which loses the accumulator for moving frames in DataFusion 55.2.
    aliases: [String; 2],
    better: Ordering,
    signature: Signature,
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [value, _] => Ok(value.clone()),
            _ => plan_err!("{} takes a value and what it is chosen by, and not {} arguments", self.name, arguments.len()),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let [value, by] = [0, 1].map(|argument| ScalarValue::try_from(args.expr_fields[argument].data_type()));
        Ok(Box::new(Best { value: value?, by: by?, better: self.better }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let empty = ScalarValue::try_from(args.return_type())?;
        Ok(Box::new(Frame { best: VecDeque::new(), came: 0, left: 0, bytes: 0, empty, better: self.better }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |(name, input): (&str, &FieldRef)| {
            Arc::new(Field::new(format_state_name(args.name, name), input.data_type().clone(), true))
        };
        Ok(["value", "by"].into_iter().zip(args.input_fields).map(field).collect())
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// The best row so far. Both fields are null where there is none.
#[derive(Debug)]
struct Best {
    value: ScalarValue,
    by: ScalarValue,
    better: Ordering,
}

impl Accumulator for Best {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [value, by] = [&values[0], &values[1]];
        let compare = make_comparator(by, by, SortOptions::default())?;
        // The first of equal ones stays.
        let nulls = NullBuffer::union(value.logical_nulls().as_ref(), by.logical_nulls().as_ref());
        let rows = (0..value.len()).filter(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row)));
        let Some(best) = rows.reduce(|best, row| if compare(row, best) == self.better { row } else { best }) else {
            return Ok(());
        };
        let found = ScalarValue::try_from_array(by, best)?;
        if self.by.is_null() || found.try_cmp(&self.by)? == self.better {
            self.by = found.compacted();
            self.value = ScalarValue::try_from_array(value, best)?.compacted();
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.value.size() + self.by.size() - 2 * size_of::<ScalarValue>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), self.by.clone()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

/// The rows of a frame that moves; they leave it in the order in which they came.
#[derive(Debug)]
struct Frame {
    /// The best row, then the best of those that came after it, and so on: no other one can become the best.
    best: VecDeque<Row>,
    /// How many rows came so far, and how many of them left.
    came: u64,
    left: u64,
    /// Bytes of these rows.
    bytes: usize,
    empty: ScalarValue,
    better: Ordering,
}

#[derive(Debug)]
struct Row {
    number: u64,
    value: ScalarValue,
    by: ScalarValue,
}

impl Row {
    fn size(&self) -> usize {
        size_of::<u64>() + self.value.size() + self.by.size()
    }
}

impl Accumulator for Frame {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let nulls = NullBuffer::union(values[0].logical_nulls().as_ref(), values[1].logical_nulls().as_ref());
        for row in 0..values[0].len() {
            let number = self.came;
            self.came += 1;
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            let by = ScalarValue::try_from_array(&values[1], row)?.compacted();
            // The first of equal ones stays.
            while let Some(last) = self.best.back()
                && by.try_cmp(&last.by)? == self.better
            {
                self.bytes -= last.size();
                self.best.pop_back();
            }
            let row = Row { number, value: ScalarValue::try_from_array(&values[0], row)?.compacted(), by };
            self.bytes += row.size();
            self.best.push_back(row);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.best.front().map_or(&self.empty, |row| &row.value).clone())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes
    }

    /// A frame is not divided among partitions.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a frame has no state")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("a frame has no state")
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.left += values[0].len() as u64;
        while let Some(row) = self.best.front()
            && row.number < self.left
        {
            self.bytes -= row.size();
            self.best.pop_front();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }
}
