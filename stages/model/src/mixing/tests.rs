use rand::RngExt;
use tch::{Kind, Tensor};

use super::manifold_mixup::{Depth, ManifoldMixup, PairedHidden};
use super::mix2::{Mix2, Mix2Options};
use super::mixup::{Mixup, PairedInputs};
use super::multimix::{Mixtures, MultiMix};
use super::none::NoMixing;
use super::*;
use crate::extension::{Extension, Settings};
use crate::loss::cross_entropy;
use crate::rng::{Purpose, stream};

const BATCH: usize = 7;
const CLASSES: i64 = 5;

const MULTIMIX: MultiMix = MultiMix { multimix_alpha: 0.2, multimix_mixtures: 9 };

fn mixup() -> Mixup {
    Mixup::default()
}

fn manifold_mixup() -> ManifoldMixup {
    ManifoldMixup::default()
}

fn drawn(mixing: &dyn Mixing, step: usize) -> Drawn {
    mixing.draw(&mut stream(1, Purpose::Mixing, 0, step), BATCH, 12).unwrap()
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

fn draws(mixing: &dyn Mixing) -> impl Iterator<Item = Drawn> + '_ {
    (0..50).map(move |step| drawn(mixing, step))
}

fn close(a: &Tensor, b: &Tensor) -> bool {
    a.allclose(b, 1e-10, 1e-12, false)
}

