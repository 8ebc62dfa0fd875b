//! Expressions that are rewritten by their form alone. Where the types of the operands matter, the expression becomes an operator
//! of [`Typed`], which the planner replaces when it knows the types.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Interval, ObjectName, Query, UnaryOperator, Value, ValueWithSpan,
    helpers::attached_token::AttachedToken, visit_expressions_mut,
};

use super::parts::{call_name, number};

/// Operators that only this crate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    /// CAST. The right operand is a null of the type.
    Cast,
    /// TRY_CAST. The right operand is a null of the type.
    TryCast,
    /// AT TIME ZONE.
    AtTimeZone,
    /// The argument of SUM. The right operand is null.
    Summand,
    /// A SUM. The right operand is null.
    Total,
    /// An argument of a function of texts. The right operand is null.
    Text,
    /// A time or an interval of which a part is taken. The right operand is the name of the part, in lower case.
    Whole,
    /// IS DISTINCT FROM.
    Distinct,
    /// IS NOT DISTINCT FROM.
    NotDistinct,
}

const ALL: [Typed; 9] = [
    Typed::Cast,
    Typed::TryCast,
    Typed::AtTimeZone,
    Typed::Summand,
    Typed::Total,
    Typed::Text,
    Typed::Whole,
    Typed::Distinct,
    Typed::NotDistinct,
];

impl Typed {
    fn name(self) -> &'static str {
        match self {
            Self::Cast => "CAST TO",
            Self::TryCast => "TRY_CAST TO",
            Self::AtTimeZone => "AT TIME ZONE",
            Self::Summand => "SUMMAND",
            Self::Total => "TOTAL",
            Self::Text => "TEXT",
            Self::Whole => "WHOLE",
            Self::Distinct => "IS DISTINCT",
            Self::NotDistinct => "IS NOT DISTINCT",
        }
    }

    /// The operator of this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|t| t.name() == name)
    }

    fn of(self, left: Expr, right: Expr) -> Expr {
        binary(left, BinaryOperator::Custom(self.name().to_owned()), right)
    }
}

/// Rewrites all expressions of a query.
pub(super) fn rewrite(query: &mut Query) {
    let _: ControlFlow<()> = visit_expressions_mut(query, |expr| {
        rewrite_one(expr);
        ControlFlow::Continue(())
    });
}

fn rewrite_one(expr: &mut Expr) {
    let taken = std::mem::replace(expr, null());
    *expr = match taken {
        Expr::Cast { kind, expr: value, data_type, format: None, array: false } => cast(kind, value, data_type),
        Expr::AtTimeZone { timestamp, time_zone } => Typed::AtTimeZone.of(*timestamp, *time_zone),
        Expr::Extract { field, syntax, expr: value } => {
            let part = field.to_string().to_lowercase();
            match own_part(&part) {
                Some(name) => call_of(name, *value),
                None => Expr::Extract { field, syntax, expr: Box::new(Typed::Whole.of(nested(*value), text(part))) },
            }
        }
        Expr::IsDistinctFrom(left, right) => nested(Typed::Distinct.of(nested(*left), nested(*right))),
        Expr::IsNotDistinctFrom(left, right) => nested(Typed::NotDistinct.of(nested(*left), nested(*right))),
        // A minus before unsigned integers is refused otherwise, and one before the smallest integer wraps.
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: value } if !is_literal(&value) => binary(
            nested(*value),
            BinaryOperator::Multiply,
            Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(number(1)) },
        ),
        Expr::Interval(interval) => counted_interval(interval),
        Expr::TypedString(mut typed) if matches!(typed.data_type, DataType::Timestamp(..)) => {
            if let Value::SingleQuotedString(text) = &mut typed.value.value
                && is_minute(text)
            {
                text.push_str(":00");
            }
            Expr::TypedString(typed)
        }
        // The planner sees the types of comparisons only when they are operators.
        Expr::Between { expr: value, negated, low, high } => {
            let low = binary(nested((*value).clone()), BinaryOperator::GtEq, nested(*low));
            let both = nested(binary(low, BinaryOperator::And, binary(nested(*value), BinaryOperator::LtEq, nested(*high))));
            if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(both) } } else { both }
        }
        Expr::SimilarTo { negated, expr: value, pattern, escape_char: None } => {
            let op = if negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
            nested(binary(*value, op, *pattern))
        }
        Expr::InList { expr: value, list, negated } if matches!(*value, Expr::Tuple(_)) => in_tuples(*value, list, negated),
        Expr::InList { expr: value, list, negated } if !list.iter().all(is_plain_text) => in_equal(&value, list, negated),
        Expr::Case { operand: Some(value), conditions, else_result, case_token, end_token } => {
            let equal = |when: CaseWhen| {
                let condition = binary(nested((*value).clone()), BinaryOperator::Eq, nested(when.condition));
                CaseWhen { condition, result: when.result }
            };
            let conditions = conditions.into_iter().map(equal).collect();
            Expr::Case { operand: None, conditions, else_result, case_token, end_token }
        }
        Expr::BinaryOp { left, op: op @ (BinaryOperator::Eq | BinaryOperator::NotEq), right } => match (*left, *right) {
            (Expr::Tuple(left), Expr::Tuple(right)) if left.len() == right.len() => {
                let same = tuples_equal(left, right);
                if op == BinaryOperator::Eq { same } else { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(same) } }
            }
            (left, right) => binary(left, op, right),
        },
        Expr::Function(function) => call(function),
        other => other,
    };
}

