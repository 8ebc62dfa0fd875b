//! Operators whose meaning depends on the types of their operands.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::{
    common::{DFSchema, Result, ScalarValue, plan_err},
    functions::expr_fn,
    logical_expr::{
        BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator,
        expr::{Cast, TryCast},
        lit,
        planner::{ExprPlanner, PlannerResult, RawBinaryExpr},
    },
    sql::sqlparser::ast::BinaryOperator as Op,
};

use super::{
    functions::Native,
    operators::{Typed, is_minute},
};
use crate::times::{DURATION, INTERVAL, TIMESTAMP, is_utc};

/// Plans operators as DuckDB does.
#[derive(Debug)]
pub(super) struct Operators;

/// Every integer of 64 bits, as a decimal number.
const WHOLE: DataType = DataType::Decimal128(20, 0);

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { left, op, right } = raw;
        let types = (left.get_type(schema)?, right.get_type(schema)?);
        // Custom operators are those of `Typed`. Two of them compare.
        let typed = if let Op::Custom(name) = &op { Typed::from_name(name) } else { None };
        if typed.is_some_and(|typed| !matches!(typed, Typed::Distinct | Typed::NotDistinct)) {
            return plan(RawBinaryExpr { left, op, right }, types);
        }
        let (left, right) = as_float32(left, &types.0, right, &types.1);
        let types = (left.get_type(schema)?, right.get_type(schema)?);
        plan(RawBinaryExpr { left, op, right }, types)
    }
}

fn plan(raw: RawBinaryExpr, (left, right): (DataType, DataType)) -> Result<PlannerResult<RawBinaryExpr>> {
    if let Op::Custom(name) = &raw.op
        && let Some(typed) = Typed::from_name(name)
    {
        return planned(plan_typed(typed, raw.left, &left, raw.right, right)?);
    }
    let numbers = is_number(&left) && is_number(&right);
    match raw.op {
        Op::Plus | Op::Minus | Op::Multiply | Op::Modulo | Op::DuckIntegerDivide if left.is_integer() && right.is_integer() => {
            let native = match raw.op {
                Op::Plus => Native::Add,
                Op::Minus => Native::Subtract,
                Op::Multiply => Native::Multiply,
                Op::Modulo => Native::Remainder,
                _ => Native::Divide,
            };
            planned(native.call(vec![to(raw.left, &left, DataType::Int64), to(raw.right, &right, DataType::Int64)]))
        }
        Op::Divide if numbers => {
            let single = left == DataType::Float32 || right == DataType::Float32;
            let single = single && is_float32(&left) && is_float32(&right);
            let quotient = ratio(raw.left, &left, raw.right, &right);
            planned(if single { to(quotient, &DataType::Float64, DataType::Float32) } else { quotient })
        }
        Op::DuckIntegerDivide if numbers => {
            let divisor = expr_fn::nullif(to(raw.right, &right, DataType::Float64), lit(0.0));
            planned(ratio(raw.left, &left, divisor, &DataType::Float64))
        }
        Op::PGExp | Op::BitwiseXor if numbers => {
            planned(expr_fn::power(to(raw.left, &left, DataType::Float64), to(raw.right, &right, DataType::Float64)))
        }
        Op::Plus | Op::Minus | Op::Multiply | Op::Divide if is_time(&left) || is_time(&right) => plan_time(raw, left, right),
        Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
            let (a, b) = comparable(raw.left, &left, raw.right, &right)?;
            Ok(PlannerResult::Original(RawBinaryExpr { left: a, op: raw.op, right: b }))
        }
        Op::StringConcat if is_written(&left) || is_written(&right) => {
            let (left, right) = (text(raw.left, &left), text(raw.right, &right));
            Ok(PlannerResult::Original(RawBinaryExpr { left, op: raw.op, right }))
        }
        // DuckDB's `~` compares the whole text.
        Op::PGRegexMatch | Op::PGRegexNotMatch => {
            let pattern = binary(binary(lit("^(?:"), Operator::StringConcat, raw.right), Operator::StringConcat, lit(")$"));
            Ok(PlannerResult::Original(RawBinaryExpr { left: raw.left, op: raw.op, right: pattern }))
        }
        _ => Ok(PlannerResult::Original(raw)),
    }
}

