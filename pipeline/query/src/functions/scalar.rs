//! A function of a row: the kinds of its arguments, the type of its answer and a kernel over arrays.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::same::same_by_name;
use crate::times::{DURATION, INTERVAL, TIMESTAMP};

/// What an argument may be. A kernel sees one type for each kind; DataFusion casts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any text, seen as `Utf8`.
    Text,
    /// Any number, seen as `Float64`.
    Number,
    /// Any integer, seen as `Int64`.
    Integer,
    /// A date, a timestamp or its text, seen as a timestamp in microseconds that keeps its zone.
    Moment,
    /// An interval or the difference of two timestamps, seen as months, days and nanoseconds.
    Span,
    /// The difference of two timestamps, seen as a duration in microseconds.
    Difference,
    /// A list, seen as it is.
    List,
    /// Anything, seen as it is.
    Any,
}

impl Kind {
    /// The type that a kernel sees in place of `found`; none where the argument is of another kind.
    fn cast(self, found: &DataType) -> Option<DataType> {
        if let DataType::Dictionary(_, value) = found {
            return self.cast(value);
        }
        let takes = |right: bool, seen: DataType| (right || found.is_null()).then_some(seen);
        match self {
            Self::Text => takes(found.is_string(), DataType::Utf8),
            Self::Number => takes(found.is_numeric(), DataType::Float64),
            Self::Integer => takes(found.is_integer(), DataType::Int64),
            Self::Span => takes(matches!(found, DataType::Interval(_) | DataType::Duration(_)) || found.is_string(), INTERVAL),
            Self::Difference => takes(matches!(found, DataType::Duration(_)), DURATION),
            Self::Any => Some(found.clone()),
            Self::List => found.is_list().then(|| found.clone()),
            Self::Moment => match found {
                DataType::Timestamp(_, zone) => Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
                DataType::Date32 | DataType::Date64 => Some(TIMESTAMP),
                other => takes(other.is_string(), TIMESTAMP),
            },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Moment => "date or timestamp",
            Self::Span => "interval",
            Self::Difference => "difference of timestamps",
            Self::List => "list",
            Self::Any => "value",
        }
    }
}

/// The type of an answer.
#[derive(Debug)]
pub(super) enum Returns {
    Always(DataType),
    /// By the type of the first argument, as the kernel sees it.
    By(fn(&DataType) -> DataType),
}

impl From<DataType> for Returns {
    fn from(always: DataType) -> Self {
        Self::Always(always)
    }
}

/// Makes another expression with the same answer and type. It gets the type of the first argument, and all arguments.
type Rewrite = fn(&DataType, &[Expr]) -> Option<Expr>;

/// A function of a row.
#[derive(Debug)]
pub(super) struct Scalar {
    name: &'static str,
    /// Each form that the function is called in.
    forms: &'static [&'static [Kind]],
    returns: Returns,
    answer: fn(&[ArrayRef]) -> Result<ArrayRef>,
    rewrite: Option<Rewrite>,
    signature: Signature,
}

impl Scalar {
    /// A function `name` that takes arguments in one of the `forms` and answers `returns`.
    pub(super) fn new(
        name: &'static str,
        forms: &'static [&'static [Kind]],
        returns: impl Into<Returns>,
        answer: fn(&[ArrayRef]) -> Result<ArrayRef>,
    ) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { name, forms, returns: returns.into(), answer, rewrite: None, signature }
    }

    /// With an expression that DataFusion knows more about.
    pub(super) fn rewritten(mut self, rewrite: Rewrite) -> Self {
        self.rewrite = Some(rewrite);
        self
    }

    /// As a function for a context, with other names for it.
    pub(super) fn named(self, aliases: impl IntoIterator<Item = &'static str>) -> ScalarUDF {
        ScalarUDF::new_from_impl(self).with_aliases(aliases)
    }
}

same_by_name!(Scalar);

impl ScalarUDFImpl for Scalar {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        let casts = |form: &[Kind]| {
            (form.len() == found.len()).then(|| form.iter().zip(found).map(|(kind, found)| kind.cast(found)).collect())?
        };
        if let Some(types) = self.forms.iter().find_map(|form| casts(form)) {
            return Ok(types);
        }
        let form = |form: &&[Kind]| form.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        let allowed: Vec<String> = self.forms.iter().map(|kinds| format!("{}({})", self.name, form(kinds))).collect();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        plan_err!("{}({}) is not a form of this function: use {}", self.name, found.join(", "), allowed.join(" or "))
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(match &self.returns {
            Returns::Always(always) => always.clone(),
            Returns::By(of) => of(&arguments[0]),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        invoke(&args, self.answer)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let rewritten = match (self.rewrite, args.first()) {
            (Some(rewrite), Some(first)) => rewrite(&info.get_data_type(first)?, &args),
            _ => None,
        };
        Ok(rewritten.map_or(ExprSimplifyResult::Original(args), ExprSimplifyResult::Simplified))
    }
}

/// The type of lists of such items.
pub(super) fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

/// Runs a kernel over arrays of one length; constants give a constant.
pub(super) fn invoke(args: &ScalarFunctionArgs, answer: impl Fn(&[ArrayRef]) -> Result<ArrayRef>) -> Result<ColumnarValue> {
    let constant = args.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
    let rows = if constant { 1 } else { args.number_rows };
    let arrays = args.args.iter().map(|argument| argument.to_array(rows)).collect::<Result<Vec<_>>>()?;
    let answer = answer(&arrays)?;
    Ok(if constant { ColumnarValue::Scalar(ScalarValue::try_from_array(&answer, 0)?) } else { ColumnarValue::Array(answer) })
}
