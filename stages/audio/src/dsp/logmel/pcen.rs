//! Per-channel energy normalisation (Wang et al. 2017, arXiv 1607.05666): each band is divided by its own recent
//! past, which takes steady noise and distance out. Settings and results are those of `librosa.pcen`.

/// librosa's advice for audio in [-1, 1): powers as if samples were 32-bit integers.
pub const SCALE: f64 = 2_147_483_648.0;

/// Settings of PCEN: `(S / (eps + M)^gain + bias)^power - bias^power`, M being S smoothed over `time_constant_s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pcen {
    /// Strength of the gain control, 0 to 1.
    pub gain: f64,
    /// Added before compression, at least 0.
    pub bias: f64,
    /// Exponent of the compression, over 0.
    pub power: f64,
    /// Time constant of the smoothing, seconds.
    pub time_constant_s: f64,
    /// Keeps the division from silence, over 0.
    pub eps: f64,
}

impl Pcen {
    /// The weight of the present frame in the smoothed energy, with so many frames a second: that of the first-order filter whose gain at
    /// 1 / time constant is one half. The smoothed energy is 1 before the first frame.
    pub fn smoothing(&self, frame_rate_hz: f64) -> f64 {
        let t2 = (self.time_constant_s * frame_rate_hz).powi(2);
        ((1.0 + 4.0 * t2).sqrt() - 1.0) / (2.0 * t2)
    }

    /// Replaces one band's powers `[frame]`, `frame_rate_hz` of them a second, by their normalised values.
    pub(super) fn normalise(&self, band: &mut [f32], frame_rate_hz: f64) {
        let Self { gain, bias, power, eps, .. } = *self;
        let b = self.smoothing(frame_rate_hz);
        // The filter's state after an endless input of 1, as librosa begins.
        let mut smooth = 1.0;
        for value in band {
            let energy = f64::from(*value) * SCALE;
            smooth += b * (energy - smooth);
            let normalised = energy * (-gain * (eps + smooth).ln()).exp();
            *value = ((normalised + bias).powf(power) - bias.powf(power)) as f32;
        }
    }
}