fn plan_typed(typed: Typed, left: Expr, from: &DataType, right: Expr, target: DataType) -> Result<Expr> {
    Ok(match typed {
        Typed::Cast | Typed::TryCast => {
            let value = match (&left, from) {
                _ if from.is_floating() && target.is_integer() => match left {
                    // A number written with a point is a decimal to DuckDB, which rounds a half away from zero.
                    Expr::Literal(ScalarValue::Float64(Some(number)), _) => lit(number.round()),
                    other => Native::Round.call(vec![to(other, from, DataType::Float64)]),
                },
                _ if is_written(from) && is_text(&target) => text(left, from),
                _ if matches!(target, DataType::Timestamp(..)) => with_seconds(left),
                _ => left,
            };
            match typed {
                Typed::TryCast => Expr::TryCast(TryCast::new(Box::new(value), target)),
                _ => Expr::Cast(Cast::new(Box::new(value), target)),
            }
        }
        Typed::Text if is_written(from) => text(left, from),
        Typed::Text => left,
        // DataFusion leaves the fraction of the seconds out.
        Typed::Whole
            if is_interval(from) && matches!(&right, Expr::Literal(ScalarValue::Utf8(Some(part)), _) if is_fraction(part)) =>
        {
            return plan_err!("a part of an interval below seconds; use EXTRACT(epoch FROM …), which has a fraction");
        }
        // Of a year the engine makes a condition on the time itself, by which it skips files.
        Typed::Whole if is_utc(from) && !matches!(&right, Expr::Literal(ScalarValue::Utf8(Some(part)), _) if part == "year") => {
            to(left, from, TIMESTAMP)
        }
        Typed::Whole => split(left, from),
        Typed::Distinct | Typed::NotDistinct => {
            let op = if typed == Typed::Distinct { Operator::IsDistinctFrom } else { Operator::IsNotDistinctFrom };
            let (left, right) = comparable(left, from, right, &target)?;
            binary(left, op, right)
        }
        Typed::Summand => match from {
            DataType::Boolean => to(left, from, DataType::Int64),
            // The sum of these in 64 bits would wrap without an error.
            DataType::Int64 | DataType::UInt64 => to(left, from, WHOLE),
            _ => left,
        },
        Typed::Total => match from {
            DataType::Decimal128(_, 0) => to(left, from, DataType::Int64),
            _ => left,
        },
        Typed::AtTimeZone => {
            let Expr::Literal(ScalarValue::Utf8(Some(zone)), _) = right else {
                return plan_err!("AT TIME ZONE needs the name of a zone in quotes");
            };
            let local = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
            match from {
                DataType::Timestamp(_, Some(_)) => expr_fn::to_local_time(vec![to(left, from, local)]),
                DataType::Timestamp(_, None) | DataType::Date32 => {
                    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                    to(to(to(left, from, TIMESTAMP), &TIMESTAMP, local), &DataType::Null, utc)
                }
                other => return plan_err!("AT TIME ZONE needs a time, not {other}; cast it to TIMESTAMP or TIMESTAMPTZ first"),
            }
        }
    })
}

