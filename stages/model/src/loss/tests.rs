use std::sync::Arc;

use tch::Tensor;

use super::asymmetric::Asymmetric;
use super::bce::CrossEntropy;
use super::focal::Focal;
use super::pairwise_auc::PairwiseAuc;
use super::*;
use crate::target::Target;

fn logits() -> Tensor {
    Tensor::from_slice(&[-9.0, -2.0, -0.5, 0.0, 0.3, 4.0, 9.0, -1.0]).view([2, 4])
}

fn targets(labels: &[f64]) -> Vec<Target> {
    let labels = Tensor::from_slice(labels).view([2, 4]);
    vec![Target { weights: labels.ones_like(), labels }]
}

const LABELS: [f64; 8] = [1.0, 0.0, 0.3, 1.0, 0.0, 0.7, 0.0, 1.0];

fn value(loss: impl Loss + 'static, positive: Option<&[f64]>) -> f64 {
    Objective::new(Arc::new(loss), positive, &logits()).unwrap().of(&logits(), &targets(&LABELS)).unwrap().double_value(&[])
}

/// The definitions in plain numbers.
fn by_hand(positive: impl Fn(f64) -> f64, negative: impl Fn(f64) -> f64, weights: [f64; 4]) -> f64 {
    let logits = Vec::<f64>::try_from(logits().view(-1)).unwrap();
    let of = |(i, (&x, &y)): (usize, (&f64, &f64))| {
        let p = 1.0 / (1.0 + (-x).exp());
        y * weights[i % 4] * positive(p) + (1.0 - y) * negative(p)
    };
    logits.iter().zip(&LABELS).enumerate().map(of).sum::<f64>() / 8.0
}

#[test]
fn each_loss_is_its_definition() {
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * b.abs(), "{a} {b}");
    let ones = [1.0; 4];
    close(value(CrossEntropy, None), by_hand(|p| -p.ln(), |p| -(1.0 - p).ln(), ones));
    let weights = [1.0, 2.0, 3.0, 0.5];
    close(value(CrossEntropy, Some(&weights)), by_hand(|p| -p.ln(), |p| -(1.0 - p).ln(), weights));
    for gamma in [0.0, 0.5, 1.0, 2.0, 3.5] {
        let focal = Focal { focal_gamma: gamma, focal_alpha: Some(0.25) };
        let expected = by_hand(|p| -0.25 * (1.0 - p).powf(gamma) * p.ln(), |p| -0.75 * p.powf(gamma) * (1.0 - p).ln(), weights);
        close(value(focal, Some(&weights)), expected);
    }
    let asymmetric = Asymmetric { asymmetric_gammas: [1.0, 4.0], asymmetric_margin: 0.05 };
    let shifted = |p: f64| (p - 0.05).max(0.0);
    let expected = by_hand(|p| -(1.0 - p) * p.ln(), |p| -shifted(p).powf(4.0) * (1.0 - shifted(p)).ln(), ones);
    close(value(asymmetric, None), expected);
}

#[test]
fn focusing_on_nothing_is_cross_entropy() {
    let plain = value(CrossEntropy, None);
    assert!((value(Focal { focal_gamma: 0.0, focal_alpha: None }, None) - plain).abs() < 1e-12);
    let none = Asymmetric { asymmetric_gammas: [0.0, 0.0], asymmetric_margin: 0.0 };
    assert!((value(none, None) - plain).abs() < 1e-12);
}

