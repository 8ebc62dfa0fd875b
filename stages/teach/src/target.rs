//! From the probabilities of a teacher to what a student learns.

use crate::settings::TeacherSettings;

/// Bins of a histogram of probabilities.
const BINS: usize = 2000;
/// Steps in which a shift is found: far below what a float32 tells apart.
const STEPS: usize = 60;
/// The furthest shift, in log odds.
const FURTHEST: f64 = 30.0;

/// What a student learns of a class in a window, from the teacher's probability: 0 where it is surely absent, the probability where it is
/// surely present, and less than the probability between.
pub(crate) fn target(probability: f64, settings: &TeacherSettings) -> f64 {
    if probability >= settings.positive_from {
        probability
    } else if probability < settings.negative_below {
        0.0
    } else {
        probability.powf(settings.power)
    }
}

/// How often each probability of a class occurs.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; BINS] }
    }

    pub(crate) fn add(&mut self, probability: f64) {
        self.counts[((probability * BINS as f64) as usize).min(BINS - 1)] += 1;
    }

    /// The mean probability after a shift.
    fn mean(&self, shift: f64) -> f64 {
        let (mut sum, mut n) = (0.0, 0.0);
        for (bin, &count) in self.counts.iter().enumerate() {
            sum += shifted((bin as f64 + 0.5) / BINS as f64, shift) * count as f64;
            n += count as f64;
        }
        if n > 0.0 { sum / n } else { 0.0 }
    }

    /// What to add to the log odds of the probabilities so that their mean is at most `prior`; never more than 0.
    pub(crate) fn shift_to(&self, prior: f64) -> f64 {
        if self.mean(0.0) <= prior {
            return 0.0;
        }
        let (mut low, mut high) = (-FURTHEST, 0.0);
        for _ in 0..STEPS {
            let middle = f64::midpoint(low, high);
            if self.mean(middle) > prior { high = middle } else { low = middle }
        }
        low
    }
}

/// A probability whose log odds are changed. Without a change it stays as it is, to the last digit.
pub(crate) fn shifted(probability: f64, shift: f64) -> f64 {
    if shift == 0.0 || probability <= 0.0 || probability >= 1.0 {
        return probability;
    }
    1.0 / (1.0 + (1.0 - probability) / probability * (-shift).exp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings() -> TeacherSettings {
        chorus_keys::defaults()
    }

    #[test]
    fn sure_probabilities_are_kept_and_others_teach_less() {
        for (probability, expected) in
            [(0.0, 0.0), (0.0999, 0.0), (0.1, 0.01), (0.3, 0.09), (0.499, 0.249_001), (0.5, 0.5), (1.0, 1.0)]
        {
            assert!((target(probability, &settings()) - expected).abs() < 1e-12, "{probability}");
        }
    }

    #[test]
    fn a_class_that_is_found_too_often_is_brought_to_its_prior() {
        let mut histogram = Histogram::new();
        (0..1000).for_each(|i| histogram.add(f64::from(i) / 1000.0));
        assert_eq!(histogram.shift_to(0.6), 0.0, "a rarer class stays as it is");
        let shift = histogram.shift_to(0.1);
        assert!(shift < -1.0 && (histogram.mean(shift) - 0.1).abs() < 1e-6, "{shift}");
        assert_eq!(Histogram::new().shift_to(0.1), 0.0);
    }

    proptest! {
        #[test]
        fn shifts_keep_the_order_and_the_range(a in 0.0..=1.0_f64, b in 0.0..=1.0_f64, shift in -20.0..=0.0_f64) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(shifted(low, shift) <= shifted(high, shift));
            prop_assert!((0.0..=low).contains(&shifted(low, shift)));
        }
    }
}
