//! Detections where and when they are not expected: the table `plausibility`.

use std::collections::BTreeMap;

use chorus_tables::{Batch, TableError};

use super::cells::cell;

/// The table. A run makes it on request.
pub(crate) const TABLE: &str = "plausibility";

pub(super) const COLUMNS: &[&str] = &["class", "plausible"];

/// How plausible the detections of a class are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plausible {
    /// Detections that are expected at their place and time.
    pub(crate) yes: u64,
    /// Those that are not.
    pub(crate) no: u64,
    /// Those of which the table says nothing.
    pub(crate) open: u64,
}

/// Adds rows of one site.
pub(super) fn add(found: &mut BTreeMap<String, BySite>, site: &str, batch: &Batch) -> Result<(), TableError> {
    let (classes, plausible) = (batch.utf8("class")?, batch.bool("plausible")?);
    for row in 0..batch.rows() {
        if !found.contains_key(classes.value(row)) {
            found.insert(classes.value(row).to_owned(), BySite::default());
        }
        let Some(class) = found.get_mut(classes.value(row)) else { continue };
        match cell(plausible, row) {
            Some(true) => class.all.yes += 1,
            Some(false) => {
                class.all.no += 1;
                *class.sites.entry(site.to_owned()).or_default() += 1;
            }
            None => class.all.open += 1,
        }
    }
    Ok(())
}

/// How plausible the detections of a class are, and where they are not.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct BySite {
    /// At all sites together.
    pub(crate) all: Plausible,
    /// Implausible detections by site.
    pub(crate) sites: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::super::rows::{bool, read_back, text};
    use super::*;

    #[test]
    fn detections_are_counted_by_class_and_the_implausible_ones_by_site() {
        let batch = read_back(
            TABLE,
            [text("class", ["A", "A", "A", "B"]), bool("plausible", [Some(true), Some(false), None, Some(true)])],
        );
        let mut found = BTreeMap::new();
        add(&mut found, "POND", &batch).unwrap();
        add(&mut found, "MARSH", &batch).unwrap();
        assert_eq!(found["A"].all, Plausible { yes: 2, no: 2, open: 2 });
        assert_eq!(found["A"].sites, [("MARSH".to_owned(), 1), ("POND".to_owned(), 1)].into());
        assert!(found["B"].all.no == 0 && found["B"].sites.is_empty());
    }
}
