//! The windows that are least like anything labelled: farthest-first traversal (Gonzalez, Theoretical Computer Science 38, 1985; for
//! choosing what to label: Sener and Savarese, ICLR 2018, "core-set"), with the cosine distance of embeddings.

use rayon::prelude::*;

use super::stratified::bin;
use crate::review::next::scored::{Candidate, Scored, Vectors};
use crate::review::next::strategy::Strategy;

/// Windows of each tenth of the scores that are compared, at least.
const AT_LEAST: usize = 20;

/// Far from everything labelled, and from each other.
pub(in crate::review::next) struct Diverse;

impl Strategy for Diverse {
    fn name(&self) -> &'static str {
        "diverse"
    }

    fn about(&self) -> &'static str {
        "those farthest from everything labelled, by their embeddings: sounds that nobody has judged yet"
    }

    fn share(&self) -> f64 {
        0.3
    }

    fn tests_model(&self) -> bool {
        true
    }

    fn compares(&self) -> bool {
        true
    }

    fn keep(&self, wanted: usize) -> usize {
        wanted.max(AT_LEAST)
    }

    /// What is compared is spread over the scores, or all of it would be of the lowest.
    fn place(&self, window: &Scored) -> Option<(usize, f64)> {
        Some((bin(window.score), window.chance))
    }

    fn order(&self, kept: Vec<Candidate>, taken: &[Candidate], vectors: &Vectors) -> Vec<Candidate> {
        let taken: Vec<&[f32]> = taken.iter().filter_map(|other| vectors.of(&other.segment)).collect();
        // How like the candidate is to what is most like it of all that is labelled or chosen.
        let likeness = |own: &[f32]| {
            let labelled = vectors.labelled().iter().map(Vec::as_slice);
            labelled.chain(taken.iter().copied()).map(|other| cosine(own, other)).fold(f32::NEG_INFINITY, f32::max)
        };
        let open = kept.into_par_iter().filter_map(|candidate| {
            let likeness = likeness(vectors.of(&candidate.segment)?);
            Some((likeness, candidate))
        });
        let mut open: Vec<(f32, Candidate)> = open.collect();
        let mut ordered: Vec<Candidate> = Vec::with_capacity(open.len());
        while let Some(at) = (0..open.len()).min_by(|&a, &b| open[a].0.total_cmp(&open[b].0)) {
            let (_, next) = open.remove(at);
            if let Some(own) = vectors.of(&next.segment) {
                for (likeness, other) in &mut open {
                    *likeness = vectors.of(&other.segment).map_or(*likeness, |other| likeness.max(cosine(own, other)));
                }
            }
            ordered.push(next);
        }
        ordered
    }
}

/// The cosine of the angle between two vectors of length 1.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::next::scored::tests::{candidate, names};

    /// The unit vector at this many degrees.
    fn at(degrees: f32) -> Vec<f32> {
        vec![degrees.to_radians().cos(), degrees.to_radians().sin()]
    }

    #[test]
    fn the_farthest_from_all_that_is_labelled_or_chosen_comes_next() {
        let windows = [("a", 10.0), ("b", 100.0), ("c", 170.0), ("d", 95.0), ("e", 45.0)];
        let by_window = windows.map(|(name, degrees)| (name.to_owned(), at(degrees))).into();
        let candidates = || ["a", "b", "c", "d", "e", "unseen"].map(|name| candidate(name, "1", 0)).to_vec();
        let vectors = Vectors { by_window, labelled: vec![at(0.0)] };
        // 170 is farthest from 0; then 95 (75 from 170, and 95 from 0) before 100 (70); then 45, 10, 100: 45 is 45 away, 10 is 10, 100 is 5.
        assert_eq!(names(&Diverse.order(candidates(), &[], &vectors)), "c d e a b");
        // With `c` chosen already, everything is measured from it too.
        assert_eq!(names(&Diverse.order(candidates()[..2].to_vec(), &[candidate("c", "1", 0)], &vectors)), "b a");
        // Nothing is labelled: the first of them, and then away from it.
        let vectors = Vectors { labelled: Vec::new(), ..vectors };
        assert_eq!(names(&Diverse.order(candidates(), &[], &vectors)), "a c d e b");
    }
}
