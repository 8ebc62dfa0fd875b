//! Embeddings with labels.

use std::collections::BTreeMap;

use chorus_engine::{UnitContext, WorkError, hash_bytes};
use chorus_score::labelled::for_each_labelled;
use chorus_tables::{TableReader, halves};

use crate::HeadError;

/// Windows with their embeddings and labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Examples {
    /// Values of an embedding, or of each position of a map of them.
    pub width: usize,
    /// Positions of a map; 1 for embeddings of whole windows.
    pub positions: usize,
    /// Classes.
    pub classes: usize,
    /// `[window, position, value]`
    pub embeddings: Vec<f32>,
    /// `[window, class]`, none where nobody said.
    pub labels: Vec<Option<bool>>,
    /// The group of each window's recording in the split, as a number.
    pub groups: Vec<usize>,
}

impl Examples {
    /// The number of windows.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The embedding of a window `[position, value]`.
    pub fn embedding(&self, window: usize) -> &[f32] {
        let length = self.positions * self.width;
        &self.embeddings[window * length..(window + 1) * length]
    }

    /// The labels of a window.
    pub fn labels(&self, window: usize) -> &[Option<bool>] {
        &self.labels[window * self.classes..(window + 1) * self.classes]
    }

    /// How many windows of each class are positive.
    pub fn positives(&self) -> Vec<usize> {
        let mut positives = vec![0; self.classes];
        for labels in self.labels.chunks_exact(self.classes.max(1)) {
            for (count, label) in positives.iter_mut().zip(labels) {
                *count += usize::from(*label == Some(true));
            }
        }
        positives
    }

    /// Refuses examples from which nothing can be learnt.
    ///
    /// # Errors
    /// [`HeadError::Examples`].
    pub fn check(&self) -> Result<(), HeadError> {
        let refuse = |found: String| {
            Err(HeadError::Examples {
                found,
                expected: "train windows with labels, some of them positive",
                next: "label more recordings, or give train a larger share in the section split",
            })
        };
        match self.positives().iter().sum::<usize>() {
            0 if self.is_empty() => refuse("no train window".into()),
            0 => refuse(format!("{} train windows without a positive label", self.len())),
            _ => Ok(()),
        }
    }

    /// These windows, in the given order.
    #[must_use]
    pub fn chosen(&self, windows: &[usize]) -> Self {
        Self {
            width: self.width,
            positions: self.positions,
            classes: self.classes,
            embeddings: windows.iter().flat_map(|&window| self.embedding(window)).copied().collect(),
            labels: windows.iter().flat_map(|&window| self.labels(window)).copied().collect(),
            groups: windows.iter().map(|&window| self.groups[window]).collect(),
        }
    }

    /// All windows with a positive label, and of the others so many, drawn by `seed`.
    #[must_use]
    pub fn with_negatives(self, most: usize, seed: u64) -> Self {
        let is_positive = |window: usize| self.labels(window).contains(&Some(true));
        let mut negatives: Vec<(String, usize)> = (0..self.len())
            .filter(|&window| !is_positive(window))
            .map(|w| (hash_bytes(format!("{seed} {w}").as_bytes()), w))
            .collect();
        if negatives.len() <= most {
            return self;
        }
        negatives.sort_unstable();
        negatives.truncate(most);
        let mut kept: Vec<usize> = (0..self.len()).filter(|&window| is_positive(window)).collect();
        kept.extend(negatives.into_iter().map(|(_, window)| window));
        kept.sort_unstable();
        self.chosen(&kept)
    }
}

/// A table of what heads are given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    /// Its name.
    pub table: &'static str,
    /// The column with the numbers.
    pub column: &'static str,
}

impl Given {
    /// That of a pass: the one of the two that it reads.
    pub(crate) fn of(cx: &UnitContext<'_>) -> Self {
        let maps = Self { table: "embedding_maps", column: "map" };
        if cx.reads_table(maps.table) { maps } else { Self { table: "embeddings", column: "embedding" } }
    }
}

