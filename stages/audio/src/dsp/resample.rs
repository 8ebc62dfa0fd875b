//! Streaming change of the sample rate, mono, by FFT.
//!
//! Flat within 0.01 dB up to 0.95 of the lower Nyquist frequency; everything from that Nyquist frequency on is suppressed by more
//! than 90 dB.

mod blocks;
mod pairs;
mod transform;

use crate::container::MAX_SAMPLE_RATE_HZ;
use crate::error::AudioError;
use blocks::Blocks;
use pairs::Pairs;
use transform::Transform;

/// The number of samples that `frames` become: `round(frames * rate_out / rate_in)`, halves upwards. Positions convert alike.
#[must_use]
pub fn resampled_len(frames: u64, rate_in_hz: u32, rate_out_hz: u32) -> u64 {
    let (rate_in, rate_out) = (u128::from(rate_in_hz), u128::from(rate_out_hz));
    ((2 * u128::from(frames) * rate_out + rate_in) / (2 * rate_in)) as u64
}

/// Changes the rate of one mono stream after another.
///
/// The delay of the filter is taken off: output sample `i` lies at the time `i / rate_out`, and a stream of `n`
/// samples becomes exactly [`resampled_len`]`(n)`. How the input is cut into slices does not change a bit of the
/// output. Equal rates copy.
#[derive(Debug)]
pub struct Resampler {
    rate_in_hz: u32,
    rate_out_hz: u32,
    filter: Option<Filter>,
    samples_in: u64,
    samples_out: u64,
}

impl Resampler {
    /// A resampler between two rates in Hz.
    ///
    /// # Errors
    ///
    /// [`AudioError::ResampleRate`] for a rate of 0 or over [`MAX_SAMPLE_RATE_HZ`].
    pub fn new(rate_in_hz: u32, rate_out_hz: u32) -> Result<Self, AudioError> {
        let allowed = 1..=MAX_SAMPLE_RATE_HZ;
        if !allowed.contains(&rate_in_hz) || !allowed.contains(&rate_out_hz) {
            return Err(AudioError::ResampleRate { rate_in_hz, rate_out_hz, max_hz: MAX_SAMPLE_RATE_HZ });
        }
        let filter = if rate_in_hz == rate_out_hz { None } else { Some(Filter::new(rate_in_hz, rate_out_hz)?) };
        Ok(Self { rate_in_hz, rate_out_hz, filter, samples_in: 0, samples_out: 0 })
    }

    /// Takes the next samples and appends what is ready to `out`.
    ///
    /// # Errors
    ///
    /// [`AudioError::Resample`] only if rubato refuses a block, which would be a bug.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) -> Result<(), AudioError> {
        let before = out.len();
        match &mut self.filter {
            Some(filter) => filter.push(samples, out)?,
            None => out.extend_from_slice(samples),
        }
        self.samples_in += samples.len() as u64;
        self.samples_out += (out.len() - before) as u64;
        Ok(())
    }

    /// Ends the stream: appends the rest to `out` and is ready for another stream.
    ///
    /// # Errors
    ///
    /// As [`Resampler::push`].
    pub fn finish(&mut self, out: &mut Vec<f32>) -> Result<(), AudioError> {
        let missing = resampled_len(self.samples_in, self.rate_in_hz, self.rate_out_hz) - self.samples_out;
        if let Some(filter) = &mut self.filter {
            let end = out.len() + missing as usize;
            while out.len() < end {
                filter.pad_block(out)?;
            }
            out.truncate(end);
            filter.reset();
        }
        self.samples_in = 0;
        self.samples_out = 0;
        Ok(())
    }
}

/// Cuts the stream into the blocks of a transform.
#[derive(Debug)]
struct Filter {
    transform: Box<dyn Transform>,
    block: Vec<f32>,
    filled: usize,
    /// Samples of delay still to be taken off.
    delay: usize,
}

impl Filter {
    fn new(rate_in_hz: u32, rate_out_hz: u32) -> Result<Self, AudioError> {
        let divisor = gcd(rate_in_hz, rate_out_hz);
        let ratio = (rate_in_hz / divisor, rate_out_hz / divisor);
        let transform: Box<dyn Transform> = match Pairs::new(ratio) {
            Some(pairs) => Box::new(pairs),
            None => Box::new(Blocks::new(ratio)?),
        };
        let mut filter = Self { block: vec![0.0; transform.block()], filled: 0, delay: 0, transform };
        filter.reset();
        Ok(filter)
    }

    fn push(&mut self, mut samples: &[f32], out: &mut Vec<f32>) -> Result<(), AudioError> {
        while !samples.is_empty() {
            let n = samples.len().min(self.block.len() - self.filled);
            let (now, later) = samples.split_at(n);
            self.block[self.filled..self.filled + n].copy_from_slice(now);
            self.filled += n;
            samples = later;
            if self.filled == self.block.len() {
                self.run(out)?;
            }
        }
        Ok(())
    }

    /// Fills the block with silence and runs it.
    fn pad_block(&mut self, out: &mut Vec<f32>) -> Result<(), AudioError> {
        self.block[self.filled..].fill(0.0);
        self.run(out)
    }

