//! What classes are called: rows of the tables `classes` and `taxa`, read for the report and for exports.

use chorus_card::{Names, Taxon};
use chorus_tables::{Batch, TableError};

use crate::facts::cells::cell;

/// Columns of the table `classes`.
pub(crate) const CLASSES: &[&str] = &["class", "scientific_name", "english"];
/// Columns of the table `taxa`.
pub(crate) const TAXA: &[&str] = &["class", "gbif_key", "ebird_code", "names"];

/// The names of classes, from rows of `classes`.
///
/// # Errors
/// Those of columns that are not there.
pub(crate) fn names(batch: &Batch) -> Result<Vec<(String, Names)>, TableError> {
    let columns = batch.texts("class")?.into_iter().zip(batch.texts("scientific_name")?).zip(batch.texts("english")?);
    Ok(columns
        .map(|((class, scientific_name), english)| (class.unwrap_or_default(), Names { scientific_name, english }))
        .collect())
}

/// Keys of classes in taxonomies and their names in other languages, from rows of `taxa`.
///
/// # Errors
/// Those of columns that are not there.
pub(crate) fn taxa(batch: &Batch) -> Result<Vec<(String, Taxon)>, TableError> {
    let (classes, keys) = (batch.utf8("class")?, batch.u64("gbif_key")?);
    let (codes, names) = (batch.utf8("ebird_code")?, batch.utf8("names")?);
    let taxon = |row: usize| {
        // The pass annotate-classes wrote the object.
        let names = cell(names, row).and_then(|names| serde_json::from_str(names).ok()).unwrap_or_default();
        let ebird_code = cell(codes, row).map(str::to_owned);
        (classes.value(row).to_owned(), Taxon { gbif_key: cell(&keys, row), ebird_code, names })
    };
    Ok((0..batch.rows()).map(taxon).collect())
}
