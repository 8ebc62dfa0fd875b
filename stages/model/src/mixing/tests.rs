use tch::Kind;

use super::*;
use crate::loss::cross_entropy;
use crate::rng::{Purpose, stream};

const BATCH: usize = 7;
const CLASSES: i64 = 5;

fn options(method: Method) -> MixingOptions {
    MixingOptions { method, multimix_mixtures: 9, ..MixingOptions::default() }
}

/// A tensor in 0..1 of the given shape, different for each seed.
fn uniform(seed: u64, shape: &[i64]) -> Tensor {
    let mut rng = stream(seed, Purpose::Weights, 0, 0);
    let n = shape.iter().product::<i64>() as usize;
    Tensor::from_slice(&(0..n).map(|_| rng.random()).collect::<Vec<f64>>()).view(shape)
}

fn bits(seed: u64, shape: &[i64]) -> Tensor {
    uniform(seed, shape).gt(0.6).to_kind(Kind::Double)
}

fn draws(method: Method) -> impl Iterator<Item = Draw> {
    (0..50).map(move |step| draw(&options(method), &mut stream(1, Purpose::Mixing, 0, step), BATCH, 12).unwrap())
}

fn close(a: &Tensor, b: &Tensor) -> bool {
    a.allclose(b, 1e-10, 1e-12, false)
}

#[test]
fn mixtures_lie_between_the_examples() {
    let embeddings = uniform(2, &[BATCH as i64, 4]);
    let (low, high) = (embeddings.amin(0, false) - 1e-12, embeddings.amax(0, false) + 1e-12);
    for method in [Method::Mixup, Method::ManifoldMixup, Method::MultiMix] {
        for draw in draws(method) {
            let mixed = draw.mix_embeddings(draw.mix_inputs(embeddings.shallow_clone()).unwrap()).unwrap();
            assert!(!close(&mixed.mean(None::<Kind>), &Tensor::from(0.0)));
            assert!(mixed.ge_tensor(&low).all().double_value(&[]) > 0.0, "{draw:?}");
            assert!(mixed.le_tensor(&high).all().double_value(&[]) > 0.0, "{draw:?}");
        }
    }
}

#[test]
fn each_method_mixes_its_own_place_only() {
    let x = uniform(2, &[BATCH as i64, 4]);
    for (method, inputs, embeddings) in [
        (Method::None, false, false),
        (Method::Mixup, true, false),
        (Method::ManifoldMixup, false, true),
        (Method::MultiMix, false, true),
    ] {
        let draw = draws(method).next().unwrap();
        assert_eq!(draw.mix_inputs(x.shallow_clone()).unwrap() != x, inputs, "{method:?}");
        let mixed = draw.mix_embeddings(x.shallow_clone()).unwrap();
        assert_eq!(mixed.size() != x.size() || mixed != x, embeddings, "{method:?}");
    }
}

#[test]
fn pairs_keep_the_mass_of_labels_and_weights() {
    let (labels, mask) = (bits(3, &[BATCH as i64, CLASSES]), bits(4, &[BATCH as i64, CLASSES]));
    for draw in draws(Method::Mixup) {
        let Draw::Mixup(pairing) = &draw else { panic!("{draw:?}") };
        let mut sorted = pairing.partner.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..BATCH as i64));
        let targets = draw.targets(&labels, &mask).unwrap();
        for row in 0..BATCH {
            let other = pairing.partner[row];
            let weight = pairing.lambda[row];
            let expected = mask.get(row as i64) * weight + mask.get(other) * (1.0 - weight);
            let found = targets[0].weights.get(row as i64) + targets[1].weights.get(row as i64);
            assert!(close(&found, &expected));
            assert_eq!(targets[1].labels.get(row as i64), labels.get(other));
        }
    }
}

#[test]
fn combinations_are_convex_and_their_labels_weighted_means() {
    let labels = bits(3, &[BATCH as i64, CLASSES]);
    let known = Tensor::ones_like(&labels);
    for draw in draws(Method::MultiMix) {
        let Draw::MultiMix(combination) = &draw else { panic!("{draw:?}") };
        let rows = combination.tensor(&labels).unwrap();
        assert_eq!(rows.size(), [9, BATCH as i64]);
        assert!(close(&rows.sum_dim_intlist([1].as_slice(), false, None), &Tensor::ones([9], tch::kind::DOUBLE_CPU)));
        let target = draw.targets(&labels, &known).unwrap().remove(0);
        assert!(close(&target.labels, &rows.matmul(&labels)));
        assert!(close(&target.weights, &target.weights.ones_like()));
    }
}

