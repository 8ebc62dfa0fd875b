//! TorchScript files as backbones.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use chorus_embed::Opened;
use chorus_torch::Libtorch;
use tch::{CModule, Device, Kind, Tensor};

const CONTRACT: &str = "
name: Traced
sample_rate_hz: 8
window_s: 1
input: {shape: [batch, samples]}
outputs: {embedding: {name: OUTPUT}}
";

/// A TorchScript file that multiplies windows of 8 samples by a matrix `[8, 3]`, and its contract.
fn traced(folder: &Path, output: &str) -> (PathBuf, PathBuf) {
    let weights = Tensor::arange(24, (Kind::Float, Device::Cpu)).view([8, 3]) / 10.0;
    let example = Tensor::zeros([2, 8], (Kind::Float, Device::Cpu));
    let mut forward = |inputs: &[Tensor]| vec![inputs[0].matmul(&weights)];
    let module = CModule::create_by_tracing("Traced", "forward", &[example], &mut forward).unwrap();
    let (path, contract) = (folder.join("traced.pt"), folder.join("traced.yaml"));
    module.save(&path).unwrap();
    std::fs::write(&contract, CONTRACT.replace("OUTPUT", output)).unwrap();
    (path, contract)
}

fn open(path: &Path, contract: &Path) -> Result<Opened, String> {
    Opened::open(&Libtorch, path, contract, "cpu", 1).map_err(|e| e.to_string())
}

#[test]
fn a_torchscript_file_gives_its_embeddings() {
    let folder = tempfile::tempdir().unwrap();
    let (path, contract) = traced(folder.path(), "embedding");
    let sound: Vec<f32> = (0..24).map(|i| i as f32 / 24.0).collect();
    let found = open(&path, &contract).unwrap().hear(&sound).unwrap();
    assert_eq!(found.len(), 3);
    for (window, heard) in sound.chunks(8).zip(&found) {
        for (column, value) in heard.embedding.iter().enumerate() {
            let expected: f32 = window.iter().enumerate().map(|(row, x)| x * (3 * row + column) as f32 / 10.0).sum();
            assert!((value - expected).abs() < 1e-5, "{value} {expected}");
        }
    }
}

#[test]
fn constants_are_numbers_for_a_scripted_module_and_tensors_for_a_traced_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, contract) = (folder.path().join("b.pt"), folder.path().join("b.yaml"));
    let text = CONTRACT.replace("OUTPUT", "embedding").replace("{shape:", "{name: sound, constants: {rate: 3}, shape:");
    std::fs::write(&contract, text).unwrap();
    let sound: Vec<f32> = (0..16).map(|i| i as f32).collect();
    let expected = [[3.5 * 3.0, 7.0], [11.5 * 3.0, 15.0]];
    let heard = || {
        let opened = open(&path, &contract).unwrap();
        // The second call knows what the first one found out.
        [opened.hear(&sound).unwrap(), opened.hear(&sound).unwrap()]
    };
    std::fs::write(&path, include_bytes!("golden/backbones/scripted.pt")).unwrap();
    for found in heard() {
        assert_eq!(found.iter().map(|heard| heard.embedding.clone()).collect::<Vec<_>>(), expected);
    }
    let examples = [Tensor::zeros([2, 8], (Kind::Float, Device::Cpu)), Tensor::from(3.0_f32)];
    let mut forward = |inputs: &[Tensor]| {
        let mean = inputs[0].mean_dim([1].as_slice(), false, Kind::Float) * &inputs[1];
        vec![Tensor::stack(&[mean, inputs[0].amax([1].as_slice(), false)], 1)]
    };
    CModule::create_by_tracing("Traced", "forward", &examples, &mut forward).unwrap().save(&path).unwrap();
    for found in heard() {
        assert_eq!(found.iter().map(|heard| heard.embedding.clone()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_is_no_torchscript_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, contract) = traced(folder.path(), "embedding");
    std::fs::write(&path, b"not a module").unwrap();
    let error = open(&path, &contract).err().unwrap();
    assert!(error.contains("traced.pt"), "{error}");
    let (path, contract) = traced(folder.path(), "embedding");
    std::fs::write(&contract, CONTRACT.replace("sample_rate_hz: 8", "sample_rate_hz: 16")).unwrap();
    let error = open(&path, &contract).unwrap().hear(&[0.0; 16]).unwrap_err().to_string();
    assert!(error.contains("traced.pt") && error.lines().count() <= 3, "{error}");
}
