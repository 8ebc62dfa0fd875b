//! How much of the moon is lit.

/// 2000-01-01T12:00:00Z, microseconds since 1970-01-01 UTC.
const NOON_2000_US: i64 = 946_728_000_000_000;
const US_PER_CENTURY: f64 = 36_525.0 * 86_400e6;

/// The illuminated fraction of the moon's disk, 0 (new) to 1 (full), at an instant in microseconds since 1970-01-01 UTC. The fraction is
/// right within about 0.005; whether the moon is up at a place, or behind clouds, is another matter.
///
/// Source: Meeus, Astronomical Algorithms, 2nd edition, 1998, chapter 48: the phase angle from the mean elongation and the mean anomalies
/// of sun and moon.
pub fn illuminated(utc_us: i64) -> f64 {
    // Julian centuries since 2000; clocks and the Earth's rotation differ by seconds, in which the moon does not move.
    let t = (utc_us - NOON_2000_US) as f64 / US_PER_CENTURY;
    let angle = |terms: [f64; 5]| terms.iter().rev().fold(0.0, |sum, term| sum * t + term).rem_euclid(360.0).to_radians();
    let elongation = angle([297.850_192_1, 445_267.111_403_4, -0.001_881_9, 1.0 / 545_868.0, -1.0 / 113_065_000.0]);
    let sun = angle([357.529_109_2, 35_999.050_290_9, -0.000_153_6, 1.0 / 24_490_000.0, 0.0]);
    let moon = angle([134.963_396_4, 477_198.867_505_5, 0.008_741_4, 1.0 / 69_699.0, -1.0 / 14_712_000.0]);
    let degrees = 6.289 * moon.sin() - 2.100 * sun.sin()
        + 1.274 * (2.0 * elongation - moon).sin()
        + 0.658 * (2.0 * elongation).sin()
        + 0.214 * (2.0 * moon).sin()
        + 0.110 * elongation.sin();
    let phase_angle = std::f64::consts::PI - elongation - degrees.to_radians();
    (1.0 + phase_angle.cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fraction_is_that_of_the_book_and_of_almanacs() {
        // Meeus, example 48.a, 1992-04-12 00:00: 0.6786 by the long theory; the short one gives 0.680.
        assert!((illuminated(703_036_800_000_000) - 0.680_134).abs() < 1e-5);
        // 2025-01-13 22:27 was full, 2025-01-29 12:36 new, 2025-02-05 08:02 the first quarter.
        for (utc_s, wanted) in [(1_736_807_220, 1.0), (1_738_154_160, 0.0), (1_738_742_520, 0.5)] {
            let found = illuminated(utc_s * 1_000_000);
            assert!((found - wanted).abs() < 0.005, "{utc_s}: {found}");
        }
    }
}
