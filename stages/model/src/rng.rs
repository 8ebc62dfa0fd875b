//! Every random draw of the learning, from our own generator: torch's state cannot be saved from Rust.
//!
//! A draw depends on nothing but its key, so a training that stops after any step continues bit for bit, and what one
//! purpose draws never shifts what another one does. The 256-bit key of ChaCha8 is the four numbers of the key in
//! little-endian order; ChaCha is built so that streams under different keys are unrelated.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::multi::Dirichlet;
use rand_distr::{Beta, Distribution, StandardNormal};

use crate::{Error, Result};

/// What a stream of draws is for. The numbers are part of the key: never reuse or change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A network's first weights; the step is the parameter's index.
    Weights = 1,
    /// The order of the rows in an epoch; the step is 0.
    Order = 2,
    /// Which mixing a step takes, its weights and its partners.
    Mixing = 3,
    /// Rolls and masks.
    Augmentation = 4,
    /// Which windows are laid under others, and how loud.
    Background = 5,
    /// Which windows with supposed labels an epoch learns from; the step is 0.
    Supposed = 6,
    /// As `Augmentation`, for the second view of a window.
    SecondAugmentation = 7,
    /// As `Background`, for the second view of a window.
    SecondBackground = 8,
}

/// The stream of one purpose in one step.
pub fn stream(seed: u64, purpose: Purpose, epoch: usize, step: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, number) in key.chunks_exact_mut(8).zip([seed, purpose as u64, epoch as u64, step as u64]) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// The numbers from 0 to `n` in random order, each order equally likely.
pub fn permutation(rng: &mut impl Rng, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(rng);
    order
}

/// `n` draws from Beta(alpha, alpha).
///
/// # Errors
/// `alpha` is not positive and finite.
pub fn beta(rng: &mut impl Rng, alpha: f64, n: usize) -> Result<Vec<f64>> {
    let distribution = Beta::new(alpha, alpha).map_err(|_| bad_alpha(alpha))?;
    Ok(distribution.sample_iter(rng).take(n).collect())
}

/// One draw of `n` weights from the symmetric Dirichlet(alpha, …, alpha); they sum to 1.
///
/// # Errors
/// `alpha` is not positive and finite.
pub fn dirichlet(rng: &mut impl Rng, alpha: f64, n: usize) -> Result<Vec<f64>> {
    if n < 2 {
        return Ok(vec![1.0; n]);
    }
    Ok(Dirichlet::new(&vec![alpha; n]).map_err(|_| bad_alpha(alpha))?.sample(rng))
}

/// `n` draws from the normal distribution with mean 0.
pub fn normal(rng: &mut impl Rng, standard_deviation: f64, n: usize) -> Vec<f64> {
    StandardNormal.sample_iter(rng).take(n).map(|z: f64| z * standard_deviation).collect()
}

fn bad_alpha(alpha: f64) -> Error {
    Error::Option { name: "alpha", expected: "a positive number".to_owned(), found: alpha.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_give_equal_streams_and_others_do_not() {
        let first = |seed, purpose, epoch, step| stream(seed, purpose, epoch, step).next_u64();
        let key = first(1, Purpose::Order, 2, 3);
        assert_eq!(key, first(1, Purpose::Order, 2, 3));
        for other in [
            first(2, Purpose::Order, 2, 3),
            first(1, Purpose::Mixing, 2, 3),
            first(1, Purpose::Order, 3, 3),
            first(1, Purpose::Order, 2, 4),
            first(1, Purpose::Order, 3, 2),
        ] {
            assert_ne!(key, other);
        }
    }

    /// Guards checkpoints: a new version of the generator that draws otherwise must not go unnoticed.
    #[test]
    fn streams_do_not_change_between_versions() {
        let mut rng = stream(7, Purpose::Order, 1, 0);
        assert_eq!(permutation(&mut rng, 8), PERMUTATION_OF_KEY_7_2_1_0);
        let lambda = beta(&mut stream(7, Purpose::Mixing, 1, 2), 1.0, 1).unwrap()[0];
        assert!((lambda - LAMBDA_OF_KEY_7_3_1_2).abs() < 1e-12, "{lambda}");
    }

    const PERMUTATION_OF_KEY_7_2_1_0: [usize; 8] = [2, 3, 6, 7, 1, 4, 5, 0];
    const LAMBDA_OF_KEY_7_3_1_2: f64 = 0.5822356184709375;

    #[test]
    fn permutations_hold_every_row_once_and_are_fair() {
        let mut rng = stream(0, Purpose::Order, 0, 0);
        let mut firsts = [0; 5];
        for _ in 0..5000 {
            let order = permutation(&mut rng, 5);
            firsts[order[0]] += 1;
            let mut sorted = order;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
        }
        assert!(firsts.iter().all(|&count| (850..1150).contains(&count)), "{firsts:?}");
    }

    #[test]
    fn beta_has_the_moments_of_its_definition() {
        for alpha in [0.2, 1.0, 4.0] {
            let draws = beta(&mut stream(3, Purpose::Mixing, 0, 0), alpha, 20_000).unwrap();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!((mean - 0.5).abs() < 0.01, "{alpha}: {mean}");
            assert!((variance - 0.25 / (2.0 * alpha + 1.0)).abs() < 0.005, "{alpha}: {variance}");
        }
        assert!(beta(&mut stream(3, Purpose::Mixing, 0, 0), 0.0, 1).is_err());
    }

    #[test]
    fn dirichlet_weights_sum_to_one() {
        let mut rng = stream(5, Purpose::Mixing, 0, 0);
        for (alpha, n) in [(0.2, 128), (0.01, 16), (3.0, 2), (0.2, 1)] {
            let weights = dirichlet(&mut rng, alpha, n).unwrap();
            assert_eq!(weights.len(), n);
            assert!(weights.iter().all(|&w| (0.0..=1.0).contains(&w)));
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert!(dirichlet(&mut rng, -1.0, 3).is_err());
    }
}
