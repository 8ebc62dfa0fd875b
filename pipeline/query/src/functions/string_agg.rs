//! `string_agg(x)` with a comma where no separator is given, and of values that are not text.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::functions_aggregate::string_agg::string_agg_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Expr, Signature, Volatility, lit};

const SEPARATOR: &str = ",";

/// The planning of a query puts DataFusion's function in its place.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct StringAgg {
    signature: Signature,
}

impl StringAgg {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for StringAgg {
    fn name(&self) -> &str {
        "string_agg"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        if !(1..=2).contains(&found.len()) {
            return plan_err!("string_agg takes a text and a separator, and not {} arguments", found.len());
        }
        let text = |found: &DataType| if found.is_string() { found.clone() } else { DataType::Utf8 };
        Ok(found.iter().map(text).collect())
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::LargeUtf8)
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        Some(Box::new(|AggregateFunction { params, .. }, _| {
            let separator = (params.args.len() == 1).then(|| lit(SEPARATOR));
            let args = params.args.into_iter().chain(separator).collect();
            Ok(Expr::AggregateFunction(AggregateFunction::new_udf(
                string_agg_udaf(),
                args,
                params.distinct,
                params.filter,
                params.order_by,
                params.null_treatment,
            )))
        }))
    }

    /// With OVER, where DataFusion does not simplify.
    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.exprs.len() == 1 {
            return plan_err!("string_agg with OVER needs its separator: string_agg(x, ',') OVER ()");
        }
        string_agg_udaf().accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        string_agg_udaf().state_fields(args)
    }
}