#[test]
fn mixtures_lie_between_the_examples() {
    let embeddings = uniform(2, &[BATCH as i64, 4]);
    let (low, high) = (embeddings.amin(0, false) - 1e-12, embeddings.amax(0, false) + 1e-12);
    for method in [&mixup() as &dyn Mixing, &manifold_mixup(), &MULTIMIX] {
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
        (&NoMixing as &dyn Mixing, false, false),
        (&mixup(), true, false),
        (&manifold_mixup(), false, true),
        (&MULTIMIX, false, true),
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
    for step in 0..50 {
        let pairing = Pairing::draw(&mut stream(1, Purpose::Mixing, 0, step), 1.0, BATCH).unwrap();
        let draw = drawn(&mixup(), step);
        assert_eq!(format!("{draw:?}"), format!("{:?}", PairedInputs(pairing.clone())));
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
    for step in 0..50 {
        let draw = drawn(&MULTIMIX, step);
        // What the draw makes of one-hot embeddings is its weights.
        let rows = draw.mix_embeddings(Tensor::eye(BATCH as i64, tch::kind::DOUBLE_CPU)).unwrap();
        assert_eq!(rows.size(), [9, BATCH as i64]);
        assert!(close(&rows.sum_dim_intlist([1].as_slice(), false, None), &Tensor::ones([9], tch::kind::DOUBLE_CPU)));
        let target = draw.targets(&labels, &known).unwrap().remove(0);
        assert!(close(&target.labels, &rows.matmul(&labels)));
        assert!(close(&target.weights, &target.weights.ones_like()));
    }
}

/// Labels that are not known must not matter, whatever stands in their place.
#[test]
fn unknown_labels_do_not_count() {
    let (labels, mask) = (bits(3, &[BATCH as i64, CLASSES]), bits(4, &[BATCH as i64, CLASSES]));
    let flipped = &labels * &mask + (1.0 - &labels) * (1.0 - &mask);
    assert_ne!(labels, flipped);
    for method in [&NoMixing as &dyn Mixing, &mixup(), &manifold_mixup(), &MULTIMIX] {
        let draw = drawn(method, 0);
        let rows = if method.name() == "multimix" { 9 } else { BATCH as i64 };
        let logits = uniform(5, &[rows, CLASSES]) * 4.0 - 2.0;
        let of = |labels: &Tensor, mask: &Tensor| cross_entropy(&logits, &draw.targets(labels, mask).unwrap()).unwrap();
        assert!(close(&of(&labels, &mask), &of(&flipped, &mask)), "{method:?}");
        assert!(!close(&of(&labels, &mask), &of(&labels, &mask.ones_like())), "{method:?}");
        assert_eq!(of(&labels, &mask.zeros_like()).double_value(&[]), 0.0, "{method:?}");
    }
}

#[test]
fn a_random_depth_is_uniform_and_mixes_one_place_only() {
    let random = ManifoldMixup { manifold_depth: Depth::Random, ..manifold_mixup() };
    let mut counts = [0; 5];
    let hidden = uniform(2, &[BATCH as i64, 3, 4, 5]);
    for step in 0..2000 {
        let rng = || stream(1, Purpose::Mixing, 0, step);
        let draw = random.draw(&mut rng(), BATCH, 4).unwrap();
        let embeddings = uniform(3, &[BATCH as i64, 4]);
        let changed: Vec<usize> = (0..4).filter(|&at| draw.mix_between(at, hidden.copy()).unwrap() != hidden).collect();
        let at_the_embedding = draw.mix_embeddings(embeddings.copy()).unwrap() != embeddings;
        assert_eq!(changed.len() + usize::from(at_the_embedding), 1, "{draw:?}");
        counts[changed.first().copied().unwrap_or(4)] += 1;
        if let Some(&place) = changed.first() {
            let pairing = Pairing::draw(&mut rng(), 1.0, BATCH).unwrap();
            assert!(close(&draw.mix_between(place, hidden.copy()).unwrap(), &pairing.mix(&hidden).unwrap()));
        }
    }
    assert!(counts.iter().all(|count| (330..470).contains(count)), "{counts:?}");
    assert!(random.needs_places() && !manifold_mixup().needs_places());
}

#[test]
fn lambda_is_uniform_at_alpha_one() {
    let pairing = |step| Pairing::draw(&mut stream(1, Purpose::Mixing, 0, step), 1.0, BATCH).unwrap();
    let lambdas: Vec<f64> = (0..2000).flat_map(|step| pairing(step).lambda).collect();
    let n = lambdas.len() as f64;
    let mean = lambdas.iter().sum::<f64>() / n;
    let tail = lambdas.iter().filter(|&&lambda| lambda < 0.1).count() as f64 / n;
    assert!((mean - 0.5).abs() < 0.01 && (tail - 0.1).abs() < 0.01, "{mean} {tail}");
}

fn mix2(probabilities: [f64; 3]) -> Mix2 {
    Mix2 { options: Mix2Options { mix2_probabilities: probabilities }, multimix: MULTIMIX, ..Mix2::default() }
}

#[test]
fn mix2_takes_its_methods_with_their_chances() {
    let mix2 = mix2([0.25, 0.5, 0.25]);
    let mut counts = std::collections::BTreeMap::new();
    for step in 0..4000 {
        let draw = mix2.draw(&mut stream(1, Purpose::Mixing, 0, step), 2, 12).unwrap();
        *counts.entry(draw.method()).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 3, "{counts:?}");
    for (method, expected) in [("mixup", 1000), ("manifold_mixup", 2000), ("multimix", 1000)] {
        assert!(i32::abs(counts[method] - expected) < 120, "{counts:?}");
    }
}

/// A seed gives the same training in every version: first the method by one uniform number, then that method's own draws.
#[test]
fn mix2_draws_as_the_method_does_after_one_number() {
    let mix2 = mix2([0.25, 0.5, 0.25]);
    for step in 0..50 {
        let mut rng = stream(1, Purpose::Mixing, 0, step);
        let uniform: f64 = rng.random();
        let expected = match uniform {
            u if u < 0.5 => format!("{:?}", PairedHidden { pairing: Pairing::draw(&mut rng, 1.0, BATCH).unwrap(), place: None }),
            u if u < 0.75 => {
                let weights = (0..9).flat_map(|_| crate::rng::dirichlet(&mut rng, 0.2, BATCH).unwrap()).collect();
                format!("{:?}", Mixtures { weights, mixtures: 9 })
            }
            _ => format!("{:?}", PairedInputs(Pairing::draw(&mut rng, 1.0, BATCH).unwrap())),
        };
        assert_eq!(format!("{:?}", drawn(&mix2, step)), expected);
    }
}

#[test]
fn options_out_of_range_are_refused() {
    assert!(Mix2::default().validate().is_ok());
    assert!(Mixup { mixup_alpha: 0.0 }.validate().is_err());
    assert!(MultiMix { multimix_mixtures: 0, ..MULTIMIX }.validate().is_err());
    for bad in [[-0.1, 0.6, 0.5], [0.0; 3]] {
        assert!(mix2(bad).validate().is_err());
    }
    let settings: Settings = serde_yaml::from_str("{mixup_alpha: -1}").unwrap();
    for entry in MIXINGS {
        // Those that read the key refuse it; the others do not care.
        let reads = entry.with(&Settings::default()).unwrap().options().get("mixup_alpha").is_some();
        assert_eq!(entry.with(&settings).is_err(), reads, "{}", entry.name);
    }
    assert!(find("mix3").unwrap_err().to_string().contains("mixup, manifold_mixup, multimix, mix2"));
}
