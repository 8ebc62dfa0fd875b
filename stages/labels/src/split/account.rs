//! How many recordings of each class are on each side of a split, as a table and as messages.

use std::collections::{BTreeMap, BTreeSet};

use chorus_engine::Console;

use super::rows::{SplitRecording, SplitRow};
use crate::subset::Subset;

/// A row of `split_classes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClassRow {
    pub(super) class: String,
    pub(super) subset: Subset,
    pub(super) recordings: u64,
    pub(super) windows_positive: u64,
}

/// Counts recordings and positive windows of each class on each side; `rows` in the order of `recordings`.
pub(super) fn classes(classes: &[String], recordings: &[SplitRecording], rows: &[SplitRow]) -> Vec<ClassRow> {
    let mut counts: BTreeMap<(&str, Subset), (u64, u64)> = BTreeMap::new();
    for class in classes {
        counts.extend(Subset::ALL.map(|subset| ((class.as_str(), subset), (0, 0))));
    }
    for (recording, row) in recordings.iter().zip(rows) {
        for (class, windows) in recording.positives.iter().filter(|(_, windows)| **windows > 0) {
            let count = counts.entry((class, row.subset)).or_default();
            count.0 += 1;
            count.1 += windows;
        }
    }
    let row = |((class, subset), (recordings, windows_positive)): ((&str, Subset), (u64, u64))| ClassRow {
        class: class.to_owned(),
        subset,
        recordings,
        windows_positive,
    };
    let mut table: Vec<ClassRow> = counts.into_iter().map(row).collect();
    table.sort_by(|a, b| (&a.class, a.subset.as_str()).cmp(&(&b.class, b.subset.as_str())));
    table
}

/// Prints the number of recordings and classes on each side, and warns of empty sides, of classes that a side lacks, and of
/// `notes`. `wanted` are the sides that should not be empty.
pub(super) fn tell(console: &Console, rows: &[SplitRow], classes: &[ClassRow], wanted: &[Subset], notes: &[String]) {
    let count = |subset: Subset| rows.iter().filter(|row| row.subset == subset).count();
    let counts: Vec<String> = Subset::ALL.iter().map(|&side| format!("{} {}", count(side), side.as_str())).collect();
    console.say(&format!("{:17} {} recordings", "split", counts.join(", ")));
    let all = classes.iter().map(|c| &c.class).collect::<BTreeSet<_>>().len();
    let sides: Vec<Subset> = Subset::SIDES.into_iter().filter(|&side| count(side) > 0).collect();
    let held: Vec<String> =
        sides.iter().map(|&side| format!("{} in {}", all - lacking(classes, side).len(), side.as_str())).collect();
    console.say(&format!("{:17} of {all} classes {} (table split_classes)", "split", held.join(", ")));
    for side in wanted.iter().filter(|&&side| count(side) == 0) {
        console.warn(&format!("split: {}", empty(*side)));
    }
    for &side in &sides {
        let lacking = lacking(classes, side);
        if !lacking.is_empty() {
            console.warn(&format!("split: no recording in {} with {}", side.as_str(), lacking.join(", ")));
        }
    }
    for note in notes {
        console.warn(&format!("split: {note}"));
    }
}

/// The consequence of an empty side, and what to do.
fn empty(side: Subset) -> String {
    let without = match side {
        Subset::Validation => "epochs and thresholds cannot be chosen",
        Subset::Test => "the classifier cannot be evaluated",
        Subset::Train | Subset::Unused => "there is nothing to learn from",
    };
    format!(
        "no recording is in {}, so {without}; review more recordings, choose smaller groups with split.group or larger \
         fractions, or correct split.file",
        side.as_str()
    )
}

/// The classes without a positive window on a side.
fn lacking(classes: &[ClassRow], side: Subset) -> Vec<&str> {
    classes.iter().filter(|c| c.subset == side && c.recordings == 0).map(|c| c.class.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_row_for_each_side() {
        let recording = |positives: &[(&str, u64)]| SplitRecording {
            positives: positives.iter().map(|&(class, n)| (class.to_owned(), n)).collect(),
            ..SplitRecording::default()
        };
        let recordings = [recording(&[("X", 2), ("Y", 1)]), recording(&[("X", 3)]), recording(&[])];
        let rows: Vec<SplitRow> = recordings
            .iter()
            .zip([Subset::Test, Subset::Test, Subset::Train])
            .map(|(r, side)| SplitRow::new(r, side, ""))
            .collect();
        let table = classes(&["X", "Y", "Z"].map(str::to_owned), &recordings, &rows);
        let of = |class: &str| {
            let own = table.iter().filter(|c| c.class == class);
            own.map(|c| (c.subset.as_str(), c.recordings, c.windows_positive)).collect::<Vec<_>>()
        };
        assert_eq!(of("X"), [("test", 2, 5), ("train", 0, 0), ("unused", 0, 0), ("validation", 0, 0)]);
        assert_eq!(of("Y")[0], ("test", 1, 1));
        assert_eq!((lacking(&table, Subset::Test), lacking(&table, Subset::Train)), (vec!["Z"], vec!["X", "Y", "Z"]));
        assert_eq!(table.len(), 12);
    }

    #[test]
    fn an_empty_side_says_what_it_costs() {
        assert!(empty(Subset::Validation).contains("no recording is in validation, so epochs and thresholds"));
        assert!(empty(Subset::Test).contains("no recording is in test, so the classifier cannot"));
    }
}
