//! Agreement with PyTorch 2.13 and torchvision 0.28, by the figures of `golden/torch/make.py`.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use chorus_torch::device::HOST;
use chorus_torch::loss::bce::CrossEntropy;
use chorus_torch::loss::{Objective, cross_entropy};
use chorus_torch::mixing::manifold_mixup::PairedHidden;
use chorus_torch::mixing::mixup::PairedInputs;
use chorus_torch::mixing::multimix::Mixtures;
use chorus_torch::mixing::none::Unmixed;
use chorus_torch::mixing::{Drawn, Pairing};
use chorus_torch::network::{self, Mode, Network, NetworkOptions};
use chorus_torch::optim::adamw::AdamW;
use chorus_torch::optim::sgd::Sgd;
use chorus_torch::optim::{Optimizer, OptimizerState, cosine};
use chorus_torch::step::{Rate, Update, train_step};
use chorus_torch::weights::{self, StateDict};
use serde_json::Value;
use tch::{Kind, Tensor};

const METHODS: [&str; 4] = ["none", "mixup", "manifold_mixup", "multimix"];

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/torch/golden.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// `make.py`'s `noise`.
fn noise(tag: u32, shape: &[i64]) -> Tensor {
    let values: Vec<f64> = (0..shape.iter().product::<i64>() as u32)
        .map(|index| {
            let mut x = index.wrapping_mul(0x9E37_79B1).wrapping_add(tag.wrapping_mul(0x85EB_CA77)).wrapping_add(1);
            x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
            x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
            f64::from(x ^ (x >> 16)) / f64::from(1u32 << 31) - 1.0
        })
        .collect();
    Tensor::from_slice(&values).view(shape)
}

fn clips(tag: u32, shape: &[i64]) -> Tensor {
    noise(tag, shape) / 2.0 + 0.5
}

fn labels(tag: u32, shape: &[i64]) -> Tensor {
    noise(tag, shape).gt(0.2).to_kind(Kind::Double)
}

/// `make.py`'s `first_value`.
fn first_value(name: &str, tag: u32, shape: &[i64]) -> Tensor {
    let values = noise(tag, shape);
    if name.ends_with("running_mean") || name.ends_with("bias") {
        0.1 * values
    } else if name.ends_with("running_var") {
        1.0 + 0.5 * values
    } else if shape.len() == 1 {
        1.0 + 0.3 * values
    } else {
        values * (5.0 / shape[1..].iter().product::<i64>() as f64).sqrt()
    }
}

fn is_counter(name: &str) -> bool {
    name.ends_with("num_batches_tracked")
}

fn is_buffer(name: &str) -> bool {
    name.contains("running_") || is_counter(name)
}

fn network(architecture: &str, width: f64, channels: i64, classes: i64, kind: Kind) -> Network {
    let settings = serde_json::from_value(serde_json::json!({"width": width})).unwrap();
    let architecture = network::find(architecture).unwrap().with(&settings).unwrap();
    let options = NetworkOptions::new(architecture, channels, classes);
    let mut network = Network::new(options, 0, kind, HOST).unwrap();
    let mut state = network.state_dict();
    for (tag, (name, tensor)) in state.iter_mut().filter(|(name, _)| !is_counter(name)).enumerate() {
        *tensor = first_value(name, tag as u32, &tensor.size());
    }
    network.load_state_dict(&state).unwrap();
    network
}

fn largest_difference(found: &Tensor, expected: &Value) -> f64 {
    let expected = Tensor::from_slice(&numbers(expected));
    assert_eq!(found.numel(), expected.numel());
    (found.to_kind(Kind::Double).view(-1) - expected).abs().max().double_value(&[])
}

/// The largest difference as a share of the largest expected value, where that is more than 1: rounding grows with the values.
fn largest_share(found: &Tensor, expected: &Value) -> f64 {
    let largest = numbers(expected).into_iter().fold(1.0, |largest: f64, value| largest.max(value.abs()));
    largest_difference(found, expected) / largest
}

/// L2 distance over L2 length.
fn relative(found: &Tensor, expected: &Tensor) -> f64 {
    (found - expected).norm().double_value(&[]) / expected.norm().double_value(&[])
}

