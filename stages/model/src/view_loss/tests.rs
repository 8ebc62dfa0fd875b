//! The losses beside what PyTorch makes of the same numbers (`golden/torch/view_losses.py`), values and gradients.

use std::collections::BTreeMap;

use tch::{Kind, Tensor};

use super::*;
use crate::device::HOST;
use crate::extension::Settings;
use crate::weights;

/// The tensors that `view_losses.py` wrote.
fn golden() -> BTreeMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/torch/view_losses.safetensors");
    weights::from_bytes(&std::fs::read(path).unwrap()).unwrap().into_iter().collect()
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let golden = golden();
    for entry in VIEW_LOSSES {
        let loss = entry.with(&Settings::default()).unwrap();
        for (mixing, rows) in [("plain", "first"), ("mixed", "mixed")] {
            let leaf = |name: &str| golden[name].copy().set_requires_grad(true);
            let (first, second) = (leaf(rows), leaf("second"));
            let mixtures = (mixing == "mixed").then(|| golden["mixtures"].shallow_clone());
            let views = Views { first: first.shallow_clone(), second: second.shallow_clone(), mixtures };
            let value = loss.of_views(&views).unwrap();
            value.backward();
            let near = |name: &str, found: &Tensor| {
                let expected = &golden[&format!("{}.{mixing}.{name}", entry.name)];
                let difference = (found - expected).abs().max().double_value(&[]);
                let scale = expected.abs().max().double_value(&[]).max(1e-6);
                assert!(difference <= 1e-5 * scale, "{} {mixing} {name}: {difference} of {scale}", entry.name);
            };
            near("loss", &value);
            near("first", &first.grad());
            near("second", &second.grad());
        }
    }
}

#[test]
fn views_that_are_alike_cost_less_than_others() {
    let rows = Tensor::randn([64, 16], (Kind::Double, HOST));
    let others = rows.roll([1], [0]);
    for entry in VIEW_LOSSES {
        let loss = entry.with(&Settings::default()).unwrap();
        let of = |second: &Tensor| {
            let views = Views { first: rows.shallow_clone(), second: second.shallow_clone(), mixtures: None };
            loss.of_views(&views).unwrap().double_value(&[])
        };
        assert!(of(&rows) < of(&others), "{}", entry.name);
    }
}

#[test]
fn an_unmixed_batch_as_mixtures_is_the_same_for_losses_that_do_not_contrast() {
    let [first, second] = [Tensor::randn([32, 8], (Kind::Double, HOST)), Tensor::randn([32, 8], (Kind::Double, HOST))];
    let views = |mixtures| Views { first: first.shallow_clone(), second: second.shallow_clone(), mixtures };
    let loss = find("barlow_twins").unwrap().with(&Settings::default()).unwrap();
    let own = Tensor::eye(32, (Kind::Double, HOST));
    let (plain, mixed) = (loss.of_views(&views(None)).unwrap(), loss.of_views(&views(Some(own))).unwrap());
    assert!((plain.double_value(&[]) - mixed.double_value(&[])).abs() < 1e-9);
    assert!(find("byol").unwrap_err().to_string().contains("simclr, barlow_twins, vicreg"));
}
