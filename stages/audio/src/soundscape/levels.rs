//! Sound levels of one minute: of all of it, and of pieces of 125 ms.

/// Length of the pieces whose levels are ranked, in seconds: the time constant "fast" of sound level meters (IEC 61672-1).
const PIECE_S: f64 = 0.125;

/// Gathers levels from samples in the order in which they are read. How they are cut into slices does not matter.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    piece: usize,
    pieces: Vec<Piece>,
    current: Piece,
}

/// Sums over the samples of a piece.
#[derive(Debug, Clone, Copy)]
struct Piece {
    samples: usize,
    sum: f64,
    squares: f64,
    low: f64,
    high: f64,
}

impl Piece {
    const EMPTY: Self = Self { samples: 0, sum: 0.0, squares: 0.0, low: f64::INFINITY, high: f64::NEG_INFINITY };

    fn add(&mut self, sample: f64) {
        self.samples += 1;
        self.sum += sample;
        self.squares += sample * sample;
        self.low = self.low.min(sample);
        self.high = self.high.max(sample);
    }

    /// Whether all samples have one value: nothing was recorded.
    fn is_silent(&self) -> bool {
        self.low >= self.high
    }

    /// The mean square of the samples' distances from `mean`.
    fn power(&self, mean: f64) -> f64 {
        let samples = self.samples.max(1) as f64;
        ((self.squares - 2.0 * mean * self.sum) / samples + mean * mean).max(0.0)
    }
}

/// The levels of a minute, in dBFS: 0 is the level of a full-scale square wave. The mean of the minute's samples counts as silence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Found {
    /// The mean of the samples, as they were given.
    pub(super) mean: f64,
    /// Equivalent continuous level; `None` where all samples have one value.
    pub(super) level: Option<f64>,
    /// Levels that are exceeded in 10, 50 and 90 % of the pieces; `None` without pieces, and where nothing was recorded in the piece of
    /// that rank.
    pub(super) exceeded: [Option<f64>; 3],
    /// Share of the pieces in which nothing was recorded, 0 to 1; 0 without pieces.
    pub(super) silent: f64,
}

impl Levels {
    /// For samples of this rate.
    pub(super) fn new(rate_hz: u32) -> Self {
        let piece = (PIECE_S * f64::from(rate_hz)).round().max(1.0) as usize;
        Self { piece, pieces: Vec::new(), current: Piece::EMPTY }
    }

    /// Takes the next samples.
    pub(super) fn push(&mut self, samples: &[f64]) {
        for &sample in samples {
            self.current.add(sample);
            if self.current.samples == self.piece {
                self.pieces.push(std::mem::replace(&mut self.current, Piece::EMPTY));
            }
        }
    }

    /// The levels of what was pushed. Samples after the last whole piece count in the level of the minute alone.
    pub(super) fn found(&self) -> Found {
        let all = || self.pieces.iter().chain(Some(&self.current).filter(|piece| piece.samples > 0));
        let samples = all().map(|piece| piece.samples).sum::<usize>().max(1) as f64;
        let mean = all().map(|piece| piece.sum).sum::<f64>() / samples;
        let power = all().map(|piece| piece.power(mean) * piece.samples as f64).sum::<f64>() / samples;
        let low = all().map(|piece| piece.low).fold(f64::INFINITY, f64::min);
        let high = all().map(|piece| piece.high).fold(f64::NEG_INFINITY, f64::max);
        let level = |piece: &Piece| if piece.is_silent() { None } else { decibels(piece.power(mean)) };
        let mut levels: Vec<f64> = self.pieces.iter().map(|piece| level(piece).unwrap_or(f64::NEG_INFINITY)).collect();
        levels.sort_by(f64::total_cmp);
        let silent = self.pieces.iter().filter(|piece| piece.is_silent()).count();
        Found {
            mean,
            level: decibels(power).filter(|_| low < high),
            exceeded: [10.0, 50.0, 90.0].map(|percent| exceeded(&levels, percent)),
            silent: silent as f64 / self.pieces.len().max(1) as f64,
        }
    }