#[test]
fn logits_gradients_and_statistics_equal_torchvision() {
    for case in golden()["network"].as_array().unwrap() {
        let (name, width) = (case["architecture"].as_str().unwrap(), case["width"].as_f64().unwrap());
        let shape: Vec<i64> = numbers(&case["input"]).into_iter().map(|size| size as i64).collect();
        let build = |kind| network(name, width, shape[1], 4, kind);
        let single = build(Kind::Float);
        assert_eq!(Some(single.parameter_count()), case["parameters"].as_i64());
        if let Some(state) = case.get("state_dict") {
            let found = single.state_dict().into_iter().map(|(name, tensor)| (name, Value::from(tensor.size())));
            assert_eq!(Value::Object(found.collect()), sorted(state));
        }
        let input = clips(1000, &shape);
        let forward =
            |network: &Network, input: &Tensor, mode| network.head(&network.forward_features(input, mode).unwrap()).unwrap();
        let difference = largest_share(&forward(&single, &input.to_kind(Kind::Float), Mode::Eval), &case["eval_logits"]);
        assert!(difference < 1e-4, "{name} {width}: float32 logits differ by {difference:e}");

        let double = build(Kind::Double);
        let difference = largest_share(&forward(&double, &input, Mode::Eval), &case["eval_logits_double"]);
        assert!(difference < 1e-9, "{name} {width}: float64 logits differ by {difference:e}");
        let logits = forward(&double, &input, Mode::Train);
        let difference = largest_share(&logits, &case["train_logits"]);
        assert!(difference < 1e-9, "{name} {width}: float64 training logits differ by {difference:e}");
        let norms = gradient_norms(&double, &logits.square().sum(Kind::Double));
        compare_relative(&norms, &case["gradient_norms"], name);
        let state = double.state_dict();
        let buffers = state.iter().filter(|(name, _)| is_buffer(name) && !is_counter(name));
        let norms: Vec<f64> = buffers.map(|(_, buffer)| buffer.norm().double_value(&[])).collect();
        compare_relative(&norms, &case["buffer_norms"], name);
    }
}

fn sorted(object: &Value) -> Value {
    let mut entries: Vec<_> = object.as_object().unwrap().clone().into_iter().collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Object(entries.into_iter().collect())
}

/// One norm for each parameter, by name. The gradient takes the place of the network's weights, so it is the last use of these.
fn gradient_norms(network: &Network, loss: &Tensor) -> Vec<f64> {
    let gradient = network.gradient(loss).unwrap();
    tch::no_grad(|| network.flat().copy_(&gradient));
    let state = network.state_dict();
    state.iter().filter(|(name, _)| !is_buffer(name)).map(|(_, part)| part.norm().double_value(&[])).collect()
}

fn compare_relative(found: &[f64], expected: &Value, name: &str) {
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= 1e-8 * expected.abs() + 1e-9, "{name}, {index}: {found} {expected}");
    }
}

/// `make.py`'s draws for a method.
fn given_draw(method: &str, tag: u32, batch: i64, mixtures: i64) -> Drawn {
    let values = |tensor: Tensor| Vec::<f64>::try_from(tensor.view(-1)).unwrap();
    if method == "none" {
        return Box::new(Unmixed);
    }
    if method == "multimix" {
        let weights = clips(tag, &[mixtures, batch]).pow_tensor_scalar(5.0);
        let weights = &weights / weights.sum_dim_intlist([1].as_slice(), true, Kind::Double);
        return Box::new(Mixtures { weights: values(weights), mixtures: mixtures as usize });
    }
    let partner = Vec::<i64>::try_from(noise(tag + 1, &[batch]).argsort(0, false)).unwrap();
    let pairing = Pairing { lambda: values(clips(tag, &[batch])), partner };
    if method == "mixup" { Box::new(PairedInputs(pairing)) } else { Box::new(PairedHidden { pairing, place: None }) }
}

