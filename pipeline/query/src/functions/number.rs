//! Numbers of a row: decibels, signs and what DataFusion lacks.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::scalar::{Kind, Returns, Scalar};

/// The functions of numbers.
pub(super) fn functions() -> Vec<ScalarUDF> {
    const FORM: &[&[Kind]] = &[&[Kind::Number]];
    let number = |name, answer: fn(&[ArrayRef]) -> Result<ArrayRef>| Scalar::new(name, FORM, DataType::Float64, answer);
    let truth = |name, answer: fn(&[ArrayRef]) -> Result<ArrayRef>| Scalar::new(name, FORM, DataType::Boolean, answer);
    vec![
        number("dbfs", dbfs).named([]),
        number("from_dbfs", |x| each(x, |db| 10f64.powf(db / 20.0))).named([]),
        number("even", |x| each(x, even)).named([]),
        Scalar::new(
            "mod",
            &[&[Kind::Integer, Kind::Integer], &[Kind::Number, Kind::Number]],
            Returns::By(DataType::clone),
            remainder,
        )
        .named([]),
        Scalar::new("sign", FORM, DataType::Int64, sign).named([]),
        truth("isinf", |x| test(x, f64::is_infinite)).named([]),
        truth("isfinite", |x| test(x, f64::is_finite)).named([]),
    ]
}

fn each(args: &[ArrayRef], of: fn(f64) -> f64) -> Result<ArrayRef> {
    Ok(Arc::new(args[0].as_primitive::<Float64Type>().unary::<_, Float64Type>(of)))
}

fn test(args: &[ArrayRef], of: fn(f64) -> bool) -> Result<ArrayRef> {
    Ok(Arc::new(BooleanArray::from_unary(args[0].as_primitive::<Float64Type>(), of)))
}

/// Null below zero, where there are no amplitudes, and minus infinity at zero.
fn dbfs(args: &[ArrayRef]) -> Result<ArrayRef> {
    let level = |amplitude: f64| (amplitude >= 0.0).then(|| 20.0 * amplitude.log10());
    Ok(Arc::new(args[0].as_primitive::<Float64Type>().iter().map(|x| x.and_then(level)).collect::<Float64Array>()))
}

/// The next even number away from zero.
fn even(x: f64) -> f64 {
    (x.abs() / 2.0).ceil().copysign(x) * 2.0
}

fn sign(args: &[ArrayRef]) -> Result<ArrayRef> {
    let sign = |x: f64| i64::from(x > 0.0) - i64::from(x < 0.0);
    Ok(Arc::new(args[0].as_primitive::<Float64Type>().iter().map(|x| x.map(sign)).collect::<Int64Array>()))
}

/// The remainder has the sign of the first number. It is null if the second one is zero.
fn remainder(args: &[ArrayRef]) -> Result<ArrayRef> {
    if let (Some(a), Some(b)) = (args[0].as_primitive_opt::<Int64Type>(), args[1].as_primitive_opt::<Int64Type>()) {
        return Ok(Arc::new(a.iter().zip(b).map(|(a, b)| a?.checked_rem(b?)).collect::<Int64Array>()));
    }
    let rows = args[0].as_primitive::<Float64Type>().iter().zip(args[1].as_primitive::<Float64Type>());
    Ok(Arc::new(rows.map(|(a, b)| Some(a? % b.filter(|b| *b != 0.0)?)).collect::<Float64Array>()))
}
