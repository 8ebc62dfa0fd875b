//! Backbones that libtorch opens: TorchScript files, and the networks of models of Chorus.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use chorus_audio::dsp::logmel::{LogMel, MelConfig};
use chorus_card::{Card, Contract, MODEL_CARD};
use chorus_embed::{Array, Backbone, Port, Runtime};
use chorus_engine::locked;
use chorus_keys::{Keys, Values};
use tch::{CModule, Device, IValue, Kind, Tensor};

use crate::device::{self, HOST};
use crate::features::tensor;
use crate::network::Frozen;
use crate::precision::Precision;
use crate::{inference, predict};

/// libtorch, as what opens backbones.
pub struct Libtorch;

impl Runtime for Libtorch {
    fn open(&self, path: &Path, contract: &Contract, device: &str, threads: usize) -> Result<Box<dyn Backbone>, String> {
        device::set_threads(threads);
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            return Ok(Box::new(Own::open(path, device)?));
        }
        let device = device::resolve(device).map_err(|e| e.to_string())?;
        let mut module = CModule::load_on_device(path, device).map_err(|e| first_line(&e))?;
        module.f_set_eval().map_err(|e| first_line(&e))?;
        let names: Vec<String> = contract.input.name.iter().cloned().collect();
        let sound = names.first().cloned().unwrap_or_else(|| "input".to_owned());
        Ok(Box::new(Script { module: Mutex::new(module), device, sound, constants: OnceLock::new() }))
    }
}

/// libtorch's errors go on with a stack trace.
fn first_line(error: &tch::TchError) -> String {
    let text = error.to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.take(2).collect::<Vec<_>>().join(" ")
}

/// A TorchScript file. Its inputs have an order and no names: the sound is first, then constants and states by name. Its
/// outputs are a tensor, a tuple whose parts are called 0, 1 and so on, or a dictionary.
struct Script {
    module: Mutex<CModule>,
    device: Device,
    /// The name of the sound among the inputs.
    sound: String,
    /// How it takes constants, known after the first call.
    constants: OnceLock<Constants>,
}

/// How a module takes an input with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Constants {
    /// As a number of Python: a whole one as int.
    Numbers,
    /// As a tensor without dimensions, as traced modules do.
    Tensors,
}

impl Backbone for Script {
    fn run(&self, inputs: &BTreeMap<String, Array>, wanted: &[&str]) -> Result<BTreeMap<String, Array>, String> {
        let _no_grad = tch::no_grad_guard();
        let given = |array: &Array| -> Result<Tensor, String> {
            let shape: Vec<i64> = array.shape.iter().map(|&n| n as i64).collect();
            let tensor = Tensor::f_from_slice(&array.values).and_then(|values| values.f_view(shape.as_slice()));
            device::send(&tensor.map_err(|e| first_line(&e))?, self.device).map_err(|e| e.to_string())
        };
        let first = inputs.get(&self.sound).into_iter();
        let others = inputs.iter().filter(|(name, _)| **name != self.sound).map(|(_, array)| array);
        let arrays: Vec<&Array> = first.chain(others).collect();
        let call = |constants: Constants| -> Result<IValue, String> {
            let value = |array: &&Array| match (array.shape.as_slice(), constants) {
                ([], Constants::Numbers) => Ok(number(array.values[0])),
                _ => given(array).map(IValue::Tensor),
            };
            let values = arrays.iter().map(value).collect::<Result<Vec<_>, _>>()?;
            locked(&self.module).forward_is(&values).map_err(|e| first_line(&e))
        };
        let output = match self.constants.get() {
            Some(&known) => call(known)?,
            // A module does not say which it takes, and refuses the other.
            None => {
                let (output, constants) = match call(Constants::Numbers) {
                    Ok(output) => (output, Constants::Numbers),
                    Err(refusal) => (call(Constants::Tensors).map_err(|_| refusal)?, Constants::Tensors),
                };
                let _ = self.constants.set(constants);
                output
            }
        };
        let outputs = named(output)?;
        let mut found = BTreeMap::new();
        for &name in wanted {
            let only = (outputs.len() == 1).then(|| outputs.values().next()).flatten();
            let tensor = outputs.get(name).or(only).ok_or_else(|| {
                let names: Vec<&str> = outputs.keys().map(String::as_str).collect();
                format!("found the outputs {}, expected {name}; the parts of a tuple are called 0, 1 and so on", names.join(", "))
            })?;
            found.insert(name.to_owned(), array(tensor)?);
        }
        Ok(found)
    }

