//! Round numbers along an axis.

/// Steps of an axis are one of these times a power of ten.
const ROUND: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

/// The round step that divides 0 to `top` into at most `most` parts.
pub(crate) fn step(top: f64, most: usize) -> f64 {
    if !(top.is_finite() && top > 0.0) {
        return 1.0;
    }
    let least = top / most.max(1) as f64;
    let power = 10f64.powf(least.log10().floor());
    // A hair is granted, so that 3 parts of 0.1 reach 0.3.
    let round = ROUND.into_iter().find(|r| r * power >= least * (1.0 - 1e-9)).unwrap_or(10.0);
    round * power
}

/// Multiples of a round step from 0 to the first that reaches `top`.
pub(crate) fn ticks(top: f64, most: usize) -> Vec<f64> {
    let step = step(top, most);
    let parts = if top.is_finite() { (top / step * (1.0 - 1e-9)).ceil().max(1.0) as usize } else { 1 };
    (0..=parts).map(|i| i as f64 * step).collect()
}

/// Decimals of a tick's label: as many as the step has.
pub(crate) fn decimals(step: f64) -> usize {
    if step >= 1.0 { 0 } else { (-step.log10()).ceil() as usize }
}

/// The longest round length of at most `most`: where a bar shows how long something is.
pub(crate) fn bar(most: f64) -> f64 {
    if !(most.is_finite() && most > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(most.log10().floor());
    ROUND.into_iter().rev().find(|r| r * power <= most * (1.0 + 1e-9)).unwrap_or(1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_range() {
        let labels = |top, most| {
            let ticks = ticks(top, most);
            let decimals = decimals(step(top, most));
            ticks.iter().map(|&t| format!("{t:.decimals$}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels(1.0, 4), "0.0 0.5 1.0");
        assert_eq!(labels(0.3, 3), "0.0 0.1 0.2 0.3");
        assert_eq!(labels(0.69, 4), "0.0 0.2 0.4 0.6 0.8");
        assert_eq!(labels(24.0, 5), "0 5 10 15 20 25");
        assert_eq!(labels(0.07, 4), "0.00 0.02 0.04 0.06 0.08");
        assert_eq!(labels(100.0, 5), "0 20 40 60 80 100");
        for (top, most) in [(0.0, 4), (-1.0, 4), (f64::NAN, 4), (f64::INFINITY, 0), (1e-300, 1), (1e300, 3)] {
            assert!(ticks(top, most).len() <= most + 2, "{top}");
        }
    }
    #[test]
    fn bars_are_round_and_not_too_long() {
        assert_eq!([0.9, 1.0, 3.7, 6.0, 250.0, 0.03].map(bar), [0.5, 1.0, 2.0, 5.0, 200.0, 0.02]);
        assert_eq!([0.0, f64::NAN, f64::INFINITY].map(bar), [1.0; 3]);
    }
}