/// Positions and values of a table's arrays.
pub(crate) fn shape(reader: &TableReader) -> [usize; 2] {
    match *reader.shape() {
        [positions, values] => [positions, values],
        _ => [1, reader.shape().iter().product()],
    }
}

/// The windows of the subsets train and validation. Windows without any label are read only where they count (`with_unlabelled`), and
/// only those of train.
pub(crate) fn read(
    cx: &UnitContext<'_>,
    table: Given,
    classes: usize,
    with_unlabelled: bool,
) -> Result<[Examples; 2], WorkError> {
    let mut sides = [Examples { classes, ..Examples::default() }, Examples { classes, ..Examples::default() }];
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut group_of: BTreeMap<String, String> = BTreeMap::new();
    for (_, batch) in cx.read_all("splits", &["recording_id", "group_id"])? {
        group_of.extend(batch.texts("recording_id")?.into_iter().flatten().zip(batch.texts("group_id")?.into_iter().flatten()));
    }
    let mut part: Option<(std::path::PathBuf, Vec<u8>, [usize; 2])> = None;
    for_each_labelled(cx, table.table, classes, |window| {
        let is_train = window.subset == "train";
        if window.labels.iter().all(Option::is_none) && !(is_train && with_unlabelled) {
            return Ok(());
        }
        // A part is read at once: embeddings are small.
        if part.as_ref().is_none_or(|(path, ..)| path != window.reader.path()) {
            let batch = window.reader.read(&[table.column])?;
            let bytes = batch.arrays(table.column)?.iter().flatten().collect::<Vec<&[u8]>>().concat();
            part = Some((window.reader.path().to_owned(), bytes, shape(window.reader)));
        }
        let (path, bytes, [positions, width]) = part.as_ref().ok_or("no part was read")?;
        let side = &mut sides[usize::from(!is_train)];
        let before = [side.positions, side.width];
        if before != [*positions, *width] && !side.is_empty() {
            let found = format!("{}: embeddings have the shape {:?}, and {before:?} before", path.display(), [positions, width]);
            return Err(format!("{found}; run embed again").into());
        }
        [side.positions, side.width] = [*positions, *width];
        let length = 2 * positions * width;
        let own = &bytes[window.row * length..(window.row + 1) * length];
        side.embeddings.extend(halves(own));
        side.labels.extend(window.labels.iter().map(|label| label.map(|label| label == 1)));
        let next = numbers.len();
        let group = group_of.get(window.recording).map_or(window.recording, String::as_str);
        side.groups.push(*numbers.entry(group.to_owned()).or_insert(next));
        Ok(())
    })?;
    Ok(sides)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Examples {
        let labels = [[Some(true), None], [Some(false), None], [None, None], [None, Some(true)], [Some(false), Some(false)]];
        Examples {
            width: 1,
            positions: 1,
            classes: 2,
            embeddings: (0..5).map(|i| i as f32).collect(),
            labels: labels.concat(),
            groups: vec![0, 0, 1, 1, 2],
        }
    }

    #[test]
    fn positives_stay_when_negatives_are_drawn() {
        assert_eq!(examples().with_negatives(3, 0), examples());
        let fewer = examples().with_negatives(1, 0);
        assert_eq!((fewer.len(), fewer.positives()), (3, vec![1, 1]));
        assert_eq!(fewer, examples().with_negatives(1, 0));
        let seeds: std::collections::BTreeSet<String> =
            (0..20).map(|seed| format!("{:?}", examples().with_negatives(1, seed).embeddings)).collect();
        assert_eq!(seeds.len(), 3, "each negative is drawn by some seed");
    }

    #[test]
    fn nothing_to_learn_from_is_refused() {
        assert_eq!(examples().check(), Ok(()));
        let none = examples().chosen(&[1, 4]).check().unwrap_err().to_string();
        assert!(none.starts_with("found 2 train windows without a positive label, expected"), "{none}");
        assert!(Examples::default().check().unwrap_err().to_string().contains("no train window"));
    }
}
