use std::sync::Arc;

use tch::{Kind, Tensor};

use super::mobilenet_v3::{MobileNetV3, MobileNetV3Options, Size};
use super::resnet::ResNet18;
use super::*;
use crate::Error;
use crate::device::{self, HOST};
use crate::extension::Settings;
use crate::precision::Precision;

fn options(size: Size, width: f64, classes: i64) -> NetworkOptions {
    let architecture = Arc::new(MobileNetV3 { size, options: MobileNetV3Options { width } });
    NetworkOptions::new(architecture, 1, classes)
}

fn tiny(seed: u64) -> Network {
    Network::new(options(Size::Small, 0.1, 3), seed, Kind::Double, HOST).unwrap()
}

fn tiny_resnet(seed: u64, channels: i64) -> Network {
    let options = NetworkOptions::new(Arc::new(ResNet18 { width: 0.125 }), channels, 3);
    Network::new(options, seed, Kind::Double, HOST).unwrap()
}

fn clips(batch: i64) -> Tensor {
    let n = batch * 32 * 40;
    (Tensor::arange(n, (Kind::Double, HOST)) * 0.731).sin().view([batch, 1, 32, 40]) * 0.5 + 0.5
}

#[test]
fn large_with_42_classes_has_the_published_size() {
    let network = Network::new(options(Size::Large, 1.0, 42), 0, Kind::Float, HOST).unwrap();
    assert_eq!(network.parameter_count(), 3_012_026);
    assert_eq!(network.embedding(), 960);
    assert_eq!(network.flat().size(), [3_012_026]);
}

#[test]
fn first_weights_follow_torchvision_and_the_seed() {
    let network = Network::new(options(Size::Large, 1.0, 42), 1, Kind::Float, HOST).unwrap();
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
    network.load_backbone(&state).unwrap();
    assert_eq!(network.state_dict()["features.3.block.0.0.weight"], source.state_dict()["features.3.block.0.0.weight"]);
    assert_eq!(network.state_dict()["head.weight"], tiny(2).state_dict()["head.weight"]);
    state.insert("features.0.0.weight".to_owned(), Tensor::from(1.0));
    let refusal = network.load_backbone(&state).unwrap_err().to_string();
    assert!(refusal.contains("`features.0.0.weight` of shape [8, 1, 3, 3], found shape []; the file belongs to"), "{refusal}");
}

#[test]
fn inputs_of_another_shape_and_bad_options_are_refused() {
    assert!(matches!(tiny(0).forward_features(&clips(2).squeeze_dim(1), Mode::Eval), Err(Error::Shape { .. })));
    assert!(Network::new(options(Size::Small, 0.0, 3), 0, Kind::Float, HOST).is_err());
    assert!(Network::new(options(Size::Small, 1.0, 0), 0, Kind::Float, HOST).is_err());
}

#[test]
fn momentum_starts_at_one_and_settles() {
    assert_eq!(batch_norm_momentum(0), 1.0);
    assert_eq!(batch_norm_momentum(10), 0.5);
    assert_eq!(batch_norm_momentum(100_000), 0.01);
}

/// The sizes that torchvision's ResNet-18 has: 11,176,512 parameters without its classifier, of which the first convolution loses two
/// thirds with one channel.
#[test]
fn resnet18_has_the_published_size() {
    let options = NetworkOptions::new(Arc::new(ResNet18::default()), 1, 10);
    let network = Network::new(options, 0, Kind::Float, HOST).unwrap();
    assert_eq!(network.parameter_count(), 11_176_512 - 2 * 64 * 49 + 512 * 10 + 10);
    assert_eq!((network.embedding(), network.places()), (512, 9));
    let deviation = network.state_dict()["layer3.0.downsample.0.weight"].std(true).double_value(&[]);
    assert!((deviation / (2.0f64 / 256.0).sqrt() - 1.0).abs() < 0.02, "{deviation}");
}

#[test]
fn a_frozen_resnet_gives_the_embeddings_of_evaluation() {
    let network = tiny_resnet(1, 1);
    for _ in 0..3 {
        let _ = network.forward_features(&clips(4), Mode::Train).unwrap();
    }
    let expected = tch::no_grad(|| network.forward_features(&clips(2), Mode::Eval).unwrap());
    let found = network.freeze(Kind::Double).unwrap().embed(&clips(2)).unwrap();
    assert!((&found - &expected).abs().max().double_value(&[]) < 1e-9, "{found:?} {expected:?}");
}

#[test]
fn a_resnet_for_pictures_becomes_grey() {
    let (picture, mut grey) = (tiny_resnet(1, 3), tiny_resnet(2, 1));
    let mut state = picture.state_dict();
    // torchvision's classifier is not ours.
    state.insert("fc.weight".to_owned(), Tensor::from(1.0));
    grey.load_pretrained(&state).unwrap();
    let found = grey.state_dict();
    assert_eq!(found["conv1.weight"], state["conv1.weight"].sum_dim_intlist([1].as_slice(), true, None));
    assert_eq!(found["layer4.1.bn2.weight"], state["layer4.1.bn2.weight"]);
    assert_eq!(found["head.weight"], tiny_resnet(2, 1).state_dict()["head.weight"]);
}

#[test]
fn every_network_in_the_list_can_be_built_with_its_defaults() {
    let settings: Settings = serde_yaml::from_str("{width: 0.125}").unwrap();
    for entry in NETWORKS {
        let architecture = entry.with(&settings).unwrap();
        assert_eq!((architecture.name(), architecture.options()), (entry.name, settings.clone()));
        let options = NetworkOptions::new(architecture, 2, 5);
        for precision in [Precision::Float32, Precision::Bfloat16] {
            assert_eq!(options.precision_on(precision, HOST).unwrap(), precision);
        }
        let auto = options.precision_on(Precision::Auto, HOST).unwrap();
        assert_eq!(auto == Precision::Bfloat16, device::lacks_bfloat16(HOST).is_none(), "{auto:?}");
        let network = Network::new(options, 0, Kind::Float, HOST).unwrap();
        let input = Tensor::rand([2, 2, 32, 40], (Kind::Float, HOST));
        // Each place is visited once, in order.
        let visited = std::cell::RefCell::new(Vec::new());
        let between = |place, hidden| {
            visited.borrow_mut().push(place);
            Ok(hidden)
        };
        let embeddings = network.forward_between(&input, Mode::Train, &between).unwrap();
        assert_eq!(visited.into_inner(), (0..network.places()).collect::<Vec<_>>(), "{}", entry.name);
        assert_eq!(network.head(&embeddings).unwrap().size(), [2, 5]);
    }
    assert!(find("resnet19").unwrap_err().to_string().contains("mobilenet_v3_large, mobilenet_v3_small, resnet18"));
}