    fn inputs(&self) -> &[Port] {
        &[]
    }

    fn outputs(&self) -> &[Port] {
        &[]
    }
}

/// A number of Python.
fn number(value: f32) -> IValue {
    if value.fract() == 0.0 { IValue::Int(value as i64) } else { IValue::Double(f64::from(value)) }
}

fn array(tensor: &Tensor) -> Result<Array, String> {
    let values = tensor.f_to_device(HOST).and_then(|t| t.f_to_kind(Kind::Float)).and_then(|t| t.f_contiguous());
    let values = values.and_then(|t| t.f_view(-1)).map_err(|e| first_line(&e))?;
    let shape = tensor.size().iter().map(|&n| n as usize).collect();
    Ok(Array { shape, values: Vec::try_from(values).map_err(|e| first_line(&e))? })
}

/// The outputs by name.
fn named(output: IValue) -> Result<BTreeMap<String, Tensor>, String> {
    match output {
        IValue::Tensor(tensor) => Ok([("0".to_owned(), tensor)].into()),
        IValue::Tuple(parts) => {
            let tensors = parts.into_iter().enumerate().filter_map(|(i, part)| match part {
                IValue::Tensor(tensor) => Some((i.to_string(), tensor)),
                _ => None,
            });
            Ok(tensors.collect())
        }
        IValue::TensorList(parts) => Ok(parts.into_iter().enumerate().map(|(i, tensor)| (i.to_string(), tensor)).collect()),
        IValue::GenericDict(pairs) => {
            let tensors = pairs.into_iter().filter_map(|pair| match pair {
                (IValue::String(name), IValue::Tensor(tensor)) => Some((name, tensor)),
                _ => None,
            });
            Ok(tensors.collect())
        }
        _ => Err("the module gives neither a tensor, nor a tuple or a dictionary of tensors".to_owned()),
    }
}

/// The spectrograms that a model of Chorus takes. `path` is its card's, for messages.
///
/// # Errors
/// In words, a card with other values than the keys take.
pub(crate) fn mel_config(card: &Card, path: &Path) -> Result<MelConfig, String> {
    let value = |key: &chorus_keys::Key| card.setting(key.name).cloned().unwrap_or_else(|| key.before_value());
    let values: Values = MelConfig::keys().iter().map(|key| (key.name.to_owned(), value(key))).collect();
    values.settings::<MelConfig>().map_err(|e| format!("{}: {e}", path.display()))
}

/// The network of a model of Chorus, over spectrograms that are made here.
struct Own {
    network: Mutex<Frozen>,
    logmel: LogMel,
    outputs: [Port; 1],
}

impl Own {
    fn open(path: &Path, device: &str) -> Result<Self, String> {
        let card_path = path.with_file_name(MODEL_CARD);
        let card = Card::read(&card_path).map_err(|e| e.to_string())?;
        let network = predict::load(&card, &card_path, path, device, Precision::Float32).map_err(|e| e.to_string())?;
        let config = mel_config(&card, &card_path)?;
        let logmel = LogMel::new(&config).map_err(|e| e.to_string())?;
        let outputs = [Port { name: "embedding".to_owned(), kind: format!("[batch, {}]", card.embedding) }];
        Ok(Self { network: Mutex::new(network), logmel, outputs })
    }
}

impl Backbone for Own {
    fn run(&self, inputs: &BTreeMap<String, Array>, _: &[&str]) -> Result<BTreeMap<String, Array>, String> {
        let sound = inputs.values().next().ok_or("there is no input")?;
        let (windows, samples) = (sound.shape[0], sound.shape[1]);
        let mut logmel = self.logmel.clone();
        let shape = [logmel.config().n_mels, logmel.frames(samples)];
        let mut values = vec![0.0_f32; shape[0] * shape[1]];
        let mut bytes = Vec::with_capacity(windows * values.len() * 2);
        for window in sound.values.chunks_exact(samples) {
            logmel.compute(window, &mut values).map_err(|e| e.to_string())?;
            // The network learnt from float16.
            bytes.extend(values.iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()));
        }
        let features = tensor(&bytes, windows, shape.map(|n| n as i64)).map_err(|e| e.to_string())?;
        let embeddings = inference::predict_batch(&locked(&self.network), &features).map_err(|e| e.to_string())?.embeddings;
        Ok([("embedding".to_owned(), array(&embeddings)?)].into())
    }

    fn inputs(&self) -> &[Port] {
        &[]
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }
}
