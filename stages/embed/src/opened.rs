//! A backbone with its contract: sound in, embeddings out, each checked against what the contract says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chorus_card::{Contract, Pool, Scale};

use crate::backbone::{Array, Backbone, Runtime};
use crate::error::BackboneError;
use crate::given;

/// An opened backbone.
pub struct Opened {
    backbone: Box<dyn Backbone>,
    path: PathBuf,
    contract: Contract,
    contract_path: PathBuf,
    id: String,
    input: String,
}

impl Opened {
    /// Opens the backbone of `path` as the contract at `contract_path` describes it, for so many threads at once.
    ///
    /// # Errors
    /// [`BackboneError`].
    pub fn open(
        runtime: &dyn Runtime,
        path: &Path,
        contract_path: &Path,
        device: &str,
        threads: usize,
    ) -> Result<Self, BackboneError> {
        let given = given::Given::read(path, contract_path)?;
        let failed = |found| BackboneError::Runtime { path: path.to_owned(), found };
        let backbone = runtime.open(path, &given.contract, device, threads).map_err(failed)?;
        let mut opened = Self {
            backbone,
            path: path.to_owned(),
            contract: given.contract,
            contract_path: contract_path.to_owned(),
            id: given.id,
            input: String::new(),
        };
        opened.input = opened.sound_input()?;
        opened.check_outputs()?;
        Ok(opened)
    }

    /// The name of the input that takes the sound.
    fn sound_input(&self) -> Result<String, BackboneError> {
        let contract = &self.contract.input;
        let others = contract.constants.keys().chain(contract.states.iter().map(|state| &state.input));
        let others: Vec<&String> = others.collect();
        let inputs = self.backbone.inputs();
        let list = || inputs.iter().map(|port| format!("{} ({})", port.name, port.kind)).collect::<Vec<_>>().join(", ");
        for name in contract.name.iter().chain(others.iter().copied()) {
            if !inputs.is_empty() && !inputs.iter().any(|port| port.name == *name) {
                return Err(self.mismatch(format!("the backbone has the inputs {}", list()), format!("an input named {name}")));
            }
        }
        if let Some(name) = &contract.name {
            return Ok(name.clone());
        }
        let mut open = inputs.iter().filter(|port| !others.contains(&&port.name));
        match (open.next(), open.next()) {
            (None, _) => Ok("input".to_owned()),
            (Some(port), None) => Ok(port.name.clone()),
            _ => Err(self.mismatch(format!("the backbone has the inputs {}", list()), "input.name to say which takes the sound")),
        }
    }

    fn check_outputs(&self) -> Result<(), BackboneError> {
        let outputs = self.backbone.outputs();
        for name in self.wanted() {
            if !outputs.is_empty() && !outputs.iter().any(|port| port.name == name) {
                let list: Vec<String> = outputs.iter().map(|port| format!("{} ({})", port.name, port.kind)).collect();
                return Err(
                    self.mismatch(format!("the backbone has the outputs {}", list.join(", ")), format!("an output named {name}"))
                );
            }
        }
        Ok(())
    }

    /// The outputs that the contract names.
    fn wanted(&self) -> Vec<&str> {
        let outputs = &self.contract.outputs;
        let embedding = outputs.embedding.iter().map(|embedding| embedding.name.as_str());
        let others = outputs.logits.iter().map(|logits| logits.name.as_str()).chain(outputs.speech.as_deref());
        embedding.chain(others).chain(self.contract.input.states.iter().map(|state| state.output.as_str())).collect()
    }

    fn mismatch(&self, found: String, expected: impl Into<String>) -> BackboneError {
        BackboneError::Shape { path: self.path.clone(), contract: self.contract_path.clone(), found, expected: expected.into() }
    }

    /// The contract.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The runtime's side.
    pub(crate) fn backbone(&self) -> &dyn Backbone {
        &*self.backbone
    }

