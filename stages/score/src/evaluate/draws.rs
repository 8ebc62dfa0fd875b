//! Draws of the bootstrap: which recordings each replicate holds, and how often.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::subset::Subset;
use crate::metrics::Confusion;

/// Replicates that are followed together.
pub(super) const LANES: usize = 8;
/// With fewer recordings than this the bootstrap would promise too much: with few clusters it is too narrow (Cameron, Gelbach, Miller 2008).
pub(super) const LEAST_RECORDINGS: usize = 5;

/// How often each replicate drew each recording.
#[derive(Debug)]
pub(crate) struct Draws {
    pub(super) replicates: usize,
    pub(super) recordings: usize,
    /// By block of replicates, then recording.
    pub(super) times: Vec<[u16; LANES]>,
}

impl Draws {
    /// Draws by seed, side and number of the replicate: more replicates leave the first ones as they are.
    pub(crate) fn new(recordings: usize, replicates: usize, seed: u64, subset: Subset) -> Self {
        let blocks = replicates.div_ceil(LANES);
        let mut times = vec![[0_u16; LANES]; blocks * recordings];
        for replicate in 0..replicates {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream((subset as u64) << 32 | replicate as u64);
            let block = &mut times[replicate / LANES * recordings..][..recordings];
            for _ in 0..recordings {
                let drawn = &mut block[rng.random_range(0..recordings)][replicate % LANES];
                *drawn = drawn.saturating_add(1);
            }
        }
        Self { replicates, recordings, times }
    }

    /// The draws of [`LANES`] replicates after the other, by recording.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &[[u16; LANES]]> {
        self.times.chunks_exact(self.recordings.max(1))
    }

    /// In each replicate the decisions on all windows, from those on the windows of each recording.
    pub(super) fn sums(&self, recordings: &[Confusion]) -> Vec<Confusion> {
        let of = |replicate: usize| {
            let block = &self.times[replicate / LANES * self.recordings..][..self.recordings];
            let drawn = recordings.iter().zip(block).map(|(of, times)| of.times(u64::from(times[replicate % LANES])));
            drawn.sum::<Confusion>()
        };
        (0..self.replicates).map(of).collect()
    }
}

/// The quantile of rising values, linear between them (type 7 of Hyndman, Fan 1996); `values` holds one at least.
pub(super) fn quantile(values: &[f64], share: f64) -> f64 {
    let at = share * (values.len() - 1) as f64;
    let (below, above) = (values[at.floor() as usize], values[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_replicate_draws_as_many_as_there_are_and_none_depends_on_how_many_there_are() {
        let (few, many) = (Draws::new(7, 3, 5, Subset::Test), Draws::new(7, 40, 5, Subset::Test));
        for lane in 0..3 {
            let of = |draws: &Draws| draws.times[..7].iter().map(|times| times[lane]).collect::<Vec<_>>();
            assert_eq!((of(&few).iter().sum::<u16>(), of(&few)), (7, of(&many)));
        }
        assert_ne!(few.times, Draws::new(7, 3, 6, Subset::Test).times);
        assert_ne!(few.times, Draws::new(7, 3, 5, Subset::Validation).times);
    }

    #[test]
    fn a_recording_that_is_drawn_twice_counts_twice() {
        let of = |true_positives, false_positives| Confusion { true_positives, false_positives, ..Confusion::default() };
        let mut draws = Draws { replicates: 2, recordings: 2, times: vec![[0; LANES]; 2] };
        (draws.times[0][0], draws.times[1][0], draws.times[0][1], draws.times[1][1]) = (2, 0, 1, 1);
        assert_eq!(draws.sums(&[of(3, 1), of(0, 5)]), [of(6, 2), of(3, 6)]);
    }

    #[test]
    fn quantiles_are_linear_between_values() {
        assert_eq!((quantile(&[1.0, 2.0, 4.0], 0.75), quantile(&[3.0], 0.1)), (3.0, 3.0));
    }
}