    /// Forgets all samples.
    pub(super) fn clear(&mut self) {
        self.pieces.clear();
        self.current = Piece::EMPTY;
    }
}

/// The value that is exceeded by so many percent of `sorted`, interpolated between the two nearest as numpy's `percentile` does it.
fn exceeded(sorted: &[f64], percent: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = (100.0 - percent) / 100.0 * last as f64;
    let below = at.floor() as usize;
    let (low, high) = (sorted[below.min(last)], sorted[(below + 1).min(last)]);
    let share = at - below as f64;
    let value = if share > 0.0 { low + share * (high - low) } else { low };
    value.is_finite().then_some(value)
}

/// 10 log10 of a power; `None` for no power.
pub(super) fn decibels(power: f64) -> Option<f64> {
    (power > 0.0).then(|| 10.0 * power.log10())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn found(samples: &[f64], slice: usize) -> Found {
        let mut levels = Levels::new(8000);
        samples.chunks(slice).for_each(|part| levels.push(part));
        levels.found()
    }

    /// Half a second of a sine of this amplitude at 8 kHz; a piece of 1,000 samples holds 100 periods.
    fn sine(amplitude: f64, offset: f64) -> Vec<f64> {
        (0..4000).map(|i| offset + amplitude * (std::f64::consts::TAU * f64::from(i) / 10.0).sin()).collect()
    }

    #[test]
    fn a_sine_is_three_db_under_its_peak_and_an_offset_is_no_sound() {
        for offset in [0.0, 0.3] {
            let found = found(&sine(0.5, offset), 77);
            assert!((found.level.unwrap() + 9.0309).abs() < 1e-4 && (found.mean - offset).abs() < 1e-12, "{found:?}");
            assert!(found.exceeded.iter().all(|level| (level.unwrap() + 9.0309).abs() < 1e-4), "{found:?}");
            assert_eq!(found.silent, 0.0);
        }
    }

    #[test]
    fn slices_change_nothing() {
        let samples = sine(0.2, 0.1);
        assert_eq!(found(&samples, 4000), found(&samples, 13));
    }

    #[test]
    fn percentiles_are_between_the_two_nearest() {
        let sorted: Vec<f64> = (0..11).map(f64::from).collect();
        assert_eq!([10.0, 50.0, 90.0].map(|percent| exceeded(&sorted, percent).unwrap()), [9.0, 5.0, 1.0]);
        assert!((exceeded(&[0.0, 10.0], 10.0).unwrap() - 9.0).abs() < 1e-12);
        assert_eq!((exceeded(&[], 50.0), exceeded(&[3.0], 10.0)), (None, Some(3.0)));
        assert_eq!(exceeded(&[f64::NEG_INFINITY, -20.0, -10.0], 90.0), None);
        assert_eq!(exceeded(&[f64::NEG_INFINITY, -20.0, -10.0], 50.0), Some(-20.0));
    }

    #[test]
    fn a_gap_is_told_and_does_not_become_a_low_level() {
        let gap = [sine(0.5, 0.0), vec![0.0; 4000]].concat();
        let found = found(&gap, 4000);
        assert_eq!(found.silent, 0.5);
        assert!((found.level.unwrap() + 12.0412).abs() < 1e-4, "half of the power");
        assert!((found.exceeded[0].unwrap() + 9.0309).abs() < 1e-4 && found.exceeded[2].is_none(), "{found:?}");
    }

    #[test]
    fn one_value_throughout_is_no_sound() {
        for value in [0.0, 0.1] {
            let found = found(&[value; 3000], 1000);
            assert_eq!((found.level, found.exceeded, found.silent), (None, [None; 3], 1.0), "{value}");
        }
        let short = found(&sine(0.5, 0.0)[..900], 900);
        assert!(short.level.is_some() && short.exceeded == [None; 3] && short.silent == 0.0, "{short:?}");
    }
}
