//! Who calls in which recording: a long-tailed community, busiest in the evening and on some nights more than on others.

use rand::RngExt;
use rand_distr::{Exp1, StandardNormal};

use crate::Options;
use crate::options::NIGHT_S;
use crate::rng::{Stream, keyed};
use crate::survey::{Recording, Site, Subset};

/// Most recordings of a subset that one species may be in, as a fraction.
const MOST_FREQUENT: f64 = 0.9;

/// From this many species on, the second rarest calls in test recordings only.
const SPECIES_FOR_TEST_ONLY: usize = 10;

/// The species (positions by frequency, ascending) that call in each recording.
///
/// The number of recordings with a species falls as 1 / rank (Zipf) in either subset, down to one. The rarest is in
/// train only and, of ten species or more, the second rarest in test only, as some of AnuraSet's are.
pub(crate) fn presence(options: &Options, sites: &[Site], recordings: &[Recording]) -> Vec<Vec<usize>> {
    let strengths = strengths(options.seed, recordings);
    let mut present = vec![Vec::new(); recordings.len()];
    let species = options.species as usize;
    for rank in 0..species {
        for subset in [Subset::Train, Subset::Test].into_iter().filter(|&subset| is_heard(rank, species, subset)) {
            let mut rng = keyed(options.seed, Stream::Presence, rank, subset as usize);
            let mut candidates: Vec<(f64, usize)> = (0..recordings.len())
                .filter(|&index| recordings[index].subset == subset && !sites[recordings[index].site].silent)
                .map(|index| (rng.sample::<f64, _>(Exp1) / strengths[index], index))
                .collect();
            let count = share(rank, options) * candidates.len() as f64;
            // The smallest of exponential waiting times are a draw without replacement, weighted by the rates.
            candidates.sort_by(|a, b| a.0.total_cmp(&b.0));
            for &(_, index) in candidates.iter().take(count.round().max(1.0) as usize) {
                present[index].push(rank);
            }
        }
    }
    present
}

/// Whether the species of `rank` (0 is the most frequent) calls in `subset` at all.
fn is_heard(rank: usize, species: usize, subset: Subset) -> bool {
    match subset {
        Subset::Train => species < SPECIES_FOR_TEST_ONLY || rank != species - 2,
        Subset::Test => rank != species - 1,
    }
}

/// Fraction of recordings with the species of `rank`: `max_polyphony` species in a recording on average, or somewhat
/// fewer where the most frequent ones are held back.
fn share(rank: usize, options: &Options) -> f64 {
    let harmonic: f64 = (1..=options.species).map(|rank| 1.0 / f64::from(rank)).sum();
    (f64::from(options.max_polyphony) / harmonic / (rank + 1) as f64).min(MOST_FREQUENT)
}

/// How strongly each recording draws callers: most two hours into the night, and by chance.
fn strengths(seed: u64, recordings: &[Recording]) -> Vec<f64> {
    let hour = |recording: &Recording| recording.evening_s as f64 / NIGHT_S as f64 * 7.0;
    recordings
        .iter()
        .enumerate()
        .map(|(index, recording)| {
            let chance: f64 = keyed(seed, Stream::Chorus, index, 0).sample(StandardNormal);
            (0.5 * chance - ((hour(recording) - 2.0) / 4.0).powi(2)).exp()
        })
        .collect()
}