/// Labels that aren't known must not matter, whatever stands in their place.
#[test]
fn unknown_labels_do_not_count() {
    let (labels, mask) = (bits(3, &[BATCH as i64, CLASSES]), bits(4, &[BATCH as i64, CLASSES]));
    let flipped = &labels * &mask + (1.0 - &labels) * (1.0 - &mask);
    assert_ne!(labels, flipped);
    for method in [Method::None, Method::Mixup, Method::ManifoldMixup, Method::MultiMix] {
        let draw = draws(method).next().unwrap();
        let rows = if method == Method::MultiMix { 9 } else { BATCH as i64 };
        let logits = uniform(5, &[rows, CLASSES]) * 4.0 - 2.0;
        let of = |labels: &Tensor, mask: &Tensor| cross_entropy(&logits, &draw.targets(labels, mask).unwrap()).unwrap();
        assert!(close(&of(&labels, &mask), &of(&flipped, &mask)), "{method:?}");
        assert!(!close(&of(&labels, &mask), &of(&labels, &mask.ones_like())), "{method:?}");
        assert_eq!(of(&labels, &mask.zeros_like()).double_value(&[]), 0.0, "{method:?}");
    }
}

#[test]
fn a_random_depth_is_uniform_and_mixes_one_place_only() {
    let options = MixingOptions { manifold_depth: Depth::Random, ..options(Method::ManifoldMixup) };
    let mut counts = [0; 5];
    let hidden = uniform(2, &[BATCH as i64, 3, 4, 5]);
    for step in 0..2000 {
        let draw = draw(&options, &mut stream(1, Purpose::Mixing, 0, step), BATCH, 4).unwrap();
        let Draw::ManifoldMixup { place, pairing } = &draw else { panic!("{draw:?}") };
        counts[place.unwrap_or(4)] += 1;
        if step < 20 {
            let mixed: Vec<usize> = (0..4).filter(|&at| draw.mix_between(at, hidden.copy()).unwrap() != hidden).collect();
            assert_eq!(mixed, place.iter().copied().collect::<Vec<_>>());
            let embeddings = uniform(3, &[BATCH as i64, 4]);
            assert_eq!(draw.mix_embeddings(embeddings.copy()).unwrap() == embeddings, place.is_some());
            if let Some(place) = place {
                assert!(close(&draw.mix_between(*place, hidden.copy()).unwrap(), &pairing.mix(&hidden).unwrap()));
            }
        }
    }
    assert!(counts.iter().all(|count| (330..470).contains(count)), "{counts:?}");
}

#[test]
fn lambda_is_uniform_at_alpha_one() {
    let lambdas: Vec<f64> = (0..2000)
        .flat_map(|step| {
            let Draw::ManifoldMixup { pairing, .. } =
                draw(&options(Method::ManifoldMixup), &mut stream(1, Purpose::Mixing, 0, step), BATCH, 12).unwrap()
            else {
                panic!("another method")
            };
            pairing.lambda
        })
        .collect();
    let n = lambdas.len() as f64;
    let mean = lambdas.iter().sum::<f64>() / n;
    let tail = lambdas.iter().filter(|&&lambda| lambda < 0.1).count() as f64 / n;
    assert!((mean - 0.5).abs() < 0.01 && (tail - 0.1).abs() < 0.01, "{mean} {tail}");
}

#[test]
fn mix2_takes_its_methods_with_their_chances() {
    let mut counts = [0; 4];
    for step in 0..4000 {
        let index = match draw(&options(Method::Mix2), &mut stream(1, Purpose::Mixing, 0, step), 2, 12).unwrap() {
            Draw::Plain => 0,
            Draw::Mixup(_) => 1,
            Draw::ManifoldMixup { .. } => 2,
            Draw::MultiMix(_) => 3,
        };
        counts[index] += 1;
    }
    assert_eq!(counts[0], 0);
    for (count, expected) in [(counts[1], 1000), (counts[2], 2000), (counts[3], 1000)] {
        assert!(i32::abs(count - expected) < 120, "{counts:?}");
    }
}

#[test]
fn options_out_of_range_are_refused() {
    let default = MixingOptions::default();
    assert!(default.validate().is_ok());
    assert!(MixingOptions { mixup_alpha: 0.0, ..default }.validate().is_err());
    assert!(MixingOptions { mix2_mixup: -0.1, ..default }.validate().is_err());
    let none = MixingOptions { mix2_mixup: 0.0, mix2_manifold_mixup: 0.0, mix2_multimix: 0.0, ..default };
    assert!(none.validate().is_err());
}

#[test]
fn every_method_has_the_name_that_the_configuration_gives_it() {
    for (name, method) in [
        ("none", Method::None),
        ("mixup", Method::Mixup),
        ("manifold_mixup", Method::ManifoldMixup),
        ("multimix", Method::MultiMix),
        ("mix2", Method::Mix2),
    ] {
        assert_eq!(serde_yaml::from_str::<Method>(name).unwrap(), method);
    }
}
