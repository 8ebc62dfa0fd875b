use std::sync::Arc;

use tch::{Kind, Tensor};

use super::adamw::AdamW;
use super::sgd::Sgd;
use super::*;
use crate::Error;
use crate::device::HOST;
use crate::extension::Extension;

fn minimise(rule: impl Optimizer + 'static, learning_rate: f64, steps: usize) -> f64 {
    let target = Tensor::from_slice(&[1.0, -2.0, 0.5]);
    let mut parameters = Tensor::zeros([3], (Kind::Double, HOST));
    let mut optimizer = OptimizerState::new(Arc::new(rule), &parameters).unwrap();
    for _ in 0..steps {
        let gradient = &parameters - &target;
        optimizer.step(&mut parameters, &gradient, learning_rate).unwrap();
    }
    (parameters - target).abs().max().double_value(&[])
}

#[test]
fn both_find_the_minimum_of_a_parabola() {
    let adamw = AdamW { weight_decay: 0.0 };
    assert!(minimise(adamw, 0.05, 1000) < 1e-3);
    assert!(minimise(Sgd { momentum: 0.9, weight_decay: 0.0 }, 0.05, 1000) < 1e-6);
}

#[test]
fn a_saved_state_continues_bit_for_bit() {
    for rule in [Arc::new(AdamW::default()) as Arc<dyn Optimizer>, Arc::new(Sgd::default())] {
        let gradient = |step: usize| Tensor::from_slice(&[0.3f32, -0.1 * step as f32, 7.0]);
        let mut parameters = Tensor::from_slice(&[1f32, 2.0, 3.0]);
        let mut whole = OptimizerState::new(Arc::clone(&rule), &parameters).unwrap();
        (0..5).for_each(|step| whole.step(&mut parameters, &gradient(step), 0.1).unwrap());
        let mut copy = parameters.copy();
        let mut resumed = OptimizerState::new(rule, &copy).unwrap();
        resumed.load_state_dict(&whole.state_dict()).unwrap();
        (5..9).for_each(|step| whole.step(&mut parameters, &gradient(step), 0.1).unwrap());
        (5..9).for_each(|step| resumed.step(&mut copy, &gradient(step), 0.1).unwrap());
        assert_eq!(parameters, copy);
    }
}

#[test]
fn the_cosine_starts_high_and_falls_to_nothing() {
    assert_eq!(cosine(0.01, 0, 100), 0.01);
    assert!((cosine(0.01, 50, 100) - 0.005).abs() < 1e-12);
    assert!(cosine(0.01, 100, 100).abs() < 1e-12);
}

#[test]
fn the_warm_up_rises_to_where_the_cosine_starts() {
    let rates: Vec<f64> = (0..6).map(|epoch| scheduled(0.01, epoch, 3, 6)).collect();
    for (found, expected) in rates.iter().zip([0.0025, 0.005, 0.0075, 0.01, 0.0075, 0.0025]) {
        assert!((found - expected).abs() < 1e-12, "{rates:?}");
    }
    assert_eq!(scheduled(0.01, 3, 0, 10), cosine(0.01, 3, 10));
}

#[test]
fn only_long_gradients_are_clipped() {
    let gradient = Tensor::from_slice(&[3.0, 4.0]);
    assert_eq!(clip(gradient.copy(), 6.0).unwrap(), gradient);
    let clipped = clip(gradient.copy(), 1.0).unwrap();
    assert!((clipped.norm().double_value(&[]) - 1.0).abs() < 1e-6);
}

#[test]
fn options_out_of_range_are_refused() {
    let bad = Sgd { momentum: 1.0, weight_decay: 0.0 };
    assert!(matches!(bad.validate(), Err(Error::Option { name: "momentum", .. })));
}
