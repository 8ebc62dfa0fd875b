//! Aggregates of how often values occur.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::mem::{size_of, size_of_val};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::scalar::ScalarStructBuilder;
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::same::same_by_name;
use super::scalar::list_of;

/// The aggregates.
pub(super) fn functions() -> Vec<AggregateUDF> {
    let counted = |name, of, returns: fn(&DataType) -> DataType| AggregateUDF::new_from_impl(Frequency::new(name, of, returns));
    vec![
        counted("mode", mode, DataType::clone),
        counted("entropy", entropy, |_| DataType::Float64),
        counted("histogram", histogram, |value| list_of(histogram_fields(value))),
    ]
}

type Of = fn(&HashMap<ScalarValue, i64>, &DataType) -> Result<ScalarValue>;

#[derive(Debug)]
struct Frequency {
    name: &'static str,
    of: Of,
    /// The type of the answer by that of the values.
    returns: fn(&DataType) -> DataType,
    signature: Signature,
}

impl Frequency {
    fn new(name: &'static str, of: Of, returns: fn(&DataType) -> DataType) -> Self {
        Self { name, of, returns, signature: Signature::any(1, Volatility::Immutable) }
    }
}

same_by_name!(Frequency);

impl AggregateUDFImpl for Frequency {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [value] => Ok((self.returns)(value)),
            _ => plan_err!("{} takes one argument, and not {}", self.name, arguments.len()),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let value = args.expr_fields[0].data_type().clone();
        Ok(Box::new(Counts { counts: HashMap::new(), bytes: 0, value, of: self.of, distinct: args.is_distinct }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |name: &str, item| Arc::new(Field::new(format_state_name(args.name, name), list_of(item), true));
        Ok(vec![list("values", args.input_fields[0].data_type().clone()), list("counts", DataType::Int64)])
    }

    /// `mode() WITHIN GROUP (ORDER BY x)`, as Postgres writes it.
    fn supports_within_group_clause(&self) -> bool {
        true
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// How often each value occurs, nulls left out.
#[derive(Debug)]
struct Counts {
    counts: HashMap<ScalarValue, i64>,
    /// Bytes of the values outside the table, such as those of texts.
    bytes: usize,
    value: DataType,
    of: Of,
    distinct: bool,
}

impl Counts {
    fn add(&mut self, values: &ArrayRef, count: impl Fn(usize) -> i64) -> Result<()> {
        for row in valid(values) {
            let value = ScalarValue::try_from_array(values, row)?;
            if let Some(known) = self.counts.get_mut(&value) {
                *known += count(row);
            } else {
                let value = value.compacted();
                self.bytes += value.size() - size_of_val(&value);
                self.counts.insert(value, count(row));
            }
        }
        Ok(())
    }
}

/// The rows that are not null.
fn valid(values: &ArrayRef) -> impl Iterator<Item = usize> {
    let nulls = values.logical_nulls();
    (0..values.len()).filter(move |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row)))
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], |_| 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.distinct {
            let once = self.counts.keys().map(|value| (value.clone(), 1)).collect();
            return (self.of)(&once, &self.value);
        }
        (self.of)(&self.counts, &self.value)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.counts.capacity() * size_of::<(ScalarValue, i64)>() + self.bytes
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (values, counts): (Vec<_>, Vec<_>) =
            self.counts.drain().map(|(value, count)| (value, ScalarValue::from(count))).unzip();
        let list = |items: &[ScalarValue], item: &DataType| ScalarValue::List(ScalarValue::new_list_nullable(items, item));
        Ok(vec![list(&values, &self.value), list(&counts, &DataType::Int64)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states[0].as_list::<i32>().iter().zip(states[1].as_list::<i32>().iter());
        for (values, counts) in lists {
            let (Some(values), Some(counts)) = (values, counts) else { continue };
            let counts = counts.as_primitive::<Int64Type>();
            self.add(&values, |row| counts.value(row))?;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for row in valid(&values[0]) {
            let value = ScalarValue::try_from_array(&values[0], row)?;
            match self.counts.get_mut(&value) {
                Some(1) => _ = self.counts.remove(&value),
                Some(count) => *count -= 1,
                None => return internal_err!("a value left a frame that it was not in"),
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }
}

/// The value that occurs most often. Of several, the smallest: the answer must not depend on the order of rows.
fn mode(counts: &HashMap<ScalarValue, i64>, value: &DataType) -> Result<ScalarValue> {
    let most = counts.values().copied().max();
    let usual = counts.iter().filter(|(_, count)| Some(**count) == most).map(|(value, _)| value);
    let usual = usual.reduce(|a, b| if b.partial_cmp(a).is_some_and(|order| order.is_lt()) { b } else { a });
    usual.cloned().map_or_else(|| ScalarValue::try_from(value), Ok)
}

/// Shannon's entropy of the frequencies, bits.
fn entropy(counts: &HashMap<ScalarValue, i64>, _value: &DataType) -> Result<ScalarValue> {
    // Sorted, so that the sum is the same in each run.
    let mut counts: Vec<i64> = counts.values().copied().collect();
    counts.sort_unstable();
    let total = counts.iter().sum::<i64>() as f64;
    let share = |count: i64| count as f64 / total;
    Ok(ScalarValue::from(counts.into_iter().map(|count| -share(count) * share(count).log2()).fold(0.0, |sum, bits| sum + bits)))
}

/// A pair of a value and its count, by the names that DuckDB has for the entries of a map.
fn histogram_fields(value: &DataType) -> DataType {
    DataType::Struct(Fields::from(vec![Field::new("key", value.clone(), true), Field::new("value", DataType::Int64, false)]))
}

/// Each value with its count, in the order of the values; null for no values.
fn histogram(counts: &HashMap<ScalarValue, i64>, value: &DataType) -> Result<ScalarValue> {
    let fields = histogram_fields(value);
    if counts.is_empty() {
        return ScalarValue::try_from(list_of(fields));
    }
    let mut entries: Vec<_> = counts.iter().collect();
    entries.sort_unstable_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    let pair = |(value, count): (&ScalarValue, &i64)| {
        ScalarStructBuilder::new()
            .with_scalar(Field::new("key", value.data_type(), true), value.clone())
            .with_scalar(Field::new("value", DataType::Int64, false), ScalarValue::from(*count))
            .build()
    };
    let pairs = entries.into_iter().map(pair).collect::<Result<Vec<_>>>()?;
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&pairs, &fields)))
}
