//! How many classes so many nights would have given, had they been drawn by chance: sample-based rarefaction.
//!
//! The expectation is equation 5 and its variance equation 6 of Colwell, Mao and Chang, *Interpolating, extrapolating, and comparing
//! incidence-based species accumulation curves*, Ecology 85, 2004. The variance is that of surveys of such nights, and not only of the
//! order of these; it needs the number of all classes, for which the estimator Chao2 stands (Chao 1987, in its bias-corrected form).

use std::collections::BTreeMap;

/// The upper 2.5 % of the normal distribution lie beyond so many standard deviations.
const Z_95: f64 = 1.959_963_984_540_054;

/// What so many nights give on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Expected {
    /// Nights.
    pub(crate) nights: u32,
    /// Classes.
    pub(crate) classes: f64,
    /// Lower end of the interval of 95 %.
    pub(crate) low: f64,
    /// Upper end.
    pub(crate) high: f64,
}

/// The curve for 1 to all `nights`. `detected` is for each class the number of nights with a detection.
pub(crate) fn curve(detected: &[u32], nights: u32) -> Vec<Expected> {
    // Number of classes by their nights; a class cannot have more of them than there are.
    let mut classes: BTreeMap<u32, f64> = BTreeMap::new();
    for &of in detected.iter().filter(|of| **of > 0) {
        *classes.entry(of.min(nights)).or_default() += 1.0;
    }
    let observed: f64 = classes.values().sum();
    let of = |n: u32| classes.get(&n).copied().unwrap_or(0.0);
    let h = f64::from(nights);
    let all = observed + (h - 1.0).max(0.0) / h.max(1.0) * of(1) * (of(1) - 1.0).max(0.0) / (2.0 * (of(2) + 1.0));
    // The chance that so many nights hold none of those of a class.
    let mut missed: Vec<(f64, f64, f64)> = classes.iter().map(|(n, classes)| (f64::from(*n), *classes, 1.0)).collect();
    let mut curve = Vec::with_capacity(nights as usize);
    for drawn in 1..=nights {
        let (before, mut expected, mut variance) = (f64::from(drawn - 1), observed, 0.0);
        for (n, classes, chance) in &mut missed {
            *chance *= ((h - *n - before) / (h - before)).max(0.0);
            expected -= *chance * *classes;
            variance += (1.0 - *chance).powi(2) * *classes;
        }
        variance -= if all > 0.0 { expected * expected / all } else { 0.0 };
        let side = Z_95 * variance.max(0.0).sqrt();
        curve.push(Expected { nights: drawn, classes: expected, low: (expected - side).max(0.0), high: expected + side });
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean over all draws of `drawn` of `nights` nights; bit i of a class is its night i.
    fn by_force(classes: &[u32], nights: u32, drawn: u32) -> f64 {
        let draws: Vec<u32> = (0..1u32 << nights).filter(|draw| draw.count_ones() == drawn).collect();
        let found: usize = draws.iter().map(|draw| classes.iter().filter(|class| *class & draw > 0).count()).sum();
        found as f64 / draws.len() as f64
    }

    #[test]
    fn the_curve_is_the_mean_over_all_orders() {
        let classes = [0b0000_0001, 0b0000_1000, 0b1100_0000, 0b0011_1101, 0b1111_1111, 0b0101_0101];
        let detected = classes.map(u32::count_ones);
        let curve = curve(&detected, 8);
        assert_eq!(curve.len(), 8);
        for expected in &curve {
            let wanted = by_force(&classes, 8, expected.nights);
            assert!((expected.classes - wanted).abs() < 1e-9, "{expected:?}, wanted {wanted}");
            assert!(expected.low <= expected.classes && expected.classes <= expected.high && expected.low >= 0.0);
        }
        assert!((curve[7].classes - 6.0).abs() < 1e-9);
    }

    #[test]
    fn the_interval_is_that_of_the_formula() {
        // Two nights; one class in both, one in one of them, so Chao2 is 2: (1/2)² + 1 - 1.5² / 2 = 1/8.
        let curve = curve(&[2, 1], 2);
        let side = Z_95 * 0.125f64.sqrt();
        assert!((curve[0].classes - 1.5).abs() < 1e-12 && (curve[0].high - 1.5 - side).abs() < 1e-12, "{curve:?}");
        assert_eq!((curve[1].classes, curve[1].low, curve[1].high), (2.0, 2.0, 2.0), "nothing was found only once by chance");
        // Three classes in one of two nights each: Chao2 is 3 + 1/2 x 3 x 2 / 2 = 4.5, and 3 - 9 / 4.5 = 1.
        let last = super::curve(&[1, 1, 1], 2)[1];
        assert!((last.high - 3.0 - Z_95).abs() < 1e-12, "{last:?}");
    }

    #[test]
    fn no_nights_and_no_classes() {
        assert!(curve(&[], 0).is_empty() && curve(&[3], 0).is_empty());
        assert!(curve(&[], 3).iter().all(|e| (e.classes, e.low, e.high) == (0.0, 0.0, 0.0)));
    }
}