    fn run(&mut self, out: &mut Vec<f32>) -> Result<(), AudioError> {
        let start = out.len();
        self.transform.run(&self.block, out)?;
        let late = self.delay.min(out.len() - start);
        self.delay -= late;
        out.drain(start..start + late);
        self.filled = self.transform.overlap();
        let new = self.block.len() - self.filled;
        self.block.copy_within(new.., 0);
        Ok(())
    }

    fn reset(&mut self) {
        self.transform.reset();
        self.filled = self.transform.overlap();
        self.block[..self.filled].fill(0.0);
        self.delay = self.transform.delay();
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn resampled(samples: &[f32], rate_in: u32, rate_out: u32, slice: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(rate_in, rate_out).unwrap();
        let mut out = Vec::new();
        for part in samples.chunks(slice) {
            resampler.push(part, &mut out).unwrap();
        }
        resampler.finish(&mut out).unwrap();
        out
    }

    fn tone(hz: f64, rate: u32, seconds: f64) -> Vec<f32> {
        let n = (seconds * f64::from(rate)) as usize;
        (0..n).map(|i| (TAU * hz * i as f64 / f64::from(rate)).sin() as f32).collect()
    }

    /// The middle half, where the ends of a tone don't reach.
    fn middle(samples: &[f32]) -> &[f32] {
        &samples[samples.len() / 4..samples.len() * 3 / 4]
    }

    fn rms_db(samples: &[f32]) -> f64 {
        let mean = samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / samples.len() as f64;
        10.0 * mean.max(1e-30).log10()
    }

    const RATES: [(u32, u32); 9] = [
        (22_050, 16_000),
        (44_100, 16_000),
        (48_000, 16_000),
        (250_000, 16_000),
        (384_000, 22_050),
        (500_000, 48_000),
        (8_000, 16_000),
        (22_050, 44_100),
        (16_001, 16_000),
    ];

    #[test]
    fn tones_keep_level_and_time_up_to_the_stated_passband() {
        for (rate_in, rate_out) in RATES {
            let nyquist = f64::from(rate_in.min(rate_out)) / 2.0;
            for share in [0.01, 0.5, 0.95] {
                let seconds = if rate_in == 16_001 { 8.0 } else { 1.0 };
                let got = resampled(&tone(share * nyquist, rate_in, seconds), rate_in, rate_out, 4096);
                let want = tone(share * nyquist, rate_out, seconds);
                let error: Vec<f32> = middle(&got).iter().zip(middle(&want)).map(|(a, b)| a - b).collect();
                // -60 dB of difference is 0.01 dB of level, or a thousandth of a radian.
                let error_db = rms_db(&error) - rms_db(middle(&want));
                assert!(error_db < -60.0, "{rate_in} -> {rate_out} at {share}: {error_db:.1} dB");
            }
        }
    }

    #[test]
    fn tones_beyond_nyquist_vanish() {
        for (rate_in, rate_out) in RATES.into_iter().filter(|(rate_in, rate_out)| rate_in > rate_out && *rate_in != 16_001) {
            let (low, high) = (f64::from(rate_out) / 2.0, f64::from(rate_in) / 2.0);
            for share in [0.0, 0.02, 0.3, 0.9] {
                let hz = low + share * (high - low);
                let alias =
                    rms_db(middle(&resampled(&tone(hz, rate_in, 1.0), rate_in, rate_out, 4096))) - rms_db(&[0.5_f32.sqrt()]);
                assert!(alias < -90.0, "{rate_in} -> {rate_out}: {hz} Hz comes back at {alias:.1} dB");
            }
        }
    }

    #[test]
    fn length_is_exact_and_slicing_changes_nothing() {
        for (rate_in, rate_out) in [(22_050, 16_000), (44_100, 22_050), (8_000, 48_000), (16_000, 16_000)] {
            for n in [0, 1, 2, 441, 1763, 1764, 1765, 30_001] {
                let samples: Vec<f32> = (0..n).map(|i| ((i * 7919) % 1000) as f32 / 1000.0 - 0.5).collect();
                let whole = resampled(&samples, rate_in, rate_out, 1 << 20);
                let expected = (f64::from(n) * f64::from(rate_out) / f64::from(rate_in)).round() as usize;
                assert_eq!(whole.len(), expected, "{n} samples {rate_in} -> {rate_out}");
                assert_eq!(whole, resampled(&samples, rate_in, rate_out, 97));
            }
        }
    }

    #[test]
    fn a_finished_resampler_starts_afresh() {
        let samples = tone(440.0, 22_050, 0.5);
        let mut resampler = Resampler::new(22_050, 16_000).unwrap();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for out in [&mut first, &mut second] {
            resampler.push(&samples, out).unwrap();
            resampler.finish(out).unwrap();
        }
        assert_eq!(first, second);
    }

    #[test]
    fn equal_rates_copy_and_impossible_rates_are_named() {
        let samples = tone(440.0, 16_000, 0.1);
        assert_eq!(resampled(&samples, 16_000, 16_000, 100), samples);
        let message = Resampler::new(0, 16_000).unwrap_err().to_string();
        assert!(message.contains("from 0 Hz to 16000 Hz"), "{message}");
    }
}
