//! Aggregates of numbers: deviations from the median, skewness, products, decibels.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::gathered::{self, Gathered};
use super::moments::{self, Answer, Frame, Group, Moments};
use super::quantile::at;
use super::same::same_by_name;
use super::sorted::Sorted;

/// The aggregates.
pub(super) fn functions() -> Vec<AggregateUDF> {
    let sums = |name, map: fn(f64) -> f64, of: fn(&Moments) -> Option<f64>| Statistic::new(name, Of::Moments(Answer { map, of }));
    let same = |number| number;
    [
        Statistic::new("mad", Of::Sorted(deviation)),
        sums("skewness", same, Moments::skewness),
        sums("kurtosis", same, Moments::kurtosis),
        sums("product", same, |sums| Some(sums.product)),
        sums("geomean", f64::ln, |sums| Some(sums.mean.exp())),
        sums("db_mean", |db| 10f64.powf(db / 10.0), |sums| Some(10.0 * sums.mean.log10())),
    ]
    .map(AggregateUDF::new_from_impl)
    .into()
}

/// What a statistic is computed from.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// All numbers, of which there is one at least.
    Sorted(fn(&Sorted<f64>) -> f64),
    Moments(Answer),
}

#[derive(Debug)]
struct Statistic {
    name: &'static str,
    of: Of,
    signature: Signature,
}

impl Statistic {
    fn new(name: &'static str, of: Of) -> Self {
        Self { name, of, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// The moments, where the numbers are not needed: those that occur more than once have to be known for DISTINCT.
    fn moments(&self, distinct: bool) -> Option<Answer> {
        match self.of {
            Of::Moments(answer) if !distinct => Some(answer),
            _ => None,
        }
    }

    fn gathered(&self, distinct: bool) -> Box<dyn Accumulator> {
        let of = self.of;
        let of = move |sorted: &Sorted<f64>| {
            Ok(match of {
                Of::Sorted(of) => ScalarValue::from(of(sorted)),
                Of::Moments(answer) => answer.of(&Moments::of_all(sorted.numbers().into_iter().map(answer.map))),
            })
        };
        Box::new(Gathered::<Float64Type>::new(distinct, ScalarValue::Float64(None), Box::new(of)))
    }
}

same_by_name!(Statistic);

impl AggregateUDFImpl for Statistic {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        match found {
            [number] if number.is_numeric() || number.is_null() => Ok(vec![DataType::Float64]),
            [other] => plan_err!("{} takes numbers, and not {other}: CAST them to DOUBLE", self.name),
            _ => plan_err!("{} takes one argument, and not {}", self.name, found.len()),
        }
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(match self.moments(args.is_distinct) {
            Some(answer) => Box::new(Group::new(answer)),
            None => self.gathered(args.is_distinct),
        })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(match self.moments(args.is_distinct) {
            Some(answer) => Box::new(Frame::new(answer)),
            None => self.gathered(args.is_distinct),
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if self.moments(args.is_distinct).is_none() {
            return Ok(gathered::state_fields(&args, DataType::Float64));
        }
        let field = |name| Arc::new(Field::new(format_state_name(args.name, name), DataType::Float64, true));
        Ok(moments::STATE.map(field).into())
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// The median of the distances from the median.
fn deviation(sorted: &Sorted<f64>) -> f64 {
    let len = sorted.len();
    let median = at(len, |rank| sorted.at(rank), 0.5);
    // The distances rise from the middle to both ends.
    let (below, above) = (len / 2, len - len / 2);
    let down = |rank: usize| median - sorted.at(below - 1 - rank);
    let up = |rank: usize| sorted.at(below + rank) - median;
    // The distance with `rank` smaller ones, of which some are below the median and the others above.
    let distance = |rank: usize| {
        let (mut low, mut high) = (rank.saturating_sub(above), rank.min(below));
        while low < high {
            let middle = usize::midpoint(low, high);
            if down(middle) < up(rank - middle - 1) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        match (low < below, rank - low < above) {
            (true, true) => down(low).min(up(rank - low)),
            (true, false) => down(low),
            (false, _) => up(rank - low),
        }
    };
    at(len, distance, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_the_median_of_the_distances() {
        let median = |numbers: &[f64]| {
            let sorted = Sorted::new(numbers.to_vec());
            at(sorted.len(), |rank| sorted.at(rank), 0.5)
        };
        for len in 1..60 {
            let numbers: Vec<f64> = (0..len).map(|n| f64::from(n * n * 7919 % 101 - 30)).collect();
            let middle = median(&numbers);
            let distances: Vec<f64> = numbers.iter().map(|number| (number - middle).abs()).collect();
            assert_eq!(deviation(&Sorted::new(numbers)), median(&distances), "{len}");
        }
    }
}
