//! How a network learns from windows with labels and from windows whose labels another model supposed, together.

use chorus_keys::Keys;
use serde::{Deserialize, Serialize};

/// The keys of the section `self_training` that the training loop reads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Keys)]
#[keys(section = "self_training", default)]
pub struct StudentOptions {
    /// Smallest share of windows with labels in a training step. The others have labels that the teacher supposed.
    #[key(default = "0.6", range = 0.1..=1.0)]
    pub labelled_share: f64,
    /// Number of epochs at the end of the training, when the learning rate is low, that learn from windows with labels alone.
    #[key(unit = "epochs", default = "5", range = 0..=100_000)]
    pub last_epochs: usize,
}

impl StudentOptions {
    /// An order of rows in which each batch holds rows of `own` and, to at most the share that is allowed, rows of `others`. Each row of
    /// `own` comes once, each of `others` at most once, and all batches have as many of them. Rows of `own` that fill no batch are left
    /// out, unless there is nothing else.
    pub fn together(&self, own: &[usize], others: Vec<usize>, batch: usize) -> Vec<usize> {
        let batch = batch.min(own.len());
        let least = ((batch as f64 * self.labelled_share).ceil() as usize).clamp(1, batch.max(1));
        // With few of the others, batches hold fewer of them than allowed.
        let mut of_own = least;
        while of_own < batch && (own.len() / of_own) * (batch - of_own) > others.len() {
            of_own += 1;
        }
        let mut others = others.into_iter();
        let mut order = Vec::with_capacity(own.len() + others.len());
        for rows in own.chunks_exact(of_own) {
            order.extend(rows);
            order.extend(others.by_ref().take(batch - of_own));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(labelled: usize, others: usize, batch: usize, share: f64) -> Vec<(usize, usize)> {
        let own: Vec<usize> = (0..labelled).collect();
        let options = StudentOptions { labelled_share: share, last_epochs: 0 };
        let order = options.together(&own, (labelled..labelled + others).collect(), batch);
        let mut distinct = order.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), order.len(), "no row comes twice");
        let size = batch.min(labelled);
        let count = |rows: &[usize]| {
            (rows.iter().filter(|row| **row < labelled).count(), rows.iter().filter(|row| **row >= labelled).count())
        };
        assert_eq!(order.len() % size, 0, "all batches are full");
        order.chunks_exact(size).map(count).collect()
    }

    #[test]
    fn every_batch_keeps_to_the_share() {
        assert_eq!(batches(60, 1000, 10, 0.6), vec![(6, 4); 10]);
        assert_eq!(batches(65, 1000, 10, 0.61), vec![(7, 3); 9]);
        assert_eq!(batches(60, 1000, 10, 1.0), vec![(10, 0); 6]);
        // Fewer than there is room for.
        assert_eq!(batches(60, 12, 10, 0.6), vec![(9, 1); 6]);
        assert_eq!(batches(60, 2, 10, 0.6), vec![(10, 0); 6]);
        // A batch larger than all that has labels.
        assert_eq!(batches(5, 100, 32, 0.6), vec![(3, 2)]);
        assert_eq!(batches(1, 100, 32, 0.6), vec![(1, 0)]);
    }
}
