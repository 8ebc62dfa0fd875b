//! A Butterworth high-pass of fourth order over a stream: wind and traffic go, calls stay.
//!
//! Two second-order sections by the bilinear transform with the corner pre-warped, as `scipy.signal.butter(4, corner, "highpass",
//! output="sos")` gives them, in double precision, begun at rest. -3 dB at the corner, 24 dB per octave below.

use std::f64::consts::PI;

/// 1 / Q of the two pairs of poles of a fourth-order Butterworth filter: 2 cos(3 pi / 8) and 2 cos(pi / 8).
const DAMPINGS: [f64; 2] = [0.765_366_864_730_179_6, 1.847_759_065_022_573_5];

/// The filter and what it remembers of the stream.
#[derive(Debug, Clone)]
pub struct HighPass {
    sections: [Section; 2],
}

/// A second-order section, transposed direct form II.
#[derive(Debug, Clone, Default)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
    state: [f64; 2],
}

impl HighPass {
    /// A filter with its corner at `corner_hz`, which lies between 0 and half of `sample_rate_hz`.
    #[must_use]
    pub fn new(corner_hz: f64, sample_rate_hz: u32) -> Self {
        let k = (PI * corner_hz / f64::from(sample_rate_hz)).tan();
        let section = |damping: f64| {
            let norm = 1.0 / (1.0 + damping * k + k * k);
            Section {
                b: [norm, -2.0 * norm, norm],
                a: [2.0 * (k * k - 1.0) * norm, (1.0 - damping * k + k * k) * norm],
                state: [0.0; 2],
            }
        };
        Self { sections: DAMPINGS.map(section) }
    }

    /// Filters the next samples of the stream in place.
    pub fn process(&mut self, samples: &mut [f32]) {
        for sample in samples {
            let mut value = f64::from(*sample);
            for Section { b, a, state } in &mut self.sections {
                let out = b[0] * value + state[0];
                state[0] = b[1] * value - a[0] * out + state[1];
                state[1] = b[2] * value - a[1] * out;
                value = out;
            }
            *sample = value as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_db(hz: f64) -> f64 {
        let mut filter = HighPass::new(300.0, 16_000);
        let mut tone: Vec<f32> = (0..32_000).map(|i| (2.0 * PI * hz * f64::from(i) / 16_000.0).sin() as f32).collect();
        filter.process(&mut tone);
        let settled = &tone[16_000..];
        10.0 * (2.0 * settled.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / settled.len() as f64).log10()
    }

    #[test]
    fn the_corner_is_3_db_down_and_an_octave_below_24() {
        assert!((level_db(300.0) + 3.01).abs() < 0.02, "{}", level_db(300.0));
        assert!((level_db(150.0) + 24.1).abs() < 0.3, "{}", level_db(150.0));
        assert!(level_db(1200.0).abs() < 0.02, "{}", level_db(1200.0));
    }

    // scipy.signal.sosfilt(scipy.signal.butter(4, 300, "highpass", fs=16000, output="sos"), [1, 0, 0, 0]) of scipy 1.17.
    #[test]
    fn the_impulse_response_is_scipys() {
        let mut impulse = [1.0, 0.0, 0.0, 0.0];
        HighPass::new(300.0, 16_000).process(&mut impulse);
        for (found, expected) in impulse.iter().zip([0.857_246_084_8, -0.263_830_975_1, -0.222_475_919_7, -0.185_021_444_3]) {
            assert!((f64::from(*found) - expected).abs() < 1e-7, "{impulse:?}");
        }
    }

    #[test]
    fn how_the_stream_is_cut_changes_nothing() {
        let samples: Vec<f32> = (0..1000).map(|i| ((i * 37) % 101) as f32 / 101.0).collect();
        let (mut whole, mut parts) = (samples.clone(), samples);
        HighPass::new(1000.0, 8000).process(&mut whole);
        let mut filter = HighPass::new(1000.0, 8000);
        parts.chunks_mut(77).for_each(|part| filter.process(part));
        assert_eq!(whole, parts);
    }
}
