//! Third-octave bands, and the mean power spectrum that they are cut from.

/// Orders of the bands: the middle of band `n` is `10^(n / 10)` Hz, and its edges are `10^(1/20)` to both sides (IEC 61260-1, base ten).
const FIRST: i32 = 14;

/// The nominal middles of all bands, in Hz.
pub(super) const NOMINAL_HZ: [f64; 39] = [
    25.0, 31.5, 40.0, 50.0, 63.0, 80.0, 100.0, 125.0, 160.0, 200.0, 250.0, 315.0, 400.0, 500.0, 630.0, 800.0, 1000.0, 1250.0,
    1600.0, 2000.0, 2500.0, 3150.0, 4000.0, 5000.0, 6300.0, 8000.0, 10_000.0, 12_500.0, 16_000.0, 20_000.0, 25_000.0, 31_500.0,
    40_000.0, 50_000.0, 63_000.0, 80_000.0, 100_000.0, 125_000.0, 160_000.0,
];

/// The columns of the table, such as `band_31_5_hz_dbfs`.
pub(super) fn columns() -> impl Iterator<Item = String> {
    NOMINAL_HZ.iter().map(|hz| format!("band_{}_hz_dbfs", hz.to_string().replace('.', "_")))
}

/// The lower and upper edge of the bands from one nominal middle to another, in Hz; `None` for what is no middle.
pub(super) fn edges_hz(first_hz: f64, last_hz: f64) -> Option<(f64, f64)> {
    let order = |hz: f64| NOMINAL_HZ.iter().position(|nominal| *nominal == hz).map(|at| FIRST + at as i32);
    let edge = |order: i32, side: f64| 10f64.powf((f64::from(order) + side) / 10.0);
    Some((edge(order(first_hz)?, -0.5), edge(order(last_hz)?, 0.5)))
}

/// The samples of a frame of the spectrum of these bands: the power of two from half a second on. So bins are 1 to 2 Hz apart, and the
/// lowest band has several.
pub(super) fn frame_length(rate_hz: u32) -> usize {
    (rate_hz as usize).div_ceil(2).next_power_of_two().max(2)
}

/// A power spectrum, averaged over frames.
#[derive(Debug, Clone)]
pub(super) struct Spectrum {
    step_hz: f64,
    nyquist_hz: f64,
    frames: usize,
    /// `[bin]`: sums over the frames.
    sums: Vec<f64>,
}

impl Spectrum {
    /// One without frames, for frames of `length` samples.
    pub(super) fn new(length: usize, rate_hz: u32) -> Self {
        let rate = f64::from(rate_hz);
        Self { step_hz: rate / length as f64, nyquist_hz: rate / 2.0, frames: 0, sums: vec![0.0; length / 2 + 1] }
    }

    /// Adds a frame's powers `[bin]`.
    pub(super) fn push(&mut self, powers: &[f64]) {
        self.frames += 1;
        self.sums.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
    }

    /// Forgets all frames.
    pub(super) fn clear(&mut self) {
        self.frames = 0;
        self.sums.fill(0.0);
    }

    /// The mean power between two frequencies; `None` without frames, and where not all of it was recorded. A bin stands for the
    /// frequencies nearest to it: one that lies on an edge counts in part.
    pub(super) fn power(&self, low_hz: f64, high_hz: f64) -> Option<f64> {
        if self.frames == 0 || high_hz > self.nyquist_hz || low_hz >= high_hz {
            return None;
        }
        // In units of bins, from the lower end of the first bin on.
        let (low, high) = (low_hz / self.step_hz + 0.5, high_hz / self.step_hz + 0.5);
        let bins = low.floor() as usize..(high.ceil() as usize).min(self.sums.len());
        let part = |bin: usize| (high.min(bin as f64 + 1.0) - low.max(bin as f64)).max(0.0);
        Some(bins.map(|bin| part(bin) * self.sums[bin]).sum::<f64>() / self.frames as f64)
    }

    /// The powers of all bands `[band]`.
    pub(super) fn third_octaves(&self) -> [Option<f64>; NOMINAL_HZ.len()] {
        NOMINAL_HZ.map(|hz| edges_hz(hz, hz).and_then(|(low, high)| self.power(low, high)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nominal_middles_are_near_the_exact_ones_and_bands_follow_on_each_other() {
        for (n, nominal) in (FIRST..).zip(NOMINAL_HZ) {
            let exact = 10f64.powf(f64::from(n) / 10.0);
            assert!((nominal / exact - 1.0).abs() < 0.02, "{nominal} {exact}");
        }
        for pair in NOMINAL_HZ.windows(2) {
            let (first, second) = (edges_hz(pair[0], pair[0]).unwrap(), edges_hz(pair[1], pair[1]).unwrap());
            assert!((first.1 / second.0 - 1.0).abs() < 1e-12);
        }
        let (low, high) = edges_hz(5000.0, 5000.0).unwrap();
        assert!((low - 4466.8).abs() < 0.1 && (high - 5623.4).abs() < 0.1);
        assert_eq!(edges_hz(5000.0, 5001.0), None);
        let columns: Vec<String> = columns().collect();
        assert_eq!(
            (columns[0].as_str(), columns[1].as_str(), columns[38].as_str()),
            ("band_25_hz_dbfs", "band_31_5_hz_dbfs", "band_160000_hz_dbfs")
        );
    }

    #[test]
    fn frames_are_half_a_second_to_one() {
        for (rate_hz, length) in [(8000, 4096), (16_000, 8192), (22_050, 16_384), (48_000, 32_768), (384_000, 262_144), (1, 2)] {
            assert_eq!(frame_length(rate_hz), length, "{rate_hz}");
        }
    }

    #[test]
    fn bins_on_an_edge_count_in_part() {
        // Bins at 0, 2, 4, 6 and 8 Hz.
        let mut spectrum = Spectrum::new(8, 16);
        assert_eq!(spectrum.power(0.0, 8.0), None, "without frames nothing is known");
        spectrum.push(&[1.0, 10.0, 100.0, 1000.0, 10_000.0]);
        spectrum.push(&[1.0, 10.0, 100.0, 1000.0, 30_000.0]);
        assert_eq!(spectrum.power(1.0, 5.0), Some(110.0));
        assert_eq!(spectrum.power(2.0, 5.0), Some(105.0));
        assert_eq!(spectrum.power(3.5, 4.5), Some(50.0));
        assert_eq!(spectrum.power(1.0, 8.0), Some(1110.0 + 10_000.0));
        assert_eq!((spectrum.power(1.0, 8.1), spectrum.power(5.0, 5.0)), (None, None), "above half the sample rate");
    }

    #[test]
    fn bands_above_half_the_sample_rate_are_unknown() {
        let mut spectrum = Spectrum::new(frame_length(8000), 8000);
        spectrum.push(&vec![1.0; frame_length(8000) / 2 + 1]);
        let bands = spectrum.third_octaves();
        let known = bands.iter().filter(|power| power.is_some()).count();
        assert_eq!(NOMINAL_HZ[known - 1], 3150.0, "the band at 4 kHz ends at 4.47 kHz");
        // White noise: the power of a band is its width, in bins.
        let (low, high) = edges_hz(1000.0, 1000.0).unwrap();
        assert!((bands[16].unwrap() - (high - low) / spectrum.step_hz).abs() < 1e-9);
    }
}
