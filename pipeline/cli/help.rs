//! Texts of the command line's help that are put together from what the libraries know.

use chorus_query::VIEWS;
use chorus_report::export::EXPORTS;

use crate::output::aligned;

/// What stands below the options of `chorus query`.
pub(crate) fn query() -> String {
    let views: Vec<[String; 2]> = VIEWS.iter().map(|view| [format!("  {}", view.name), view.about().to_owned()]).collect();
    format!(
        "Tables: `chorus schema` lists all, `chorus schema TABLE` the columns of one; SHOW TABLES and DESCRIBE TABLE those of a run.\n\n\
         Views, which are asked as tables are:\n{}\n\
         Questions to begin with are in configs/queries/, such as: chorus query -f configs/queries/nightly_index.sql\n\
         docs/querying.md says more, also how to ask the same in polars, DuckDB and R.",
        aligned(&views)
    )
}

/// What stands below the options of `chorus export`.
pub(crate) fn export() -> String {
    let formats: Vec<[String; 2]> =
        EXPORTS.iter().map(|format| [format!("  {}", format.name()), format.about().to_owned()]).collect();
    format!("Formats:\n{}\ndocs/exports.md says what each file holds.", aligned(&formats))
}
