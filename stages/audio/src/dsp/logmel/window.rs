//! Shapes of the analysis window, all of them periodic, as torch.hann_window and its like make them.

use std::f64::consts::PI;

use chorus_keys::Choices;
use serde::{Deserialize, Serialize};

/// The shape of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Choices)]
#[serde(rename_all = "snake_case")]
pub enum WindowShape {
    /// 0.5 - 0.5 cos(2 pi i / n).
    Hann,
    /// 0.54 - 0.46 cos(2 pi i / n).
    Hamming,
    /// 0.42 - 0.5 cos(2 pi i / n) + 0.08 cos(4 pi i / n).
    Blackman,
}

impl WindowShape {
    /// A window of `win_length` in the middle of `n_fft` zeros.
    pub(super) fn padded(self, win_length: usize, n_fft: usize) -> Vec<f32> {
        let mut window = vec![0.0; n_fft];
        let left = (n_fft - win_length) / 2;
        for (i, value) in window[left..left + win_length].iter_mut().enumerate() {
            let angle = 2.0 * PI * i as f64 / win_length as f64;
            *value = match self {
                Self::Hann => 0.5 - 0.5 * angle.cos(),
                Self::Hamming => 0.54 - 0.46 * angle.cos(),
                Self::Blackman => 0.42 - 0.5 * angle.cos() + 0.08 * (2.0 * angle).cos(),
            } as f32;
        }
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_periodic_and_lie_in_the_middle() {
        let close = |found: Vec<f32>, expected: &[f32]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {expected:?}");
        };
        close(WindowShape::Hann.padded(4, 8), &[0.0, 0.0, 0.0, 0.5, 1.0, 0.5, 0.0, 0.0]);
        close(WindowShape::Hamming.padded(4, 4), &[0.08, 0.54, 1.0, 0.54]);
        close(WindowShape::Blackman.padded(4, 4), &[0.0, 0.34, 1.0, 0.34]);
    }
}
