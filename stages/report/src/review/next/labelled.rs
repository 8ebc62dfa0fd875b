//! What is labelled already: at which sites, and which windows embeddings are compared with.

use std::collections::{BTreeMap, BTreeSet};

use chorus_engine::Unit;

use crate::export::ExportError;
use crate::export::run::Run;
use crate::facts::cells::cell;
use crate::review::chosen::chance;

/// Labelled windows that embeddings are compared with, at most. Where more are labelled it is a sample by chance.
const MOST: usize = 2000;

/// What is labelled.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Labelled {
    /// Sites with a label.
    pub(super) sites: BTreeSet<String>,
    /// Labelled windows, by unit: a sample by chance.
    pub(super) windows: BTreeMap<Unit, BTreeSet<String>>,
}

impl Labelled {
    /// Reads the table `labels`; nothing where the run has none. The windows are sampled only where they are wanted.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn of(run: &Run, wants_windows: bool, seed: u64) -> Result<Self, ExportError> {
        let mut sites = BTreeSet::new();
        let mut sample = Sample::new(MOST);
        for part in run.parts("labels")? {
            let site = part.unit.site();
            if !wants_windows && sites.contains(site) {
                continue;
            }
            for batch in part.open()?.batches(&["segment_id", "value"])? {
                let batch = batch?;
                let (segments, values) = (batch.utf8("segment_id")?, batch.i32("value")?);
                let mut last = "";
                for row in (0..batch.rows()).filter(|&row| cell(values, row).is_some()) {
                    if last.is_empty() && !sites.contains(site) {
                        sites.insert(site.to_owned());
                    }
                    // The rows of a window follow each other.
                    let segment = segments.value(row);
                    if wants_windows && segment != last {
                        sample.add(chance(&format!("{seed} {segment}")), segment, &part.unit);
                    }
                    last = segment;
                }
            }
        }
        Ok(Self { sites, windows: sample.by_unit() })
    }
}

/// The things with the smallest numbers.
struct Sample {
    most: usize,
    /// By number, whose order as bits is that of its value: it is not negative.
    chosen: BTreeMap<(u64, String), Unit>,
}

impl Sample {
    fn new(most: usize) -> Self {
        Self { most, chosen: BTreeMap::new() }
    }

    fn add(&mut self, number: f64, name: &str, unit: &Unit) {
        let bits = number.to_bits();
        let is_full = self.chosen.len() >= self.most;
        if is_full && self.chosen.last_key_value().is_some_and(|((last, _), _)| *last <= bits) {
            return;
        }
        self.chosen.insert((bits, name.to_owned()), unit.clone());
        if self.chosen.len() > self.most {
            self.chosen.pop_last();
        }
    }

    fn by_unit(self) -> BTreeMap<Unit, BTreeSet<String>> {
        let mut found: BTreeMap<Unit, BTreeSet<String>> = BTreeMap::new();
        for ((_, name), unit) in self.chosen {
            found.entry(unit).or_default().insert(name);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_bounded_and_has_the_smallest_numbers() {
        let mut sample = Sample::new(2);
        for (number, name) in [(0.5, "a"), (0.25, "b"), (0.75, "c"), (0.125, "d"), (0.25, "b")] {
            sample.add(number, name, &Unit::Run);
        }
        assert_eq!(sample.by_unit(), [(Unit::Run, ["b".to_owned(), "d".to_owned()].into())].into());
    }
}
