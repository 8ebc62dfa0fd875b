//! Scalar functions that the planner puts in place of operators.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Float64Array, Int64Array, StringArray},
    compute::kernels::{arity::binary, numeric},
    datatypes::{DataType, Float64Type, Int64Type},
    error::ArrowError,
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};

use super::intervals;
use crate::times::{DURATION, INTERVAL};

/// The functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Native {
    /// The sum of two integers. An overflow is an error.
    Add,
    /// The difference of two integers. An overflow is an error.
    Subtract,
    /// The product of two integers. An overflow is an error.
    Multiply,
    /// The quotient of two integers without its fraction, null by zero.
    Divide,
    /// The quotient of two numbers. What is not a number is the largest one in orders, without regard to its sign.
    Ratio,
    /// The remainder of two integers with the sign of the first, null by zero.
    Remainder,
    /// A number rounded to a whole number, a half to the even one.
    Round,
    /// An interval times a number. Fractions of months are days, of 30 to a month; fractions of days are hours.
    Scale,
    /// The text of a number with its exponent as `e+16` or `e-05`, not `e16` or `e-5`.
    Exponent,
    /// The length of an interval in microseconds, with 30 days to a month and 24 hours to a day.
    Length,
    /// The days, and the time after them, of the difference of two times.
    Split,
    /// The text of an interval.
    Spell,
}

impl Native {
    /// A call of the function. The arguments must have the types that the function takes.
    pub(super) fn call(self, args: Vec<Expr>) -> Expr {
        ScalarUDF::new_from_impl(Function { native: self, signature: Signature::exact(self.takes(), Volatility::Immutable) })
            .call(args)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide_whole",
            Self::Ratio => "ratio",
            Self::Remainder => "remainder",
            Self::Round => "round_half_even",
            Self::Scale => "scale_interval",
            Self::Exponent => "exponent",
            Self::Length => "interval_length",
            Self::Split => "split_duration",
            Self::Spell => "interval_text",
        }
    }

    fn takes(self) -> Vec<DataType> {
        match self {
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Remainder => {
                vec![DataType::Int64, DataType::Int64]
            }
            Self::Ratio => vec![DataType::Float64, DataType::Float64],
            Self::Round => vec![DataType::Float64],
            Self::Scale => vec![INTERVAL, DataType::Float64],
            Self::Exponent => vec![DataType::Utf8],
            Self::Length | Self::Spell => vec![INTERVAL],
            Self::Split => vec![DURATION],
        }
    }

    fn returns(self) -> DataType {
        match self {
            Self::Ratio | Self::Round => DataType::Float64,
            Self::Scale | Self::Split => INTERVAL,
            Self::Exponent | Self::Spell => DataType::Utf8,
            _ => DataType::Int64,
        }
    }

    fn evaluate(self, args: &[ArrayRef]) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Add => numeric::add(&args[0], &args[1]),
            Self::Subtract => numeric::sub(&args[0], &args[1]),
            Self::Multiply => numeric::mul(&args[0], &args[1]),
            Self::Divide => whole(args, i64::checked_div),
            Self::Ratio => ratio(args),
            Self::Remainder => whole(args, |a, b| Some(a.checked_rem(b).unwrap_or(0))),
            Self::Round => Ok(Arc::new(args[0].as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::round_ties_even))),
            Self::Scale => intervals::scale(args),
            Self::Exponent => Ok(Arc::new(args[0].as_string::<i32>().iter().map(|t| t.map(exponent)).collect::<StringArray>())),
            Self::Length => intervals::length(args),
            Self::Split => Ok(intervals::split(args)),
            Self::Spell => Ok(intervals::spell(args)),
        }
    }
}

/// Calculates with pairs of integers, and gives null where the second is zero.
fn whole(args: &[ArrayRef], calculate: fn(i64, i64) -> Option<i64>) -> Result<ArrayRef, ArrowError> {
    let pairs = args[0].as_primitive::<Int64Type>().iter().zip(args[1].as_primitive::<Int64Type>());
    let values = pairs.map(|(a, b)| match (a, b) {
        (Some(_), Some(0)) => Ok(None),
        (Some(a), Some(b)) => calculate(a, b).map(Some).ok_or_else(|| intervals::overflow(&format!("{a} // {b}"))),
        _ => Ok(None),
    });
    Ok(Arc::new(values.collect::<Result<Int64Array, _>>()?))
}

fn ratio(args: &[ArrayRef]) -> Result<ArrayRef, ArrowError> {
    let quotient = |a: f64, b: f64| if (a / b).is_nan() { f64::NAN } else { a / b };
    let quotients: Float64Array = binary(args[0].as_primitive::<Float64Type>(), args[1].as_primitive::<Float64Type>(), quotient)?;
    Ok(Arc::new(quotients))
}

fn exponent(text: &str) -> String {
    match text.split_once('e') {
        Some((digits, power)) => {
            let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
            format!("{digits}e{sign}{power:0>2}")
        }
        None => text.to_owned(),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    native: Native,
    signature: Signature,
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.native.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.native.returns())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = self.native.evaluate(&ColumnarValue::values_to_arrays(&args.args)?)?;
        if args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_))) {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&value, 0)?));
        }
        Ok(ColumnarValue::Array(value))
    }
}
