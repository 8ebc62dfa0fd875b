//! `if(condition, then, otherwise)`.

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::DataType;
use datafusion::common::{Result, plan_datafusion_err, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility, when};

use super::scalar::invoke;

/// `CASE WHEN condition THEN then ELSE otherwise END`, as a function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct If {
    signature: Signature,
}

impl If {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for If {
    fn name(&self) -> &str {
        "if"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        let [_, then, otherwise] = found else {
            return plan_err!("if takes a condition and two values, and not {} arguments", found.len());
        };
        let value = comparison_coercion(then, otherwise)
            .ok_or_else(|| plan_datafusion_err!("if: {then} and {otherwise} have no common type: CAST one of them"))?;
        Ok(vec![DataType::Boolean, value.clone(), value])
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[1].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        invoke(&args, |arrays| {
            // A null condition is not true.
            let chosen = arrays[0].as_boolean().iter().map(|condition| Some(condition == Some(true)));
            Ok(zip(&chosen.collect::<BooleanArray>(), &arrays[1], &arrays[2])?)
        })
    }

    /// A branch that is not taken is not computed in a CASE.
    fn simplify(&self, args: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let [condition, then, otherwise] = args.try_into().map_err(|_| plan_datafusion_err!("if takes three arguments"))?;
        Ok(ExprSimplifyResult::Simplified(when(condition, then).otherwise(otherwise)?))
    }

    fn short_circuits(&self) -> bool {
        true
    }
}