/// The pairs of each class one by one, with weights of windows.
#[test]
fn the_ranking_loss_is_the_mean_over_the_pairs_of_each_class() {
    let weights = [1.0, 1.0, 0.5, 1.0, 0.25, 1.0, 1.0, 0.0];
    let target =
        || vec![Target { labels: Tensor::from_slice(&LABELS).view([2, 4]), weights: Tensor::from_slice(&weights).view([2, 4]) }];
    let loss = |auc_weight| {
        let objective = Objective::new(Arc::new(PairwiseAuc { auc_weight }), None, &logits()).unwrap();
        objective.of(&logits(), &target()).unwrap().double_value(&[])
    };
    let logits = Vec::<f64>::try_from(logits().view(-1)).unwrap();
    let (mut means, mut classes) = (0.0, 0.0);
    for class in 0..4 {
        let (mut sum, mut pairs) = (0.0, 0.0);
        for on in [class, class + 4] {
            for off in [class, class + 4] {
                let weight = LABELS[on] * weights[on] * (1.0 - LABELS[off]) * weights[off];
                sum += weight * (logits[off] - logits[on]).exp().ln_1p();
                pairs += weight;
            }
        }
        if pairs > 0.0 {
            means += sum / pairs;
            classes += 1.0;
        }
    }
    assert!((loss(2.0) - loss(0.0) - 2.0 * means / classes).abs() < 1e-9, "{} {} {}", loss(2.0), loss(0.0), means / classes);
    let plain = Objective::new(Arc::new(CrossEntropy), None, &self::logits()).unwrap();
    assert!((loss(0.0) - plain.of(&self::logits(), &target()).unwrap().double_value(&[])).abs() < 1e-12);
}

#[test]
fn offsets_are_log_odds_and_shift_the_logits() {
    let offsets = logit_offsets(&[50, 10, 0, 100], &[100; 4], 2.0);
    let odds = [1.0, 10.0 / 90.0, 0.5 / 100.0, 100.0 / 0.5];
    assert!(offsets.iter().zip(odds).all(|(offset, odds): (&f64, f64)| (offset - 2.0 * odds.ln()).abs() < 1e-12), "{offsets:?}");
    let shifted = Objective::new(Arc::new(CrossEntropy), None, &logits()).unwrap().with_offsets(&offsets, &logits()).unwrap();
    let plain = Objective::new(Arc::new(CrossEntropy), None, &logits()).unwrap();
    let by_hand = plain.of(&(logits() + Tensor::from_slice(&offsets)), &targets(&LABELS)).unwrap().double_value(&[]);
    assert!((shifted.of(&logits(), &targets(&LABELS)).unwrap().double_value(&[]) - by_hand).abs() < 1e-12);
}

#[test]
fn gradients_stay_finite_where_scores_are_certain() {
    for loss in [
        Arc::new(Focal { focal_gamma: 0.5, focal_alpha: None }) as Arc<dyn Loss>,
        Arc::new(Asymmetric { asymmetric_gammas: [0.5, 4.0], asymmetric_margin: 0.05 }),
        Arc::new(PairwiseAuc { auc_weight: 1.0 }),
    ] {
        let logits = (logits() * 10.0).set_requires_grad(true);
        Objective::new(Arc::clone(&loss), None, &logits).unwrap().of(&logits, &targets(&LABELS)).unwrap().backward();
        assert!(logits.grad().isfinite().all().double_value(&[]) > 0.0, "{loss:?}: {:?}", logits.grad());
    }
}

#[test]
fn positive_weights_balance_the_sides_up_to_a_limit() {
    assert_eq!(balancing_weights(&[0, 50, 10, 1, 90], &[100; 5], 20.0), [1.0, 1.0, 9.0, 20.0, 10.0 / 90.0]);
}

#[test]
fn options_out_of_range_are_refused() {
    for bad in [
        &Focal { focal_gamma: -1.0, focal_alpha: None } as &dyn Loss,
        &Focal { focal_gamma: 2.0, focal_alpha: Some(1.0) },
        &Asymmetric { asymmetric_gammas: [0.0, f64::NAN], asymmetric_margin: 0.0 },
        &Asymmetric { asymmetric_gammas: [0.0, 4.0], asymmetric_margin: 1.0 },
    ] {
        assert!(bad.validate().is_err(), "{bad:?}");
    }
    assert!(find("hinge").unwrap_err().to_string().contains("bce, focal, asymmetric, pairwise_auc"));
}
