//! DataFusion's own functions under the names that DuckDB and Postgres have for them.

use std::sync::Arc;

use datafusion::functions::{core, math, regex, string};
use datafusion::functions_aggregate as aggregate;
use datafusion::functions_nested as nested;
use datafusion::functions_window::nth_value;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::prelude::SessionContext;

/// Registers the names.
pub(super) fn register(context: &SessionContext) {
    let scalar = |function: Arc<ScalarUDF>, names: &'static [&'static str]| {
        context.register_udf(function.as_ref().clone().with_aliases(names.iter().copied()));
    };
    scalar(core::nvl(), &["ifnull"]);
    scalar(regex::regexp_like(), &["regexp_matches"]);
    scalar(string::starts_with(), &["prefix"]);
    scalar(string::ends_with(), &["suffix"]);
    scalar(string::octet_length(), &["strlen"]);
    scalar(math::ceil(), &["ceiling"]);
    scalar(nested::min_max::array_min_udf(), &["list_min"]);
    scalar(nested::extract::array_any_value_udf(), &["list_any_value"]);
    scalar(nested::make_array::make_array_udf(), &["list_value", "list_pack"]);

    let aggregated = |function: Arc<AggregateUDF>, names: &'static [&'static str]| {
        context.register_udaf(function.as_ref().clone().with_aliases(names.iter().copied()));
        // With aliases, a function lacks its accumulator for moving frames in DataFusion 55.2. So its own name gets the one without.
        context.register_udaf(function.as_ref().clone());
    };
    aggregated(aggregate::array_agg::array_agg_udaf(), &["list"]);
    aggregated(aggregate::variance::var_samp_udaf(), &["variance"]);
    aggregated(aggregate::average::avg_udaf(), &["favg"]);
    aggregated(aggregate::approx_distinct::approx_distinct_udaf(), &["approx_count_distinct"]);
    aggregated(aggregate::bool_and_or::bool_and_udaf(), &["every"]);
    aggregated(aggregate::first_last::first_value_udaf(), &["first", "arbitrary"]);
    aggregated(aggregate::first_last::last_value_udaf(), &["last"]);
    // With OVER, these two are window functions.
    context.register_udwf(nth_value::first_value_udwf().as_ref().clone().with_aliases(["first"]));
    context.register_udwf(nth_value::last_value_udwf().as_ref().clone().with_aliases(["last"]));
}
