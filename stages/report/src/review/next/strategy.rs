//! What a strategy is: a reason to listen to a window.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::scored::{Candidate, Scored, Vectors};

/// A reason to listen to a window. Name, description and code are in one file; one line in [`super::strategies::STRATEGIES`] registers it.
///
/// Windows come one after the other, and of each pool only the nearest are kept: memory grows with classes, and not with windows.
pub trait Strategy: Sync {
    /// Its name in the column `strata` of the sheet, and in `--shares`.
    fn name(&self) -> &'static str;

    /// Which windows it prefers and what for, in one sentence without a full stop.
    fn about(&self) -> &'static str;

    /// The share of clips that it has unless somebody says otherwise.
    fn share(&self) -> f64;

    /// Whether it compares embeddings. Without the table `embeddings` it chooses nothing.
    fn compares(&self) -> bool {
        false
    }

    /// Whether its windows are those where the model errs most: if a listener agrees with it there, it has learned the class.
    fn tests_model(&self) -> bool {
        false
    }

    /// How many windows are kept of each pool when a class gives `wanted` clips in all. Twice as many as are wanted always suffice,
    /// since every clip of another strategy rules out at most one of them.
    fn keep(&self, wanted: usize) -> usize {
        2 * wanted
    }

    /// Whether it looks for unknown sounds. Without the table `unknown` it chooses nothing.
    fn looks_for_unknown(&self) -> bool {
        false
    }

    /// The pool that a window is of, from 0, and where it stands in it; smaller is better. `None`: it never chooses this window.
    fn place(&self, window: &Scored) -> Option<(usize, f64)>;

    /// Puts the kept windows of a class into the order in which they are chosen. They come by pool and place; the pools take turns
    /// unless a strategy says otherwise. `taken` are those that other strategies chose.
    fn order(&self, kept: Vec<Candidate>, _taken: &[Candidate], _vectors: &Vectors) -> Vec<Candidate> {
        in_turns(kept)
    }
}

/// Windows by pool and place, the best of each pool first, then the second best of each.
pub(super) fn in_turns(kept: Vec<Candidate>) -> Vec<Candidate> {
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut ranked: Vec<(usize, Candidate)> = Vec::with_capacity(kept.len());
    for candidate in kept {
        let rank = seen.entry(candidate.pool).or_default();
        *rank += 1;
        ranked.push((*rank, candidate));
    }
    ranked.sort_by_key(|(rank, candidate)| (*rank, Reverse(candidate.pool)));
    ranked.into_iter().map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::super::scored::tests::{candidate, names};
    use super::*;

    #[test]
    fn pools_take_turns_from_the_last() {
        let kept = [("a", 0), ("b", 0), ("c", 0), ("d", 2), ("e", 7), ("f", 7)];
        let kept = kept.map(|(name, pool)| candidate(name, "1", pool)).to_vec();
        assert_eq!(names(&in_turns(kept)), "e d a f b c");
    }
}
