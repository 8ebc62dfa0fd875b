//! Exact quantiles and medians.

use std::sync::Arc;

use arrow::array::{AsArray, Float64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{ArrowNativeTypeOp, DataType, FieldRef, Float64Type, Int64Type, Schema};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Signature, Volatility};
use datafusion::physical_expr::PhysicalExpr;

use super::gathered::{self, Gathered};
use super::scalar::list_of;
use super::sorted::Sorted;
use crate::times::TIMESTAMP;

/// The aggregates.
pub(super) fn functions() -> Vec<AggregateUDF> {
    let quantile = |name, between, one| AggregateUDF::new_from_impl(Quantile::new(name, between, one));
    vec![
        quantile("quantile_cont", true, false).with_aliases(["approx_quantile"]),
        quantile("quantile_disc", false, false).with_aliases(["quantile"]),
        // Not aliases of the two above: DataFusion names the column of a call by an alias without the order of WITHIN GROUP.
        quantile("percentile_cont", true, false),
        quantile("percentile_disc", false, false),
        quantile("median", true, true),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quantile {
    name: &'static str,
    /// Whether a fraction that falls between two values gives a value between them. If not, it gives one of the values.
    between: bool,
    /// The median takes no fraction.
    median: bool,
    signature: Signature,
}

impl Quantile {
    fn new(name: &'static str, between: bool, median: bool) -> Self {
        Self { name, between, median, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// The type of one quantile of values of this type.
    fn one(&self, value: &DataType) -> DataType {
        match value {
            DataType::Timestamp(..) | DataType::Date32 => value.clone(),
            other if self.between || other.is_null() => DataType::Float64,
            other => other.clone(),
        }
    }

    /// The fractions, and whether they came as a list.
    fn fractions(&self, args: &AccumulatorArgs) -> Result<(Vec<f64>, bool)> {
        if self.median {
            return Ok((vec![0.5], false));
        }
        let value = constant(self.name, &args.exprs[1])?;
        let array = value.to_array()?;
        let (numbers, list) = match array.as_list_opt::<i32>() {
            Some(list) => (list.value(0), true),
            None => (array, false),
        };
        let numbers = cast(&numbers, &DataType::Float64)?;
        let numbers: &Float64Array = numbers.as_primitive();
        let fraction = |number: Option<f64>| match number {
            Some(q @ 0.0..=1.0) => Ok(q),
            Some(q) => exec_err!("{}: the fraction {q} is not between 0 and 1", self.name),
            None => exec_err!("{}: the fraction is null: give a number between 0 and 1", self.name),
        };
        Ok((numbers.iter().map(fraction).collect::<Result<_>>()?, list))
    }
}

impl AggregateUDFImpl for Quantile {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        let form = if self.median { "median(x)" } else { "(x, q), q between 0 and 1 or a list of such" };
        let Some((value, fraction)) = found.split_first().filter(|(_, rest)| rest.len() == usize::from(!self.median)) else {
            return plan_err!("{} takes {form}, and not {} arguments", self.name, found.len());
        };
        let value = match value {
            DataType::Date32 if !self.between => DataType::Date32,
            // A value between two dates may be within a day.
            DataType::Date32 | DataType::Date64 => TIMESTAMP,
            DataType::Timestamp(..) => value.clone(),
            number if self.between && (number.is_numeric() || number.is_null()) => DataType::Float64,
            number if number.is_integer() || number.is_floating() || number.is_null() => number.clone(),
            decimal if decimal.is_numeric() => DataType::Float64,
            other => return plan_err!("{} takes numbers, dates or timestamps, and not {other}", self.name),
        };
        let fraction = fraction.iter().map(|fraction| match fraction {
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => list_of(DataType::Float64),
            _ => DataType::Float64,
        });
        Ok(std::iter::once(value).chain(fraction).collect())
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let one = self.one(&arguments[0]);
        Ok(if arguments.get(1).is_some_and(DataType::is_list) { list_of(one) } else { one })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let (fractions, list) = self.fractions(&args)?;
        let (value, between, distinct) = (args.expr_fields[0].data_type(), self.between, args.is_distinct);
        let one = self.one(value);
        let empty = ScalarValue::try_from(args.return_type())?;
        let descending = args.order_bys.first().is_some_and(|order| order.options.descending);
        let answer = move |quantiles: Vec<ScalarValue>| {
            let mut quantiles = quantiles.into_iter().map(|quantile| quantile.cast_to(&one)).collect::<Result<Vec<_>>>()?;
            let single = if list { None } else { quantiles.pop() };
            Ok(single.unwrap_or_else(|| ScalarValue::List(ScalarValue::new_list_nullable(&quantiles, &one))))
        };
        Ok(if gathered_as(value) == DataType::Float64 {
            let of = move |sorted: &Sorted<f64>| {
                let pick = |q: &f64| {
                    ScalarValue::from(if between {
                        at(sorted.len(), |rank| sorted.at(rank), turned(*q, descending))
                    } else {
                        pick(sorted, *q, descending)
                    })
                };
                answer(fractions.iter().map(pick).collect())
            };
            Box::new(Gathered::<Float64Type>::new(distinct, empty, Box::new(of)))
        } else {
            let of = move |sorted: &Sorted<i64>| {
                let pick = |q: &f64| {
                    ScalarValue::from(if between {
                        at_integer(sorted, turned(*q, descending))
                    } else {
                        pick(sorted, *q, descending)
                    })
                };
                answer(fractions.iter().map(pick).collect())
            };
            Box::new(Gathered::<Int64Type>::new(distinct, empty, Box::new(of)))
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(gathered::state_fields(&args, gathered_as(args.input_fields[0].data_type())))
    }

    fn supports_within_group_clause(&self) -> bool {
        !self.median
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// Integers and times are gathered as integers, so that they come back as they were.
fn gathered_as(value: &DataType) -> DataType {
    match value {
        DataType::Timestamp(..) | DataType::Date32 => DataType::Int64,
        integer if integer.is_integer() => DataType::Int64,
        _ => DataType::Float64,
    }
}

/// The value of an argument that has to be the same for all rows.
fn constant(name: &str, argument: &Arc<dyn PhysicalExpr>) -> Result<ScalarValue> {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options)?;
    match argument.evaluate(&row) {
        Ok(ColumnarValue::Scalar(value)) => Ok(value),
        Ok(ColumnarValue::Array(values)) => ScalarValue::try_from_array(&values, 0),
        Err(_) => exec_err!("{name}: the fraction {argument} is not constant: write a number such as 0.9"),
    }
}

/// The quantile `q` of `len` sorted values, by linear interpolation between two of them. `value` gives the value of a rank.
pub(super) fn at(len: usize, value: impl Fn(usize) -> f64, q: f64) -> f64 {
    let (low, high, weight) = neighbours(len, value, q);
    // Not high - low where they are the same: infinity has no difference with itself.
    if low == high { low } else { low + (high - low) * weight }
}

fn at_integer(sorted: &Sorted<i64>, q: f64) -> i64 {
    let (low, high, weight) = neighbours(sorted.len(), |rank| sorted.at(rank), q);
    // The distance first: times in microseconds have more digits than a double holds.
    low + ((high - low) as f64 * weight).round() as i64
}

fn neighbours<N>(len: usize, value: impl Fn(usize) -> N, q: f64) -> (N, N, f64) {
    let place = (len - 1) as f64 * q;
    (value(place.floor() as usize), value(place.ceil() as usize), place.fract())
}

/// The fraction counted from the largest value, for a descending order.
fn turned(q: f64, descending: bool) -> f64 {
    if descending { 1.0 - q } else { q }
}

/// The smallest value such that at least this fraction of the values are not larger.
fn pick<N: ArrowNativeTypeOp>(sorted: &Sorted<N>, q: f64, descending: bool) -> N {
    // Counted from the far end, as DuckDB does, so that a product such as 0.1 * 10 is not rounded past its value.
    let n = sorted.len() as f64;
    let place = ((n - (n - q * n).floor()) as usize).clamp(1, sorted.len());
    sorted.at(if descending { sorted.len() - place } else { place - 1 })
}
