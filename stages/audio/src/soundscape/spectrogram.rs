//! The spectrogram of one minute, which all indices share.

/// Amplitudes over time and frequency. With frames of `n` samples there are `n / 2` bins: the one at half the sample rate is left out.
/// The squares of a frame's amplitudes add up to the mean square of the windowed frame.
///
/// The values are those of `maad.sound.spectrogram` with `window="hann"`, in mode `amplitude` and, squared, in mode `psd`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spectrogram {
    step_hz: f64,
    nyquist_hz: f64,
    bins: usize,
    /// `[frame, bin]`.
    amplitudes: Vec<f32>,
    /// `[bin]`: sums over the frames.
    power: Vec<f64>,
    amplitude: Vec<f64>,
}

impl Spectrogram {
    /// One without frames, for frames of `length` samples.
    pub(super) fn new(length: usize, rate_hz: u32) -> Self {
        let (rate, bins) = (f64::from(rate_hz), length / 2);
        Self {
            step_hz: rate / length as f64,
            nyquist_hz: rate / 2.0,
            bins,
            amplitudes: Vec::new(),
            power: vec![0.0; bins],
            amplitude: vec![0.0; bins],
        }
    }

    /// Adds a frame; of its powers `[bin]` the first ones are taken.
    pub(super) fn push(&mut self, powers: &[f64]) {
        for ((power, sum), amplitudes) in powers.iter().zip(&mut self.power).zip(&mut self.amplitude) {
            let amplitude = power.sqrt();
            *sum += power;
            *amplitudes += amplitude;
            self.amplitudes.push(amplitude as f32);
        }
    }

    /// Forgets all frames.
    pub(super) fn clear(&mut self) {
        self.amplitudes.clear();
        self.power.fill(0.0);
        self.amplitude.fill(0.0);
    }

    /// Hz from one bin to the next; the first bin is at 0 Hz.
    pub(super) fn step_hz(&self) -> f64 {
        self.step_hz
    }

    /// Half the sample rate: nothing above it was recorded.
    pub(super) fn nyquist_hz(&self) -> f64 {
        self.nyquist_hz
    }

    /// Number of bins.
    pub(super) fn bins(&self) -> usize {
        self.bins
    }

    /// Number of frames.
    pub(super) fn frames(&self) -> usize {
        self.amplitudes.len() / self.bins
    }

    /// The amplitudes of each frame, `[bin]`.
    pub(super) fn amplitudes(&self) -> impl Iterator<Item = &[f32]> {
        self.amplitudes.chunks_exact(self.bins)
    }

    /// `[bin]`: powers, summed over the frames.
    pub(super) fn power_sums(&self) -> &[f64] {
        &self.power
    }

    /// `[bin]`: amplitudes, summed over the frames.
    pub(super) fn amplitude_sums(&self) -> &[f64] {
        &self.amplitude
    }

    /// The bin nearest to a frequency; of two as near, the lower one.
    pub(super) fn nearest_bin(&self, hz: f64) -> usize {
        nearest(hz, self.step_hz, self.bins)
    }
}

/// The index, below `count`, whose multiple of `step` is nearest to `value`; of two as near, the lower one.
pub(super) fn nearest(value: f64, step: f64, count: usize) -> usize {
    let below = (value / step).floor().max(0.0);
    let is_above = (below + 1.0) * step - value < value - below * step;
    (below as usize + usize::from(is_above)).min(count.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_over_frames_and_the_last_bin_is_left_out() {
        let mut spectrogram = Spectrogram::new(4, 8000);
        spectrogram.push(&[4.0, 9.0, 100.0]);
        spectrogram.push(&[1.0, 0.0, 100.0]);
        assert_eq!(
            (spectrogram.bins(), spectrogram.frames(), spectrogram.step_hz(), spectrogram.nyquist_hz()),
            (2, 2, 2000.0, 4000.0)
        );
        assert_eq!(spectrogram.amplitudes().collect::<Vec<_>>(), [[2.0, 3.0], [1.0, 0.0]]);
        assert_eq!((spectrogram.power_sums(), spectrogram.amplitude_sums()), (&[5.0, 9.0][..], &[3.0, 3.0][..]));
        spectrogram.clear();
        assert_eq!((spectrogram.frames(), spectrogram.power_sums()), (0, &[0.0; 2][..]));
    }

    #[test]
    fn the_nearest_is_the_lower_of_two_as_near_and_there_is_always_one() {
        for (value, expected) in [(0.0, 0), (499.0, 0), (500.0, 0), (501.0, 1), (1000.0, 1), (2600.0, 3), (9000.0, 3), (-5.0, 0)]
        {
            assert_eq!(nearest(value, 1000.0, 4), expected, "{value}");
        }
    }
}