/// Plans calculations with dates, times and intervals. A date plus an interval is a time, a date plus a number is a date.
fn plan_time(raw: RawBinaryExpr, left: DataType, right: DataType) -> Result<PlannerResult<RawBinaryExpr>> {
    use DataType::{Date32, Duration, Interval, Timestamp};
    let RawBinaryExpr { left: a, op, right: b } = raw;
    Ok(PlannerResult::Planned(match (&left, &op, &right) {
        (Date32, Op::Minus, Date32) => Native::Subtract.call(vec![days(a), days(b)]),
        (Date32, Op::Plus | Op::Minus, n) if n.is_integer() => {
            let native = if op == Op::Plus { Native::Add } else { Native::Subtract };
            date(native.call(vec![days(a), to(b, n, DataType::Int64)]))
        }
        (n, Op::Plus, Date32) if n.is_integer() => date(Native::Add.call(vec![days(b), to(a, n, DataType::Int64)])),
        (Date32, _, Interval(_) | Duration(_) | Timestamp(..)) => {
            return Ok(PlannerResult::Original(RawBinaryExpr { left: to(a, &Date32, TIMESTAMP), op, right: b }));
        }
        (Interval(_) | Duration(_) | Timestamp(..), _, Date32) => {
            return Ok(PlannerResult::Original(RawBinaryExpr { left: a, op, right: to(b, &Date32, TIMESTAMP) }));
        }
        (Interval(_) | Duration(_), Op::Multiply, n) if is_number(n) => scale(a, &left, to(b, n, DataType::Float64)),
        (n, Op::Multiply, Interval(_) | Duration(_)) if is_number(n) => scale(b, &right, to(a, n, DataType::Float64)),
        (Interval(_) | Duration(_), Op::Divide, n) if is_number(n) => scale(a, &left, ratio(lit(1.0), &DataType::Float64, b, n)),
        (Duration(_), _, Interval(_)) => {
            return Ok(PlannerResult::Original(RawBinaryExpr { left: to(a, &left, INTERVAL), op, right: b }));
        }
        (Interval(_), _, Duration(_)) => {
            return Ok(PlannerResult::Original(RawBinaryExpr { left: a, op, right: to(b, &right, INTERVAL) }));
        }
        (kind, _, other) if is_text(kind) || is_text(other) => {
            return plan_err!("{left} {op} {right}: cast the text first, for example with `::DATE` or `::TIMESTAMP`");
        }
        _ => return Ok(PlannerResult::Original(RawBinaryExpr { left: a, op, right: b })),
    }))
}

/// The operands of a comparison: lengths of intervals, and text in quotes next to a number as a number.
fn comparable(a: Expr, left: &DataType, b: Expr, right: &DataType) -> Result<(Expr, Expr)> {
    Ok(if is_interval(left) && is_interval(right) {
        let length = |e, from: &DataType| Native::Length.call(vec![to(e, from, INTERVAL)]);
        (length(a, left), length(b, right))
    } else if (is_moment(left) && right.is_numeric()) || (left.is_numeric() && is_moment(right)) {
        return plan_err!("a date or time is compared with a number; a date is written in quotes, such as '2025-01-01'");
    } else if left.is_numeric() && is_text(right) {
        let b = number_of(b, left)?;
        (a, b)
    } else if is_text(left) && right.is_numeric() {
        (number_of(a, right)?, b)
    } else if matches!(left, DataType::Timestamp(..)) || matches!(right, DataType::Timestamp(..)) {
        (with_seconds(a), with_seconds(b))
    } else {
        (a, b)
    })
}

/// A time in quotes without seconds, with seconds.
fn with_seconds(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Utf8(Some(text)), meta) if is_minute(&text) => {
            Expr::Literal(ScalarValue::Utf8(Some(text + ":00")), meta)
        }
        other => other,
    }
}

/// Text in quotes as a number. Other text cannot be compared with numbers.
fn number_of(text: Expr, target: &DataType) -> Result<Expr> {
    match text {
        Expr::Literal(..) => Ok(to(text, &DataType::Utf8, target.clone())),
        other => plan_err!("{other} is text, and cannot be compared with {target}; cast one of the two with `::`"),
    }
}

/// A number written with a point next to a FLOAT is a FLOAT to DuckDB. Elsewhere it is compared in double precision, where no
/// FLOAT is equal to 0.1.
fn as_float32(a: Expr, left: &DataType, b: Expr, right: &DataType) -> (Expr, Expr) {
    let narrow = |e: Expr| match e {
        Expr::Literal(ScalarValue::Float64(Some(number)), meta) => Expr::Literal(ScalarValue::Float32(Some(number as f32)), meta),
        other if is_decimal(&other) => to(other, &DataType::Float64, DataType::Float32),
        other => other,
    };
    match (left, right) {
        (DataType::Float32, DataType::Float64) => (a, narrow(b)),
        (DataType::Float64, DataType::Float32) => (narrow(a), b),
        _ => (a, b),
    }
}