#[test]
fn each_mixing_has_the_loss_and_gradients_of_its_formula() {
    let golden = golden();
    for method in METHODS {
        let expected = &golden["mixing"][method];
        let draw = given_draw(method, 10, 6, 9);
        let embedding = noise(3, &[12, 8]).set_requires_grad(true);
        let head = noise(4, &[8, 5]).set_requires_grad(true);
        let labels = labels(2, &[6, 5]);
        let inputs = draw.mix_inputs(noise(1, &[6, 1, 4, 3])).unwrap();
        let embeddings = inputs.flatten(1, -1).matmul(&embedding).tanh();
        let logits = draw.mix_embeddings(embeddings).unwrap().matmul(&head);
        let loss = cross_entropy(&logits, &draw.targets(&labels, &labels.ones_like()).unwrap()).unwrap();
        loss.backward();
        assert!((loss.double_value(&[]) - expected["loss"].as_f64().unwrap()).abs() < 1e-12, "{method}");
        assert!(largest_difference(&embedding.grad(), &expected["embedding"]) < 1e-12, "{method}");
        assert!(largest_difference(&head.grad(), &expected["head"]) < 1e-12, "{method}");
    }
}

#[test]
fn optimisers_given_gradients_equal_torch() {
    let golden = golden();
    for (name, rule) in [("adamw", Arc::new(AdamW::default()) as Arc<dyn Optimizer>), ("sgd", Arc::new(Sgd::default()))] {
        let mut weights = noise(5, &[50]).to_kind(Kind::Float);
        let mut optimizer = OptimizerState::new(rule, &weights).unwrap();
        for step in 0..20 {
            let scale = 10f64.powi(step as i32 % 5 - 3);
            let gradient = noise(100 + step as u32, &[50]).to_kind(Kind::Float) * scale;
            optimizer.step(&mut weights, &gradient, cosine(1e-2, step, 20)).unwrap();
        }
        let expected = Tensor::from_slice(&numbers(&golden["optimizers"][name]));
        let difference = relative(&weights.to_kind(Kind::Double), &expected);
        assert!(difference < 1e-6, "{name}: {difference:e}");
    }
}

#[test]
fn ten_steps_in_float64_give_the_weights_of_torch() {
    let losses = numbers(&golden()["training_losses"]);
    let network = network("mobilenet_v3_small", 0.1, 1, 5, Kind::Double);
    let mut optimizer = OptimizerState::new(Arc::new(AdamW::default()), &network.flat()).unwrap();
    let bce = Objective::new(Arc::new(CrossEntropy), None, &network.flat()).unwrap();
    for (step, expected) in losses.into_iter().enumerate() {
        let tag = step as u32;
        let draw = given_draw(METHODS[step % 4], 4000 + 2 * tag, 6, 9);
        let labels = labels(3000 + tag, &[6, 5]);
        let targets = (&labels, &labels.ones_like());
        let inputs = clips(2000 + tag, &[6, 1, 40, 56]);
        let rate = Rate { learning_rate: cosine(1e-2, step, 10), body: 1.0, clip: None };
        let update = Update { loss: &bce, rate };
        let loss = train_step(&network, &mut optimizer, &update, inputs, targets, &*draw).unwrap();
        assert!((loss.double_value(&[]) - expected).abs() < 1e-9, "step {step}: {loss:?} {expected}");
    }
    let expected = weights::from_bytes(include_bytes!("golden/torch/training.safetensors")).unwrap();
    let found = network.state_dict();
    assert!(found.keys().eq(expected.keys()));
    assert_eq!(found["features.0.1.num_batches_tracked"], expected["features.0.1.num_batches_tracked"]);
    for part in [is_buffer, |name: &str| !is_buffer(name)] {
        let difference = relative(&joined(&found, part), &joined(&expected, part));
        assert!(difference < 1e-6, "{difference:e}");
    }
}

fn joined(state: &StateDict, part: fn(&str) -> bool) -> Tensor {
    let parts: Vec<Tensor> = (state.iter())
        .filter(|(name, _)| part(name) && !is_counter(name))
        .map(|(_, tensor)| tensor.to_kind(Kind::Double).view(-1))
        .collect();
    Tensor::cat(&parts, 0)
}
