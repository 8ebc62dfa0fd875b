//! The scores of how unknown a window is. Each is higher the less a window is like what was learnt.

use crate::settings::ScoreName;

/// The scores that are measured, in their order.
pub(crate) const MEASURED: [ScoreName; 4] = [ScoreName::MaxLogit, ScoreName::Energy, ScoreName::Knn, ScoreName::Mahalanobis];

/// One value for each of [`MEASURED`].
pub(crate) type Measures = [f32; 4];

/// The two scores that the logits of a window give: the highest one, and the free energy over all classes, each with its sign turned.
pub(crate) fn of_logits(logits: impl IntoIterator<Item = f32>) -> (f32, f32) {
    let (mut highest, mut energy) = (f32::NEG_INFINITY, 0.0_f64);
    for logit in logits {
        highest = highest.max(logit);
        // log(1 + exp(x)) without overflow.
        let logit = f64::from(logit);
        energy += logit.max(0.0) + (-logit.abs()).exp().ln_1p();
    }
    (-highest, -energy as f32)
}

/// From measures to the share of known windows that have less.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shares {
    /// For each of [`MEASURED`], the measures of the windows of validation, rising.
    pub measured: [Vec<f32>; 4],
    /// The means of the four shares of these windows, rising.
    pub means: Vec<f32>,
}

impl Shares {
    pub(crate) fn new(windows: &[Measures]) -> Self {
        let measured = std::array::from_fn(|score| rising(windows.iter().map(|window| window[score]).collect()));
        let shares = Self { measured, means: Vec::new() };
        Self { means: rising(windows.iter().map(|window| shares.mean(window)).collect()), ..shares }
    }

    /// The share of the windows of validation whose score is lower, 0 to 1; ties count half.
    pub(crate) fn of(&self, score: ScoreName, window: &Measures) -> f32 {
        match MEASURED.iter().position(|measured| *measured == score) {
            Some(place) => share(&self.measured[place], window[place]),
            None => share(&self.means, self.mean(window)),
        }
    }

    fn mean(&self, window: &Measures) -> f32 {
        self.measured.iter().zip(window).map(|(known, &value)| share(known, value)).sum::<f32>() / 4.0
    }
}

fn rising(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_by(f32::total_cmp);
    values
}

fn share(known: &[f32], value: f32) -> f32 {
    if known.is_empty() {
        return 0.0;
    }
    let below = known.partition_point(|other| *other < value);
    let upto = known.partition_point(|other| *other <= value);
    (below + upto) as f32 / 2.0 / known.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_logits_are_unknown() {
        let (highest, energy) = of_logits([0.0, 2.0, -3.0]);
        assert_eq!(highest, -2.0);
        let by_hand = -(2_f64.ln() + (1.0 + 2_f64.exp()).ln() + (1.0 + (-3_f64).exp()).ln());
        assert!((f64::from(energy) - by_hand).abs() < 1e-6);
        assert!(of_logits([-100.0, -90.0]).1.abs() < 1e-30 && of_logits([1000.0]).1 == -1000.0);
    }

    #[test]
    fn a_score_is_the_share_of_known_windows_below() {
        let windows: Vec<Measures> = (0..100).map(|i| [i as f32, 99.0 - i as f32, 1.0, i as f32]).collect();
        let shares = Shares::new(&windows);
        assert_eq!(shares.of(ScoreName::MaxLogit, &[50.0, 0.0, 0.0, 0.0]), 0.505);
        assert_eq!(shares.of(ScoreName::Knn, &[0.0, 0.0, 1.0, 0.0]), 0.5, "ties count half");
        assert_eq!(shares.of(ScoreName::Knn, &[0.0, 0.0, 2.0, 0.0]), 1.0);
        assert_eq!(shares.of(ScoreName::Mean, &[200.0; 4]), 1.0);
        assert_eq!(shares.of(ScoreName::Mean, &[-1.0; 4]), 0.0);
        assert_eq!(Shares::new(&[]).of(ScoreName::Mean, &[0.0; 4]), 0.0);
    }
}
