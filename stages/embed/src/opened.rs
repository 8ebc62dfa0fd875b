//! A backbone with its contract: sound in, embeddings out, each checked against what the contract says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chorus_card::{Channels, Contract, Function, Pool, Scale};
use chorus_engine::EngineError;

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
    /// Its own classes, where their scores are asked for.
    classes: Vec<String>,
    /// Whether its map is asked for.
    has_map: bool,
}

/// What a backbone makes of one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// `[value]`
    pub embedding: Vec<f32>,
    /// `[class]`: scores of the backbone's own classes; empty where they are not asked for.
    pub scores: Vec<f32>,
    /// `[position, value]`; empty where it is not asked for.
    pub map: Vec<f32>,
    /// Values of a position of the map.
    pub map_values: usize,
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
            classes: Vec::new(),
            has_map: false,
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

    /// The outputs that are asked for.
    fn wanted(&self) -> Vec<&str> {
        let outputs = &self.contract.outputs;
        let embedding = outputs.embedding.iter().map(|embedding| embedding.name.as_str());
        let logits = outputs.logits.iter().filter(|_| !self.classes.is_empty()).map(|logits| logits.name.as_str());
        let map = outputs.map.iter().filter(|_| self.has_map).map(|map| map.name.as_str());
        let states = self.contract.input.states.iter().map(|state| state.output.as_str());
        embedding.chain(logits).chain(map).chain(outputs.speech.as_deref()).chain(states).collect()
    }

    /// Lets [`Opened::hear`] give scores of the backbone's own classes too; `path` has their names, one a line.
    ///
    /// # Errors
    /// A contract without logits, a backbone without the output, a file that cannot be read, or that has a name twice.
    pub fn with_classes(mut self, path: &Path) -> Result<Self, BackboneError> {
        if self.contract.outputs.logits.is_none() {
            return Err(self.mismatch("the contract names no logits".into(), "outputs.logits, for embed.min_score"));
        }
        let text = std::fs::read_to_string(path).map_err(EngineError::io(path, "cannot be read"))?;
        let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
        self.classes = names.map(str::to_owned).collect();
        let mut sorted: Vec<&String> = self.classes.iter().collect();
        sorted.sort_unstable();
        let twice = sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone());
        match twice {
            Some(name) => Err(BackboneError::File {
                path: path.to_owned(),
                found: format!("the class {name} is there twice"),
                next: "give each class a name of its own".into(),
            }),
            None if self.classes.is_empty() => Err(BackboneError::File {
                path: path.to_owned(),
                found: "there is no class".into(),
                next: "write the names of the backbone's classes, one a line".into(),
            }),
            None => self.check_outputs().map(|()| self),
        }
    }

    /// Lets [`Opened::hear`] give maps too.
    ///
    /// # Errors
    /// A contract without a map, a backbone without the output.
    pub fn with_map(mut self) -> Result<Self, BackboneError> {
        if self.contract.outputs.map.is_none() {
            return Err(self.mismatch("the contract names no map".into(), "outputs.map, for embed.map"));
        }
        self.has_map = true;
        self.check_outputs().map(|()| self)
    }

    /// The backbone's own classes, where their scores are asked for.
    pub fn classes(&self) -> &[String] {
        &self.classes
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

    /// What it makes of windows of sound `[window, sample]`, full scale being 1.
    ///
    /// # Errors
    /// [`BackboneError`] when the contract names no embedding, and when the backbone fails or gives something else than it says.
    pub fn hear(&self, sound: &[f32]) -> Result<Vec<Heard>, BackboneError> {
        let embedding = self.contract.outputs.embedding.as_ref();
        let embedding = embedding.ok_or_else(|| self.mismatch("the contract names no embedding".into(), "outputs.embedding"))?;
        if !self.contract.input.states.is_empty() || self.contract.input.context_samples > 0 {
            return Err(self.mismatch("the contract has states or context".into(), "none of them in a backbone for embeddings"));
        }
        let samples = self.contract.samples();
        let at_once = if self.contract.has_batches() { sound.len() } else { samples };
        let logits = self.contract.outputs.logits.as_ref().filter(|_| !self.classes.is_empty());
        let map = self.contract.outputs.map.as_ref().filter(|_| self.has_map);
        let others = logits.map(|logits| logits.name.as_str()).into_iter().chain(map.map(|map| map.name.as_str()));
        let names: Vec<&str> = [embedding.name.as_str()].into_iter().chain(others).collect();
        let mut heard = Vec::with_capacity(sound.len() / samples);
        for some in sound.chunks(at_once) {
            let batch = some.len() / samples;
            let arrays = self.outputs(some, batch, &names)?;
            let windows = |array: &Array| array.values.chunks_exact(array.values.len() / batch).map(<[f32]>::to_vec).collect();
            let embeddings: Vec<Vec<f32>> = windows(&arrays[0]);
            let mut scores: Vec<Vec<f32>> = vec![Vec::new(); batch];
            if let Some(logits) = logits {
                scores = windows(&arrays[1]);
                self.check_classes(&logits.name, &scores[0])?;
                scores = scores.into_iter().map(|logits_of_one| logits.function.scores(logits_of_one)).collect();
                self.check_scores(&logits.name, logits.function, &scores)?;
            }
            let (mut maps, mut map_values) = (vec![Vec::new(); batch], 0);
            if let (Some(map), Some(array)) = (map, arrays.last()) {
                map_values = self.values_of(&map.name, array, map.channels)?;
                maps = windows(array).into_iter().map(|own| by_position(own, map_values, map.channels)).collect();
            }
            for ((one, scores), map) in embeddings.iter().zip(scores).zip(maps) {
                let embedding = pooled(one, &arrays[0].shape, embedding.pool);
                heard.push(Heard { embedding, scores, map, map_values });
            }
        }
        Ok(heard)
    }

    /// How many values a position of a map has.
    fn values_of(&self, output: &str, map: &Array, channels: Channels) -> Result<usize, BackboneError> {
        let own = if self.contract.has_batches() { map.shape.get(1..).unwrap_or_default() } else { &map.shape };
        let values = match channels {
            Channels::Last => own.last(),
            Channels::First => own.first(),
        };
        values.copied().filter(|_| own.len() > 1).ok_or_else(|| {
            let found = format!("the output {output} has the shape {own:?} for a window");
            self.mismatch(found, "positions and values, as outputs.map says")
        })
    }

    fn check_classes(&self, output: &str, logits: &[f32]) -> Result<(), BackboneError> {
        if logits.len() == self.classes.len() {
            return Ok(());
        }
        let found = format!("the output {output} has {} values for a window", logits.len());
        Err(self.mismatch(found, format!("{}, as many as the file of its classes has names", self.classes.len())))
    }

    /// Refuses scores outside of 0 to 1, as an output of logits gives that the contract takes for scores.
    fn check_scores(&self, output: &str, function: Function, scores: &[Vec<f32>]) -> Result<(), BackboneError> {
        match scores.iter().flatten().find(|score| !(0.0..=1.0).contains(*score)) {
            Some(score) => {
                let function = format!("{function:?}").to_lowercase();
                let found = format!("the output {output} has the value {score}, with outputs.logits.function: {function}");
                Err(self.mismatch(found, "scores from 0 to 1; for logits, the function logistic or softmax"))
            }
            None => Ok(()),
        }
    }

    /// The probability of speech of each of some frames, one after the other. `sound` has the frames as the backbone takes them, each with
    /// the samples before it; `states` go from call to call.
    ///
    /// # Errors
    /// As [`Opened::hear`]; a contract that names no speech.
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

    /// Some outputs for a batch of windows; the first dimension of each is that of the windows.
    fn outputs(&self, sound: &[f32], batch: usize, names: &[&str]) -> Result<Vec<Array>, BackboneError> {
        let samples = self.contract.samples();
        let mut values = Vec::with_capacity(sound.len());
        sound.chunks_exact(samples).for_each(|window| scaled(window, &self.contract, &mut values));
        let mut inputs = BTreeMap::from([(self.input.clone(), Array { shape: self.contract.shape(batch), values })]);
        self.add_constants(&mut inputs);
        let failed = |found| BackboneError::Runtime { path: self.path.clone(), found };
        // An output may serve as both.
        let wanted: Vec<&str> = names.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let outputs = self.backbone.run(&inputs, &wanted).map_err(failed)?;
        let mut arrays = Vec::with_capacity(names.len());
        for &name in names {
            let array = outputs.get(name).cloned().ok_or_else(|| failed(format!("the runtime gave no output {name}")))?;
            self.check_output(name, &array, batch)?;
            arrays.push(array);
        }
        Ok(arrays)
    }

    fn check_output(&self, name: &str, array: &Array, batch: usize) -> Result<(), BackboneError> {
        let fits = if self.contract.has_batches() { array.shape.first() == Some(&batch) } else { true };
        if !fits || array.values.is_empty() || !array.values.len().is_multiple_of(batch) {
            let found = format!("the output {name} has shape {:?} for {batch} windows", array.shape);
            return Err(self.mismatch(found, format!("[{batch}, …], a row for each window")));
        }
        self.check_finite(name, array)
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

/// The map of one window as `[position, value]`.
fn by_position(map: Vec<f32>, values: usize, channels: Channels) -> Vec<f32> {
    let positions = map.len() / values;
    match channels {
        Channels::Last => map,
        Channels::First => (0..positions).flat_map(|at| map.iter().skip(at).step_by(positions).copied()).collect(),
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
    fn a_map_is_laid_out_by_position() {
        let rows = vec![1.0, 2.0, 3.0, 10.0, 20.0, 30.0];
        assert_eq!(by_position(rows.clone(), 2, Channels::Last), rows);
        assert_eq!(by_position(rows, 2, Channels::First), [1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
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
