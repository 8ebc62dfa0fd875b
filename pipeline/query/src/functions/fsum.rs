//! `fsum(x)`: the sum as a double.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility};

/// DataFusion's sum of doubles, with its accumulator for moving frames: that one is lost with other names by `with_aliases`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Sum {
    aliases: [String; 2],
    signature: Signature,
}

impl Sum {
    pub(super) fn new() -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { aliases: ["kahan_sum", "sumkahan"].map(String::from), signature }
    }
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &str {
        "fsum"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        match found {
            [number] if number.is_numeric() || number.is_null() => Ok(vec![DataType::Float64]),
            [other] => plan_err!("fsum takes numbers, and not {other}: CAST them to DOUBLE"),
            _ => plan_err!("fsum takes one argument, and not {}", found.len()),
        }
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        sum_udaf().accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        sum_udaf().create_sliding_accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        sum_udaf().groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        sum_udaf().create_groups_accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        sum_udaf().state_fields(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}
