//! What windows hold in which a class was detected falsely: the table `false_alarms`.

use std::collections::BTreeMap;

use chorus_tables::{Batch, TableError};

use super::cells::cell;
use super::learned::Subset;

pub(super) const COLUMNS: &[&str] = &["subset", "class", "present", "windows", "windows_all"];

/// False alarms, by subset and class; `None` for all windows, detected or not, to compare with.
#[derive(Debug, Default)]
pub(crate) struct Alarms(BTreeMap<(Subset, Option<String>), OfClass>);

/// Some windows, by what they hold.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct OfClass {
    /// All of them.
    pub(crate) windows: u64,
    /// Those that hold a class; `None`: those that hold none.
    pub(crate) present: BTreeMap<Option<String>, u64>,
}

impl OfClass {
    /// The share that holds a class, or none.
    pub(crate) fn share(&self, present: Option<&str>) -> f64 {
        self.windows_with(present) as f64 / self.windows.max(1) as f64
    }

    /// The number of them that hold a class, or none.
    pub(crate) fn windows_with(&self, present: Option<&str>) -> u64 {
        self.present.get(&present.map(str::to_owned)).copied().unwrap_or(0)
    }
}

impl Alarms {
    pub(super) fn add(&mut self, batch: &Batch) -> Result<(), TableError> {
        let (subsets, classes, present) = (batch.utf8("subset")?, batch.utf8("class")?, batch.utf8("present")?);
        let (windows, all) = (batch.u64("windows")?, batch.u64("windows_all")?);
        for i in 0..batch.rows() {
            let class = cell(classes, i).map(str::to_owned);
            let present = cell(present, i).map(str::to_owned);
            self.note(Subset::parse(subsets.value(i)), class, present, windows.value(i), all.value(i));
        }
        Ok(())
    }

    /// Notes so many windows of `all`.
    pub(super) fn note(&mut self, subset: Subset, class: Option<String>, present: Option<String>, windows: u64, all: u64) {
        let of = self.0.entry((subset, class)).or_default();
        of.windows = all;
        of.present.insert(present, windows);
    }

    /// All windows of a subset.
    pub(crate) fn windows(&self, subset: Subset) -> Option<&OfClass> {
        self.0.get(&(subset, None))
    }

    /// The classes with false alarms in a subset, the most of them first.
    pub(crate) fn classes(&self, subset: Subset) -> Vec<(&str, &OfClass)> {
        let own = self.0.iter().filter(|((of, _), _)| *of == subset);
        let mut classes: Vec<_> = own.filter_map(|((_, class), of)| Some((class.as_deref()?, of))).collect();
        classes.sort_by_key(|(_, of)| std::cmp::Reverse(of.windows));
        classes
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{i64, read_back, text};
    use super::*;

    #[test]
    fn false_alarms_are_kept_by_what_is_there() {
        let batch = read_back(
            "false_alarms",
            [
                text("model_id", ["m"; 5]),
                text("subset", ["test"; 5]),
                text("class", [None, None, Some("X"), Some("X"), Some("Y")]),
                text("present", [None, Some("Y"), None, Some("Y"), None]),
                i64("windows", [60, 40, 1, 3, 9]),
                i64("windows_all", [100, 100, 4, 4, 9]),
            ],
        );
        let mut alarms = Alarms::default();
        alarms.add(&batch).unwrap();
        let classes = alarms.classes(Subset::Test);
        assert_eq!(classes.iter().map(|(class, of)| (*class, of.windows)).collect::<Vec<_>>(), [("Y", 9), ("X", 4)]);
        assert_eq!((classes[1].1.share(Some("Y")), classes[1].1.share(None), classes[1].1.share(Some("Z"))), (0.75, 0.25, 0.0));
        assert_eq!(alarms.windows(Subset::Test).map(|all| all.share(Some("Y"))), Some(0.4));
        assert!(alarms.classes(Subset::Train).is_empty() && alarms.windows(Subset::Train).is_none());
    }
}
