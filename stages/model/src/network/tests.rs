use super::*;
use crate::device::HOST;

fn options(architecture: Architecture, width: f64, classes: i64) -> NetworkOptions {
    NetworkOptions { architecture, width, channels: 1, classes }
}

fn tiny(seed: u64) -> Network {
    Network::new(options(Architecture::Small, 0.1, 3), seed, Kind::Double, HOST).unwrap()
}

fn clips(batch: i64) -> Tensor {
    let n = batch * 32 * 40;
    (Tensor::arange(n, (Kind::Double, HOST)) * 0.731).sin().view([batch, 1, 32, 40]) * 0.5 + 0.5
}

#[test]
fn large_with_42_classes_has_the_published_size() {
    let network = Network::new(options(Architecture::Large, 1.0, 42), 0, Kind::Float, HOST).unwrap();
    assert_eq!(network.parameter_count(), 3_012_026);
    assert_eq!(network.embedding(), 960);
    assert_eq!(network.flat().size(), [3_012_026]);
}

#[test]
fn first_weights_follow_torchvision_and_the_seed() {
    let network = Network::new(options(Architecture::Large, 1.0, 42), 1, Kind::Float, HOST).unwrap();
    let state = network.state_dict();
    let deviation = |name: &str| state[name].std(true).double_value(&[]);
    // Kaiming normal by fan-out: sqrt(2 / (960 * 1 * 1)), and for the depthwise one sqrt(2 / (960 * 5 * 5)).
    assert!((deviation("features.16.0.weight") / (2.0f64 / 960.0).sqrt() - 1.0).abs() < 0.02);
    assert!((deviation("features.15.block.1.0.weight") / (2.0f64 / 24_000.0).sqrt() - 1.0).abs() < 0.02);
    assert!((deviation("head.weight") / 0.01 - 1.0).abs() < 0.02);
    for (name, expected) in [("features.0.1.weight", 1.0), ("features.0.1.bias", 0.0), ("head.bias", 0.0)] {
        assert_eq!(state[name], state[name].full_like(expected), "{name}");
    }
    assert_ne!(state["features.2.block.0.0.weight"], state["features.3.block.0.0.weight"]);
    assert_eq!(tiny(5).flat(), tiny(5).flat());
    assert_ne!(tiny(5).flat(), tiny(6).flat());
}

#[test]
fn a_state_dict_carries_everything_over() {
    let (trained, mut other) = (tiny(1), tiny(2));
    for _ in 0..3 {
        let _ = trained.forward_features(&clips(4), Mode::Train).unwrap();
    }
    other.load_state_dict(&trained.state_dict()).unwrap();
    let of = |network: &Network, mode| network.forward_features(&clips(2), mode).unwrap();
    assert_eq!(of(&trained, Mode::Eval), of(&other, Mode::Eval));
    assert_eq!(other.state_dict()["features.0.1.num_batches_tracked"].int64_value(&[]), 3);
}

#[test]
fn foreign_state_dicts_are_refused_or_taken_in_part() {
    let source = tiny(1);
    let mut network = tiny(2);
    let mut state = source.state_dict();
    let head = state.remove("head.bias").unwrap();
    assert!(matches!(network.load_state_dict(&state), Err(Error::Weights { .. })));
    state.insert("classifier.0.weight".to_owned(), head);
    assert!(matches!(network.load_state_dict(&state), Err(Error::Weights { .. })));
    assert_eq!(network.flat(), tiny(2).flat());
    network.load_features(&state).unwrap();
    assert_eq!(network.state_dict()["features.3.block.0.0.weight"], source.state_dict()["features.3.block.0.0.weight"]);
    assert_eq!(network.state_dict()["head.weight"], tiny(2).state_dict()["head.weight"]);
    state.insert("features.0.0.weight".to_owned(), Tensor::from(1.0));
    assert!(matches!(network.load_features(&state), Err(Error::Shape { .. })));
}

#[test]
fn inputs_of_another_shape_and_bad_options_are_refused() {
    assert!(matches!(tiny(0).forward_features(&clips(2).squeeze_dim(1), Mode::Eval), Err(Error::Shape { .. })));
    assert!(Network::new(options(Architecture::Small, 0.0, 3), 0, Kind::Float, HOST).is_err());
    assert!(Network::new(options(Architecture::Small, 1.0, 0), 0, Kind::Float, HOST).is_err());
}

#[test]
fn layout_in_memory_does_not_change_the_values() {
    for channels in [1, 3] {
        let plain = Tensor::arange(2 * channels * 20, (Kind::Double, HOST)).view([2, channels, 4, 5]);
        let moved = channels_last(&plain).unwrap();
        assert_eq!(moved, plain);
        assert_eq!(moved.stride(), [channels * 20, 1, channels * 5, channels]);
    }
}

#[test]
fn momentum_starts_at_one_and_settles() {
    assert_eq!(batch_norm_momentum(0), 1.0);
    assert_eq!(batch_norm_momentum(10), 0.5);
    assert_eq!(batch_norm_momentum(100_000), 0.01);
}