/// Whether a number is made of numbers that the query writes: a decimal number to DuckDB.
fn is_decimal(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => is_number(&value.data_type()),
        Expr::Negative(inner) => is_decimal(inner),
        Expr::Alias(alias) => is_decimal(&alias.expr),
        Expr::Cast(cast) => cast.field.data_type().is_integer() && is_decimal(&cast.expr),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus | Operator::Minus | Operator::Multiply, right }) => {
            is_decimal(left) && is_decimal(right)
        }
        Expr::ScalarSubquery(query) => match &*query.subquery {
            LogicalPlan::Projection(projection) => projection.expr.iter().all(is_decimal),
            _ => false,
        },
        Expr::Case(case) => case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr).all(|e| is_decimal(e)),
        Expr::ScalarFunction(call) => call.name() == "coalesce" && call.args.iter().all(is_decimal),
        _ => false,
    }
}

/// Whether values of a type are written in another way than by DataFusion.
fn is_written(kind: &DataType) -> bool {
    kind.is_floating() || matches!(kind, DataType::Timestamp(..)) || is_interval(kind)
}

/// A value as text. Times have a space between the date and the time of day.
fn text(expr: Expr, from: &DataType) -> Expr {
    if is_interval(from) {
        return Native::Spell.call(vec![match from {
            DataType::Duration(_) => split(expr, from),
            _ => to(expr, from, INTERVAL),
        }]);
    }
    let plain = to(expr, from, DataType::Utf8);
    match from {
        _ if from.is_floating() => Native::Exponent.call(vec![plain]),
        DataType::Timestamp(_, None) => expr_fn::replace(plain, lit("T"), lit(" ")),
        DataType::Timestamp(_, Some(_)) => expr_fn::replace(expr_fn::replace(plain, lit("T"), lit(" ")), lit("Z"), lit("+00")),
        _ => plain,
    }
}

fn ratio(left: Expr, from: &DataType, right: Expr, other: &DataType) -> Expr {
    Native::Ratio.call(vec![to(left, from, DataType::Float64), to(right, other, DataType::Float64)])
}

fn scale(interval: Expr, from: &DataType, number: Expr) -> Expr {
    Native::Scale.call(vec![to(interval, from, INTERVAL), number])
}

/// Whether a part of times is a fraction of a second.
fn is_fraction(part: &str) -> bool {
    ["milli", "micro", "nano", "ms", "us", "ns"].iter().any(|start| part.starts_with(start))
}

/// The difference of two times as an interval of days and a time after them. Leaves all else as it is.
fn split(expr: Expr, from: &DataType) -> Expr {
    match from {
        DataType::Duration(_) => Native::Split.call(vec![to(expr, from, DURATION)]),
        _ => expr,
    }
}

/// The days from 1970-01-01 to a date.
fn days(date: Expr) -> Expr {
    to(to(date, &DataType::Date32, DataType::Int32), &DataType::Int32, DataType::Int64)
}

fn date(days: Expr) -> Expr {
    to(to(days, &DataType::Int64, DataType::Int32), &DataType::Int32, DataType::Date32)
}

fn to(expr: Expr, from: &DataType, target: DataType) -> Expr {
    if *from == target { expr } else { Expr::Cast(Cast::new(Box::new(expr), target)) }
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn planned(expr: Expr) -> Result<PlannerResult<RawBinaryExpr>> {
    Ok(PlannerResult::Planned(expr))
}

fn is_number(kind: &DataType) -> bool {
    kind.is_numeric() || kind.is_null()
}

fn is_float32(kind: &DataType) -> bool {
    *kind == DataType::Float32 || kind.is_integer()
}

fn is_time(kind: &DataType) -> bool {
    is_moment(kind) || is_interval(kind)
}

fn is_moment(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Timestamp(..))
}

fn is_interval(kind: &DataType) -> bool {
    matches!(kind, DataType::Interval(_) | DataType::Duration(_))
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}
