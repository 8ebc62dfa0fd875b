//! Help texts that are made from the registries of the libraries.

use chorus_query::VIEWS;
use chorus_report::export::EXPORTS;
use chorus_report::review::next::{STRATEGIES, Strategy};

use crate::output::aligned;

/// The text below the options of `chorus query`.
pub(crate) fn query() -> String {
    let views: Vec<[String; 2]> = VIEWS.iter().map(|view| [format!("  {}", view.name), view.about().to_owned()]).collect();
    format!(
        "Tables: `chorus schema` lists all tables, and `chorus schema TABLE` the columns of one. \
         The queries SHOW TABLES and DESCRIBE TABLE show those of a run.\n\n\
         Views, which can be used like tables; `chorus schema VIEW` prints the query behind one:\n{}\n\
         `chorus query -f FILE` asks what a file holds. \
         More on the page docs/querying.md, also on the same queries in polars, DuckDB and R.",
        aligned(&views)
    )
}

/// The text below the options of `chorus next`.
pub(crate) fn next() -> String {
    let of = |strategy: &&dyn Strategy| [format!("  {}={}", strategy.name(), strategy.share()), strategy.about().to_owned()];
    let strategies: Vec<[String; 2]> = STRATEGIES.iter().map(of).collect();
    format!(
        "Strategies, with their shares:\n{}\nWhat a strategy cannot give, the others give. More in docs/review.md.",
        aligned(&strategies)
    )
}

/// The text below the options of `chorus export`.
pub(crate) fn export() -> String {
    let formats: Vec<[String; 2]> =
        EXPORTS.iter().map(|format| [format!("  {}", format.name()), format.about().to_owned()]).collect();
    format!("Formats:\n{}\ndocs/exports.md describes the files.", aligned(&formats))
}
