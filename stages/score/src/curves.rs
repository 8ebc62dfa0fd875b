//! Precision-recall curves with few enough points to be drawn.

use crate::metrics::Step;

/// At most so many points of a curve are kept.
pub const MOST_POINTS: usize = 200;

/// The points of a precision-recall curve, from the highest score to the lowest, at most `most` (2 or more) of them. Of thresholds with the same recall the highest stands
/// for all: the others only lose precision. Where more are left, they are chosen evenly over the ranks, the first and the last among them.
pub fn thinned(steps: &[Step], most: usize) -> Vec<Step> {
    let mut recalled = 0;
    let rising: Vec<Step> = steps
        .iter()
        .filter(|step| step.true_positives > std::mem::replace(&mut recalled, step.true_positives))
        .copied()
        .collect();
    if rising.len() <= most {
        return rising;
    }
    (0..most).map(|point| rising[point * (rising.len() - 1) / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Ranking;

    #[test]
    fn rises_in_recall_are_kept_and_thinned_evenly() {
        let ranking = Ranking::new(&[0.9, 0.8, 0.7, 0.6], &[Some(true), Some(false), Some(true), Some(false)]).unwrap();
        let thresholds: Vec<f64> = thinned(ranking.steps(), MOST_POINTS).iter().map(|step| step.threshold).collect();
        assert_eq!(thresholds, [0.9, 0.7]);
        let scores: Vec<f64> = (0..1000).map(|i| 1.0 - f64::from(i) / 1000.0).collect();
        let ranking = Ranking::new(&scores, &[Some(true); 1000]).unwrap();
        let points = thinned(ranking.steps(), MOST_POINTS);
        assert_eq!((points.len(), points[0].threshold, points[199].true_positives), (200, 1.0, 1000));
        assert!(points.is_sorted_by(|a, b| a.threshold > b.threshold));
        assert!(thinned(&[], MOST_POINTS).is_empty());
    }
}
