//! Power to what features hold: decibels, or per-channel energy normalisation.

use super::spectrum::Lanes;
use crate::dsp::instructions::vectorised;

/// The power below which everything counts as -100 dB.
pub const POWER_FLOOR: f32 = 1e-10;

vectorised! {
    /// 10 log10(max(x, 1e-10)) of each value.
    ///
    /// The logarithm is that of the mantissa in [sqrt(1/2), sqrt(2)), as the series of the inverse hyperbolic tangent up
    /// to the ninth power, and the exponent's: within 2e-5 dB of the true value, and vectorised where a call of the
    /// library is not.
    pub(super) fn decibels(values: &mut [Lanes]) {
        /// 10 log10(2).
        const PER_OCTAVE: f32 = (10.0 * std::f64::consts::LOG10_2) as f32;
        /// 20 / ln(10): the series gives half of the natural logarithm.
        const PER_HALF_NEPER: f32 = (20.0 * std::f64::consts::LOG10_E) as f32;
        /// The bits of sqrt(1/2).
        const ROOT_HALF: u32 = 0x3F35_04F3;
        const MANTISSA: u32 = 0x007F_FFFF;
        for value in values.as_flattened_mut() {
            let bits = value.max(POWER_FLOOR).to_bits().wrapping_sub(ROOT_HALF);
            let exponent = (bits as i32 >> 23) as f32;
            let mantissa = f32::from_bits((bits & MANTISSA) + ROOT_HALF);
            let s = (mantissa - 1.0) / (mantissa + 1.0);
            let t = s * s;
            let series = s * (1.0 + t * (1.0 / 3.0 + t * (1.0 / 5.0 + t * (1.0 / 7.0 + t * (1.0 / 9.0)))));
            *value = exponent * PER_OCTAVE + series * PER_HALF_NEPER;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decibel(power: f32) -> f32 {
        let mut lanes = [[power; 16]];
        decibels(&mut lanes);
        assert!(lanes[0].iter().all(|value| *value == lanes[0][0]));
        lanes[0][0]
    }

    #[test]
    fn powers_of_ten_and_the_floor() {
        for (power, expected) in [(1.0, 0.0), (10.0, 10.0), (1e-10, -100.0), (0.0, -100.0), (1e6, 60.0), (2.0, 3.010_3)] {
            assert!((decibel(power) - expected).abs() < 2e-5, "{power}: {}", decibel(power));
        }
        assert_eq!(decibel(f32::NAN), decibel(0.0), "what is no power is no sound");
    }

    proptest! {
        #[test]
        fn the_logarithm_is_the_librarys(power in 1e-10f32..1e30) {
            let expected = 10.0 * f64::from(power).log10();
            prop_assert!((f64::from(decibel(power)) - expected).abs() < 2e-5_f64.max(1e-7 * expected.abs()), "{} {expected}", decibel(power));
        }

        #[test]
        fn more_power_is_never_fewer_decibels(power in 1e-10f32..1e10, step in 0u32..1000) {
            let more = f32::from_bits(power.to_bits() + step);
            // Neighbouring floats may round either way.
            prop_assert!(decibel(more) >= decibel(power) - 1e-5);
        }
    }
}