fn cast(kind: CastKind, value: Box<Expr>, data_type: DataType) -> Expr {
    let target = Expr::Cast { kind: CastKind::Cast, expr: Box::new(null()), data_type, format: None, array: false };
    match kind {
        CastKind::TryCast | CastKind::SafeCast => Typed::TryCast.of(nested(*value), target),
        CastKind::Cast | CastKind::DoubleColon if is_null(&value) => match target {
            Expr::Cast { kind, data_type, .. } => Expr::Cast { kind, expr: value, data_type, format: None, array: false },
            other => other,
        },
        CastKind::Cast | CastKind::DoubleColon => Typed::Cast.of(nested(*value), target),
    }
}

/// `INTERVAL 3 DAY` as `INTERVAL '3 DAY'`, because frames of windows take text alone, and `INTERVAL (n) DAY` as
/// `n * INTERVAL '1 DAY'`.
fn counted_interval(mut interval: Interval) -> Expr {
    let Some(unit) = interval.leading_field.take() else { return Expr::Interval(interval) };
    let number = *std::mem::replace(&mut interval.value, Box::new(text(format!("1 {unit}"))));
    match number {
        Expr::Value(ValueWithSpan { value: Value::Number(digits, _) | Value::SingleQuotedString(digits), .. }) => {
            *interval.value = text(format!("{digits} {unit}"));
            Expr::Interval(interval)
        }
        // DuckDB counts all units in whole numbers but these.
        number if matches!(unit, DateTimeField::Second | DateTimeField::Seconds) => {
            nested(binary(nested(number), BinaryOperator::Multiply, Expr::Interval(interval)))
        }
        number => {
            let whole = cast(CastKind::Cast, Box::new(number), DataType::BigInt(None));
            nested(binary(nested(whole), BinaryOperator::Multiply, Expr::Interval(interval)))
        }
    }
}

/// Whether a text is a time without its seconds, such as 2025-01-31 18:00. DataFusion needs the seconds.
pub(super) fn is_minute(text: &str) -> bool {
    let shape = |(i, c): (usize, char)| match i {
        4 | 7 => c == '-',
        10 => c == ' ' || c == 'T',
        13 => c == ':',
        _ => c.is_ascii_digit(),
    };
    text.len() == 16 && text.chars().enumerate().all(shape)
}