    /// Hash of the file and of how it is used, 16 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The embeddings `[window, value]` of windows of sound `[window, sample]`, full scale being 1.
    ///
    /// # Errors
    /// [`BackboneError`] when the contract names no embedding, and when the backbone fails or gives something else than it says.
    pub fn embed(&self, sound: &[f32]) -> Result<Vec<Vec<f32>>, BackboneError> {
        let embedding = self.contract.outputs.embedding.as_ref();
        let embedding = embedding.ok_or_else(|| self.mismatch("the contract names no embedding".into(), "outputs.embedding"))?;
        if !self.contract.input.states.is_empty() || self.contract.input.context_samples > 0 {
            return Err(self.mismatch("the contract has states or context".into(), "none of them in a backbone for embeddings"));
        }
        let samples = self.contract.samples();
        let at_once = if self.contract.has_batches() { sound.len() } else { samples };
        let mut embeddings = Vec::with_capacity(sound.len() / samples);
        for some in sound.chunks(at_once) {
            let batch = some.len() / samples;
            let array = self.output(some, batch, &embedding.name)?;
            let width = array.values.len() / batch;
            embeddings.extend(array.values.chunks_exact(width).map(|one| pooled(one, &array.shape, embedding.pool)));
        }
        Ok(embeddings)
    }

    /// The probability of speech of each of some frames, one after the other. `sound` has the frames as the backbone takes them, each with
    /// the samples before it; `states` go from call to call.
    ///
    /// # Errors
    /// As [`Opened::embed`]; a contract that names no speech.
    pub fn speech(
        &self,
        sound: Vec<f32>,
        frames: usize,
        states: &mut BTreeMap<String, Array>,
    ) -> Result<Vec<f32>, BackboneError> {
        let name = self.contract.outputs.speech.clone();
        let name = name.ok_or_else(|| self.mismatch("the contract names no speech".into(), "outputs.speech"))?;
        let mut inputs = states.clone();
        inputs.insert(self.input.clone(), Array { shape: self.contract.shape(frames), values: sound });
        self.add_constants(&mut inputs);
        let failed = |found| BackboneError::Runtime { path: self.path.clone(), found };
        let wanted: Vec<&str> =
            [name.as_str()].into_iter().chain(self.contract.input.states.iter().map(|state| state.output.as_str())).collect();
        let mut outputs = self.backbone.run(&inputs, &wanted).map_err(failed)?;
        for state in &self.contract.input.states {
            if let Some(array) = outputs.remove(&state.output) {
                states.insert(state.input.clone(), array);
            }
        }
        let array = outputs.remove(&name).ok_or_else(|| failed(format!("the runtime gave no output {name}")))?;
        if array.values.len() != frames {
            let found = format!("the output {name} has shape {:?} for {frames} frames", array.shape);
            return Err(self.mismatch(found, "one probability for each frame"));
        }
        self.check_finite(&name, &array)?;
        Ok(array.values)
    }

    fn add_constants(&self, inputs: &mut BTreeMap<String, Array>) {
        for (constant, value) in &self.contract.input.constants {
            inputs.insert(constant.clone(), Array { shape: Vec::new(), values: vec![*value as f32] });
        }
    }

    fn check_finite(&self, output: &str, array: &Array) -> Result<(), BackboneError> {
        match array.values.iter().find(|value| !value.is_finite()) {
            Some(&value) => Err(BackboneError::NotFinite { path: self.path.clone(), output: output.to_owned(), value }),
            None => Ok(()),
        }
    }

    /// One output for a batch of windows; its first dimension is that of the windows.
    fn output(&self, sound: &[f32], batch: usize, name: &str) -> Result<Array, BackboneError> {
        let samples = self.contract.samples();
        let mut values = Vec::with_capacity(sound.len());
        sound.chunks_exact(samples).for_each(|window| scaled(window, &self.contract, &mut values));
        let mut inputs = BTreeMap::from([(self.input.clone(), Array { shape: self.contract.shape(batch), values })]);
        self.add_constants(&mut inputs);
        let failed = |found| BackboneError::Runtime { path: self.path.clone(), found };
        let mut outputs = self.backbone.run(&inputs, &[name]).map_err(failed)?;
        let array = outputs.remove(name).ok_or_else(|| failed(format!("the runtime gave no output {name}")))?;
        let fits = if self.contract.has_batches() { array.shape.first() == Some(&batch) } else { true };
        if !fits || array.values.is_empty() || !array.values.len().is_multiple_of(batch) {
            let found = format!("the output {name} has shape {:?} for {batch} windows", array.shape);
            return Err(self.mismatch(found, format!("[{batch}, …], a row for each window")));
        }
        self.check_finite(name, &array)?;
        Ok(array)
    }
}

