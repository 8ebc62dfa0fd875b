//! The functions that DuckDB and Postgres have and DataFusion lacks or answers otherwise, and those of sounds and nights.
//!
//! [`register`] gives them to a session. `documented.rs` describes them: the tests run each of its examples and keep the table in
//! `docs/querying.md` equal to it.

mod calendar;
mod choose;
mod count_if;
mod counted;
#[cfg(test)]
mod documented;
mod extreme;
mod fsum;
mod gathered;
mod moment;
mod moments;
mod number;
mod part;
mod quantile;
mod renamed;
mod same;
mod scalar;
mod sorted;
mod span;
mod statistic;
mod strftime;
mod string_agg;
mod sun;
mod text;
mod typed;
mod unit;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::prelude::SessionContext;

/// Registers the functions, in place of DataFusion's where it has the name.
pub(crate) fn register(context: &SessionContext) {
    renamed::register(context);
    let scalars = [
        calendar::functions(),
        number::functions(),
        part::functions(),
        span::functions(),
        strftime::functions(),
        sun::functions(),
        text::functions(),
        typed::functions(),
        unit::functions(),
        vec![ScalarUDF::new_from_impl(choose::If::new())],
    ];
    for function in scalars.into_iter().flatten() {
        context.register_udf(function);
    }
    let aggregates = [
        counted::functions(),
        extreme::functions(),
        quantile::functions(),
        statistic::functions(),
        vec![
            AggregateUDF::new_from_impl(fsum::Sum::new()),
            AggregateUDF::new_from_impl(count_if::CountIf::new()).with_aliases(["countif"]),
            AggregateUDF::new_from_impl(string_agg::StringAgg::new()).with_aliases(["group_concat", "listagg"]),
        ],
    ];
    for function in aggregates.into_iter().flatten() {
        context.register_udaf(function);
    }
}

#[cfg(test)]
mod tests;
