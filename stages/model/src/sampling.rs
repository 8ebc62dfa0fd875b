//! In which order, and how often, an epoch goes through its windows.

use chorus_keys::Choices;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::rng;

/// How the windows of an epoch are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Each window once per epoch, in random order.
    Uniform,
    /// Class-aware sampling (Shen et al., ECCV 2016): for each window of an epoch a random class, then a random window of it. Windows
    /// without any class count as one more class.
    ClassBalanced,
    /// Square-root sampling (Mahajan et al., ECCV 2018): as class_balanced, but a class is drawn in proportion to the square root of its
    /// number of windows, halfway between uniform and class_balanced.
    SquareRoot,
}

impl Sampling {
    /// The rows of an epoch over `rows` windows. `members` are the positive rows of each class, a class without any being left out, and
    /// `quiet` the rows in which no class is positive.
    pub fn order(self, rng: &mut ChaCha8Rng, rows: usize, members: &[Vec<usize>], quiet: &[usize]) -> Vec<usize> {
        match self {
            Self::Uniform => rng::permutation(rng, rows),
            Self::ClassBalanced => {
                // Every row is in a pool, so without pools there are no rows.
                let pools = pools(members, quiet);
                let drawn = |_| {
                    let pool = pools[rng.random_range(0..pools.len())];
                    pool[rng.random_range(0..pool.len())]
                };
                (0..rows).map(drawn).collect()
            }
            Self::SquareRoot => {
                let pools = pools(members, quiet);
                let mut ends: Vec<f64> = Vec::with_capacity(pools.len());
                for pool in &pools {
                    ends.push(ends.last().copied().unwrap_or(0.0) + (pool.len() as f64).sqrt());
                }
                let all = ends.last().copied().unwrap_or(0.0);
                let drawn = |_| {
                    let place = rng.random::<f64>() * all;
                    let pool = pools[ends.partition_point(|end| *end <= place).min(pools.len() - 1)];
                    pool[rng.random_range(0..pool.len())]
                };
                (0..rows).map(drawn).collect()
            }
        }
    }
}

/// The rows of each class, and those of none; no pool is empty.
fn pools<'a>(members: &'a [Vec<usize>], quiet: &'a [usize]) -> Vec<&'a [usize]> {
    members.iter().map(Vec::as_slice).chain([quiet]).filter(|pool| !pool.is_empty()).collect()
}

/// The rows in which no class is positive.
pub fn quiet(rows: usize, members: &[Vec<usize>]) -> Vec<usize> {
    let mut is_quiet = vec![true; rows];
    members.iter().flatten().for_each(|&row| is_quiet[row] = false);
    (0..rows).filter(|&row| is_quiet[row]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};

    fn order(sampling: Sampling, epoch: usize) -> Vec<usize> {
        // 900 windows of a common class, 90 of none, 10 of a rare one, of which 5 hold the common one too.
        let members = [(0..900).collect(), (895..905).collect(), Vec::new()];
        sampling.order(&mut stream(4, Purpose::Order, epoch, 0), 995, &members, &quiet(995, &members))
    }

    #[test]
    fn uniform_order_holds_each_window_once() {
        let mut rows = order(Sampling::Uniform, 0);
        assert_ne!(rows, order(Sampling::Uniform, 1));
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..995));
    }

    #[test]
    fn balanced_order_gives_rare_classes_their_third() {
        let mut rare = 0;
        let mut empty = 0;
        for epoch in 0..20 {
            let rows = order(Sampling::ClassBalanced, epoch);
            assert_eq!(rows.len(), 995);
            rare += rows.iter().filter(|row| (900..905).contains(*row)).count();
            empty += rows.iter().filter(|row| **row >= 905).count();
        }
        let share = |n: usize| n as f64 / (20.0 * 995.0);
        // Half of the rare class's third falls on the five windows that hold it alone.
        assert!((share(rare) - 1.0 / 6.0).abs() < 0.01, "{}", share(rare));
        assert!((share(empty) - 1.0 / 3.0).abs() < 0.01, "{}", share(empty));
    }

    #[test]
    fn square_root_order_lies_halfway() {
        let mut rare = 0;
        for epoch in 0..20 {
            let rows = order(Sampling::SquareRoot, epoch);
            assert_eq!(rows.len(), 995);
            rare += rows.iter().filter(|row| (900..905).contains(*row)).count();
        }
        // Windows: 900, 10 and 90, so roots of 30, 3.16 and 9.49. Half of the rare class's share falls on the five that hold it alone.
        let expected = 10f64.sqrt() / (30.0 + 10f64.sqrt() + 90f64.sqrt()) / 2.0;
        assert!((rare as f64 / (20.0 * 995.0) - expected).abs() < 0.005, "{rare} {expected}");
        assert_eq!(Sampling::SquareRoot.order(&mut stream(0, Purpose::Order, 0, 0), 0, &[], &[]), Vec::<usize>::new());
    }

    #[test]
    fn windows_without_any_class_are_found() {
        assert_eq!(quiet(6, &[vec![1, 2], vec![2, 5]]), [0, 3, 4]);
        assert_eq!(Sampling::ClassBalanced.order(&mut stream(0, Purpose::Order, 0, 0), 0, &[], &[]), Vec::<usize>::new());
    }
}
