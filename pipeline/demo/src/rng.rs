//! Random generators keyed by what they draw, so that no draw depends on the order of the others or on the thread that makes it.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a generator draws. The number is part of its key: changing one changes every survey.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Species = 1,
    Individual = 2,
    Site = 3,
    Chorus = 4,
    Presence = 5,
    Scene = 6,
    Background = 7,
}

/// The generator of item (`a`, `b`) of `stream` in the survey of `seed`.
pub(crate) fn keyed(seed: u64, stream: Stream, a: usize, b: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    let words = [seed, stream as u64, a as u64, b as u64];
    for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}