/// A window as the backbone takes it.
fn scaled(window: &[f32], contract: &Contract, into: &mut Vec<f32>) {
    let full = contract.input.full_scale;
    match contract.input.scale {
        Scale::None if full == 1.0 => into.extend_from_slice(window),
        Scale::None => into.extend(window.iter().map(|sample| sample * full)),
        Scale::Peak => {
            let peak = window.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            // Silence stays silence.
            let factor = if peak > 0.0 { full / peak } else { 0.0 };
            into.extend(window.iter().map(|sample| sample * factor));
        }
        Scale::Standard => {
            let n = window.len() as f64;
            let mean = window.iter().copied().map(f64::from).sum::<f64>() / n;
            let variance = window.iter().map(|&sample| (f64::from(sample) - mean).powi(2)).sum::<f64>() / n;
            let factor = if variance > 0.0 { f64::from(full) / variance.sqrt() } else { 0.0 };
            into.extend(window.iter().map(|&sample| ((f64::from(sample) - mean) * factor) as f32));
        }
    }
}

/// The embedding of one window, made of all that the backbone gave for it; `shape` is that of the whole batch.
fn pooled(values: &[f32], shape: &[usize], pool: Pool) -> Vec<f32> {
    let last = shape.last().copied().unwrap_or(1).max(1);
    if pool == Pool::Flat || last >= values.len() {
        return values.to_vec();
    }
    let rows = values.chunks_exact(last);
    let n = rows.len() as f64;
    (0..last)
        .map(|column| {
            let column = values.chunks_exact(last).map(|row| row[column]);
            match pool {
                Pool::Max => column.fold(f32::NEG_INFINITY, f32::max),
                _ => (column.map(f64::from).sum::<f64>() / n) as f32,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(input: &str) -> Contract {
        let text = format!("{{name: b, sample_rate_hz: 4, window_s: 1, input: {input}, outputs: {{embedding: {{name: e}}}}}}");
        serde_yaml::from_str(&text).unwrap()
    }

    fn scaled(window: &[f32], input: &str) -> Vec<f32> {
        let mut values = Vec::new();
        super::scaled(window, &contract(input), &mut values);
        values
    }

    #[test]
    fn windows_are_scaled_one_by_one() {
        let shape = "shape: [batch, samples]";
        let window = [0.0, 0.5, -0.25, -0.25];
        assert_eq!(scaled(&window, &format!("{{{shape}}}")), window);
        assert_eq!(scaled(&window, &format!("{{{shape}, full_scale: 32768}}")), [0.0, 16384.0, -8192.0, -8192.0]);
        assert_eq!(scaled(&window, &format!("{{{shape}, scale: peak}}")), [0.0, 1.0, -0.5, -0.5]);
        let standard = scaled(&window, &format!("{{{shape}, scale: standard}}"));
        assert!((standard.iter().map(|v| v * v).sum::<f32>() / 4.0 - 1.0).abs() < 1e-6, "{standard:?}");
        for scale in ["peak", "standard"] {
            assert_eq!(scaled(&[0.0; 4], &format!("{{{shape}, scale: {scale}}}")), [0.0; 4], "silence with {scale}");
        }
    }

    #[test]
    fn maps_become_one_row() {
        let map = [1.0, 10.0, 3.0, 30.0];
        assert_eq!(pooled(&map, &[5, 2, 2], Pool::Flat), map);
        assert_eq!(pooled(&map, &[5, 2, 2], Pool::Mean), [2.0, 20.0]);
        assert_eq!(pooled(&map, &[5, 2, 2], Pool::Max), [3.0, 30.0]);
        assert_eq!(pooled(&map, &[5, 4], Pool::Mean), map);
    }
}
