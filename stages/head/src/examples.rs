//! Embeddings with labels.

use std::collections::BTreeMap;

use chorus_engine::{UnitContext, WorkError, hash_bytes};
use chorus_score::labelled::for_each_labelled;
use half::f16;

use crate::HeadError;

/// Windows with their embeddings and labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Examples {
    /// Values of an embedding.
    pub width: usize,
    /// Classes.
    pub classes: usize,
    /// `[window, value]`
    pub embeddings: Vec<f32>,
    /// `[window, class]`, none where nobody said.
    pub labels: Vec<Option<bool>>,
    /// The recording of each window, as a number.
    pub recordings: Vec<usize>,
}

impl Examples {
    /// The number of windows.
    pub fn len(&self) -> usize {
        self.recordings.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.recordings.is_empty()
    }

    /// The embedding of a window.
    pub fn embedding(&self, window: usize) -> &[f32] {
        &self.embeddings[window * self.width..(window + 1) * self.width]
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
            classes: self.classes,
            embeddings: windows.iter().flat_map(|&window| self.embedding(window)).copied().collect(),
            labels: windows.iter().flat_map(|&window| self.labels(window)).copied().collect(),
            recordings: windows.iter().map(|&window| self.recordings[window]).collect(),
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

/// The windows of the subsets train and validation. Windows without any label are read only where they count (`with_unlabelled`), and
/// only those of train.
pub(crate) fn read(cx: &UnitContext<'_>, classes: usize, with_unlabelled: bool) -> Result<[Examples; 2], WorkError> {
    let mut sides = [Examples { classes, ..Examples::default() }, Examples { classes, ..Examples::default() }];
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut part: Option<(std::path::PathBuf, Vec<u8>, usize)> = None;
    for_each_labelled(cx, "embeddings", classes, |window| {
        let is_train = window.subset == "train";
        if window.labels.iter().all(Option::is_none) && !(is_train && with_unlabelled) {
            return Ok(());
        }
        // A part is read at once: embeddings are small.
        if part.as_ref().is_none_or(|(path, ..)| path != window.reader.path()) {
            let batch = window.reader.read(&["embedding"])?;
            let arrays = batch.arrays("embedding")?;
            let bytes = arrays.iter().flatten().flatten().copied().collect();
            part = Some((window.reader.path().to_owned(), bytes, usize::try_from(arrays.value_length())? / 2));
        }
        let (path, bytes, width) = part.as_ref().ok_or("no part was read")?;
        let side = &mut sides[usize::from(!is_train)];
        if side.width != *width && !side.is_empty() {
            return Err(format!(
                "{}: embeddings have {width} values, and {} before; run embed again",
                path.display(),
                side.width
            )
            .into());
        }
        side.width = *width;
        let own = &bytes[window.row * 2 * width..(window.row + 1) * 2 * width];
        side.embeddings.extend(own.chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32()));
        side.labels.extend(window.labels.iter().map(|label| label.map(|label| label == 1)));
        let next = numbers.len();
        side.recordings.push(*numbers.entry(window.recording.to_owned()).or_insert(next));
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
            classes: 2,
            embeddings: (0..5).map(|i| i as f32).collect(),
            labels: labels.concat(),
            recordings: vec![0, 0, 1, 1, 2],
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