/// A call of a function whose answer depends on the types of its arguments.
fn call(mut function: Function) -> Expr {
    let name = call_name(&function);
    let FunctionArguments::List(list) = &mut function.args else { return Expr::Function(function) };
    let mut args: Vec<&mut Expr> = list
        .args
        .iter_mut()
        .filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect();
    let wrap = |argument: &mut Expr, typed: Typed| {
        let value = std::mem::replace(argument, null());
        *argument = typed.of(nested(value), null());
    };
    match (name.as_str(), args.as_mut_slice()) {
        // A SUM gives an error when it overflows.
        ("sum", [summand]) => {
            wrap(summand, Typed::Summand);
            Typed::Total.of(Expr::Function(function), null())
        }
        ("concat" | "concat_ws", _) => {
            args.into_iter().for_each(|argument| wrap(argument, Typed::Text));
            Expr::Function(function)
        }
        ("string_agg" | "group_concat" | "listagg", [argument, ..]) => {
            wrap(argument, Typed::Text);
            Expr::Function(function)
        }
        ("nullif", [value, other]) => {
            let (value, other) = (std::mem::replace(*value, null()), std::mem::replace(*other, null()));
            let condition = binary(nested(value.clone()), BinaryOperator::Eq, nested(other));
            Expr::Case {
                case_token: AttachedToken::empty(),
                end_token: AttachedToken::empty(),
                operand: None,
                conditions: vec![CaseWhen { condition, result: null() }],
                else_result: Some(Box::new(value)),
            }
        }
        ("date_part" | "datepart", [part, time]) => {
            let part = match &**part {
                Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(part), .. }) => part.to_lowercase(),
                _ => String::new(),
            };
            let value = std::mem::replace(*time, null());
            if let Some(name) = own_part(&part) {
                return call_of(name, value);
            }
            **time = Typed::Whole.of(nested(value), text(part));
            Expr::Function(function)
        }
        _ => Expr::Function(function),
    }
}

/// A part of times for which this crate has a function: those that DataFusion lacks, and the seconds of intervals, where
/// DataFusion has other months and years.
fn own_part(part: &str) -> Option<&'static str> {
    ["epoch", "decade", "century"].into_iter().find(|name| *name == part)
}

fn call_of(name: &str, value: Expr) -> Expr {
    let list = FunctionArgumentList {
        duplicate_treatment: None,
        args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(value))],
        clauses: Vec::new(),
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![name.into()]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn in_tuples(value: Expr, list: Vec<Expr>, negated: bool) -> Expr {
    let Expr::Tuple(parts) = value else { return Expr::InList { expr: Box::new(value), list, negated } };
    let one = |item: Expr| match item {
        Expr::Tuple(others) if others.len() == parts.len() => tuples_equal(parts.clone(), others),
        other => binary(Expr::Tuple(parts.clone()), BinaryOperator::Eq, other),
    };
    let any = list.into_iter().map(one).reduce(|a, b| binary(a, BinaryOperator::Or, b)).map_or_else(null, nested);
    if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(any) } } else { any }
}

/// IN as equalities, where the planner sees the types.
fn in_equal(value: &Expr, list: Vec<Expr>, negated: bool) -> Expr {
    let equal = |item| binary(nested(value.clone()), BinaryOperator::Eq, nested(item));
    let any = list.into_iter().map(equal).reduce(|a, b| binary(a, BinaryOperator::Or, b)).map_or_else(null, nested);
    if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(any) } } else { any }
}

fn tuples_equal(left: Vec<Expr>, right: Vec<Expr>) -> Expr {
    let pairs = left.into_iter().zip(right).map(|(a, b)| binary(nested(a), BinaryOperator::Eq, nested(b)));
    pairs.reduce(|a, b| binary(a, BinaryOperator::And, b)).map_or_else(null, nested)
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn nested(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryOp { .. } | Expr::UnaryOp { .. } => Expr::Nested(Box::new(expr)),
        other => other,
    }
}

fn null() -> Expr {
    Expr::Value(Value::Null.with_empty_span())
}

fn text(value: String) -> Expr {
    Expr::Value(Value::SingleQuotedString(value).with_empty_span())
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(v) if v.value == Value::Null)
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Value(v) => matches!(v.value, Value::Number(..)),
        Expr::Interval(_) => true,
        _ => false,
    }
}

/// Whether an expression is a text in quotes, and not a time without its seconds.
fn is_plain_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) if !is_minute(text))
}
